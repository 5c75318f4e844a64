"""Obedience: does a model segment what the caption names, or whatever looks like a lesion?

In the usual data a caption describes every lesion of its image, so a model may ignore it and still score well. Here
captions that name both sides are narrowed to one, and scored against the mask on that side alone.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from crossmodal_aug import PositionParser
from semimedref.data.samples import Samples
from semimedref.evaluation.places import narrowed, places
from semimedref.evaluation.tally import Tally
from semimedref.inference import score
from semimedref.metrics import overlaps
from semimedref.models import ReferringModel

SIDE = "side "
"""Before the word for a side, in the names of counts."""


@dataclass(frozen=True)
class Obedience:
    """What a model made of captions narrowed to one side.

    Attributes:
        counts: By the word for the side ("left", "right"), (N, 3) int64 true positives, false positives and false
            negatives of the N images whose caption names both sides and can be narrowed to this one.
    """

    counts: dict[str, Tensor]

    @property
    def images(self) -> int:
        """Number of images whose caption names both sides."""
        return max(map(len, self.counts.values()))

    def dice(self, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Return the global Dice of each side, and as "mean" that of the sides, in percent.

        Args:
            weights: (R, N) float64 of the images; all count once if it is None.

        Returns:
            (R,) float64, or (1,) without weights.
        """
        sides = {}
        for side, counts in self.counts.items():
            weighed = torch.ones(1, len(counts), dtype=torch.float64) if weights is None else weights
            sides[side] = overlaps(weighed @ counts.double())["dice"]
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
    reports = parser.parse_many(samples.texts)
    counts = {}
    for place in places(parser.atlas, ("side",)):
        both, texts = narrowed(reports, place, parser.atlas)
        bilateral = samples.take(both)
        masks = tuple(map(place.cut, bilateral.full_masks))
        counts[place.name] = score(model, replace(bilateral, full_masks=masks), texts).counts
    return Obedience(counts)


def obedience_in(counted: Tally) -> Obedience:
    """Return the same from what was counted, of a model as it was trained."""
    sides = counted.captions("raw", SIDE)
    return Obedience({key.removeprefix(SIDE): counted.row("raw", key).counts for key in sides})
