"""Fit an atlas to a data set: where the row cuts lie, which side is which, whether images are upright."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.checks import check_positions, check_probability, check_tensor

Orientation = Literal["upright", "mirrored", "transposed", "unknown"]

_SIGNIFICANT = 2.0
"""Standard deviations by which the samples must prefer one reading of the images over another (p < 0.05)."""


@dataclass(frozen=True)
class Fit:
    """How well captions and masks agree, over N samples.

    Attributes:
        precision: (K,) float64: share of the samples with lesion in a region whose caption names it.
        recall: (K,) float64: share of the samples whose caption names a region that have lesion in it.
        macro_f1: Mean over regions of their F1.
        exact: Share of the samples in which all K bits agree.
        inside: Mean over samples of the share of mask pixels that lie in named regions.
    """

    precision: Tensor
    recall: Tensor
    macro_f1: float
    exact: float
    inside: float


class Calibration(NamedTuple):
    """What `calibrate` returns.

    Attributes:
        atlas: The atlas with fitted row cuts and laterality.
        orientation: "upright": as they should be. "mirrored": the sides of the atlas given were exchanged, which
            `atlas` now mends. "transposed": rows and columns of the masks are exchanged, which only the reader of the
            images can mend (`atlas` has the laterality that holds once they are upright). "unknown": the samples do
            not tell, and `atlas` is the one given.
        before: Fit of the atlas given.
        after: Fit of `atlas` (for "transposed", on the masks put upright).
    """

    atlas: Atlas
    orientation: Orientation
    before: Fit
    after: Fit


def calibrate(
    atlas: Atlas, masks: Tensor, positions: Tensor, *, resolution: int = 64, min_share: float = 0.03
) -> Calibration:
    """Fit row cuts and laterality of an atlas to masks and the regions that their captions name.

    All ways of placing the row cuts on a grid are tried, for the masks as they are, with sides exchanged,
    transposed, and both. The best macro F1 between the regions that are named and those that hold lesion wins. It
    must also win sample by sample. By McNemar's test (with continuity correction, p < 0.05) more samples must agree
    better with it than with each of the others, which takes six samples at the least. Else the orientation is
    "unknown".

    Args:
        atlas: An atlas whose regions are the cells of a grid.
        masks: (N, 1, H, W) or (N, H, W) bool or integer lesion masks.
        positions: (N, K) multi-hot regions that the captions name.
        resolution: Number of lines of the grid, at most H: the cuts are multiples of `1 / resolution`.
        min_share: A region holds lesion when at least this share of a sample's mask pixels, and one pixel, lies in
            it: a sliver across a border is not a finding.

    Returns:
        The fitted atlas, the orientation, and the fit before and after.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes disagree, no sample has both a mask pixel and a named region, or regions of the atlas
            overlap.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> masks = torch.zeros(30, 10, 10, dtype=torch.bool)
        >>> masks[:10, 0:2, 0] = masks[10:20, 2:5, 0] = masks[20:, 5:10, 9] = True
        >>> positions = torch.zeros(30, 6, dtype=torch.bool)
        >>> positions[:10, 0] = positions[10:20, 1] = positions[20:, 5] = True
        >>> found = calibrate(LUNG_ZONES, masks, positions, resolution=10)
        >>> found.orientation, found.atlas.rows
        ('upright', (0.2, 0.5))
    """
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    masks = _check_masks(masks)
    positions = check_positions("positions", positions, (masks.shape[0], len(atlas)))
    check_probability("min_share", min_share)
    if isinstance(resolution, bool) or not isinstance(resolution, int):
        raise InvalidTypeError(f"Expected `resolution` to be an integer, but got {type(resolution).__name__}.")
    _check_tiling(atlas)
    if not (masks.flatten(1).any(dim=1) & positions.any(dim=1)).any():
        raise InvalidValueError(
            "Expected `positions` to name a region in a sample whose mask holds lesion, but no sample has both."
        )
    lines = min(resolution, *masks.shape[-2:])
    if lines <= len(atlas.rows):
        raise InvalidValueError(
            f"Expected `resolution` and the masks to have more than {len(atlas.rows)} lines, one for each row cut, "
            f"but got {lines}."
        )
    swapped = atlas.with_geometry(laterality="patient" if atlas.laterality == "viewer" else "viewer")
    readings: list[tuple[Orientation, Atlas, Tensor]] = [
        ("upright", atlas, masks),
        ("mirrored", swapped, masks),
        ("transposed", atlas, masks.mT),
        ("transposed", swapped, masks.mT),
    ]
    if swapped.boxes == atlas.boxes:  # an atlas without sides is its own mirror image
        del readings[1::2]
    fits = []
    for orientation, start, upright in readings:
        profiles = _Profiles(start, upright, positions, min_share)
        best = _best_rows(start, profiles, lines)
        fits.append(_Reading(orientation, best, profiles.fit(best), profiles.agreement(best), profiles.fit(start)))
    before = fits[0].start
    winner = max(fits, key=lambda one: one.fit.macro_f1)
    if not all(_prefers(winner.agreement, rival.agreement) for rival in fits if rival is not winner):
        return Calibration(atlas, "unknown", before, before)
    return Calibration(winner.atlas, winner.orientation, before, winner.fit)


class _Reading(NamedTuple):
    """One way to read the images: the best atlas for it, its fit, each sample's agreement, and the fit before."""

    orientation: Orientation
    atlas: Atlas
    fit: Fit
    agreement: Tensor
    start: Fit


