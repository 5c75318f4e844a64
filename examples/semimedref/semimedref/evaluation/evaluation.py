"""Everything that is found out about a trained model on one set of images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from crossmodal_aug import Atlas
from semimedref.atlases import parser_for
from semimedref.checkpoints import Trained
from semimedref.data.samples import Samples
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.calibration import reliability
from semimedref.evaluation.groups import Group, by_position, by_size
from semimedref.evaluation.measures import Measured, measure
from semimedref.evaluation.places import UNITS
from semimedref.evaluation.robustness import OTHER_CAPTIONS, RobustnessRow, robustness
from semimedref.evaluation.switches import SwitchRow, place_score, switch_rows
from semimedref.evaluation.tally import CROP, FLOOR, Tally
from semimedref.inference import score
from semimedref.metrics import Scores, overlaps, scores_of


@dataclass(frozen=True)
class GroupScores:
    """Scores of some images.

    Attributes:
        name: What they have in common.
        images: Number of them.
        without_hd95: Those on which HD95 is undefined.
        scores: With intervals, by the names of `SCORES`.
    """

    name: str
    images: int
    without_hd95: int
    scores: dict[str, Interval]

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, for JSON."""
        return {
            "name": self.name,
            "images": self.images,
            "without_hd95": self.without_hd95,
            "scores": {name: one.to_dict() for name, one in self.scores.items()},
        }


@dataclass(frozen=True)
class ObedienceRow:
    """Global Dice under captions narrowed to a place, against the mask in that place.

    Attributes:
        name: The place, such as "side left", or "side" and the like for the mean over all places of a unit.
        images: Number of images whose caption could be narrowed; 0 for a mean.
        obeyed: What the model finds under the narrowed caption.
        floor: What it finds under the whole caption: what a model scores that ignores the caption.
        crop: The same, cut to the place: what needs no model that reads.
    """

    name: str
    images: int
    obeyed: Interval
    floor: Interval
    crop: Interval

    @property
    def reads(self) -> bool:
        """Whether the model finds more of what is asked than one that ignores the caption: beyond both intervals."""
        return self.obeyed.low > self.floor.high

    @property
    def beats_crop(self) -> bool:
        """Whether it finds no less than the crop does."""
        return self.obeyed.value >= self.crop.value

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, for JSON."""
        return {
            "name": self.name,
            "images": self.images,
            "obeyed": self.obeyed.to_dict(),
            "floor": self.floor.to_dict(),
            "crop": self.crop.to_dict(),
            "reads": self.reads,
            "beats_crop": self.beats_crop,
        }


@dataclass(frozen=True)
class Evaluation:
    """Scores of the model to use, and of those beside it.

    Attributes:
        used: Name of the model to use.
        models: Plain scores of all models, and of the one to use under the captions of other images.
        samples: The images.
        measured: Measurements of each image.
        whole: Scores of all images.
        by_position: Scores by the regions that the caption names.
        by_size: Scores by the size of the lesion.
        robustness: Scores under other captions.
        tally: Counts under all captions, as the model is and with each switch on.
        obedience: Scores under captions narrowed to a place.
        switches: Scores without what is switched on at test time, and with it; all else here is with all of it.
    """

    used: str
    models: dict[str, Scores]
    samples: Samples
    measured: Measured
    whole: GroupScores
    by_position: list[GroupScores]
    by_size: list[GroupScores]
    robustness: list[RobustnessRow]
    tally: Tally
    obedience: list[ObedienceRow]
    switches: tuple[SwitchRow, ...] = ()

    @property
    def obeyed_sides(self) -> Interval | None:
        """Mean obedience by side; None where no caption names both."""
        return next((one.obeyed for one in self.obedience if one.name == "side"), None)

    @property
    def not_as_it_should(self) -> list[str]:
        """What should hold, fall or be read, and does not; a line each."""
        lines = [
            f"{row.variant.name}: should {row.variant.should}, but global Dice changes by {row.difference.value:+.2f}"
            for row in self.robustness
            if row.as_it_should is False
        ]
        for one in self.obedience:
            if one.images and not one.reads:
                lines.append(
                    f"{one.name}: should be read, but {one.obeyed.value:.2f} is not clearly more than what the "
                    f"whole caption gives there, {one.floor.value:.2f}"
                )
        return lines

    @property
    def dice(self) -> Tensor:
        """(N,) Dice of each image, in percent."""
        return overlaps(self.measured.counts)["dice"]

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by name, for JSON."""
        return {
            "used": self.used,
            "models": {name: one.to_dict() for name, one in self.models.items()},
            "whole": self.whole.to_dict(),
            "by_position": [one.to_dict() for one in self.by_position],
            "by_size": [one.to_dict() for one in self.by_size],
            "robustness": [one.to_dict() for one in self.robustness],
            "obedience": {one.name: one.to_dict() for one in self.obedience},
            "switches": [one.to_dict() for one in self.switches],
            "reliability": reliability(self.measured.bins.sum(dim=0)),
        }


