"""Bits: dtypes that torch can hardly do more than store are moved as integers of the same size."""

from collections.abc import Callable

import torch
from torch import Tensor

# Dtypes that torch can hardly do more than store, and integers of the same size.
STORED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
    torch.float8_e4m3fn: torch.uint8,
    torch.float8_e5m2: torch.uint8,
    torch.float8_e4m3fnuz: torch.uint8,
    torch.float8_e5m2fnuz: torch.uint8,
    torch.complex32: torch.int32,
}


def as_bits(tensor: Tensor) -> Tensor:
    """Return a view of a tensor of such a dtype as integers; any other tensor as it is.

    Examples:
        >>> as_bits(torch.tensor([65535], dtype=torch.uint16)), as_bits(torch.tensor([0.5]))
        (tensor([-1], dtype=torch.int16), tensor([0.5000]))
    """
    kind = STORED.get(tensor.dtype)
    return tensor if kind is None else tensor.resolve_conj().view(kind)


def on_bits(change: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """Return a tensor after a change that moves values and computes none, in its own dtype.

    Args:
        change: Takes the tensor, or its bits, and returns them moved.
        tensor: Any dtype.

    Returns:
        The moved tensor.
    """
    changed = change(as_bits(tensor))
    return changed.view(tensor.dtype) if tensor.dtype in STORED else changed


def equals(tensor: Tensor, number: int) -> Tensor:
    """Where a tensor holds a whole number that its dtype has: bool of the same shape.

    Examples:
        >>> equals(torch.tensor([0, 40000], dtype=torch.uint16), 40000)
        tensor([False,  True])
    """
    if tensor.dtype not in STORED:
        return tensor == number
    if tensor.is_floating_point():
        return tensor.float() == number
    if tensor.is_complex():
        return tensor.to(torch.complex64) == number
    return as_bits(tensor) == as_bits(number_of(number, tensor.dtype, tensor.device))


def number_of(number: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a number as a tensor without axes, in any dtype.

    Examples:
        >>> number_of(1, torch.float8_e4m3fn, torch.device("cpu")).float()
        tensor(1.)
    """
    if dtype.is_floating_point and dtype.itemsize == 1:  # older versions of torch fill no float8
        return torch.full((), number, dtype=torch.float32, device=device).to(dtype)
    return torch.full((), number, dtype=dtype, device=device)
