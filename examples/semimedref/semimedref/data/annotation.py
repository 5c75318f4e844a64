"""`annotation.json`: the rows of all three parts in one file."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.data.entries import PARTS, Entry, check_entry, short


def read_annotation(path: Path, needed: Collection[str] = PARTS) -> dict[str, list[Entry]]:
    """Read and check `annotation.json`.

    Args:
        path: The file.
        needed: Parts that must be there.

    Returns:
        The entries of each part.

    Raises:
        InvalidValueError: The file is missing, is no JSON, lacks a part, or a row lacks its name or caption, or gives
            it twice.
    """
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path}: no such file.") from error
    # ValueError: no JSON, no UTF-8, or a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{path}: not a JSON file ({error}).") from error
    parts: dict[str, list[Entry]] = {}
    for part in PARTS:
        rows = stored.get(part) if isinstance(stored, dict) else None
        if rows is None and isinstance(stored, dict) and part not in needed:
            parts[part] = []
            continue
        if not isinstance(rows, list) or not rows:
            raise InvalidValueError(f"{path}: expected a list of rows under {shown(part)}, but got {short(rows)}.")
        parts[part] = [_entry(row, f"{path}, {part} row {number}") for number, row in enumerate(rows, 1)]
    return parts


def _entry(row: object, where: str) -> Entry:
    if not isinstance(row, dict):
        raise InvalidValueError(f"{where}: expected an object with image_path and caption, but got {short(row)}.")
    if "image" in row and "image_path" in row:
        raise InvalidValueError(f"{where}: expected either image_path or image, but got both in {short(row)}.")
    head = "image" if "image" in row else "image_path"
    return check_entry(
        where,
        row.get(head),
        row.get("caption"),
        heads=(head, "caption"),
        mask=row.get("mask"),
        patient=row.get("patient"),
    )
