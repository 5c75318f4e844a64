"""Scores with and without what is switched on at test time: a template for the captions, the mirrored pair."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from crossmodal_aug import PositionParser
from semimedref.data.samples import Samples
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.obedience import obedience, obedience_intervals
from semimedref.evaluation.robustness import change, global_dice, image_dice
from semimedref.inference import score
from semimedref.models import ReferringModel

RAW = "as it is"


@dataclass(frozen=True)
class SwitchRow:
    """Scores of a model with some switches on.

    Attributes:
        name: What is on.
        global_dice: In percent.
        image_dice: In percent.
        difference: Global Dice less that of the first row, paired over images.
        obedience: Mean of both sides, in percent; None where no caption names both.
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


class SwitchedScores:
    """Scores a model again as each switch is turned on; the first row is the model as it is.

    Args:
        samples: N samples with ``full_masks``.
        parser: Reads and rewrites the captions.
        bootstrap: Draws the intervals.
    """

    def __init__(self, samples: Samples, parser: PositionParser, bootstrap: Bootstrap) -> None:
        self.samples, self.parser, self.bootstrap = samples, parser, bootstrap
        self.rows: list[SwitchRow] = []
        self._raw: Tensor | None = None

    def add(self, name: str, model: ReferringModel) -> None:
        """Score the model as it is now, and add a row."""
        counts, images = score(model, self.samples).counts, len(self.samples)
        self._raw = counts if self._raw is None else self._raw
        obeyed = obedience_intervals(obedience(model, self.samples, self.parser), self.bootstrap)
        self.rows.append(
            SwitchRow(
                name,
                self.bootstrap(images, partial(global_dice, counts)),
                self.bootstrap(images, partial(image_dice, counts)),
                self.bootstrap(images, partial(change, counts, self._raw)),
                obeyed.get("mean"),
            )
        )
