"""Scores of masks that other programs made, against the true ones: two folders of files of the same names."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from semimedref.cli import say
from semimedref.data.findings import Findings
from semimedref.data.images import decode_mask
from semimedref.data.levels import AmbiguousMaskError
from semimedref.evaluation.bootstrap import Bootstrap, Interval
from semimedref.evaluation.calibration import bin_totals
from semimedref.evaluation.lesions import lesion_counts
from semimedref.evaluation.measures import SCORES, Measured
from semimedref.evaluation.patients import patients_of
from semimedref.evaluation.surface import hd95
from semimedref.evaluation.tables import Table, shown
from semimedref.files import write_text
from semimedref.metrics import Confusion
from semimedref.settings import flag

NOT_OF_MASKS = "ece"
"""The calibration error is one of probabilities."""


def check_kind(parser: ArgumentParser, options: Namespace) -> None:
    """Raise unless either a run is scored or masks are, and by options that have an effect there.

    Raises:
        InvalidValueError: Both are or none is, or an option has no effect.
    """
    if options.masks is None:
        if options.checkpoint is None or options.truth is not None:
            raise InvalidValueError("Expected RUN, or both --masks and --truth.")
        return
    if options.truth is None or options.checkpoint is not None:
        raise InvalidValueError("Expected --truth, and no RUN, beside --masks.")
    for name in ("root", "allow_duplicates", "part", "out", "in_style", "mirrored", "device"):
        if getattr(options, name) != parser.get_default(name):
            raise InvalidValueError(f"Expected no {flag(name)} beside --masks, where it has no effect.")


def score_masks(options: Namespace, bootstrap: Bootstrap) -> None:
    """Score masks that another program made."""
    measured, names, notes = measure_masks(options.masks, options.truth, options.mask_values or "")
    say(*notes)
    beside = sorted({path.name for path in options.masks.iterdir()} - set(names))
    if beside:
        say(f"note: {options.masks} holds {len(beside)} more, such as {beside[0]}, which are not scored")
    scores = scores_of_masks(measured, bootstrap)
    say(
        "",
        f"{options.masks}, {len(names)} masks",
        "",
        *table_of_masks(measured, scores, options.resamples).to_text().splitlines(),
    )
    if options.json is not None:
        write_text(options.json, json.dumps({name: one.to_dict() for name, one in scores.items()}, indent=2) + "\n")
        say("", options.json)


def measure_masks(found: Path, truth: Path, values: str = "") -> tuple[Measured, list[str], list[str]]:
    """Measure masks against the true ones.

    Args:
        found: Folder with a mask for each true one, of the same name and size. Other files in it are left alone.
        truth: Folder of the true masks, and of nothing else.
        values: Values of the found masks that are lesion, as `--mask-values` takes them; if empty, each file tells.

    Returns:
        The measurements, the names of the images, in their order, and lines to print of how the masks were understood.

    Raises:
        InvalidValueError: A folder or a mask is missing or cannot be read, a mask has another size, masks of a folder
            contradict each other, or none of those found holds the values.
    """
    for folder in (found, truth):
        if not folder.is_dir():
            raise InvalidValueError(f"{folder}: no such folder of masks.")
    files = sorted(path for path in truth.iterdir() if path.is_file() and not path.name.startswith("."))
    missing = [path.name for path in files if not (found / path.name).is_file()]
    if not files or missing:
        lacks = f"{len(missing)} are not there, such as {missing[0]}" if missing else "there are no true ones"
        raise InvalidValueError(f"{found}: expected a mask for each of {truth}, of the same name, but {lacks}.")
    counts, distances, bins, lesions, pixels = Confusion(), [], [], [], []
    findings, true_findings = Findings(values), Findings()
    for file in files:
        true, own = _mask(file, true_findings), _mask(found / file.name, findings)
        if own.shape != true.shape:
            raise InvalidValueError(
                f"{found / file.name}: expected a mask of {_size(true)} pixels, as {file} has, but got {_size(own)}."
            )
        counts.add(own.double(), true)
        distances.append(hd95(own, true))
        bins.append(bin_totals(own.double(), true))
        lesions.append(lesion_counts(own, true))
        pixels.append(true.numel())
    notes = [*_notes(truth, true_findings), *_notes(found, findings)]
    names = [file.name for file in files]
    measured = Measured(
        counts.counts,
        torch.tensor(pixels),
        torch.tensor(distances, dtype=torch.float64),
        torch.stack(bins),
        torch.tensor(lesions, dtype=torch.int64),
        patients_of(names),
    )
    return measured, names, notes


def scores_of_masks(measured: Measured, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return the scores with their intervals, by the names of `SCORES`, without that of probabilities."""
    return {name: one for name, one in bootstrap.scores(measured).items() if name != NOT_OF_MASKS}


def table_of_masks(measured: Measured, scores: dict[str, Interval], resamples: int) -> Table:
    """Return the scores as a table."""
    return Table(
        "Scores of the masks, with 95 % intervals",
        ("score", "value"),
        tuple((SCORES[name], shown(one)) for name, one in scores.items()),
        f"Percent, but HD95 and false lesions. Intervals: percentiles of {resamples} bootstrap samples of the "
        f"{len(measured.patients.unique())} patients. HD95 is undefined for {measured.without_hd95} of {len(measured)} "
        "images. Masks alone cannot be asked under other captions.",
    )


def _mask(file: Path, findings: Findings) -> Tensor:
    try:
        read = decode_mask(file, findings.values)
    except AmbiguousMaskError as error:
        raise InvalidValueError(f"{error}.") from error
    findings.add_masks([file], [Findings.of_mask(read.turned, read.understood)])
    return torch.from_numpy(read.pixels.copy())


def _notes(folder: Path, findings: Findings) -> list[str]:
    try:
        return [f"{folder}: {note}" for note in findings.notes()]
    except AmbiguousMaskError as error:
        raise InvalidValueError(f"{error}.") from error


def _size(mask: Tensor) -> str:
    return f"{mask.shape[1]} x {mask.shape[0]}"
