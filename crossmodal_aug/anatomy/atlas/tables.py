"""Tables of an atlas file: values of the right type, and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import KINDS, REGION_KINDS, WordEntry
from crossmodal_aug.errors import AtlasError

_WORD_KEYS = {"kind", "forms", "axis", "regions", "implied", "plural"}


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
    return tuple(_word(table, names) for table in tables(content, "words"))


def _word(table: Mapping[str, Any], names: tuple[str, ...]) -> WordEntry:
    check_keys("[[words]]", table, _WORD_KEYS)
    kind = text_of(table, "kind", "[[words]]")
    if kind not in KINDS:
        raise AtlasError(f"Expected `kind` of [[words]] to be one of the kinds, but got {kind!r}{hint(kind, KINDS)}")
    forms = table.get("forms")
    if not isinstance(forms, list) or not forms or not all(isinstance(f, str) and words_of(f) for f in forms):
        raise AtlasError(f"Expected `forms` of the {kind} words to be a list of words, but got {forms!r}")
    where = f"the {kind} words {', '.join(map(repr, forms[:3]))}{', ...' if len(forms) > 3 else ''}"
    regions = _indices(table.get("regions", []), names, f"`regions` of {where}")
    if bool(regions) != (kind in REGION_KINDS):
        raise AtlasError(
            f"Expected `regions` with words of the kinds {', '.join(REGION_KINDS)}, and only with those, but "
            f"{where} have {len(regions)}"
        )
    implied = _indices(table.get("implied", []), names, f"`implied` of {where}")
    if not set(implied) <= set(regions):
        raise AtlasError(f"Expected `implied` of {where} to be some of their `regions`")
    if kind == "count noun" and len(forms) % 2:
        raise AtlasError(f"Expected `forms` of {where} to take turns, one and several, but got {len(forms)}")
    plural = table.get("plural", False)
    if not isinstance(plural, bool):
        raise AtlasError(f"Expected `plural` of {where} to be true or false, but got {plural!r}")
    axis = text_of(table, "axis", where) if "axis" in table else "side" if kind in ("side", "both") else "level"
    return WordEntry(kind=kind, forms=tuple(forms), axis=axis, regions=regions, implied=implied, plural=plural)


def _indices(given: object, names: tuple[str, ...], where: str) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(len(names)))
    if not isinstance(given, list):
        raise AtlasError(f'Expected {where} to be a list of names or "all", but got {given!r}')
    return tuple(sorted({region_index(name, names, where) for name in given}))


def region_index(name: object, names: tuple[str, ...], where: str) -> int:
    """Return the index of a region, which `where` names.

    Args:
        name: What the file says.
        names: The region names.
        where: What to call the entry in errors.

    Returns:
        Its place in `names`.

    Raises:
        AtlasError: There is no such region.
    """
    if not isinstance(name, str) or name not in names:
        raise AtlasError(
            f"Expected {where} to be of the regions {', '.join(names)}, but got {name!r}{hint(name, names)}"
        )
    return names.index(name)


def tables(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the tables written `[[key]]`, of which there may be none.

    Args:
        content: The parsed file.
        key: Their name.

    Returns:
        The tables in the order of the file.

    Raises:
        AtlasError: The key holds something else.
    """
    found = content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise AtlasError(f"Expected `{key}` to be tables written [[{key}]], but got {found!r}")
    return found


def text_of(table: Mapping[str, Any], key: str, where: str) -> str:
    """Return a text that must be there.

    Args:
        table: A table of the file.
        key: Its key.
        where: What to call the table in errors.

    Returns:
        The text.

    Raises:
        AtlasError: It is missing, empty, or no text.
    """
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise AtlasError(f"Expected {where} to have a text `{key}`, but got {value!r}")
    return value


def check_keys(where: str, table: object, known: set[str]) -> None:
    """Refuse a table with a key that means nothing.

    Args:
        where: What to call the table in errors.
        table: A table of the file.
        known: The keys that it may have.

    Raises:
        AtlasError: It has others, or is no table.
    """
    if not isinstance(table, Mapping):
        raise AtlasError(f"Expected {where} to be a table, but got {table!r}")
    unknown = sorted(set(table) - known)
    if unknown:
        raise AtlasError(
            f"Expected {where} to have only {', '.join(sorted(known))}, but got {', '.join(unknown)}"
            f"{hint(unknown[0], known)}"
        )


def hint(given: object, known: Iterable[str]) -> str:
    """Return what was probably meant, as the end of an error.

    Args:
        given: What came.
        known: What could have come.

    Returns:
        A question, or "" where nothing is close.

    Example:
        >>> hint("zones", ["zone", "side"]), hint("x", ["zone"])
        ("; did you mean 'zone'?", '')
    """
    import difflib  # noqa: PLC0415  (every import of the package comes by here; a fault does not)

    close = difflib.get_close_matches(str(given), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
