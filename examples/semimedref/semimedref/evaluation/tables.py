"""The tables of an evaluation, for the terminal and for the report alike."""

import math
from dataclasses import dataclass
from itertools import chain, zip_longest
from textwrap import wrap

from semimedref.evaluation.bootstrap import Interval
from semimedref.evaluation.calibration import BINS
from semimedref.evaluation.evaluation import Evaluation, GroupScores
from semimedref.evaluation.groups import rare_below
from semimedref.evaluation.lesions import FOUND_FROM, LEAST_SHARE
from semimedref.evaluation.measures import SCORES
from semimedref.evaluation.robustness import HELD_WITHIN

GROUP_SCORES = ("global_dice", "image_dice", "precision", "recall", "hd95")
WIDTH = 100
"""Columns of a terminal that tables and notes take at most."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        title: What it shows.
        heads: Names of the columns.
        rows: Cells, row by row.
        note: What a reader must know about it.
        words: Columns that hold words rather than numbers.
        bad: Rows and columns of the cells that say that something is not as it should be.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: tuple[int, ...] = (0,)
    bad: frozenset[tuple[int, int]] = frozenset()

    def to_text(self) -> str:
        """Return the table in columns of fixed width, cells over several lines where it would be too wide.

        Example:
            >>> print(Table("Speed", ("", "km/h"), (("hare", "70"), ("tortoise", "0.3"))).to_text())
            Speed
                      km/h
            --------------
            hare        70
            tortoise   0.3
        """
        widths = _widths(list(zip(self.heads, *self.rows, strict=True)))
        blocks = [self._lines(row, widths) for row in (self.heads, *self.rows)]
        blocks.insert(1, ["-" * (sum(widths) + 2 * (len(widths) - 1))])
        return "\n".join([self.title, *chain.from_iterable(blocks), *wrap(self.note, WIDTH)])

    def _lines(self, row: tuple[str, ...], widths: list[int]) -> list[str]:
        """Return the lines of a row."""
        cells = [
            [cell] if len(cell) <= width else wrap(cell, width, break_on_hyphens=False)
            for cell, width in zip(row, widths, strict=True)
        ]
        return [
            "  ".join(
                part.ljust(width) if index in self.words else part.rjust(width)
                for index, (part, width) in enumerate(zip(parts, widths, strict=True))
            ).rstrip()
            for parts in zip_longest(*cells, fillvalue="")
        ]


def _widths(columns: list[tuple[str, ...]]) -> list[int]:
    """Return how wide columns are: as their cells or, where that is too much, the widest less so; words stay whole."""
    widths = [max(map(len, column)) for column in columns]
    least = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    room = WIDTH - 2 * (len(columns) - 1)
    while sum(widths) > room:
        # A word is cut only where no column can be had narrower without.
        free = [place for place in range(len(widths)) if widths[place] > least[place]] or range(len(widths))
        widths[max(free, key=widths.__getitem__)] -= 1
    return widths


def tables(evaluation: Evaluation, resamples: int) -> list[Table]:
    """Return the tables of an evaluation, the most important first."""
    return [
        _scores(evaluation, resamples),
        *([_switches(evaluation)] if evaluation.switches else []),
        _obedience(evaluation),
        _robustness(evaluation),
        _models(evaluation),
        _groups(
            "By the regions that the caption names",
            evaluation.by_position,
            f"Patterns of fewer than {rare_below(len(evaluation.samples))} images are pooled as other.",
        ),
        _groups(
            "By the size of the lesion, as a share of the image",
            evaluation.by_size,
            "Thirds of the images by the area of the mask.",
        ),
    ]


def shown(interval: Interval, digits: int = 2) -> str:
    """Return a score and its interval as text.

    Example:
        >>> shown(Interval(81.234, 79.0, 83.5)), shown(Interval(math.nan, math.nan, math.nan))
        ('81.23 (79.00 to 83.50)', 'undefined')
    """
    if math.isnan(interval.value):
        return "undefined"
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _scores(evaluation: Evaluation, resamples: int) -> Table:
    whole = evaluation.whole
    return Table(
        f"Scores of the {evaluation.used}, with 95 % intervals",
        ("score", "value"),
        tuple((SCORES[name], shown(one)) for name, one in whole.scores.items()),
        f"Percent, but HD95 and false lesions. Intervals: percentiles of {resamples} bootstrap samples of the "
        f"{len(evaluation.tally.patients.unique())} patients. HD95 is the mean "
        f"over images, in pixels of the full-size mask; it is undefined, and the image left out, where the mask or "
        f"what was found is empty: {whole.without_hd95} of {whole.images} images. Calibration error: expected, over "
        f"all pixels, in {BINS} bins of equal width. Lesions: parts of the mask that are connected over sides and "
        f"corners, from {100 * LEAST_SHARE:g} % of the image; found where {100 * FOUND_FROM:g} % of their pixels are. "
        "False lesions: such parts of what was found that touch no pixel of the mask.",
    )


def _switches(evaluation: Evaluation) -> Table:
    return Table(
        f"The {evaluation.used} with and without what is switched on",
        ("model", "global Dice", "per-image Dice", "change in global Dice", "obedience"),
        tuple(
            (
                row.name,
                shown(row.global_dice),
                shown(row.image_dice),
                shown(row.difference),
                "undefined" if row.obedience is None else shown(row.obedience),
            )
            for row in evaluation.switches
        ),
        "Percent. The first row is the raw model; all other tables are those of the last row. Changes are from the "
        "first row, paired over the images.",
    )


def _obedience(evaluation: Evaluation) -> Table:
    return Table(
        "Obedience",
        ("caption narrowed to", "images", "global Dice", "floor", "crop", "verdict"),
        tuple(
            (
                f"mean by {one.name}" if not one.images else one.name,
                str(one.images or ""),
                shown(one.obeyed),
                shown(one.floor),
                shown(one.crop),
                ("read" if one.reads else "not read") + ("" if one.beats_crop else ", below the crop"),
            )
            for one in evaluation.obedience
        ),
        "Captions that name a place and another one are narrowed to it, and scored against the mask in that place "
        "alone. Floor: what is found under the whole caption, scored so, which is what a model reaches that ignores "
        "the caption. Crop: the same cut to that place, for which no model need read. A zone holds the regions of both "
        "sides at one height. Read: the interval lies above that of the floor.",
        words=(0, 5),
        bad=frozenset((row, 5) for row, one in enumerate(evaluation.obedience) if not one.reads),
    )


def _robustness(evaluation: Evaluation) -> Table:
    return Table(
        "Robustness to the caption",
        ("captions", "changed", "regions", "global Dice", "per-image Dice", "change", "should", "", "what is asked"),
        tuple(
            (
                row.variant.name,
                str(row.variant.changed),
                str(row.variant.regions_changed),
                shown(row.global_dice),
                shown(row.image_dice),
                shown(row.difference),
                row.variant.should,
                {True: "does", False: "does NOT", None: ""}[row.as_it_should],
                row.variant.about,
            )
            for row in evaluation.robustness
        ),
        f"Changed: captions that differ from the original ones, of {len(evaluation.samples)}; regions: those that "
        "name other regions. The change in global Dice is paired over the images. In other words: the same regions "
        f"in the words of the quoted sentence. What should hold does where it loses no more than {HELD_WITHIN:g}; what "
        "should fall does where its whole interval lies below 0.",
        words=(0, 6, 7, 8),
        bad=frozenset((row, 7) for row, one in enumerate(evaluation.robustness) if one.as_it_should is False),
    )


def _models(evaluation: Evaluation) -> Table:
    return Table(
        "All models",
        ("model", "global Dice", "global IoU", "per-image Dice", "per-image IoU"),
        tuple(
            (name, *(f"{value:.2f}" for value in (one.global_dice, one.global_iou, one.image_dice, one.image_iou)))
            for name, one in evaluation.models.items()
        ),
        f"Percent. The {evaluation.used} is the one to use.",
    )


def _groups(title: str, groups: list[GroupScores], note: str) -> Table:
    return Table(
        title,
        ("images", "number", *(SCORES[name] for name in GROUP_SCORES), "no HD95"),
        tuple(
            (
                one.name,
                str(one.images),
                *(shown(one.scores[name], 1) for name in GROUP_SCORES),
                str(one.without_hd95),
            )
            for one in groups
        ),
        note,
    )
