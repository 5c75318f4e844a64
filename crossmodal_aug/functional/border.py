"""How much lesion a border of an atlas's regions would cut through, from what the evidence does along its cuts.

`crossmodal_aug.functional.cutting` looks at every pixel of a mask. A border between regions lies on few straight lines,
so here the evidence is read once: how far it goes on without a gap on either side of each line. All else is worked out
from these lengths, for any sets of regions.

A length counts pixels of one band. It is held in a byte where that is enough: on a CPU, arithmetic on bytes in order is
many times faster than a reduction or a comparison of the same tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.constants import counting
from crossmodal_aug.functional.evidence import gaps

# Bytes of evidence that are looked at at a time, unless that would be less than a share of the batch.
_BYTES, _SHARE = 2**19, 8


@dataclass(frozen=True)
class Reach:
    """How far evidence goes on from each cut along one axis, up to the next cut.

    Attributes:
        axis: -1 for the vertical cuts, whose lines are rows, or -2 for the horizontal ones, whose lines are columns.
        lengths: Pixels between neighbouring cuts: one band more than there are cuts.
        before: For each cut (M, ..., lines): evidence pixels that end at it.
        after: For each cut (M, ..., lines): evidence pixels that start at it.
    """

    axis: int
    lengths: tuple[int, ...]
    before: list[Tensor]
    after: list[Tensor]

    def of(self, samples: slice | Tensor) -> "Reach":
        """That of some samples."""
        before, after = [one[samples] for one in self.before], [one[samples] for one in self.after]
        return Reach(self.axis, self.lengths, before, after)

    def cut(self, borders: Tensor) -> "Reach":
        """The part of it that belongs to runs which cross a border.

        Args:
            borders: (M, lines, cuts) bool: where the cut is a border.
        """
        lines = (borders.shape[0], *[1] * (self.before[0].ndim - 2), borders.shape[1])
        cuts = range(len(self.before))
        crossed = [borders[..., cut].view(lines) & (self.before[cut] > 0) & (self.after[cut] > 0) for cut in cuts]
        # A run may fill a band from cut to cut: what it crosses at one end counts at the other.
        full = [self.before[cut] == self.lengths[cut] for cut in cuts]
        for cut in cuts[1:]:
            crossed[cut] = crossed[cut] | (crossed[cut - 1] & full[cut])
        for cut in cuts[:0:-1]:
            crossed[cut - 1] = crossed[cut - 1] | (crossed[cut] & full[cut])
        before = [self.before[cut] * crossed[cut] for cut in cuts]
        after = [self.after[cut] * crossed[cut] for cut in cuts]
        return Reach(self.axis, self.lengths, before, after)

    def mark(self, pixels: Tensor) -> None:
        """Make those pixels of a map (M, ..., H, W) negative."""
        start, last = 0, len(self.lengths) - 1
        for band, length in enumerate(self.lengths):
            piece = pixels.narrow(self.axis, start, length)
            if band > 0:
                piece.bitwise_or_(_places(length, pixels, self.axis) - self.after[band - 1].unsqueeze(self.axis))
            if band < last:
                places = _places(length, pixels, self.axis, reverse=True)
                piece.bitwise_or_(places - self.before[band].unsqueeze(self.axis))
            start += length

    def total(self) -> Tensor:
        """Sum of it in each sample, no pixel counted twice: (M,) int64."""
        total = self.before[0].flatten(1).sum(dim=1) + self.after[-1].flatten(1).sum(dim=1)
        for band in range(1, len(self.lengths) - 1):
            both = self.after[band - 1].int() + self.before[band].int()
            total = total + both.clamp_max(self.lengths[band]).flatten(1).sum(dim=1)
        return total


@dataclass(frozen=True)
class BorderRuns:
    """What the evidence of a batch does along the cuts of an atlas.

    Attributes:
        spatial: Size of the evidence, (H, W) or (D, H, W).
        whole: (M,) int64 evidence pixels.
        rows: Along each row, across the vertical cuts: lines are rows. None where no border can lie on one.
        columns: Along each column, across the horizontal cuts: lines are columns.
    """

    spatial: tuple[int, ...]
    whole: Tensor
    rows: Reach | None
    columns: Reach | None

    def cut_share(self, zones: Tensor, atlas: Atlas, index: Tensor | None = None) -> Tensor:
        """`crossmodal_aug.functional.cut_share` for the border of each sample's set of regions.

        Args:
            zones: (B, K) bool: the set of each sample.
            atlas: That of `border_runs`.
            index: (B,) int64 row of the evidence for each sample; None takes them in order.

        Returns:
            (B,) float32 in [0, 1].
        """
        held = self if index is None else self._of(index)
        height, width = self.spatial[-2:]
        labels = grid.block_labels(atlas, (height, width), zones.device)
        outside = zones.new_zeros(zones.shape[0], 1)
        cells = torch.cat((zones, outside), dim=1).index_select(1, labels.flatten()).view(-1, *labels.shape)
        rows = columns = None
        if held.rows is not None:
            borders = cells[:, :, 1:] != cells[:, :, :-1]
            rows = held.rows.cut(borders.index_select(1, grid.bands_of_rows(atlas, height, zones.device)))
        if held.columns is not None:
            borders = (cells[:, 1:] != cells[:, :-1]).transpose(1, 2)
            columns = held.columns.cut(borders.index_select(1, grid.bands_of_columns(atlas, width, zones.device)))
        return held._union(rows, columns).float() / held.whole.clamp_min(1)

    def _of(self, samples: slice | Tensor) -> "BorderRuns":
        rows = None if self.rows is None else self.rows.of(samples)
        columns = None if self.columns is None else self.columns.of(samples)
        return BorderRuns(self.spatial, self.whole[samples], rows, columns)

    def _union(self, rows: Reach | None, columns: Reach | None) -> Tensor:
        """Pixels that are cut along their row or their column: (M,) int64."""
        if rows is None or columns is None:
            one = columns if rows is None else rows
            return torch.zeros_like(self.whole) if one is None else one.total()
        counted = []
        for part in _groups(self.whole.shape[0], self.spatial, rows.before[0].element_size()):
            some = rows.of(part)
            marks = some.before[0].new_zeros(some.before[0].shape[0], *self.spatial)
            some.mark(marks)
            columns.of(part).mark(marks)
            counted.append(_sum_of(marks.lt_(0)))
        return torch.cat(counted)


def border_runs(
    evidence: Tensor,
    atlas: Atlas,
    index: Tensor | None = None,
    among: Sequence[Sequence[int]] | None = None,
) -> BorderRuns:
    """Read evidence along the cuts of an atlas.

    Args:
        evidence: (M, *spatial) as `crossmodal_aug.functional.evidence.check_evidence` returns it; at least 0.5 counts.
        atlas: K regions.
        index: (B,) int64 rows of the evidence to read; None reads all in order.
        among: The only sets of regions that will be asked about; None may ask about any.

    Returns:
        Evidence along the cuts, one row for each that was read.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> left = torch.tensor([[True, True, True, False, False, False]])
        >>> border_runs(torch.tensor([[[0, 1, 1, 0], [1, 1, 0, 0]]]), LUNG_ZONES).cut_share(left, LUNG_ZONES)
        tensor([0.5000])
    """
    spatial = tuple(evidence.shape[1:])
    size = (spatial[-2], spatial[-1])
    across_rows, across_columns = grid.axes_of_borders(atlas, size, among)
    heights, widths = grid.heights(atlas, size[0]), grid.widths(atlas, size[1])
    kind = _counter(max(*widths, *heights))
    count = evidence.shape[0] if index is None else index.shape[0]
    read = []
    for part in _groups(count, spatial, kind.itemsize):
        held = evidence[part] if index is None else evidence.index_select(0, index[part])
        missing = gaps(held, 0.5, kind)
        along = _reach(missing, -1, widths) if across_columns else None
        down = _reach(missing, -2, heights) if across_rows else None
        read.append((prod(spatial) + _sum_of(missing), along, down))
    return BorderRuns(
        spatial,
        torch.cat([whole for whole, _, _ in read]),
        _joined([along for _, along, _ in read if along is not None]),
        _joined([down for _, _, down in read if down is not None]),
    )


def _reach(missing: Tensor, axis: int, lengths: tuple[int, ...]) -> Reach:
    """Lengths of evidence on either side of each cut; `missing` (M, ..., H, W) is -1 in gaps and 0 elsewhere."""
    before, after, start = [], [], 0
    for band, length in enumerate(lengths):
        piece = missing.narrow(axis, start, length)
        # The last gap before a cut, counted from the other end of the band, and the first one after it.
        if band < len(lengths) - 1:
            places = _places(length, missing, axis, first=1)
            before.append(length - _largest(piece & places, axis))
        if band > 0:
            places = _places(length, missing, axis, first=1, reverse=True)
            after.append(length - _largest(piece & places, axis))
        start += length
    return Reach(axis, lengths, before, after)


def _joined(parts: list[Reach]) -> Reach | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    cuts = range(len(parts[0].before))
    before = [torch.cat([one.before[cut] for one in parts]) for cut in cuts]
    after = [torch.cat([one.after[cut] for one in parts]) for cut in cuts]
    return Reach(parts[0].axis, parts[0].lengths, before, after)


def _groups(batch: int, spatial: Sequence[int], size: int) -> list[slice]:
    """Samples to look at at a time, so that what is held beside them stays small."""
    if torch.compiler.is_compiling():  # a compiler plans memory itself, and may not know the batch
        return [slice(None)]
    some = max(1, _BYTES // (prod(spatial) * size), batch // _SHARE)
    return [slice(start, start + some) for start in range(0, max(1, batch), some)]


def _counter(length: int) -> torch.dtype:
    """Smallest integers that count to `length`."""
    if length <= torch.iinfo(torch.int8).max:
        return torch.int8
    return torch.int16 if length <= torch.iinfo(torch.int16).max else torch.int32


def _places(length: int, like: Tensor, axis: int, first: int = 0, *, reverse: bool = False) -> Tensor:
    """Numbers that count up (or down) to `length` places along one of the last two axes, 1 long along the other."""
    places = counting(first, length, like.dtype, like.device, reverse=reverse)
    return places.unsqueeze(0) if axis == -1 else places.unsqueeze(1)


def _in_order(values: Tensor) -> bool:
    """Whether to fold a tensor instead of reducing it: torch reduces small integers on the CPU one by one."""
    return values.device.type == "cpu" and not torch.compiler.is_compiling()


def _largest(values: Tensor, axis: int) -> Tensor:
    """Largest value along an axis."""
    length = values.shape[axis]
    while length > 16 and _in_order(values):
        half = (length + 1) // 2
        values = torch.maximum(values.narrow(axis, 0, half), values.narrow(axis, length - half, half))
        length = half
    return values.amax(dim=axis)


def _sum_of(values: Tensor) -> Tensor:
    """Sum of each sample of values from -1 to 1, (M, ..., H, W): (M,) int64."""
    if not _in_order(values):
        return values.flatten(1).sum(dim=1)
    # To sum into wider integers torch first copies all values: a column of few rows needs none.
    total = values.new_zeros(values.shape[0], dtype=torch.int64)
    for rows in torch.split(values, torch.iinfo(values.dtype).max, dim=-2):
        total = total + rows.sum(dim=-2, dtype=values.dtype).flatten(1).sum(dim=1)
    return total
