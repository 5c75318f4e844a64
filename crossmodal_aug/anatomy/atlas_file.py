"""Reading atlas files: TOML to Atlas, with every fault named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy.atlas import Atlas, Cell, Phrasing, WordEntry
from crossmodal_aug.anatomy.kinds import KINDS, REGION_KINDS
from crossmodal_aug.anatomy.tokens import words_of
from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError

_TOP_KEYS = {
    "name", "laterality", "bare", "rows", "columns", "mirror_words", "region", "words", "phrases",
}  # fmt: skip
_REGION_KEYS = {"name", "mirror", "row", "column", "box", "phrase", "side", "part"}
_WORD_KEYS = {"kind", "forms", "axis", "regions", "implied", "plural"}
_PHRASE_SLOTS = {
    "some": ("parts", "side"), "whole": ("side",), "coarse": ("side",), "join": (), "present": ("positions",),
    "absent": (), "absent_caption": (),
}  # fmt: skip
_REQUIRED_SLOT = {"present": "{positions}"}


def read_atlas(path: Path) -> Atlas:
    """Read and check an atlas file.

    Args:
        path: A TOML file.

    Returns:
        The atlas.

    Raises:
        AtlasError: The file is missing, is no TOML, or describes an inconsistent atlas.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AtlasError(f"Expected an atlas file at {path}, but there is none") from error
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"Expected {path} to be a TOML file, but reading it failed: {error}") from error
    return parse_atlas(source, where=str(path))


def parse_atlas(source: str, where: str) -> Atlas:
    """Read and check the text of an atlas file.

    Args:
        source: TOML.
        where: What to call it in errors.

    Returns:
        The atlas.

    Raises:
        AtlasError: The text is no TOML, or describes an inconsistent atlas.
    """
    try:
        return _atlas(tomllib.loads(source))
    except (tomllib.TOMLDecodeError, InvalidTypeError, InvalidValueError) as error:
        raise AtlasError(f"{where}: {error}") from error


def read_words(content: Mapping[str, Any], names: tuple[str, ...]) -> tuple[WordEntry, ...]:
    """Turn the `[[words]]` tables of a parsed TOML file into entries.

    Args:
        content: The parsed file.
        names: The region names that the entries may speak of.

    Returns:
        One entry per table.

    Raises:
        AtlasError: A table is not consistent.
    """
    return tuple(_word(table, names) for table in _tables(content, "words"))


def _atlas(content: Mapping[str, Any]) -> Atlas:
    _check_keys("the atlas", content, _TOP_KEYS)
    regions = _tables(content, "region")
    if not regions:
        raise AtlasError("Expected at least one [[region]], but there is none")
    for region in regions:
        _check_keys("a [[region]]", region, _REGION_KEYS)
    names = tuple(_text(region, "name", "a [[region]]") for region in regions)
    if len(set(names)) != len(names):
        raise AtlasError(f"Expected region names without repetition, but got {', '.join(names)}")
    mirror = tuple(_index(region.get("mirror", name), names) for region, name in zip(regions, names, strict=True))
    for index, other in enumerate(mirror):
        if mirror[other] != index:
            raise AtlasError(
                f"Expected `mirror` to pair regions, but {names[index]!r} goes to {names[other]!r} and "
                f"that to {names[mirror[other]]!r}"
            )
    bare = content.get("bare", "finding")
    if bare not in ("finding", "locative"):
        raise AtlasError(f'Expected `bare` to be "finding" or "locative", but got {bare!r}')
    rows, columns = tuple(content.get("rows", ())), tuple(content.get("columns", ()))
    sides = tuple(dict.fromkeys(region["side"] for region in regions if "side" in region))
    return Atlas(
        name=_text(content, "name", "the atlas"),
        names=names,
        mirror=mirror,
        cells=tuple(_cell(region, len(rows), len(columns)) for region in regions),
        sides=tuple(tuple(i for i, r in enumerate(regions) if r.get("side") == side) for side in sides),
        rows=rows,
        columns=columns,
        laterality=content.get("laterality", "viewer"),
        bare=bare,
        words=read_words(content, names),
        phrasing=_phrasing(content.get("phrases", {}), regions, sides),
        mirror_words=_pairs(content.get("mirror_words", [])),
    )


