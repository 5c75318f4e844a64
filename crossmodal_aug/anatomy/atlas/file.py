"""Reading atlas files: TOML to the fields of an Atlas, with every fault named."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy.atlas.geometry import Cell, boxes_of, check_cuts, check_laterality
from crossmodal_aug.anatomy.atlas.symmetry import check_pairs, check_places, check_sides
from crossmodal_aug.anatomy.atlas.tables import check_keys, read_words, region_index, tables, text_of
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import Phrasing, WordEntry
from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError

_TOP_KEYS = {
    "name", "laterality", "bare", "rows", "columns", "mirror_words", "region", "words", "phrases",
}  # fmt: skip
_REGION_KEYS = {"name", "mirror", "row", "column", "box", "phrase", "side", "part"}
_PHRASE_SLOTS = {
    "some": ("parts", "side"), "whole": ("side",), "coarse": ("side",), "join": (), "present": ("positions",),
    "absent": (), "absent_caption": (),
}  # fmt: skip
_REQUIRED_SLOT = {"some": "parts", "present": "positions"}


def read_fields(path: Path) -> dict[str, Any]:
    """Read and check an atlas file.

    Args:
        path: A TOML file.

    Returns:
        The arguments of the `Atlas` that it describes.

    Raises:
        AtlasError: The file is missing, is no TOML, or describes an inconsistent atlas.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AtlasError(f"Expected an atlas file at {path}, but there is none") from error
    except (OSError, ValueError) as error:  # a ValueError: no UTF-8, or a path that cannot be
        raise AtlasError(f"Expected {path} to be a TOML file, but reading it failed: {error}") from error
    return parse_fields(source, where=str(path))


def parse_fields(source: str, where: str) -> dict[str, Any]:
    """Read and check the text of an atlas file.

    Args:
        source: TOML.
        where: What to call it in errors.

    Returns:
        The arguments of the `Atlas` that it describes.

    Raises:
        AtlasError: The text is no TOML, or describes an inconsistent atlas.
    """
    try:
        content = tomllib.loads(source)
    except ValueError as error:  # a number of thousands of digits is one that is no TOMLDecodeError
        raise AtlasError(f"{where}: Expected TOML, but got {error}") from error
    except RecursionError as error:
        raise AtlasError(f"{where}: Expected TOML, but got lists inside lists without end") from error
    try:
        return _fields(content)
    except (InvalidTypeError, InvalidValueError) as error:
        raise AtlasError(f"{where}: {error}") from error


def _fields(content: Mapping[str, Any]) -> dict[str, Any]:
    check_keys("the atlas", content, _TOP_KEYS)
    regions = tables(content, "region")
    if not regions:
        raise AtlasError("Expected at least one [[region]], but there is none")
    for region in regions:
        check_keys("a [[region]]", region, _REGION_KEYS)
    names = tuple(text_of(region, "name", "a [[region]]") for region in regions)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise AtlasError(f"Expected region names without repetition, but got {twice[0]!r} twice")
    mirror = tuple(
        region_index(region.get("mirror", name), names, f"`mirror` of region {name!r}")
        for region, name in zip(regions, names, strict=True)
    )
    check_pairs(names, mirror)
    region_sides = tuple(_optional(region, "side") for region in regions)
    check_sides(names, mirror, region_sides)
    sides = tuple(dict.fromkeys(side for side in region_sides if side is not None))
    bare = content.get("bare", "finding")
    if bare not in ("finding", "locative"):
        raise AtlasError(f'Expected `bare` to be "finding" or "locative", but got {bare!r}')
    rows, columns = (check_cuts(key, content.get(key, [])) for key in ("rows", "columns"))
    words = read_words(content, names)
    _check_repetition(words)
    fields: dict[str, Any] = {
        "name": text_of(content, "name", "the atlas"),
        "names": names,
        "mirror": mirror,
        "cells": tuple(_cell(region, len(rows), len(columns)) for region in regions),
        "sides": tuple(tuple(i for i, own in enumerate(region_sides) if own == side) for side in sides),
        "rows": rows,
        "columns": columns,
        "laterality": content.get("laterality", "viewer"),
        "bare": bare,
        "words": words,
        "phrasing": _phrasing(content.get("phrases", {}), regions, sides),
        "mirror_words": _pairs(content.get("mirror_words", [])),
    }
    check_laterality(fields["laterality"])
    check_places(names, mirror, columns, boxes_of(fields["cells"], rows, columns, fields["laterality"]))
    return fields


