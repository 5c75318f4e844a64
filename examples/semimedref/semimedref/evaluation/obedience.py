"""Obedience: does a model segment what the caption names, or whatever looks like a lesion?

In the usual data a caption describes every lesion of its image, so a model may ignore it and still score well. Here
captions that name both sides are narrowed to one, and scored against the mask on that side alone.
"""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import Atlas, PositionParser
from semimedref.data.samples import Samples
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.inference import score
from semimedref.metrics import overlaps
from semimedref.models import ReferringModel


@dataclass(frozen=True)
class Obedience:
    """What a model made of captions narrowed to one side.

    Attributes:
        counts: By the word for the side ("left", "right"), (N, 3) int64 true positives, false positives and false
            negatives of the N images whose caption names both sides.
    """

    counts: dict[str, Tensor]

    @property
    def images(self) -> int:
        """Number of images whose caption names both sides."""
        return len(next(iter(self.counts.values())))

    def dice(self, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Return the global Dice of each side, and as "mean" that of the sides, in percent.

        Args:
            weights: (R, N) float64 of the images; all count once if it is None.

        Returns:
            (R,) float64, or (1,) without weights.
        """
        if weights is None:
            weights = torch.ones(1, self.images, dtype=torch.float64)
        sides = {side: overlaps(weights @ counts.double())["dice"] for side, counts in self.counts.items()}
        return {**sides, "mean": torch.stack(list(sides.values())).mean(dim=0)}

    def to_dict(self) -> dict[str, float | None]:
        """Return "obedience_left", "obedience_right" and their mean as "obedience"; None where no image tells."""
        values = self.dice()
        return {
            "obedience" if name == "mean" else f"obedience_{name}": value.item() if self.images else None
            for name, value in values.items()
        }

    def __str__(self) -> str:
        if not self.images:
            return "obedience: no caption names both sides"
        values = ", ".join(
            f"{name}{'' if name == 'mean' else ' only'} {value.item():.2f}" for name, value in self.dice().items()
        )
        return f"obedience ({self.images} images whose caption names both sides): {values}"


def obedience(model: ReferringModel, samples: Samples, parser: PositionParser) -> Obedience:
    """Score a model under captions that are narrowed to one side, one side after the other.

    Args:
        model: The model.
        samples: Samples with ``full_masks``; those whose caption names both sides are used.
        parser: Reads and rewrites the captions; its atlas says which half of the image a side is.

    Returns:
        The counts of all pixels, those of the other half included, against the mask on the named side alone.
    """
    atlas = parser.atlas
    sides = [{atlas.names[index] for index in side} for side in atlas.sides]
    reports = parser.parse_many(samples.texts)
    both = [index for index, report in enumerate(reports) if all(side & set(report.regions) for side in sides)]
    bilateral = samples.take(both)
    counts = {}
    for word, side, indices in zip(atlas.phrasing.sides, sides, atlas.sides, strict=True):
        texts = [reports[i].with_regions([name for name in reports[i].regions if name in side]) for i in both]
        masks = tuple(on_side(mask, atlas, indices) for mask in bilateral.full_masks)
        counts[word] = score(model, replace(bilateral, full_masks=masks), texts).counts
    return Obedience(counts)


def obedience_intervals(obeyed: Obedience, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return the global Dice with intervals, by side and as "mean"; nothing where no caption names both sides."""
    if not obeyed.images:
        return {}
    return {name: bootstrap(obeyed.images, partial(_dice_of, obeyed, name)) for name in obeyed.dice()}


def _dice_of(obeyed: Obedience, name: str, weights: Tensor) -> Tensor:
    return obeyed.dice(weights)[name]


def on_side(mask: Tensor, atlas: Atlas, side: tuple[int, ...]) -> Tensor:
    """Return an (H, W) bool mask, emptied outside the part of the image's width that some regions span."""
    height, width = mask.shape
    boxes = CF.region_boxes(atlas, (height, width))[list(side)]
    columns = torch.arange(width, device=mask.device)
    return mask & (columns >= boxes[:, 2].min()) & (columns < boxes[:, 3].max())
