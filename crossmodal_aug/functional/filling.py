"""Filling: what is written into a map where it holds nothing, one number or one for each channel."""

from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.bits import number_of
from crossmodal_aug.functional.checks import check_number
from crossmodal_aug.functional.constants import constant

Fill = float | tuple[float, ...]


def check_fill(name: str, value: object) -> Fill:
    """Return a finite number, or several as a tuple, or raise.

    Args:
        name: What to call it in errors.
        value: What was given.

    Returns:
        The number, or one number a channel.

    Raises:
        InvalidTypeError: It is neither a number nor a sequence of numbers.
        InvalidValueError: A number is not finite, or there is none.
    """
    if isinstance(value, Real | str) or not isinstance(value, Sequence):
        return check_number(name, value)
    if not value:
        raise InvalidValueError(f"Expected `{name}` to hold one number a channel, but got none.")
    return tuple(check_number(f"{name}[{index}]", one) for index, one in enumerate(value))


def check_held(fill: Fill, dtype: torch.dtype) -> None:
    """Raise unless a dtype can hold what is to be written."""
    for one in fill if isinstance(fill, tuple) else (fill,):
        if not can_hold(one, dtype):
            least, most = _range_of(dtype)
            raise InvalidValueError(f"Expected a fill that {dtype} can hold, {least:g} to {most:g}, but got {one:g}.")


def can_hold(number: float, dtype: torch.dtype) -> bool:
    """Whether a dtype has a number, up to the rounding of floats.

    Examples:
        >>> can_hold(255.0, torch.uint8), can_hold(255.0, torch.int8), can_hold(0.5, torch.int64)
        (True, False, False)
    """
    if dtype.is_complex:
        return True
    least, most = _range_of(dtype)
    return least <= number <= most and (dtype.is_floating_point or number == int(number))


def is_exact(number: int, dtype: torch.dtype) -> bool:
    """Whether a dtype has a whole number and tells it from its neighbours.

    Examples:
        >>> is_exact(2048, torch.float16), is_exact(2049, torch.float16), is_exact(40000, torch.uint16)
        (True, False, True)
    """
    real = dtype.to_real()
    least, most = _range_of(real)
    if not least <= number <= most:
        return False
    if not real.is_floating_point or number == 0:
        return True
    odd = abs(number) // (number & -number)  # without its factors of 2
    return odd < 2 / torch.finfo(real).eps


def _range_of(dtype: torch.dtype) -> tuple[float, float]:
    if dtype == torch.bool:
        return 0, 1
    about = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return about.min, about.max


def fill_of(fill: Fill, tensor: Tensor) -> Tensor:
    """Return a fill in the dtype of a tensor, and in a shape that spreads over it.

    Args:
        fill: One number, or one a channel of a tensor (B, C, ...).
        tensor: What it is written into.

    Returns:
        A tensor without axes, or (C, 1, ..., 1) with one axis less than `tensor`. Read-only.

    Raises:
        InvalidValueError: The dtype of the tensor cannot hold a number.

    Examples:
        >>> fill_of((1.0, 0.0), torch.zeros(4, 2, 3, 3)).shape
        torch.Size([2, 1, 1])
    """
    check_held(fill, tensor.dtype)
    if not isinstance(fill, tuple):
        return number_of(fill, tensor.dtype, tensor.device)
    numbers = constant(fill, torch.float64, tensor.device).to(tensor.dtype)
    return numbers.view(-1, *[1] * (tensor.ndim - 2))