def _phrasing(table: Mapping[str, Any], regions: list[dict[str, Any]], sides: tuple[str, ...]) -> Phrasing:
    check_keys("[phrases]", table, set(_PHRASE_SLOTS))
    patterns = {}
    for key, slots in _PHRASE_SLOTS.items():
        pattern = text_of(table, key, "[phrases]") if key != "whole" or key in table else ""
        found = _slots(pattern)
        if found is None or not found <= set(slots):
            allowed = " and ".join(f"{{{slot}}}" for slot in slots)
            raise AtlasError(f"Expected [phrases] `{key}` with {allowed or 'no'} slots alone, but got {pattern!r}")
        required = _REQUIRED_SLOT.get(key)
        if required is not None and required not in found:
            raise AtlasError(f"Expected [phrases] `{key}` to hold {{{required}}}, but got {pattern!r}")
        patterns[key] = pattern
    return Phrasing(
        regions=tuple(text_of(region, "phrase", f"region {region['name']!r}") for region in regions),
        parts=tuple(_optional(region, "part") or "" for region in regions),
        sides=sides,
        **patterns,
    )


def _slots(pattern: str) -> set[str] | None:
    """Return the slots of a pattern, or None where it has more than plain slots ("{parts:>9}", "{side.x}")."""
    try:
        fields = [field for field in string.Formatter().parse(pattern) if field[1] is not None]
    except ValueError:
        return None
    plain = all(name and name.isidentifier() and not spec and not conversion for _, name, spec, conversion in fields)
    return {str(name) for _, name, _, _ in fields} if plain else None


def _check_repetition(words: tuple[WordEntry, ...]) -> None:
    """Refuse a form that stands in two places of a file, of which one would be silently lost."""
    known: dict[tuple[str, ...], WordEntry] = {}
    for entry in words:
        for form in entry.forms:
            other = known.setdefault(words_of(form), entry)
            if other is not entry:
                raise AtlasError(
                    f"Expected each form once, but got {form!r} among the {other.kind} words "
                    f"{other.forms[0]!r} and again among the {entry.kind} words {entry.forms[0]!r}"
                )


def _cell(region: Mapping[str, Any], n_rows: int, n_columns: int) -> Cell:
    name = region["name"]
    if "box" in region:
        if "row" in region or "column" in region:
            raise AtlasError(f"Expected region {name!r} to have `row` and `column`, or a `box`, but it has both")
        return _fixed_box(name, region["box"])
    row, column = (_whole(region.get(key)) for key in ("row", "column"))
    if row is None or column is None:
        raise AtlasError(
            f"Expected region {name!r} to have whole numbers `row` and `column`, or a `box`, but got "
            f"row {region.get('row')!r}, column {region.get('column')!r}"
        )
    if not (0 <= row <= n_rows and 0 <= column <= n_columns):
        raise AtlasError(
            f"Expected region {name!r} in one of {n_rows + 1} rows and {n_columns + 1} columns, counted from 0, but "
            f"got row {row}, column {column}"
        )
    return (row, column)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fixed_box(name: str, box: object) -> Cell:
    if not (isinstance(box, list) and len(box) == 4 and all(type(value) in (int, float) for value in box)):
        raise AtlasError(f"Expected `box` of region {name!r} to be [y0, y1, x0, x1], but got {box!r}")
    if not (0 <= box[0] < box[1] <= 1 and 0 <= box[2] < box[3] <= 1):
        raise AtlasError(f"Expected `box` of region {name!r} to lie inside the image, but got {box!r}")
    y0, y1, x0, x1 = (float(value) for value in box)
    return (y0, y1, x0, x1)


def _optional(region: Mapping[str, Any], key: str) -> str | None:
    return text_of(region, key, f"region {region['name']!r}") if key in region else None


def _pairs(given: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list):
        raise AtlasError(f"Expected `mirror_words` to be a list of pairs, but got {given!r}")
    for pair in given:
        words = isinstance(pair, list) and all(isinstance(word, str) and words_of(word) for word in pair)
        if not (words and len(pair) == 2):
            raise AtlasError(f"Expected `mirror_words` to hold pairs of words, but got {pair!r}")
    return tuple((one, other) for one, other in given)
