"""Checks shared by the functions and the ops: each raises an error that says what was expected and what came."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

LARGEST_SEED = 2**63 - 1
"""What numpy and torch both take."""


def check_tensor(name: str, value: object) -> Tensor:
    """Return `value`, or raise `InvalidTypeError` unless it is a tensor."""
    if not isinstance(value, Tensor):
        raise InvalidTypeError(f"Expected `{name}` to be a torch.Tensor, but got {type(value).__name__}.")
    return value


def check_probability(name: str, value: object) -> float:
    """Return `value` as a float, or raise unless it is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"Expected `{name}` to be a number in [0, 1], but got {type(value).__name__}.")
    number = _as_float(value)
    if not 0.0 <= number <= 1.0:
        raise InvalidValueError(f"Expected `{name}` to be in [0, 1], but got {shown(value)}.")
    return number


def check_number(name: str, value: object) -> float:
    """Return `value` as a float, or raise unless it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"Expected `{name}` to be a number, but got {type(value).__name__}.")
    number = _as_float(value)
    if not math.isfinite(number):
        raise InvalidValueError(f"Expected `{name}` to be finite, but got {shown(value)}.")
    return number


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer that no float reaches
        return math.inf


def check_flag(name: str, value: object) -> bool:
    """Return `value`, or raise `InvalidTypeError` unless it is True or False."""
    if not isinstance(value, bool):
        raise InvalidTypeError(f"Expected `{name}` to be True or False, but got {type(value).__name__}.")
    return value


def check_integer(name: str, value: object) -> int:
    """Return `value` as an int, or raise unless it is a whole number and not a bool."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidTypeError(f"Expected `{name}` to be an integer, but got {type(value).__name__}.")
    return int(value)


def check_between(name: str, value: object, least: int, most: int) -> int:
    """Return `value` as an int, or raise unless it is a whole number from `least` to `most`."""
    number = check_integer(name, value)
    if number < least:
        raise InvalidValueError(f"Expected `{name}` of at least {least}, but got {shown(value)}.")
    if number > most:
        raise InvalidValueError(f"Expected `{name}` of at most {most}, but got {shown(value)}.")
    return number


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise `InvalidValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidValueError(f"Expected `{name}` to be one of {tuple(choices)}, but got {shown(value)}.")


def check_positions(name: str, positions: object, shape: tuple[int, int]) -> Tensor:
    """Return multi-hot `positions` of `shape` (B, K) as bool.

    Raises:
        InvalidTypeError: It is not a tensor, or its dtype is a floating or complex one.
        InvalidValueError: Its shape is another, or on the CPU an entry is neither 0 nor 1.
    """
    positions = check_tensor(name, positions)
    if positions.is_floating_point() or positions.is_complex():
        raise InvalidTypeError(f"Expected `{name}` to be a bool or integer tensor, but got {positions.dtype}.")
    if tuple(positions.shape) != shape:
        raise InvalidValueError(f"Expected `{name}` of shape {shape}, but got {tuple(positions.shape)}.")
    if positions.dtype == torch.bool:
        return positions
    # Looked at where that costs no trip to a device.
    if positions.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = (positions < 0) | (positions > 1)
        if bool(wrong.any()):
            raise InvalidValueError(
                f"Expected `{name}` to hold 0 and 1 only, but got values outside; decide what such a label means "
                "first, for example `labels == 1`."
            )
    return positions.bool()


def check_generator(generator: object) -> None:
    """Raise `InvalidTypeError` unless `generator` is a `torch.Generator` or None."""
    if generator is not None and not isinstance(generator, torch.Generator):
        raise InvalidTypeError(
            f"Expected `generator` to be a torch.Generator or None, but got {type(generator).__name__}."
        )
