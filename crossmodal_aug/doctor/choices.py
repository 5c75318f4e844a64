"""Choices: ops as they are written in Python, without the parser: "TPatchMix(patch_size=64, p=0.5)"."""

from __future__ import annotations

import ast
from typing import Any

import crossmodal_aug.augment as ops
from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, reason, shown

NAMES = ("TPatchMix", "ZoneMix", "SyncFlip", "SyncGeometry", "PosAug", "Reword", "Focus")

_TRIED = (
    "TPatchMix(patch_size={patch}, p=0.5)",
    "ZoneMix(p=0.5)",
    "SyncFlip(p=0.5)",
    "SyncGeometry(p=0.5, degrees=8.0, crop=(0.85, 1.0))",
    "Focus(p=0.25)",
    "PosAug(phrase_p=0.25)",
    "Reword(p=0.5)",
)
_BODY = ("TPatchMix", "SyncFlip")
_IMAGE = ("TPatchMix", "SyncGeometry")  # what pastes looks for regions where the atlas has them


def patch_of(size: int) -> int:
    """Return the side of a patch that does for images of a size: 64 of 224 pixels, and the same part of any other."""
    return max(1, round(size * 2 / 7))


def tried(size: int) -> tuple[str, ...]:
    """Return the ops whose dose is measured where the user chose none, for images of a size."""
    return tuple(one.format(patch=patch_of(size)) for one in _TRIED)


def advised(atlas: Atlas, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ops to begin with, among those that can be used with the data."""
    wanted = _BODY if atlas.frame == "body" else _IMAGE
    return tuple(one for name in wanted for one in choices if one.startswith(f"{name}("))


def name_and_settings(choice: str) -> tuple[str, dict[str, Any]]:
    """Read a choice; its settings are numbers, texts, tuples and the like, nothing that is run.

    Args:
        choice: Such as "SyncFlip" or "TPatchMix(patch_size=64)".

    Returns:
        The name of the op, and its settings.

    Raises:
        InvalidTypeError: It is not a string.
        InvalidValueError: It is something else.

    Examples:
        >>> name_and_settings("ZoneMix(unit='region', p=0.3)")
        ('ZoneMix', {'unit': 'region', 'p': 0.3})
    """
    if not isinstance(choice, str):
        raise InvalidTypeError(
            f"Expected an op as a string, such as 'SyncFlip(p=0.5)', but got {type(choice).__name__}."
        )
    wrong = InvalidValueError(
        f"Expected an op as `Name(setting=value)` with a name out of {', '.join(NAMES)}, but got {shown(choice)}."
    )
    try:
        tree = ast.parse(choice.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else ast.Call(func=tree, args=[], keywords=[])
        settings = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg is not None}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise wrong from error
    if (
        not isinstance(call.func, ast.Name)
        or call.func.id not in NAMES
        or call.args
        or len(settings) != len(call.keywords)
    ):
        raise wrong
    return call.func.id, settings


def built(choice: str, parser: PositionParser) -> CrossModalOp:
    """Return the op that a choice names.

    Args:
        choice: As for `name_and_settings`.
        parser: The parser of the op.

    Raises:
        InvalidTypeError: A setting has the wrong type, or is none of the op's.
        InvalidValueError: A setting has a wrong value, or the atlas of the parser does not do for the op.
    """
    name, settings = name_and_settings(choice)
    kind = getattr(ops, name)
    try:
        op: CrossModalOp = kind(parser, **settings)
    except TypeError as error:
        if isinstance(error, InvalidTypeError):
            raise
        raise InvalidTypeError(f"Expected settings of {name}, but got {shown(choice)}: {reason(error)}.") from error
    return op


def with_parser(choice: str) -> str:
    """Return a choice as it is written with the parser.

    Examples:
        >>> with_parser("SyncFlip"), with_parser("SyncFlip(p=0.5)")
        ('SyncFlip(parser)', 'SyncFlip(parser, p=0.5)')
    """
    name, settings = name_and_settings(choice)
    return f"{name}({', '.join(['parser', *(f'{key}={value!r}' for key, value in settings.items())])})"
