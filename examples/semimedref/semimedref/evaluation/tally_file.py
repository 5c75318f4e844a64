"""A tally as a file: one JSON line that says what was counted, then one for the counts under each kind of captions."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.evaluation.tally import Row, Tally
from semimedref.files import write_text

FORMAT = 1


def write_tally(path: Path, counted: Tally) -> None:
    """Write a tally, in place of an earlier one.

    Raises:
        CannotWriteError: It could not be written.
    """
    head = {
        "format": FORMAT,
        "about": counted.about,
        "images": list(counted.images),
        "patients": counted.patients.tolist(),
    }
    lines = [head, *(_line(row, len(counted.images)) for row in counted.rows.values())]
    write_text(path, "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def read_tally(path: Path) -> Tally:
    """Read a tally.

    Raises:
        InvalidValueError: The file is missing, of another format, or damaged.
    """
    if not path.is_file():
        raise InvalidValueError(f"{path}: no such file of counts; `evaluate.py RUN` writes it.")
    try:
        head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if head["format"] != FORMAT:
            raise InvalidValueError(f"{path}: expected counts of format {FORMAT}, but got {shown(head['format'])}.")
        images, patients = tuple(head["images"]), _whole_numbers(head["patients"])
        if not all(isinstance(image, str) for image in images) or patients.shape != (len(images),):
            raise InvalidValueError(f"{path}: expected names of images, and a patient for each of them.")
        # Patients are numbered through, so none lies behind the number of images.
        if images and not 0 <= int(patients.min()) <= int(patients.max()) < len(images):
            raise InvalidValueError(f"{path}: expected patients from 0 to {len(images) - 1}.")
        rows = [_row(line, len(images)) for line in lines]
        if not rows or len({row.key for row in rows}) != len(rows):
            raise InvalidValueError(f"{path}: expected counts under each kind of captions once, but got {len(rows)}.")
        return Tally(images, patients, {row.key: row for row in rows}, dict(head["about"]))
    except (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError) as error:
        if isinstance(error, InvalidValueError):
            raise
        why = f"{type(error).__name__}: {str(error).rstrip('.')}"
        raise InvalidValueError(f"{path}: not a file of counts ({why}).") from error


def _line(row: Row, images: int) -> dict[str, Any]:
    # Most rows are of all images.
    everything = row.images.tolist() == list(range(images))
    return {
        "reading": row.reading,
        "captions": row.captions,
        "of": "all" if everything else row.images.tolist(),
        "counts": row.counts.tolist(),
    }


def _row(line: dict[str, Any], images: int) -> Row:
    places = _whole_numbers(list(range(images)) if line["of"] == "all" else line["of"])
    counts = _whole_numbers(line["counts"]).view(-1, 3)
    if len(counts) and int(counts.min()) < 0:
        raise ValueError("Expected counts of 0 or more.")
    if not isinstance(line["reading"], str) or not isinstance(line["captions"], str):
        raise TypeError("Expected captions with a name.")
    if len(places) != len(counts) or (len(places) and not 0 <= int(places.min()) <= int(places.max()) < images):
        raise ValueError(f"{line['captions']}: {len(counts)} counts of {len(places)} images.")
    return Row(line["reading"], line["captions"], places, counts)


def _whole_numbers(values: object) -> Tensor:
    numbers = torch.tensor(values)
    if (numbers.is_floating_point() and numbers.numel()) or numbers.dtype == torch.bool:
        raise TypeError("Expected whole numbers.")
    return numbers.to(torch.int64)
