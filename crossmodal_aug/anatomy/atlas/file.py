"""Reading atlas files: TOML to the fields of an Atlas, with every fault named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.faults import refuse_repetition
from crossmodal_aug.anatomy.atlas.geometry import Cell, boxes_of
from crossmodal_aug.anatomy.atlas.symmetry import check_pairs, check_places, check_sides
from crossmodal_aug.anatomy.atlas.tables import region_index, word_entries
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import Phrasing, WordEntry
from crossmodal_aug.errors import AtlasError, InvalidValueError, reason, shown

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.atlas.schema import AtlasTable, RegionTable

_LONGEST_PATH = 400


def read_fields(path: Path) -> dict[str, Any]:
    """Read and check an atlas file.

    Args:
        path: A TOML file.

    Returns:
        The arguments of the `Atlas` that it describes.

    Raises:
        AtlasError: The file is missing, is not TOML, or describes an inconsistent atlas.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AtlasError(f"Expected an atlas file at {_written(path)}, but there is none.") from error
    except (OSError, ValueError) as error:  # a ValueError: not UTF-8, or a path that cannot be
        why = error.strerror if isinstance(error, OSError) else error
        raise AtlasError(f"Expected {_written(path)} to be a TOML file, but reading it failed: {why}.") from error
    return parse_fields(source, where=_written(path))


def _written(path: Path) -> str:
    """Return a path as it is, or quoted and cut short where it would not make one line."""
    text = str(path)
    return text if text.isprintable() and len(text) <= _LONGEST_PATH else shown(text, _LONGEST_PATH)


def parse_fields(source: str, where: str) -> dict[str, Any]:
    """Read and check the text of an atlas file.

    Args:
        source: TOML, with or without a byte order mark.
        where: What to call it in errors.

    Returns:
        The arguments of the `Atlas` that it describes.

    Raises:
        AtlasError: The text is not TOML, or describes an inconsistent atlas.
    """
    try:
        source.encode()  # half a surrogate pair is not a character of TOML, but tomllib lets it pass
        content = tomllib.loads(source.removeprefix("\ufeff"))
    except ValueError as error:  # a number of thousands of digits is one that is not a TOMLDecodeError
        raise AtlasError(f"{where}: Expected TOML, but got {reason(error)}.") from error
    except RecursionError as error:
        raise AtlasError(f"{where}: Expected TOML, but got lists inside lists without end.") from error
    try:
        return _fields(content)
    except InvalidValueError as error:
        raise AtlasError(f"{where}: {error}") from error


def _fields(content: Mapping[str, Any]) -> dict[str, Any]:
    from crossmodal_aug.anatomy.atlas.schema import AtlasTable, entry, validated  # noqa: PLC0415  (imports pydantic)

    table = validated(AtlasTable, content)
    names = tuple(region.name for region in table.region)
    refuse_repetition("region names", names)
    refuse_repetition("names of [[frames]]", (frame.name for frame in table.frames))
    places = [entry("region", place, dict(region)) for place, region in enumerate(table.region)]
    mirror = tuple(
        region_index(region.mirror or region.name, names, f"`mirror` of {where}")
        for region, where in zip(table.region, places, strict=True)
    )
    check_pairs(names, mirror)
    region_sides = tuple(region.side or None for region in table.region)
    check_sides(names, mirror, region_sides)
    sides = tuple(dict.fromkeys(side for side in region_sides if side is not None))
    words = word_entries(table.words, names)
    _check_repetition(words)
    rows, columns = tuple(table.rows), tuple(table.columns)
    cells = tuple(
        _cell(region, len(rows), len(columns), where) for region, where in zip(table.region, places, strict=True)
    )
    check_places(names, mirror, columns, boxes_of(cells, rows, columns, table.laterality))
    return {
        "name": table.name,
        "names": names,
        "mirror": mirror,
        "cells": cells,
        "sides": tuple(tuple(i for i, own in enumerate(region_sides) if own == side) for side in sides),
        "rows": rows,
        "columns": columns,
        "laterality": table.laterality,
        "bare": table.bare,
        # Captions of pictures speak of a place in the picture, reports of the body.
        "frame": table.frame or ("image" if table.bare == "locative" else "body"),
        "words": words,
        "phrasing": _phrasing(table, sides),
        "mirror_words": tuple((one, other) for one, other in table.mirror_words),
    }


def _phrasing(table: AtlasTable, sides: tuple[str, ...]) -> Phrasing:
    return Phrasing(
        regions=tuple(region.phrase for region in table.region),
        parts=tuple(region.part for region in table.region),
        sides=sides,
        frames=tuple((frame.name, frame.text) for frame in table.frames),
        **dict(table.phrases),
    )


def _check_repetition(words: tuple[WordEntry, ...]) -> None:
    """Refuse a form that stands in two places of a file, of which one would be silently lost."""
    known: dict[tuple[str, ...], WordEntry] = {}
    for entry in words:
        for form in entry.forms:
            other = known.setdefault(words_of(form), entry)
            if other is not entry:
                raise AtlasError(
                    f"Expected each form once, but got {shown(form)} among the {other.kind} words "
                    f"{shown(other.forms[0])} and again among the {entry.kind} words {shown(entry.forms[0])}."
                )


def _cell(region: RegionTable, n_rows: int, n_columns: int, where: str) -> Cell:
    row, column = region.row, region.column
    if row is None or column is None:
        y0, y1, x0, x1 = region.box or []  # the schema gives a region the one or the other
        return (y0, y1, x0, x1)
    if not (0 <= row <= n_rows and 0 <= column <= n_columns):
        raise AtlasError(
            f"Expected {where} in one of {n_rows + 1} rows and {n_columns + 1} columns, counted from 0, but "
            f"got row {shown(row)}, column {shown(column)}."
        )
    return (row, column)