def _prefers(one: Tensor, other: Tensor) -> bool:
    """Return whether samples agree better with one reading than with another, beyond chance.

    McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 1947.
    """
    wins, losses = int((one > other).sum()), int((one < other).sum())
    return wins - losses - 1 >= _SIGNIFICANT * math.sqrt(wins + losses)


def _check_masks(masks: object) -> Tensor:
    masks = check_tensor("masks", masks)
    if masks.is_floating_point():
        raise InvalidTypeError(
            f"Expected `masks` to be a bool or integer tensor, but got {masks.dtype}: give `masks > 0.5`."
        )
    if masks.ndim == 4 and masks.shape[1] == 1:
        masks = masks[:, 0]
    if masks.ndim != 3:
        raise InvalidValueError(f"Expected `masks` of shape (N, 1, H, W) or (N, H, W), but got {tuple(masks.shape)}.")
    masks = masks > 0
    if not masks.any():
        raise InvalidValueError("Expected `masks` to hold lesion pixels, but all of them are empty.")
    return masks


def _check_tiling(atlas: Atlas) -> None:
    area = sum((y1 - y0) * (x1 - x0) for y0, y1, x0, x1 in atlas.boxes)
    if abs(area - 1) > 1e-6:
        raise InvalidValueError(
            f"Expected `atlas` to tile the image without overlap, but the regions of {shown(atlas.name)} cover "
            f"{area:.2f} of its area; whether left is the image's left, `region_evidence` tells for any atlas "
            "(docs/concepts/laterality.md)."
        )


class _Profiles:
    """Masks as counts above each line, for each distinct span of columns that an atlas uses.

    A candidate atlas differs from another only in its rows, so a region's score depends on its two lines alone and is
    worked out once for each pair.
    """

    def __init__(self, atlas: Atlas, masks: Tensor, named: Tensor, min_share: float) -> None:
        width = masks.shape[-1]
        spans = sorted({(x0, x1) for _, _, x0, x1 in atlas.boxes})
        columns = [masks[..., round(x0 * width) : round(x1 * width)].sum(dim=-1) for x0, x1 in spans]
        above = torch.nn.functional.pad(torch.stack(columns).cumsum(dim=-1), (1, 0))
        self.above = above.transpose(1, 2).contiguous()  # (spans, lines, N): one line of all samples in a row
        self.spans = {span: index for index, span in enumerate(spans)}
        self.height = masks.shape[-2]
        self.total = masks.flatten(1).sum(dim=1)
        self.enough = (self.total * min_share).clamp_min(1)
        self.named = named
        self.scores: dict[tuple[int, float, float], float] = {}

    def counts(self, box: tuple[float, float, float, float]) -> Tensor:
        """Mask pixels in a box of the atlas: (N,)."""
        y0, y1, x0, x1 = box
        above = self.above[self.spans[x0, x1]]
        return above[round(y1 * self.height)] - above[round(y0 * self.height)]

    def macro_f1(self, atlas: Atlas) -> float:
        """Mean F1 of the regions of an atlas with the same columns."""
        return sum(self._f1(region, box) for region, box in enumerate(atlas.boxes)) / len(atlas)

    def _f1(self, region: int, box: tuple[float, float, float, float]) -> float:
        key = (region, box[0], box[1])
        if key not in self.scores:
            occupied, named = self.counts(box) >= self.enough, self.named[:, region]
            either = int(occupied.sum() + named.sum())
            # A region that is never named nor occupied is agreed on.
            self.scores[key] = 2 * int((occupied & named).sum()) / either if either else 1.0
        return self.scores[key]

    def agreement(self, atlas: Atlas) -> Tensor:
        """Dice coefficient of each sample's named and occupied regions: (N,) float64, 1 where there are neither."""
        _, occupied = self._occupied(atlas)
        either = occupied.sum(dim=1) + self.named.sum(dim=1)
        both = (occupied & self.named).sum(dim=1)
        return torch.where(either > 0, 2 * both.double() / either.clamp_min(1), 1.0)

    def _occupied(self, atlas: Atlas) -> tuple[Tensor, Tensor]:
        counts = torch.stack([self.counts(box) for box in atlas.boxes], dim=1)
        return counts, counts >= self.enough.unsqueeze(1)

    def fit(self, atlas: Atlas) -> Fit:
        """All figures for an atlas with the same columns."""
        counts, occupied = self._occupied(atlas)
        both = (occupied & self.named).sum(dim=0).double()
        inside = (counts * self.named).sum(dim=1) / self.total.clamp_min(1)
        return Fit(
            precision=both / occupied.sum(dim=0).clamp_min(1),
            recall=both / self.named.sum(dim=0).clamp_min(1),
            macro_f1=self.macro_f1(atlas),
            exact=float((occupied == self.named).all(dim=1).double().mean()),
            inside=float(inside[self.total > 0].double().mean()),
        )


def _best_rows(atlas: Atlas, profiles: _Profiles, lines: int) -> Atlas:
    cuts = combinations([line / lines for line in range(1, lines)], len(atlas.rows))
    candidates = (atlas.with_geometry(rows=rows) for rows in cuts)
    return max((atlas, *candidates), key=profiles.macro_f1)
