"""Geometry: which way round images are, and where the cuts of the atlas lie in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.doctor.findings import several, verb
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import AlignmentError
from crossmodal_aug.functional.alignment import TELLS, check_alignment, nearer_when
from crossmodal_aug.functional.calibration import calibrate

ENOUGH = 50
"""Fewer masks say too little about where the cuts lie."""

TOUCHED = 0.03
"""Share of a lesion that must lie in a region for the region to be touched, as in `calibrate`."""

_LINES = 64
_MANY = 500
_GAIN = 0.03  # of macro F1, below which cuts of overlapping regions follow chance
_MOST_TRIED = 20_000


@dataclass(frozen=True)
class Agreement:
    """How well named and touched regions agree.

    Attributes:
        exact: Share of the rows in which all regions agree.
        macro_f1: Mean over regions of their F1.
    """

    exact: float
    macro_f1: float


@dataclass(frozen=True)
class Geometry:
    """What masks and captions tell about the atlas.

    Attributes:
        atlas: The atlas with fitted cuts and laterality; as given where nothing could be fitted.
        wrong: How the images are turned against the captions, in words; empty where they are not.
        in_part: Whether that holds of some samples only.
        message: The same in a sentence or two.
        turned: Indices of the rows that look so, the surest first; of all that were looked at where all are turned.
        parts: The same for parts that are turned while others are not: their names, words, sentences, and rows.
        count: Number of rows that were looked at.
        upright: Whether the samples tell that the images are as the captions say, beyond chance.
        before: Agreement with the atlas given; None where no row tells.
        after: Agreement with the fitted atlas, or with the one that was not taken.
        refused: An atlas with other cuts that agrees too little better to be taken, as overlapping regions may have.
        swapped: Whether the fitted atlas has another laterality than the one given.
    """

    atlas: Atlas
    wrong: str = ""
    in_part: bool = False
    message: str = ""
    turned: tuple[int, ...] = ()
    parts: tuple[tuple[str, str, str, tuple[int, ...]], ...] = ()
    count: int = 0
    upright: bool = False
    before: Agreement | None = None
    after: Agreement | None = None
    refused: Atlas | None = None
    swapped: bool = False

    @property
    def can_compare(self) -> bool:
        """Whether masks can be held against captions: not where all are turned, and no laterality mends that."""
        return bool(self.count) and (not self.wrong or self.in_part or self.mended_by_laterality)

    @property
    def all_turned(self) -> frozenset[int]:
        """Indices of the rows that look turned while others are not, whichever finding names them."""
        of_parts = (index for *_, rows in self.parts for index in rows)
        return frozenset((*(self.turned if self.in_part else ()), *of_parts))

    @property
    def mended_by_laterality(self) -> bool:
        """Whether the images are mirrored, and the fitted atlas has the other laterality."""
        return self.wrong == "mirrored" and not self.in_part and self.swapped


def fit(study: Study) -> Geometry:
    """Fit the atlas to the rows that tell, and say which way round their images are."""
    atlas, telling = study.atlas, study.telling
    if not telling:
        return Geometry(atlas)
    masks, named = study.lesions(telling), study.named[telling]
    before = agreement(atlas, masks, named)
    wrong, in_part = _turned(atlas, masks, named)
    enough = len(telling) >= ENOUGH
    fitted, tried, upright = atlas, None, False
    if enough and _tiles(atlas):
        # Lines that lie closer than samples can tell apart would fit chance, and take time.
        lines = _LINES if len(telling) >= _MANY else _LINES // 2
        found = calibrate(atlas, masks, named, resolution=lines, min_share=TOUCHED)
        if found.orientation in ("mirrored", "transposed") and not wrong:
            wrong, in_part = found.orientation, False
        upright = found.orientation == "upright" and not wrong
        # In the image's frame left is the image's left: a mirrored set has to be read otherwise.
        if found.orientation == "upright" or (found.orientation != "unknown" and atlas.frame == "body"):
            fitted = found.atlas
    elif enough and not wrong:
        upright = True
        tried = _best_cuts(atlas, masks, named)
    after = agreement(tried or fitted, masks.mT if wrong == "transposed" else masks, named)
    if tried is not None and after.macro_f1 - before.macro_f1 >= _GAIN and after.exact >= before.exact:
        fitted, tried = tried, None
    rows, message = _told(atlas, wrong, in_part, telling, masks, named)
    parts = () if wrong and not in_part else tuple(_turned_parts(study, fitted))
    swapped = fitted.laterality != atlas.laterality
    return Geometry(fitted, wrong, in_part, message, rows, parts, len(telling), upright, before, after, tried, swapped)


def touched(atlas: Atlas, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of each lesion in each region, (N, K), and whether that is enough to count, (N, K) bool."""
    shares = torch.cat([_shares(part, atlas) for part in torch.split(masks, 256)])
    return shares, shares >= TOUCHED


def agreement(atlas: Atlas, masks: Tensor, named: Tensor) -> Agreement:
    """Return how well captions and masks agree under an atlas."""
    held = touched(atlas, masks)[1]
    both, either = (held & named).sum(dim=0).double(), (held.sum(dim=0) + named.sum(dim=0)).double()
    f1 = torch.where(either > 0, 2 * both / either.clamp_min(1), 1.0)
    return Agreement(float((held == named).all(dim=1).double().mean()), float(f1.mean()))


