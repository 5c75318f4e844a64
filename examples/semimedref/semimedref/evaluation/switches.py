"""Scores with and without what is switched on at test time: a template for the captions, the mirrored pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.robustness import change, global_dice, image_dice
from semimedref.evaluation.tally import OWN, Tally
from semimedref.evaluation.totals import Measure, score_of, totals

ABOUT = {
    "raw": "as it is",
    "in-style": "captions in the words of the template",
    "mirrored": "averaged with its mirror image",
    "in-style, mirrored": "captions in the words of the template, averaged with its mirror image",
}
"""Ways of reading, as the table has them."""


@dataclass(frozen=True)
class SwitchRow:
    """Scores of a model with some switches on.

    Attributes:
        name: What is on.
        global_dice: In percent.
        image_dice: In percent.
        difference: Global Dice less that of the first row, paired over images.
        obedience: Mean of the sides, in percent; None where no caption names both.
    """

    name: str
    global_dice: Interval
    image_dice: Interval
    difference: Interval
    obedience: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, for JSON."""
        return {
            "name": self.name,
            "global_dice": self.global_dice.to_dict(),
            "image_dice": self.image_dice.to_dict(),
            "difference": self.difference.to_dict(),
            "obedience": None if self.obedience is None else self.obedience.to_dict(),
        }


def switch_rows(counted: Tally, readings: Sequence[str], bootstrap: Bootstrap) -> list[SwitchRow]:
    """Return the scores of a model as each switch is turned on.

    Args:
        counted: What was counted under each way of reading.
        readings: Those to show, the model as it is first.
        bootstrap: Draws the intervals.
    """
    raw = counted.row(readings[0], OWN).counts
    rows = []
    for reading in readings:
        counts = counted.row(reading, OWN).counts
        rows.append(
            SwitchRow(
                ABOUT[reading],
                bootstrap(counted.patients, partial(global_dice, counts)),
                bootstrap(counted.patients, partial(image_dice, counts)),
                bootstrap(counted.patients, partial(change, counts, raw)),
                place_score(counted, reading, "side", bootstrap),
            )
        )
    return rows


def place_score(counted: Tally, reading: str, start: str, bootstrap: Bootstrap, ending: str = "") -> Interval | None:
    """Return the global Dice under captions narrowed to places, the mean over the places, in percent.

    Args:
        counted: What was counted.
        reading: How the captions reached the model.
        start: A unit ("side", "zone", "region") for all of its places, or unit and name for a single one.
        bootstrap: Draws the interval.
        ending: "", or the ending of a floor or a crop.

    Returns:
        The score; None where no caption can be narrowed so.
    """
    keys = [key for key in counted.captions(reading, f"{start} ") if len(counted.row(reading, key).images)]
    if (reading, start) in counted.rows and len(counted.row(reading, start).images):
        keys = [start]
    if not keys:
        return None
    summed = totals(counted, Measure(start, "global_dice", tuple((reading, key + ending) for key in keys)))
    told = summed[summed[..., -1].sum(dim=1) > 0]
    return bootstrap.interval(score_of(told.sum(dim=0), "global_dice"), _drawn(bootstrap, told))


def _drawn(bootstrap: Bootstrap, summed: Tensor) -> Tensor:
    weights = bootstrap.weights(len(summed))
    return score_of((weights @ summed.flatten(1)).unflatten(1, summed.shape[1:]), "global_dice")
