"""Small constant tensors, made once for each device so that a call need not copy them from the host."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor


def constant(data: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Tensor of nested tuples of numbers. Read-only: it is shared between calls.

    Args:
        data: Nested tuples of numbers.
        dtype: Type of the result.
        device: Where to put it.

    Returns:
        The same tensor for the same arguments; under `torch.compile` a new one, which becomes part of the graph.

    Examples:
        >>> constant((1, 2), torch.int64, torch.device("cpu"))
        tensor([1, 2])
    """
    if torch.compiler.is_compiling():
        return torch.tensor(data, dtype=dtype, device=device)
    return _cached(data, dtype, device)


@lru_cache(maxsize=256)
def _cached(data: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # A tensor made in inference mode could never take part in training later.
    with torch.inference_mode(False):
        return torch.tensor(data, dtype=dtype, device=device)


def counting(first: int, count: int, dtype: torch.dtype, device: torch.device, *, reverse: bool = False) -> Tensor:
    """`count` numbers from `first` on, or down to it. Read-only, like `constant`.

    Examples:
        >>> counting(1, 3, torch.int8, torch.device("cpu"), reverse=True)
        tensor([3, 2, 1], dtype=torch.int8)
    """
    make = _counted if torch.compiler.is_compiling() else _counted_once
    return make(first, count, dtype, device, reverse)


def _counted(first: int, count: int, dtype: torch.dtype, device: torch.device, reverse: bool) -> Tensor:
    numbers = torch.arange(first, first + count, dtype=dtype, device=device)
    return numbers.flip(0) if reverse else numbers


@lru_cache(maxsize=256)
def _counted_once(first: int, count: int, dtype: torch.dtype, device: torch.device, reverse: bool) -> Tensor:
    with torch.inference_mode(False):
        return _counted(first, count, dtype, device, reverse)