def _phrasing(table: Mapping[str, Any], regions: list[dict[str, Any]], sides: tuple[str, ...]) -> Phrasing:
    _check_keys("[phrases]", table, set(_PHRASE_SLOTS))
    patterns = {}
    for key, slots in _PHRASE_SLOTS.items():
        pattern = _text(table, key, "[phrases]") if key != "whole" or key in table else ""
        filled = dict.fromkeys(slots, "")
        try:
            pattern.format(**filled)
        except (KeyError, IndexError, ValueError) as error:
            raise AtlasError(f"Expected [phrases] `{key}` with the slots {list(slots)}, but got {pattern!r}") from error
        if _REQUIRED_SLOT.get(key, "") not in pattern:
            raise AtlasError(f"Expected [phrases] `{key}` to hold {_REQUIRED_SLOT[key]}, but got {pattern!r}")
        patterns[key] = pattern
    return Phrasing(
        regions=tuple(_text(region, "phrase", "a [[region]]") for region in regions),
        parts=tuple(str(region.get("part", "")) for region in regions),
        sides=sides,
        **patterns,
    )


def _word(table: Mapping[str, Any], names: tuple[str, ...]) -> WordEntry:
    _check_keys("[[words]]", table, _WORD_KEYS)
    kind = _text(table, "kind", "[[words]]")
    if kind not in KINDS:
        raise AtlasError(f"Expected `kind` to be one of {', '.join(KINDS)}, but got {kind!r}")
    forms = table.get("forms")
    if not isinstance(forms, list) or not forms or not all(isinstance(f, str) and words_of(f) for f in forms):
        raise AtlasError(f"Expected `forms` of the {kind} words to be a list of words, but got {forms!r}")
    regions = _indices(table.get("regions", []), names, kind)
    if bool(regions) != (kind in REGION_KINDS):
        raise AtlasError(
            f"Expected `regions` with words of the kinds {', '.join(sorted(REGION_KINDS))} only, but "
            f"{kind} {forms[0]!r} has {len(regions)}"
        )
    implied = _indices(table.get("implied", []), names, kind)
    if not set(implied) <= set(regions):
        raise AtlasError(f"Expected `implied` of {forms[0]!r} to be some of its `regions`")
    return WordEntry(
        kind=kind,
        forms=tuple(forms),
        axis=str(table.get("axis", "side" if kind in ("side", "both") else "level")),
        regions=regions,
        implied=implied,
        plural=bool(table.get("plural", False)),
    )


def _cell(region: Mapping[str, Any], n_rows: int, n_columns: int) -> Cell:
    name = region["name"]
    if "box" in region:
        box = region["box"]
        if not (isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)):
            raise AtlasError(f"Expected `box` of region {name!r} to be [y0, y1, x0, x1], but got {box!r}")
        y0, y1, x0, x1 = (float(value) for value in box)
        if not (0 <= y0 < y1 <= 1 and 0 <= x0 < x1 <= 1):
            raise AtlasError(f"Expected `box` of region {name!r} to lie inside the image, but got {box!r}")
        return (y0, y1, x0, x1)
    row, column = region.get("row"), region.get("column")
    if not (isinstance(row, int) and isinstance(column, int)):
        raise AtlasError(f"Expected region {name!r} to have `row` and `column`, or a `box`")
    if not (0 <= row <= n_rows and 0 <= column <= n_columns):
        raise AtlasError(
            f"Expected region {name!r} in one of {n_rows + 1} rows and {n_columns + 1} columns, but got "
            f"row {row}, column {column}"
        )
    return (row, column)


def _indices(given: object, names: tuple[str, ...], kind: str) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(len(names)))
    if not isinstance(given, list):
        raise AtlasError(f'Expected regions of the {kind} words to be a list of names or "all", but got {given!r}')
    return tuple(sorted(_index(name, names) for name in given))


def _index(name: object, names: tuple[str, ...]) -> int:
    if name not in names:
        raise AtlasError(f"Expected one of the regions {', '.join(names)}, but got {name!r}")
    return names.index(str(name))


def _pairs(given: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, list):
        raise AtlasError(f"Expected `mirror_words` to be a list of pairs, but got {given!r}")
    pairs = []
    for pair in given:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair)):
            raise AtlasError(f"Expected `mirror_words` to hold pairs of words, but got {pair!r}")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _tables(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    tables = content.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise AtlasError(f"Expected `{key}` to be tables written [[{key}]], but got {tables!r}")
    return tables


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise AtlasError(f"Expected {where} to have a text `{key}`, but got {value!r}")
    return value


def _check_keys(where: str, table: object, known: set[str]) -> None:
    if not isinstance(table, Mapping):
        raise AtlasError(f"Expected {where} to be a table, but got {table!r}")
    unknown = sorted(set(table) - known)
    if unknown:
        raise AtlasError(f"Expected {where} to have only {', '.join(sorted(known))}, but got {', '.join(unknown)}")