def _shares(masks: Tensor, atlas: Atlas) -> Tensor:
    height, width = masks.shape[-2:]
    total = masks.flatten(1).sum(dim=1).clamp_min(1)
    inside = [
        masks[:, round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)].flatten(1).sum(dim=1)
        for y0, y1, x0, x1 in atlas.boxes
    ]
    return torch.stack(inside, dim=1) / total.unsqueeze(1)


def _turned(atlas: Atlas, masks: Tensor, named: Tensor) -> tuple[str, bool]:
    """How masks are turned against captions, empty where they are not, and whether some of them alone are."""
    try:
        check_alignment(atlas, masks, named)
    except AlignmentError as error:
        looks = str(error).partition("look ")[2].partition(":")[0]
        return looks.removesuffix(" in part"), looks.endswith(" in part")
    return "", False


def _told(
    atlas: Atlas, wrong: str, in_part: bool, indices: Sequence[int], masks: Tensor, named: Tensor
) -> tuple[tuple[int, ...], str]:
    """The rows that look turned, the surest first, and in a sentence or two what was found."""
    if not wrong:
        return (), ""
    if wrong == "unrelated":
        return tuple(indices), (
            f"Masks and captions look unrelated: over {several(len(indices), 'row')}, lesions lie hardly nearer to "
            "what their own captions name than to what those of others do, and turning the masks does not help. Check "
            "that masks and captions are in the same order."
        )
    nearer = nearer_when(wrong, atlas, masks, named)
    count, so = int((nearer.abs() >= TELLS).sum()), nearer >= TELLS
    order = nearer.argsort(descending=True, stable=True).tolist()
    rows = tuple(indices[place] for place in order if so[place] or not in_part)
    told = (
        f"of {several(count, 'row')} that {verb(count, 'tells', 'tell')}, the lesion of {int(so.sum()):,} lies nearer "
        f"to the regions that its caption names if masks are read {wrong}"
    )
    if in_part:
        return rows, (
            f"Some masks look {wrong}: {told}. Was a random flip or turn applied to images and masks that the captions "
            "did not follow? Take the images as they were before it: SyncFlip and SyncGeometry move the words too."
        )
    mend = (
        "Exchange rows and columns of images and masks where they are read (MONAI's PILReader needs "
        "reverse_indexing=False)."
        if "transposed" in wrong
        else "Flip images and masks where they are read."
    )
    return rows, f"Masks look {wrong}: {told}. {mend}"


def _turned_parts(study: Study, atlas: Atlas) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    if len(study.parts) < 2:
        return
    telling = set(study.telling)
    for part, indices in study.parts.items():
        inside = [index for index in indices if index in telling]
        if inside:
            masks, named = study.lesions(inside), study.named[inside]
            wrong, in_part = _turned(atlas, masks, named)
            if wrong:
                rows, message = _told(atlas, wrong, in_part, inside, masks, named)
                yield part, wrong, message, rows


def _tiles(atlas: Atlas) -> bool:
    return abs(sum((y1 - y0) * (x1 - x0) for y0, y1, x0, x1 in atlas.boxes) - 1) <= 1e-6


def _best_cuts(atlas: Atlas, masks: Tensor, named: Tensor) -> Atlas:
    """Fit the cuts of an atlas whose regions overlap: all rows, then all columns, as long as that gains anything."""
    counted = _Counted(masks, named)
    best = atlas
    for kind, cuts in (("rows", atlas.rows), ("columns", atlas.columns)) * 2:
        tried = list(combinations([line / _LINES for line in range(1, _LINES)], len(cuts)))
        if not cuts or len(tried) > _MOST_TRIED:
            continue
        ways = (best.with_geometry(**{kind: way}) for way in tried)  # type: ignore[arg-type]
        best = max((best, *ways), key=counted.macro_f1)
    return best


class _Counted:
    """Masks as counts above and left of each point of a grid, and the score of each box that was asked for."""

    def __init__(self, masks: Tensor, named: Tensor) -> None:
        step = masks.shape[-1] // _LINES
        cells = masks.unfold(1, step, step).unfold(2, step, step).sum(dim=(-1, -2), dtype=torch.int32)
        sums = cells.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
        self.sums = torch.nn.functional.pad(sums, (1, 0, 1, 0)).permute(1, 2, 0).contiguous()
        self.enough = (masks.flatten(1).sum(dim=1) * TOUCHED).clamp_min(1)
        self.named = named
        self.scores: dict[tuple[int, tuple[float, ...]], float] = {}

    def macro_f1(self, atlas: Atlas) -> float:
        return sum(self._f1(region, box) for region, box in enumerate(atlas.boxes)) / len(atlas)

    def _f1(self, region: int, box: tuple[float, float, float, float]) -> float:
        key = (region, box)
        if key not in self.scores:
            y0, y1, x0, x1 = (round(edge * _LINES) for edge in box)
            inside = self.sums[y1, x1] - self.sums[y0, x1] - self.sums[y1, x0] + self.sums[y0, x0]
            held, named = inside >= self.enough, self.named[:, region]
            either = int(held.sum() + named.sum())
            self.scores[key] = 2 * int((held & named).sum()) / either if either else 1.0
        return self.scores[key]
