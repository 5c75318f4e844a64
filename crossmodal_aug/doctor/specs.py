"""Specs: ops and their settings as one writes them, `zone-mix:unit=region,p=1.0` or `ZoneMix(unit='region', p=1.0)`."""

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

_IN_PYTHON = {kind.__name__: kind for kind in OPS.values()}
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
        spec: As for `name_and_settings`.
        parser: The parser of the op.

    Returns:
        The op.

    Raises:
        InvalidTypeError: The spec is not a string, or a setting has the wrong type.
        InvalidValueError: There is no such op or setting, a setting is given twice, its value cannot be used, or the
            atlas of the parser does not do for the op.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> op_of("zone-mix:unit=region,p=1.0", PositionParser(LUNG_ZONES))
        ZoneMix(unit='region', p=1.0, max_cut=None)
    """
    name, settings = name_and_settings(spec)
    try:
        return _IN_PYTHON[name](parser, **settings)
    except (InvalidTypeError, InvalidValueError) as error:
        raise type(error)(f"{_named(spec)}: {error}") from error


def name_and_settings(spec: str) -> tuple[str, dict[str, Any]]:
    """Read a spec; its settings are numbers, texts, tuples and the like, nothing that is run.

    Args:
        spec: A name of `OPS`, and perhaps a colon and settings with commas between them: values are written as in
            Python, words need no quotes. Or as in Python, without the parser: "ZoneMix(unit='region', p=1.0)".

    Returns:
        The name of the class, and its settings.

    Raises:
        InvalidTypeError: It is not a string.
        InvalidValueError: There is no such op or setting, or it cannot be read.

    Examples:
        >>> name_and_settings("ZoneMix(unit='region', p=0.3)") == name_and_settings("zone-mix:unit=region,p=0.3")
        True
        >>> name_and_settings("SyncFlip")
        ('SyncFlip', {})
    """
    if not isinstance(spec, str):
        raise InvalidTypeError(f"Expected an op as a string, such as 'sync-flip:p=0.5', but got {type(spec).__name__}.")
    name = _named(spec)
    if name in _IN_PYTHON:
        kind, settings = _IN_PYTHON[name], _settings_in_python(spec, name)
    elif name in OPS:
        _, colon, written = spec.partition(":")
        kind, settings = OPS[name], _settings(spec, written) if colon else {}
    else:
        raise InvalidValueError(
            f"Expected `op` to begin with one of {', '.join(OPS)}, or to be written in Python, such as "
            f"'SyncFlip(p=0.5)', but got {shown(spec)}."
        )
    known = [
        one.name for one in inspect.signature(kind).parameters.values() if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    known.append("strict")  # of all settings that every op takes, the one that can be written
    for setting in settings:
        if setting not in known:
            raise InvalidValueError(
                f"Expected settings of {name} among {', '.join(known)}, but got {shown(setting)} in {shown(spec)}."
            )
    return kind.__name__, settings


def name_and_rest(spec: str) -> tuple[str, str]:
    """Return the name that a spec begins with, and its settings as they are written.

    Examples:
        >>> name_and_rest("ZoneMix(p=0.3)"), name_and_rest("zone-mix:p=0.3"), name_and_rest("zone-mix")
        (('ZoneMix', 'p=0.3'), ('zone-mix', 'p=0.3'), ('zone-mix', ''))
    """
    name = _named(spec)
    rest = spec.strip()[len(name) :].strip()
    return name, rest[1:].removesuffix(")") if rest.startswith("(") else rest[1:]


def with_parser(spec: str) -> str:
    """Return a spec as it is written in Python, with the parser.

    Examples:
        >>> with_parser("SyncFlip"), with_parser("sync-flip:p=0.5")
        ('SyncFlip(parser)', 'SyncFlip(parser, p=0.5)')
    """
    name, settings = name_and_settings(spec)
    return f"{name}({', '.join(['parser', *(f'{key}={value!r}' for key, value in settings.items())])})"


def _named(spec: str) -> str:
    """The name that a spec begins with."""
    return re.split(r"[(:]", spec, maxsplit=1)[0].strip()


def _settings_in_python(spec: str, name: str) -> dict[str, Any]:
    try:
        tree = ast.parse(spec.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else ast.Call(func=tree, args=[], keywords=[])
        settings = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg is not None}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise _not_in_python(spec, name) from error
    if not isinstance(call.func, ast.Name) or call.args or len(settings) != len(call.keywords):
        raise _not_in_python(spec, name)
    return settings


def _not_in_python(spec: str, name: str) -> InvalidValueError:
    return InvalidValueError(f"Expected an op as `{name}(setting=value)`, but got {shown(spec)}.")


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
