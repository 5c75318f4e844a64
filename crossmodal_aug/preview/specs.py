"""Ops as the command line names them: `zone-mix:unit=region,p=1.0`."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.focus import Focus
from crossmodal_aug.augment.pos_aug import PosAug
from crossmodal_aug.augment.reword import Reword
from crossmodal_aug.augment.sync_flip import SyncFlip
from crossmodal_aug.augment.sync_geometry import SyncGeometry
from crossmodal_aug.augment.t_patch_mix import TPatchMix
from crossmodal_aug.augment.zone_mix import ZoneMix
from crossmodal_aug.doctor.choices import built
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

OPS: dict[str, type[CrossModalOp]] = {
    "t-patch-mix": TPatchMix,
    "zone-mix": ZoneMix,
    "sync-flip": SyncFlip,
    "sync-geometry": SyncGeometry,
    "pos-aug": PosAug,
    "reword": Reword,
    "focus": Focus,
}

_CONSTANTS = {"true": True, "false": False, "none": None}
_SETTING = re.compile(
    r"""\s*(?P<name>\w+)\s*=\s*
    (?P<value>(?:"[^"]*"|'[^']*'|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]|[^,()\[\]"'])+)
    (?:,|$)""",
    re.VERBOSE,
)


def op_of(spec: str, parser: PositionParser) -> CrossModalOp:
    """Build an op from its name and settings.

    Args:
        spec: A name of `OPS`, and perhaps a colon and settings with commas between them. Values are written as in
            Python; words need no quotes. Or as the doctor writes it: "ZoneMix(unit='region', p=1.0)".
        parser: The parser of the op.

    Returns:
        The op.

    Raises:
        InvalidTypeError: A setting has the wrong type.
        InvalidValueError: There is no such op or setting, a setting is given twice, or its value cannot be used.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> op_of("zone-mix:unit=region,p=1.0", PositionParser(LUNG_ZONES))
        ZoneMix(unit='region', p=1.0, max_cut=None)
    """
    if spec.partition("(")[0].strip() in {kind.__name__ for kind in OPS.values()}:
        return built(spec, parser)
    name, colon, written = spec.partition(":")
    if name not in OPS:
        raise InvalidValueError(f"Expected `op` to begin with one of {', '.join(OPS)}, but got {shown(spec)}.")
    kind, settings = OPS[name], _settings(spec, written) if colon else {}
    known = [
        one.name for one in inspect.signature(kind).parameters.values() if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for setting in settings:
        if setting not in known:
            raise InvalidValueError(
                f"Expected settings of {name} among {', '.join(known)}, but got {shown(setting)} in {shown(spec)}."
            )
    try:
        return kind(parser, **settings)
    except (InvalidTypeError, InvalidValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def _settings(spec: str, written: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    at = 0
    while at < len(written):
        found = _SETTING.match(written, at)
        if found is None:
            raise InvalidValueError(
                f"Expected settings such as unit=region,p=1.0 behind the colon, but got {shown(written[at:])} in "
                f"{shown(spec)}."
            )
        if found["name"] in settings:
            raise InvalidValueError(f"Expected each setting once, but got {found['name']} twice in {shown(spec)}.")
        settings[found["name"]] = _value(found["value"].strip())
        at = found.end()
    return settings


def _value(written: str) -> Any:
    if written.lower() in _CONSTANTS:
        return _CONSTANTS[written.lower()]
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return written  # a word, such as region or [MASK]
