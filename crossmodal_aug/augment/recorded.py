"""Records as dictionaries of tensors: dataclasses taken apart, and put together again by what their fields say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


def tensors_of(record: Any, prefix: str = "") -> dict[str, Tensor]:
    """Take a dataclass apart.

    Args:
        record: Its fields hold tensors, numbers, tuples of numbers, further such dataclasses, or None.
        prefix: What the name of each entry begins with.

    Returns:
        One tensor an entry, under the name of its field, or `field.inner` for what lies deeper; none for None.

    Raises:
        InvalidTypeError: A field holds something else.
    """
    entries: dict[str, Tensor] = {}
    for field in fields(record):
        name, value = prefix + field.name, getattr(record, field.name)
        if isinstance(value, Tensor):
            entries[name] = value
        elif is_dataclass(value):
            entries |= tensors_of(value, f"{name}.")
        elif value is not None:
            try:
                # Double keeps every digit of a Python number.
                entries[name] = torch.tensor(value, dtype=torch.float64 if _is_fractional(value) else None)
            except (TypeError, ValueError, RuntimeError) as error:
                raise InvalidTypeError(
                    f"Expected `{name}` of {type(record).__name__} to be a tensor, a number, a tuple of numbers, a "
                    f"dataclass of these or None, but got {type(value).__name__}."
                ) from error
    return entries


def record_of(kind: type[Any], entries: Mapping[str, Tensor], prefix: str = "") -> Any:
    """Put a dataclass together again; the reverse of `tensors_of`.

    Args:
        kind: The dataclass; the annotation of each field says what it holds.
        entries: What `tensors_of` returned.
        prefix: What the name of each entry begins with.

    Returns:
        The record.

    Raises:
        InvalidTypeError: A field is annotated with something that `tensors_of` does not take.
        InvalidValueError: An entry is missing whose field may not be None.
    """
    try:
        hints = get_type_hints(kind)
    except NameError as error:
        raise InvalidTypeError(
            f"Expected the annotations of {kind.__name__} to name types of its module, but {error}."
        ) from error
    values, missing = {}, []
    for field in fields(kind):
        name, (held, optional) = prefix + field.name, _held(hints[field.name])
        inner = is_dataclass(held) and any(entry.startswith(f"{name}.") for entry in entries)
        if inner:
            values[field.name] = record_of(held, entries, f"{name}.")
        elif name in entries:
            values[field.name] = _as(held, entries[name], f"`{name}` of {kind.__name__}")
        elif optional:
            values[field.name] = None
        else:
            missing.append(name)
    if missing:
        raise InvalidValueError(f"Expected entries for every field of {kind.__name__}, but they lack {missing}.")
    return kind(**values)


def _held(hint: Any) -> tuple[Any, bool]:
    """The type that an annotation names, and whether the field may be None."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    others = [one for one in get_args(hint) if one is not NoneType]
    return (others[0] if len(others) == 1 else Any), len(others) < len(get_args(hint))


def _as(held: Any, entry: Tensor, what: str) -> Any:
    if isinstance(held, type) and issubclass(held, Tensor):
        return entry
    if held in (bool, int, float):
        return held(entry.item())
    if held is tuple or get_origin(held) is tuple:
        return _tuples(entry.tolist())
    raise InvalidTypeError(f"Expected {what} to be annotated as a tensor, a number or a tuple, but got {held}.")


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _is_fractional(value: Any) -> bool:
    return any(map(_is_fractional, value)) if isinstance(value, (tuple, list)) else isinstance(value, float)
