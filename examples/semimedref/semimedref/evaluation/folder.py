"""The folder of an evaluation: scores, pictures and the report, written whole or not at all."""

import csv
import io
import json
import math
import os
import re
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError
from semimedref.data.images import read_image
from semimedref.evaluation.bootstrap import Interval
from semimedref.evaluation.calibration import reliability
from semimedref.evaluation.evaluation import Evaluation
from semimedref.evaluation.figures import draw_case, draw_reliability, draw_sizes
from semimedref.evaluation.groups import size_limits
from semimedref.evaluation.report import Case, Headline, Picture, report_html, whose_left
from semimedref.evaluation.tables import Table
from semimedref.evaluation.tally_file import write_tally
from semimedref.files import sweep, write_atomically, write_text, written_whole
from semimedref.inference import probability_maps
from semimedref.metrics import overlaps
from semimedref.models import ReferringModel
from semimedref.runs import RunFolder

FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[-=+@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet program would begin a formula, by its signs and the wide ones of East Asia: in front of a text,
and behind what parts cells where commas stand in numbers."""
CASES = 4
"""Images of each kind in the gallery."""


def check_new(places: dict[str, Path]) -> None:
    """Raise unless files or folders are still to be made, and can be; the folders that they go to are made and swept.

    Args:
        places: What is to be made, by the option that names it.

    Raises:
        InvalidValueError: One exists, nothing can be written there, or one would lie in another or be it. No folder is
            made then.
    """
    for option, path in places.items():
        if path.exists():
            raise InvalidValueError(f"{path} exists: choose another place for {option}.")
    for (option, path), (other, beside) in permutations(places.items(), 2):
        if path.resolve().is_relative_to(beside.resolve()):
            raise InvalidValueError(
                f"Expected places apart from each other, but got {path} for {option} and {beside} for {other}."
            )
    for option, path in places.items():
        _check_can_be_made(path, option)
        sweep(path.parent)


def _check_can_be_made(path: Path, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidValueError(f"{path}: {path.parent} cannot be made ({error.strerror}), for {option}.") from error
    if not os.access(path.parent, os.W_OK):
        raise InvalidValueError(f"{path}: {path.parent} cannot be written to, for {option}.")


def write_evaluation(
    folder: Path,
    evaluation: Evaluation,
    model: ReferringModel,
    parser: PositionParser,
    tables: list[Table],
    about: dict[str, str],
    settings: dict[str, Any],
) -> None:
    """Write `scores.json`, `per_image.csv`, the pictures and `report.html`.

    Args:
        folder: The folder to make.
        evaluation: What was found out.
        model: The model to use, for the gallery.
        parser: Reads the captions.
        tables: The tables of the report.
        about: What was evaluated, how and when, by name.
        settings: The same for scores.json, in plain types.

    Raises:
        InvalidValueError: The folder exists.
        CannotWriteError: It could not be written.
    """
    check_new({"--out": folder})
    with written_whole(folder) as made:
        _write(made, evaluation, model, parser, tables, about, settings)


def _write(
    folder: Path,
    evaluation: Evaluation,
    model: ReferringModel,
    parser: PositionParser,
    tables: list[Table],
    about: dict[str, str],
    settings: dict[str, Any],
) -> None:
    write_text(folder / "scores.json", json.dumps({"about": settings, **evaluation.to_dict()}, indent=2) + "\n")
    write_text(folder / "per_image.csv", per_image_csv(evaluation, parser))
    write_tally(folder / RunFolder(folder).counts.name, evaluation.tally)
    scores, measured = evaluation.whole.scores, evaluation.measured
    draw_reliability(folder / "reliability.png", reliability(measured.bins.sum(dim=0)), scores["ece"].value)
    draw_sizes(folder / "sizes.png", measured.area, evaluation.dice, size_limits(measured.area))
    gallery = _draw_gallery(folder / "gallery", evaluation, model)
    headlines = [
        Headline("global Dice", scores["global_dice"], "%"),
        Headline("obedience", evaluation.obeyed_sides or Interval(*[math.nan] * 3), "%"),
        Headline("per-image Dice", scores["image_dice"], "%"),
        Headline("HD95", scores["hd95"], "px"),
        Headline("calibration error", scores["ece"], "%"),
    ]
    plots = [
        Picture(folder / "reliability.png", "Calibration", "How often pixels of a stated probability are lesion."),
        Picture(folder / "sizes.png", "Dice and lesion size", "One point an image; bars are the means of the thirds."),
    ]
    write_text(
        folder / "report.html",
        report_html(
            "Evaluation of a referring segmentation model",
            about,
            whose_left(parser.atlas),
            headlines,
            evaluation.not_as_it_should,
            tables,
            plots,
            gallery,
        ),
    )


def per_image_csv(evaluation: Evaluation, parser: PositionParser) -> str:
    """Return one row an image; HD95 is empty where it is undefined."""
    measured, samples = evaluation.measured, evaluation.samples
    each = overlaps(measured.counts)
    heads = ("image", "caption", "regions", "lesion_percent", *each, "hd95", "hit", "extra", "missed")
    heads += ("lesions", "lesions_found", "false_lesions")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    for index, report in enumerate(parser.parse_many(samples.texts)):
        distance = measured.hd95[index].item()
        writer.writerow(
            [
                no_formula(samples.names[index]),
                no_formula(samples.texts[index]),
                "; ".join(report.regions),
                f"{measured.area[index].item():.6g}",
                *(f"{values[index].item():.6g}" for values in each.values()),
                "" if math.isnan(distance) else f"{distance:.6g}",
                *measured.counts[index].tolist(),
                *measured.lesions[index].tolist(),
            ]
        )
    return text.getvalue()


def no_formula(text: str) -> str:
    r"""Return a text as a cell that no spreadsheet program takes for a formula.

    Example:
        >>> no_formula('=HYPERLINK("http://a.b")'), no_formula("chest-1.png")
        ('\'=HYPERLINK("http://a.b")', 'chest-1.png')
    """
    return FORMULA.sub("'", text)


def chosen_cases(dice: list[float], count: int = CASES) -> dict[str, list[int]]:
    """Return which images to show: the worst first, those in the middle, and the best, the very best first.

    Args:
        dice: Dice of N images.
        count: Images of each kind; fewer where N is below three times as many.

    Example:
        >>> chosen_cases([50.0, 10.0, 90.0, 70.0, 30.0], 1)
        {'worst': [1], 'median': [0], 'best': [2]}
    """
    order = sorted(range(len(dice)), key=lambda index: dice[index])
    count = max(1, min(count, len(order) // 3))
    middle = (len(order) - count) // 2
    kinds = {"worst": order[:count], "median": order[middle : middle + count], "best": order[: -count - 1 : -1]}
    seen: set[int] = set()
    cases = {}
    for kind, indices in kinds.items():
        cases[kind] = [index for index in indices if index not in seen]
        seen.update(indices)
    return cases


def _draw_gallery(folder: Path, evaluation: Evaluation, model: ReferringModel) -> dict[str, list[Case]]:
    folder.mkdir()
    dice = evaluation.dice.tolist()
    gallery = {}
    for kind, indices in chosen_cases(dice).items():
        samples = evaluation.samples.take(indices)
        cases = []
        for place, (probabilities, mask) in enumerate(probability_maps(model, samples)):
            path = folder / f"{kind}-{place + 1}.png"
            title = f"Dice {dice[indices[place]]:.1f}, {samples.names[place]}"
            # As it is on disk where it lies there: what the model sees of it is coarser.
            pixels = samples.images[place, 0].numpy() if not samples.files else read_image(samples.files[place])
            shown = torch.from_numpy(pixels.copy())[None]
            draw_case(path, shown, mask, probabilities, title, samples.texts[place])
            whole = folder / f"{kind}-{place + 1}-image.png"
            write_atomically(whole, Image.fromarray(pixels).save)
            about = f"{samples.names[place]}, as it is: {pixels.shape[1]} x {pixels.shape[0]} pixels"
            # Title and caption stand in the picture itself.
            cases.append(Case(whole, about, Picture(path, f"{title}: {samples.texts[place]}")))
        gallery[f"{kind.capitalize()} cases: the image, the mask, and what was found (with the mask's outline)"] = cases
    return gallery
