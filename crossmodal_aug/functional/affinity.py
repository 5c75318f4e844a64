"""How far two samples agree about where they look: Jaccard affinity of multi-hot position sets."""

from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown


def position_affinity(positions: Tensor, others: Tensor | None = None, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the Jaccard affinity of every row of `positions` with every row of `others`.

    `A_ij = |q_i & q_j| / |q_i | q_j|`; two empty sets agree fully (1), an empty and a non-empty set not at
    all (0). This is the soft target of ITCL, Semi-MedRef (arXiv 2605.15720).

    Convention:
        - The intersections are counted exactly, under autocast too.
        - No gradient flows: positions are labels.
        - Integer positions are checked to be 0 or 1, which on an accelerator waits for the device once; bool
          positions need no check.

    Args:
        positions: (N, K) multi-hot rows, bool or integer 0/1; one column for each region or label.
        others: (M, K) rows to compare with; `positions` itself by default.
        dtype: Floating dtype of the result.

    Returns:
        (N, M) affinities in [0, 1].

    Raises:
        InvalidTypeError: If an argument is not a tensor, or is neither bool nor integer.
        InvalidValueError: If shapes or devices do not fit, or an integer entry is neither 0 nor 1.

    Examples:
        >>> positions = torch.tensor([[1, 1, 0], [0, 1, 1], [0, 0, 0]])
        >>> position_affinity(positions)
        tensor([[1.0000, 0.3333, 0.0000],
                [0.3333, 1.0000, 0.0000],
                [0.0000, 0.0000, 1.0000]])
    """
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise InvalidTypeError(f"Expected `dtype` to be a floating torch dtype, but got {shown(dtype)}.")
    check_multi_hot(positions, "positions")
    rows = label_sets(positions, dtype)
    if others is None:
        return jaccard(rows, rows, dtype)
    check_multi_hot(others, "others")
    if others.shape[1] != positions.shape[1]:
        raise InvalidValueError(f"Expected `others` of shape (M, {positions.shape[1]}), but got {tuple(others.shape)}.")
    if others.device != positions.device:
        raise InvalidValueError(f"Expected `others` on {positions.device}, but it is on {others.device}.")
    return jaccard(rows, label_sets(others, dtype), dtype)


def check_multi_hot(positions: Tensor, name: str) -> None:
    """Raise unless `positions` is an (N, K) multi-hot tensor, bool or integer 0/1."""
    if not isinstance(positions, Tensor):
        raise InvalidTypeError(f"Expected `{name}` to be a tensor, but got {type(positions).__name__}.")
    if positions.ndim != 2:
        raise InvalidValueError(f"Expected `{name}` of shape (N, K), but got {tuple(positions.shape)}.")
    if positions.is_floating_point() or positions.is_complex():
        raise InvalidTypeError(
            f"Expected `{name}` to be bool or integer 0/1, but got {positions.dtype}; "
            "pass `labels.bool()` if it holds 0 and 1 only, or threshold probabilities, for example "
            "`probabilities >= 0.5`."
        )
    # Tracing cannot branch on values; there the caller's eager run has seen them.
    if positions.dtype != torch.bool and not torch.compiler.is_compiling():
        wrong = positions[(positions != 0) & (positions != 1)]
        if wrong.numel():
            raise InvalidValueError(
                f"Expected `{name}` to hold 0 and 1 only, but got {wrong[0].item()}; "
                "decide what such a label means first, for example `labels == 1`."
            )


class LabelSets(NamedTuple):
    """Label sets made ready to be compared.

    Attributes:
        members: (N, K + 1) 0 and 1 in floating form. The last label is one that only empty sets carry: they
            then agree with each other, and no union is empty.
        sizes: (N,) labels in each set.
    """

    members: Tensor
    sizes: Tensor

    def block(self, rows: slice) -> "LabelSets":
        """Return some of the sets."""
        return LabelSets(self.members[rows], self.sizes[rows])


def label_sets(positions: Tensor, dtype: torch.dtype) -> LabelSets:
    """Return multi-hot rows, checked before, made ready for affinities of the dtype."""
    labels = positions.detach().bool()  # `any` of a uint8 tensor is uint8, and its complement is not
    # Half precision would round the counts of large label sets.
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    members = torch.cat([labels, ~labels.any(dim=1, keepdim=True)], dim=1).to(exact)
    return LabelSets(members, members.sum(dim=1))


def jaccard(rows: LabelSets, columns: LabelSets, dtype: torch.dtype) -> Tensor:
    """Return the (N, M) Jaccard affinities of label sets."""
    with torch.no_grad(), torch.autocast(device_type=rows.members.device.type, enabled=False):
        shared = rows.members @ columns.members.T
        # In place, since in the chunked loss this is a good part of the work.
        union = (rows.sizes[:, None] + columns.sizes).sub_(shared)
        return shared.div_(union).to(dtype)
