"""Sums along the rows and columns of a similarity matrix, with or without holding the matrix.

The contrastive loss needs only a few numbers of each row and column of `s = scale * rows @ columns.T` and
of the affinity matrix beside it. The plain form builds both matrices; the chunked form goes through blocks of
rows and builds each block a second time on the way back, so its memory grows linearly.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

AffinityRows = Callable[[slice], Tensor]
"""Gives the affinity of a block of rows with all columns: slice -> (rows in the slice, M)."""


class AxisStats(NamedTuple):
    """What the loss needs of each row (or column) of similarities s and affinities A, all of shape (N,).

    Attributes:
        log_normaliser: `log sum_j exp(s_ij)`.
        attraction: `sum_j A_ij s_ij`.
        mass: `sum_j A_ij`.
        log_mass: `sum_j A_ij log A_ij`, for the entropy of the target; zeros where that is not asked for.
    """

    log_normaliser: Tensor
    attraction: Tensor
    mass: Tensor
    log_mass: Tensor

    def joined(self, other: Self) -> "AxisStats":
        """Return the sums over the columns of both."""
        return AxisStats(
            torch.logaddexp(self.log_normaliser, other.log_normaliser),
            self.attraction + other.attraction,
            self.mass + other.mass,
            self.log_mass + other.log_mass,
        )

    def cross_entropy(self) -> Tensor:
        """Return `-sum_j P_ij log softmax_j(s_ij)`, `P = A / mass`; 0 for a row without any affinity."""
        # Compared with 0 for equality: a mass that is not a number has to give a loss that is none either.
        mass = torch.where(self.mass == 0, 1, self.mass)
        return torch.where(self.mass == 0, 0, self.log_normaliser - self.attraction / mass)

    def target_entropy(self) -> Tensor:
        """Return `-sum_j P_ij log P_ij`, the least that the cross-entropy can be."""
        mass = torch.where(self.mass == 0, 1, self.mass)
        return torch.where(self.mass == 0, 0, mass.log() - self.log_mass / mass)


class SimilarityPlan(NamedTuple):
    """How the sums are taken.

    Attributes:
        affinity: Gives the (n, M) affinities of a block of rows; no gradient flows into them.
        chunk_size: Rows held at a time; 0 holds all of them.
        entropy: Whether to fill `AxisStats.log_mass`.
        both_axes: Whether to sum along the columns too; set by the functions below.
    """

    affinity: AffinityRows
    chunk_size: int
    entropy: bool
    both_axes: bool = False


def row_stats(rows: Tensor, columns: Tensor, scale: Tensor, plan: SimilarityPlan) -> AxisStats:
    """Return the sums along each row of `scale * rows @ columns.T`.

    Args:
        rows: (N, D) embeddings.
        columns: (M, D) embeddings.
        scale: () factor of the similarities, 1 / temperature.
        plan: How the sums are taken.

    Returns:
        Sums of the N rows.
    """
    if plan.chunk_size > 0:
        return AxisStats(*_ChunkedSums.apply(rows, columns, scale, plan)[:4])
    (found,) = _stats_of_axes((rows * scale) @ columns.T, plan.affinity(slice(None)), (1,), entropy=plan.entropy)
    return found


def row_and_column_stats(
    rows: Tensor, columns: Tensor, scale: Tensor, plan: SimilarityPlan
) -> tuple[AxisStats, AxisStats]:
    """Return the sums along each row and along each column of `scale * rows @ columns.T`.

    Arguments are those of `row_stats`.

    Returns:
        Sums of the N rows, sums of the M columns.
    """
    if plan.chunk_size > 0:
        # Written out: the compiler of torch 2.5 cannot follow `_replace`.
        both = SimilarityPlan(plan.affinity, plan.chunk_size, plan.entropy, both_axes=True)
        sums = _ChunkedSums.apply(rows, columns, scale, both)
        return AxisStats(*sums[:4]), AxisStats(*sums[4:])
    similarity = (rows * scale) @ columns.T
    weight = plan.affinity(slice(None))
    along_rows, along_columns = _stats_of_axes(similarity, weight, (1, 0), entropy=plan.entropy)
    return along_rows, along_columns


def _stats_of_axes(similarity: Tensor, weight: Tensor, dims: Sequence[int], *, entropy: bool) -> tuple[AxisStats, ...]:
    attraction = weight * similarity
    log_weight = torch.xlogy(weight, weight) if entropy else None
    return tuple(
        AxisStats(
            similarity.logsumexp(dim=dim),
            attraction.sum(dim=dim),
            mass := weight.sum(dim=dim),
            torch.zeros_like(mass) if log_weight is None else log_weight.sum(dim=dim),
        )
        for dim in dims
    )


def _row_blocks(count: int, size: int) -> Iterator[slice]:
    # A rank without samples still goes through one empty block: its graph must hold the same collectives.
    return (slice(start, min(start + size, count)) for start in range(0, max(count, 1), size))


class _ChunkedSums(torch.autograd.Function):
    """The sums by row blocks; the blocks are built again in the backward pass.

    The backward pass is made of differentiable operations on the inputs and on the saved outputs, so that it
    can itself be differentiated. Checkpoints keep the memory of that second pass linear too.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, columns: Tensor, scale: Tensor, plan: SimilarityPlan
    ) -> tuple[Tensor | None, ...]:
        along_rows = AxisStats(*(rows.new_empty(len(rows)) for _ in range(4)))
        along_columns = AxisStats(
            columns.new_full((len(columns),), -torch.inf),
            *(columns.new_zeros(len(columns)) for _ in range(3)),
        )
        for block in _row_blocks(len(rows), plan.chunk_size):
            similarity = (rows[block] * scale) @ columns.T
            weight = plan.affinity(block)
            found = _stats_of_axes(similarity, weight, (1, 0) if plan.both_axes else (1,), entropy=plan.entropy)
            for whole, part in zip(along_rows, found[0], strict=True):
                whole[block] = part
            if plan.both_axes:
                along_columns = along_columns.joined(found[1])
        ctx.plan = plan
        ctx.save_for_backward(rows, columns, scale, along_rows.log_normaliser, along_columns.log_normaliser)
        ctx.mark_non_differentiable(*along_rows[2:], *along_columns[2:])
        return (*along_rows, *along_columns)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, columns, scale, row_normaliser, column_normaliser = ctx.saved_tensors
        grad_rows, grad_columns = torch.zeros_like(rows), torch.zeros_like(columns)
        grad_scale = torch.zeros_like(scale)
        differentiable = torch.is_grad_enabled()
        if differentiable:
            pull = partial(checkpoint, _pull_block, use_reentrant=False)
        else:
            # Adding in place spares a tensor of the size of the columns.
            pull = partial(_pull_block, into=grad_columns)
        # The caller may run the backward pass under autocast; the sums stay in the embeddings' precision.
        with torch.autocast(device_type=rows.device.type, enabled=False):
            for block in _row_blocks(len(rows), ctx.plan.chunk_size):
                for_rows, for_columns, for_scale = pull(
                    rows[block],
                    columns,
                    scale,
                    affinity=partial(ctx.plan.affinity, block),
                    along_rows=(row_normaliser[block], grads[0][block], grads[1][block]),
                    along_columns=(column_normaliser, grads[4], grads[5]) if ctx.plan.both_axes else None,
                )
                grad_rows[block] = for_rows
                grad_scale += for_scale
                if differentiable:
                    grad_columns += for_columns
        return grad_rows, grad_columns, grad_scale, None, None


def _pull_block(
    rows: Tensor,
    columns: Tensor,
    scale: Tensor,
    *,
    affinity: Callable[[], Tensor],
    along_rows: tuple[Tensor, Tensor, Tensor],
    along_columns: tuple[Tensor, Tensor, Tensor] | None,
    into: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what one block of rows adds to the gradients of rows, columns and scale.

    `along_rows` and `along_columns` each hold the log-normalisers and the gradients that reached the
    log-normalisers and the attractions. If given, `into` is the columns' gradient to add to.
    """
    scaled = rows * scale
    similarity = scaled @ columns.T
    normaliser, grad_normaliser, grad_attraction = (sums[:, None] for sums in along_rows)
    grad = (similarity - normaliser).exp() * grad_normaliser
    if along_columns is not None:
        normaliser, column_grad, column_attraction = along_columns
        grad = torch.addcmul(grad, (similarity - normaliser).exp(), column_grad)
        grad_attraction = grad_attraction + column_attraction
    grad = torch.addcmul(grad, affinity(), grad_attraction)
    pulled = grad @ columns
    for_columns = grad.T @ scaled if into is None else into.addmm_(grad.T, scaled)
    return pulled * scale, for_columns, (pulled * rows).sum()
