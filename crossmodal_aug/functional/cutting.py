"""How much lesion the border of what is exchanged would cut through.

A run is a straight stretch of evidence along a row or a column. Finding runs takes some 30 bytes a pixel, many times an
image of bytes, so a few samples and a few of their lines are looked at at a time.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

# Groups of samples that a batch is split into, and parts that their lines are split into: more for a small batch.
_GROUPS, _PARTS, _PARTS_OF_FEW = 16, 2, 32


def cut_share(evidence: Tensor, mask: Tensor) -> Tensor:
    """Share of the evidence whose lesion the border of `mask` would cut through.

    A pixel counts as cut when the straight run of evidence through it, along its row or its column, goes on
    across the border. That needs no connected components, and so neither a loop nor a trip to the host.

    Args:
        evidence: (B, *spatial) bool.
        mask: (B, *spatial) bool: what would be exchanged.

    Returns:
        (B,) float32 in [0, 1]; 0 for a sample without evidence.

    Examples:
        >>> evidence = torch.tensor([[[True, True, False, True]]])
        >>> mask = torch.tensor([[[True, False, False, False]]])
        >>> cut_share(evidence, mask)
        tensor([0.6667])
    """
    return _in_groups(mask.shape[0], lambda rows, parts: _cut_share(evidence[rows], mask[rows], parts))


def _in_groups(batch: int, measure: Callable[[slice, int], Tensor]) -> Tensor:
    """What `measure` gives for all samples, called with a few of them and the parts to split their lines into."""
    if torch.compiler.is_compiling():  # a compiler plans memory itself, and may not know the batch
        return measure(slice(None), 1)
    some = max(1, batch // _GROUPS)
    parts = _PARTS if batch >= _GROUPS else _PARTS_OF_FEW
    return torch.cat([measure(slice(start, start + some), parts) for start in range(0, max(1, batch), some)])


def _cut_share(evidence: Tensor, mask: Tensor, parts: int) -> Tensor:
    across = torch.empty_like(evidence, memory_format=torch.contiguous_format)
    for lines, found, sides in _split(parts, -2, evidence, across, mask):
        found.copy_(_cut_lines(lines, sides))
    cut = whole = mask.new_zeros(mask.shape[0], dtype=torch.int64)
    for lines, found, sides in _split(parts, -1, evidence, across, mask):
        along = _cut_lines(lines.transpose(-1, -2), sides.transpose(-1, -2))
        cut = cut + (along.transpose(-1, -2) | found).flatten(1).sum(dim=1)
        whole = whole + lines.flatten(1).sum(dim=1)
    return cut.float() / whole.clamp_min(1)


def _split(parts: int, axis: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(one.chunk(parts, dim=axis) if parts > 1 else (one,) for one in tensors), strict=True)


def _cut_lines(evidence: Tensor, mask: Tensor) -> Tensor:
    """Pixels whose run along the last axis goes on across the border."""
    joined = evidence[..., 1:] & evidence[..., :-1]
    crossing = joined & (mask[..., 1:] != mask[..., :-1])
    run = torch.nn.functional.pad((~joined).cumsum(dim=-1), (1, 0))
    crossings = torch.zeros_like(run, dtype=torch.int32).scatter_add_(-1, run[..., 1:], crossing.int())
    return evidence & (crossings.gather(-1, run) > 0)
