"""Rows of all ranks, with gradient, for batches that may differ in size from rank to rank.

Both collectives keep torch's own convention: backward runs on every rank, and what reaches a tensor is the
gradient of the sum of all ranks' losses. Where each rank returns the same global loss, that sum counts it
once for each rank, and the averaging of DistributedDataParallel takes the factor out again.
"""

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError

DTYPES = sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)}, key=str)
"""Every dtype, in an order that is the same on all ranks."""

DIMENSIONS = 8
"""Sizes of a row that ranks compare one by one; those of any further dimensions are compared as their product."""


def world_size() -> int:
    """Return the number of ranks, 1 outside a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_row_counts(**tensors: Tensor) -> list[int]:
    """Return how many rows the tensors, given by name, have on each rank.

    Raises:
        InvalidValueError: If dtypes or the shapes of rows are not the same on all ranks; every rank raises.
    """
    first = next(iter(tensors.values()))
    # One length for any number of dimensions, so that ranks which differ in it can still talk.
    local = torch.tensor(
        [len(first), *(number for tensor in tensors.values() for number in _row_code(tensor))], device=first.device
    )
    everywhere = local.new_empty(world_size(), len(local))
    dist.all_gather(list(everywhere.unbind()), local)
    codes: list[list[int]] = everywhere.tolist()
    length = (len(local) - 1) // len(tensors)
    for index, name in enumerate(tensors):
        own = [code[1 + index * length : 1 + (index + 1) * length] for code in codes]
        if any(code != own[0] for code in own):
            raise InvalidValueError(
                f"Expected `{name}` of one dtype and one row shape on all ranks, "
                f"but got {' and '.join(map(_described, own))}."
            )
    return [code[0] for code in codes]


def _row_code(tensor: Tensor) -> list[int]:
    sizes = list(tensor.shape[1:])
    further = sizes[DIMENSIONS:]
    return [DTYPES.index(tensor.dtype), len(sizes), *(sizes + [0] * DIMENSIONS)[:DIMENSIONS], math.prod(further)]


def _described(code: list[int]) -> str:
    dtype, dimensions, *sizes = code
    return f"{DTYPES[dtype]} (N, {', '.join(map(str, sizes[: min(dimensions, DIMENSIONS)]))})".replace(", )", ",)")


def gather_rows(tensor: Tensor, counts: list[int]) -> Tensor:
    """Return the rows of all ranks, in rank order; differentiable, any number of times.

    Args:
        tensor: (counts[rank], ...) rows of this rank.
        counts: Rows on each rank, from `gather_row_counts`.

    Returns:
        (sum(counts), ...) rows.
    """
    gathered: Tensor = _GatherRows.apply(tensor, counts)
    return gathered


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """Return the sum of the ranks' tensors; differentiable, any number of times."""
    total: Tensor = _SumOverRanks.apply(tensor)
    return total


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        # Backends want equal shapes and know few dtypes: rows are padded to one count and sent as bytes.
        padded = tensor.new_zeros(max(counts), *tensor.shape[1:])
        padded[: len(tensor)] = tensor
        received = padded.new_empty(len(counts), padded.numel())
        dist.all_gather(list(received.view(torch.uint8).unbind()), padded.flatten().view(torch.uint8))
        rows = received.view(len(counts), *padded.shape)
        return torch.cat([part[:count] for part, count in zip(rows, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _OwnRowsOfSum.apply(grads[0], ctx.counts), None


class _OwnRowsOfSum(torch.autograd.Function):
    """Sum over ranks, then keep this rank's rows: the transpose of `_GatherRows`."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        start = sum(counts[: dist.get_rank()])
        return total[start : start + counts[dist.get_rank()]].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _GatherRows.apply(grads[0], ctx.counts), None


class _SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total: Tensor = _SumOverRanks.apply(grads[0])
        return total
