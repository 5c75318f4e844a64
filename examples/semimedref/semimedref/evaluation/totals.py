"""Scores that are made of sums over patients, so that sets of patients can be drawn and exchanged.

Every score here is a mean over kinds of captions; of each kind it is the Dice or IoU of all pixels, or the mean of the
images' own. Both follow from sums: of true positives, false positives, false negatives, of the images' Dice and IoU,
and of images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semimedref.evaluation.tally import CROP, FALSE_COUNT, FLOOR, OWN, WORDING, Tally
from semimedref.metrics import overlaps

SUMS = 6
"""True positives, false positives, false negatives, sum of the images' Dice, of their IoU, and number of images."""
KINDS = ("global_dice", "global_iou", "image_dice", "image_iou")


@dataclass(frozen=True)
class Measure:
    """A score of a tally.

    Attributes:
        name: As tables have it.
        kind: One of `KINDS`.
        rows: Reading and captions of the counts that it is the mean over.
    """

    name: str
    kind: str
    rows: tuple[tuple[str, str], ...]


def measures(counted: Tally) -> list[Measure]:
    """Return the scores that a tally can tell, the most important first; those without an image are left out."""
    found = [
        Measure("global Dice", "global_dice", (("raw", OWN),)),
        Measure("per-image Dice", "image_dice", (("raw", OWN),)),
        Measure("global IoU", "global_iou", (("raw", OWN),)),
        Measure("per-image IoU", "image_iou", (("raw", OWN),)),
    ]
    for unit in ("side", "zone", "region"):
        there = [key for key in counted.captions("raw", f"{unit} ") if len(counted.row("raw", key).images)]
        for ending in ("", FLOOR, CROP):
            rows = tuple(("raw", key + ending) for key in there)
            if rows:
                found.append(Measure(f"obedience by {unit}{_behind(ending)}", "global_dice", rows))
        if unit != "region":
            found += [
                Measure(f"obedience {key}{_behind(ending)}", "global_dice", (("raw", key + ending),))
                for key in there
                for ending in ("", FLOOR, CROP)
            ]
    for reading in ("raw", "in-style"):
        words = [(reading, key) for key in counted.captions(reading, WORDING)]
        ending = "" if reading == "raw" else f", {reading}"
        if words:
            found.append(Measure(f"in other words{ending}", "global_dice", tuple(words)))
        if reading == "raw":
            found += [Measure(f"in other {key}", "global_dice", ((_, key),)) for _, key in words]
        if (reading, FALSE_COUNT) in counted.rows:
            found.append(Measure(f"{FALSE_COUNT}{ending}", "global_dice", ((reading, FALSE_COUNT),)))
    for reading in ("in-style", "mirrored", "in-style, mirrored"):
        if (reading, OWN) in counted.rows:
            found.append(Measure(f"global Dice, {reading}", "global_dice", ((reading, OWN),)))
    return [one for one in found if all(row in counted.rows for row in one.rows)]


def _behind(ending: str) -> str:
    return f",{ending}" if ending else ""


def totals(counted: Tally, measure: Measure) -> Tensor:
    """Return the sums of each patient.

    Args:
        counted: A tally.
        measure: What they are for.

    Returns:
        (P, rows, SUMS) float64.
    """
    patients = int(counted.patients.max()) + 1
    summed = torch.zeros(patients, len(measure.rows), SUMS, dtype=torch.float64)
    for place, key in enumerate(measure.rows):
        row = counted.row(*key)
        each = overlaps(row.counts)
        one = torch.ones(len(row.images), 1, dtype=torch.float64)
        sums = torch.cat((row.counts.double(), each["dice"][:, None], each["iou"][:, None], one), dim=1)
        summed[:, place].index_add_(0, counted.patients[row.images], sums)
    return summed


def score_of(summed: Tensor, kind: str) -> Tensor:
    """Return a score from sums.

    Args:
        summed: (..., rows, SUMS).
        kind: One of `KINDS`.

    Returns:
        (...) float64 in percent: the mean over the rows; NaN where a row holds no image.
    """
    images = summed[..., 5]
    each = {"image_dice": summed[..., 3] / images, "image_iou": summed[..., 4] / images}
    values = each[kind] if kind in each else overlaps(summed[..., :3])[kind.removeprefix("global_")]
    return torch.where(images > 0, values, torch.nan).mean(dim=-1)


def scores(counted: Tally, chosen: Sequence[Measure] | None = None) -> dict[str, float]:
    """Return every score of a tally by name, in percent."""
    chosen = measures(counted) if chosen is None else chosen
    return {one.name: score_of(totals(counted, one).sum(dim=0), one.kind).item() for one in chosen}
