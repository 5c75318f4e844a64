"""Lists of captions as people hand them round: csv, tsv, xlsx, json and json lines."""

from __future__ import annotations

import csv
import json
import struct
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.errors import InvalidValueError, reason, shown

SUFFIXES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl", ".ndjson")

COLUMNS = {
    "image": ("image", "image_path", "image_name", "img", "img_path", "file", "filename", "file_name", "path", "name"),
    "mask": ("mask", "mask_path", "mask_name"),
    "caption": ("caption", "description", "text", "report", "sentence", "prompt", "findings"),
    "part": ("split", "part", "set", "subset"),
    "patient": ("patient", "patient_id", "patientid", "subject", "subject_id"),
}
"""Names that a column may have, in small letters, the likelier first."""


@dataclass(frozen=True)
class Entry:
    """One row of a list of captions.

    Attributes:
        where: Its place, for messages: the file, and `place`.
        place: Its place in the file: "line 3", counted from the first line of the file; "row 3" of an xlsx file or of
            a list in json, whose lines nobody counts.
        image: Name of the image, or of its mask; empty where the list has none.
        caption: What it says; empty where it says nothing.
        mask: Name of the mask, if the list has it.
        part: The part that it belongs to, if the list says so.
        patient: The patient, if the list says so.
    """

    where: str
    place: str
    image: str
    caption: str
    mask: str = ""
    part: str = ""
    patient: str = ""


def is_sheet(path: Path) -> bool:
    """Return whether a file may be a list of captions, by its name; lock files and hidden ones are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(("~$", "."))


def read_sheet(path: Path) -> list[Entry]:
    """Read a list of captions.

    Args:
        path: A csv or tsv file in UTF-8, an xlsx file (its first sheet), a json file (a list of objects, or such
            lists under the names of the parts), or one object a line.

    Returns:
        Its rows; one that is empty stays, without a caption, unless it is at the end or before the heads.

    Raises:
        InvalidValueError: The file is missing or unreadable, has no column with captions, or a row of a csv or tsv
            file has more cells than the heads: a caption with commas that is not in quotes.
        MissingDependencyError: An xlsx file, and openpyxl is not installed.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".xlsx":
            return _of_table(path, [(f"row {number}", cells) for number, cells in enumerate(_xlsx(path), 1)])
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path}: no such file.") from error
    except IsADirectoryError as error:
        raise InvalidValueError(f"Expected a list of captions in a file, but {path} is a folder.") from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{path}: Expected text in UTF-8, but got {reason(error)}.") from error
    if suffix in (".jsonl", ".ndjson"):
        lines = {number: line for number, line in enumerate(text.split("\n"), 1) if line.strip()}
        return _of_objects(path, {"": [_json(path, line) for line in lines.values()]}, [f"line {n}" for n in lines])
    if suffix == ".json":
        return _of_objects(path, _json(path, text))
    return _of_table(path, _csv(path, text))


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{path}: Expected JSON, but got {reason(error)}.") from error


def _of_objects(path: Path, stored: Any, places: Sequence[str] = ()) -> list[Entry]:
    parts = stored if isinstance(stored, dict) else {"": stored}
    rows: list[tuple[str, str, dict[str, object]]] = []
    for part, some in parts.items():
        if not isinstance(some, list):
            raise InvalidValueError(f"{path}: Expected a list of rows under {shown(part)}, but got {shown(some)}.")
        for number, row in enumerate(some, 1):
            place = places[number - 1] if places else f"{f'{part} ' if part else ''}row {number}"
            if not isinstance(row, dict):
                raise InvalidValueError(f"{path}, {place}: Expected an object with a caption, but got {shown(row)}.")
            rows.append((place, part, row))
    if not rows:
        raise InvalidValueError(f"{path}: Expected rows with captions, but it is empty.")
    heads = _heads(path, list(dict.fromkeys(name for _, _, row in rows for name in row)))
    return [
        _entry(path, place, {kind: row.get(head) for kind, head in heads.items()}, part) for place, part, row in rows
    ]


def _of_table(path: Path, rows: Sequence[tuple[str, Sequence[object]]]) -> list[Entry]:
    filled = [number for number, (_, cells) in enumerate(rows) if any(_text(cell) for cell in cells)]
    if not filled:
        raise InvalidValueError(f"{path}: Expected rows with captions, but it is empty.")
    names = [_text(cell) for cell in rows[filled[0]][1]]
    columns = {kind: names.index(head) for kind, head in _heads(path, names).items()}
    return [
        _entry(path, place, {kind: cells[i] if i < len(cells) else "" for kind, i in columns.items()}, "")
        for place, cells in rows[filled[0] + 1 : filled[-1] + 1]
    ]


def _heads(path: Path, names: Sequence[str]) -> dict[str, str]:
    """The column of each kind that is there."""
    by_name = {str(name).casefold(): name for name in reversed(names)}
    heads = {
        kind: by_name[next(name for name in wanted if name in by_name)]
        for kind, wanted in COLUMNS.items()
        if any(name in by_name for name in wanted)
    }
    if "caption" not in heads:
        raise InvalidValueError(
            f"{path}: Expected a column {', '.join(COLUMNS['caption'][:-1])} or {COLUMNS['caption'][-1]}, but got "
            f"{shown(list(names))}."
        )
    return heads


def _entry(path: Path, place: str, cells: dict[str, object], part: str) -> Entry:
    said = {kind: _text(cell) for kind, cell in cells.items()}
    return Entry(
        f"{path}, {place}",
        place,
        said.get("image", ""),
        said["caption"],
        said.get("mask", ""),
        part or said.get("part", ""),
        said.get("patient", ""),
    )


def _text(cell: object) -> str:
    """A cell as text: a spreadsheet takes names of digits for numbers."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()


def _csv(path: Path, text: str) -> list[tuple[str, list[str]]]:
    """The rows of a table, each with the line that it begins in: a caption in quotes may hold line breaks."""
    head = text.lstrip().partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else next((one for one in ",;\t" if one in head), ",")
    reader, rows, last = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True), [], 0
    most = None
    try:
        for cells in reader:
            width = max((number for number, cell in enumerate(cells, 1) if cell.strip()), default=0)
            most = most or width
            if width > most:
                raise InvalidValueError(
                    f"{path}, line {last + 1}: Expected at most {most} cells, as the heads have, but got {width}: "
                    f"{shown(cells[most - 1 : width])}. A cell that holds {shown(delimiter)} must be in double quotes."
                )
            rows.append((f"line {last + 1}", cells))
            last = reader.line_num
    except csv.Error as error:
        raise InvalidValueError(f"{path}: Expected a table in csv, but got {reason(error)}.") from error
    return rows


def _xlsx(path: Path) -> list[Sequence[object]]:
    openpyxl = library("openpyxl", "openpyxl")
    # Damage shows in any of these, depending on whether the archive, its parts, their XML or its values are hit.
    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as workbook:
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()  # some writers store a wrong extent, which would cut rows off
            return list(sheet.iter_rows(values_only=True))
    except FileNotFoundError:
        raise
    except (
        *(OSError, EOFError, SyntaxError, RuntimeError, LookupError, ValueError, TypeError, AttributeError),
        *(BadZipFile, zlib.error, struct.error),
    ) as error:
        raise InvalidValueError(f"{path}: Expected a readable xlsx file, but got {reason(error)}.") from error
