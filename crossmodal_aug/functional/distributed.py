"""Rows of all ranks, with gradient, for batches that may differ in size from rank to rank.

Both collectives keep torch's own convention: backward runs on every rank, and what reaches a tensor is the
gradient of the sum of all ranks' losses. Where each rank returns the same global loss, that sum counts it
once for each rank, and the averaging of DistributedDataParallel takes the factor out again.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError


def world_size() -> int:
    """Return the number of ranks, 1 outside a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_row_counts(*tensors: Tensor) -> list[int]:
    """Return how many rows the tensors have on each rank.

    Raises:
        InvalidValueError: If the other dimensions are not the same on all ranks; every rank raises.
    """
    local = torch.tensor(
        [tensors[0].shape[0], *(size for tensor in tensors for size in tensor.shape[1:])],
        device=tensors[0].device,
    )
    everywhere = local.new_empty(world_size(), len(local))
    dist.all_gather(list(everywhere.unbind()), local)
    shapes: list[list[int]] = everywhere.tolist()
    if any(shape[1:] != shapes[0][1:] for shape in shapes):
        widths = [tuple(shape[1:]) for shape in shapes]
        raise InvalidValueError(f"Expected the same widths of embeddings and positions on all ranks, got {widths}")
    return [shape[0] for shape in shapes]


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
        # Backends want equal shapes and know no bool: rows are padded to one count, bools sent as bytes.
        wire = tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor
        padded = wire.new_zeros(max(counts), *tensor.shape[1:])
        padded[: len(wire)] = wire
        received = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(received, padded)
        rows = [part[:count] for part, count in zip(received, counts, strict=True)]
        return torch.cat(rows).to(tensor.dtype)

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