def evaluate(
    trained: Trained,
    samples: Samples,
    atlas: Atlas,
    bootstrap: Bootstrap,
    counted: Tally,
    *,
    switched: Sequence[str] = (),
    tell: Callable[[str], None] = lambda stage: None,
) -> Evaluation:
    """Find out everything about a trained model.

    Args:
        trained: The models.
        samples: Samples with ``full_masks``.
        atlas: Regions of the captions, with their place in the images.
        bootstrap: Draws the intervals.
        counted: What was counted of the model to use as it was trained, and with what is switched on.
        switched: Ways of reading as each switch was turned on, the last as the models are now; empty where none is.
        tell: Is told what is about to be done.
    """
    parser = parser_for(atlas)
    tell("measuring")
    used = list(trained.models)[-1]
    measured = measure(trained.model, samples)
    models = {
        name: scores_of(measured.counts) if name == used else score(model, samples).scores()
        for name, model in trained.models.items()
    }
    tell("scoring under other captions")
    rows = robustness(trained.model, samples, parser, measured.counts, bootstrap)
    models[f"{used}, other captions"] = next(
        scores_of(row.counts) for row in rows if row.variant.name == OTHER_CAPTIONS
    )
    return Evaluation(
        used=used,
        models=models,
        samples=samples,
        measured=measured,
        whole=_grouped("all images", measured, bootstrap),
        by_position=_all_grouped(by_position(samples.texts, parser), measured, bootstrap),
        by_size=_all_grouped(by_size(measured.area), measured, bootstrap),
        robustness=rows,
        tally=counted,
        obedience=obedience_rows(counted, switched[-1] if switched else "raw", bootstrap),
        switches=tuple(switch_rows(counted, switched, bootstrap)) if switched else (),
    )


def obedience_rows(counted: Tally, reading: str, bootstrap: Bootstrap) -> list[ObedienceRow]:
    """Return how well captions narrowed to each place are obeyed, the mean over a unit before its places."""
    rows = []
    for unit in UNITS:
        there = [key for key in counted.captions(reading, f"{unit} ") if len(counted.row(reading, key).images)]
        for name in (unit, *there) if there else ():
            obeyed, floor, crop = (place_score(counted, reading, name, bootstrap, one) for one in ("", FLOOR, CROP))
            if obeyed is not None and floor is not None and crop is not None:
                images = 0 if name == unit else len(counted.row(reading, name).images)
                rows.append(ObedienceRow(name, images, obeyed, floor, crop))
    return rows


def _all_grouped(groups: list[Group], measured: Measured, bootstrap: Bootstrap) -> list[GroupScores]:
    return [_grouped(group.name, measured.take(group.indices), bootstrap) for group in groups]


def _grouped(name: str, measured: Measured, bootstrap: Bootstrap) -> GroupScores:
    return GroupScores(name, len(measured), measured.without_hd95, bootstrap.scores(measured))
