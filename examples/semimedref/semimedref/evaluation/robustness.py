"""Scores under captions that say less, something else or the same in other words, and under a mirrored pair."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from torch import Tensor

from crossmodal_aug import PosAug, PositionParser, SyncFlip
from semimedref.data.samples import Samples
from semimedref.draws import seeded
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.paraphrases import COUNT, miscounted, paraphrased, wordings
from semimedref.evaluation.patients import patients_of
from semimedref.inference import other_captions, score
from semimedref.metrics import overlaps
from semimedref.models import ReferringModel


@dataclass(frozen=True)
class Variant:
    """The test images under other captions.

    Attributes:
        name: What was changed.
        about: What it asks of a model, in a line.
        samples: The samples to score on, with the captions changed.
        changed: Number of captions that differ from the original ones.
        regions_changed: Number of captions that name other regions than the original ones.
        should: What the score should do beside that under the original captions: "hold", "fall", or "" for neither.
    """

    name: str
    about: str
    samples: Samples
    changed: int
    regions_changed: int
    should: Literal["hold", "fall", ""] = ""


@dataclass(frozen=True)
class RobustnessRow:
    """Scores of one variant.

    Attributes:
        variant: What was scored.
        counts: (N, 3) true positives, false positives, false negatives.
        global_dice: In percent.
        image_dice: In percent.
        difference: Global Dice less that under the original captions, paired over images.
    """

    variant: Variant
    counts: Tensor
    global_dice: Interval
    image_dice: Interval
    difference: Interval

    @property
    def as_it_should(self) -> bool | None:
        """Whether the score did what it should; None where nothing is asked.

        What should hold lost no more than `HELD_WITHIN`; of what should fall the whole interval lies below 0.
        """
        if not self.variant.should or not self.variant.changed:
            return None
        return self.difference.value >= -HELD_WITHIN if self.variant.should == "hold" else self.difference.high < 0

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, for JSON."""
        return {
            "name": self.variant.name,
            "about": self.variant.about,
            "changed": self.variant.changed,
            "regions_changed": self.variant.regions_changed,
            "global_dice": self.global_dice.to_dict(),
            "image_dice": self.image_dice.to_dict(),
            "difference": self.difference.to_dict(),
            "should": self.variant.should,
            "as_it_should": self.as_it_should,
        }


OTHER_CAPTIONS = "other captions"
HELD_WITHIN = 1.0
"""Points of global Dice that what should hold may lose."""


def variants(samples: Samples, parser: PositionParser) -> list[Variant]:
    """Return the test images under every change, in the order of the table.

    Args:
        samples: Samples with ``full_masks``.
        parser: Reads and rewrites the captions.
    """
    named = parser.encode(samples.texts)

    def variant(
        name: str,
        about: str,
        texts: Sequence[str],
        pictures: Samples = samples,
        *,
        should: Literal["hold", "fall", ""] = "",
    ) -> Variant:
        changed = sum(new != old for new, old in zip(texts, samples.texts, strict=True))
        regions_changed = int((parser.encode(texts) != named).any(dim=1).sum())
        return Variant(name, about, replace(pictures, texts=tuple(texts)), changed, regions_changed, should)

    masked = PosAug(parser, phrase_p=1.0, mode="mask")(None, samples.texts, generator=seeded(0)).texts
    flip = SyncFlip(parser, p=1.0)(samples.images, samples.texts, generator=seeded(0))
    mirrored = replace(
        samples, images=flip.images, full_masks=tuple(mask.flip(-1) for mask in samples.full_masks), masks=None
    )
    return [
        variant("no caption", "an empty text: what the image alone gives", [""] * len(samples)),
        variant("positions masked", "each phrase that names regions becomes [MASK]", masked),
        variant(OTHER_CAPTIONS, "those of other images", other_captions(samples), should="fall"),
        variant("mirrored", "image, mask and caption mirrored", flip.texts, mirrored, should="hold"),
        variant("half mirrored", "the caption alone mirrored", flip.texts, should="fall"),
        *(
            variant(f"in other words: {name}", f'"{frame}"', paraphrased(samples.texts, parser, frame), should="hold")
            for name, frame in wordings(parser.atlas).items()
        ),
        variant("false count", f'the number is always "{COUNT}"', miscounted(samples.texts, parser), should="hold"),
    ]


def robustness(
    model: ReferringModel, samples: Samples, parser: PositionParser, counts: Tensor, bootstrap: Bootstrap
) -> list[RobustnessRow]:
    """Score a model under every variant.

    Args:
        model: The model.
        samples: N samples with ``full_masks``.
        parser: Reads and rewrites the captions.
        counts: (N, 3) true positives, false positives and false negatives under the original captions.
        bootstrap: Draws the intervals.
    """
    rows, patients = [], patients_of(samples.names)
    for variant in variants(samples, parser):
        found = score(model, variant.samples).counts
        rows.append(
            RobustnessRow(
                variant,
                found,
                bootstrap(patients, partial(global_dice, found)),
                bootstrap(patients, partial(image_dice, found)),
                bootstrap(patients, partial(change, found, counts)),
            )
        )
    return rows


def global_dice(counts: Tensor, weights: Tensor) -> Tensor:
    """Return the (R,) global Dice of (N, 3) counts under (R, N) weights, in percent."""
    return overlaps(weights @ counts.double())["dice"]


def image_dice(counts: Tensor, weights: Tensor) -> Tensor:
    """Return the (R,) mean of the images' Dice of (N, 3) counts under (R, N) weights, in percent."""
    return weights @ overlaps(counts)["dice"] / weights.sum(dim=1)


def change(counts: Tensor, before: Tensor, weights: Tensor) -> Tensor:
    """Return the (R,) global Dice of (N, 3) counts less that of others, under the same (R, N) weights."""
    return global_dice(counts, weights) - global_dice(before, weights)
