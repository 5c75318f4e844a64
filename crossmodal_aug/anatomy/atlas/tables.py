"""Words of an atlas file as entries, with the regions that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.faults import hint
from crossmodal_aug.anatomy.atlas.words import REGION_KINDS, WordEntry
from crossmodal_aug.errors import AtlasError, shown

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.atlas.schema import WordsTable


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
    from crossmodal_aug.anatomy.atlas.schema import Vocabulary, validated  # noqa: PLC0415  (imports pydantic)

    own = {key: value for key, value in content.items() if key == "words"}
    return word_entries(validated(Vocabulary, own).words, names)


def word_entries(tables: Sequence[WordsTable], names: tuple[str, ...]) -> tuple[WordEntry, ...]:
    """Turn `[[words]]` tables into entries.

    Args:
        tables: The tables, in the order of the file.
        names: The region names that the entries may speak of.

    Returns:
        One entry per table.

    Raises:
        AtlasError: A table names regions that there are not, or names some where its kind has none.
    """
    from crossmodal_aug.anatomy.atlas.schema import entry  # noqa: PLC0415  (imports pydantic)

    return tuple(_word(table, names, entry("words", place, dict(table))) for place, table in enumerate(tables))


def _word(table: WordsTable, names: tuple[str, ...], where: str) -> WordEntry:
    regions = _indices(table.regions, names, f"`regions` of {where}")
    if bool(regions) != (table.kind in REGION_KINDS):
        raise AtlasError(
            f"Expected `regions` with words of the kinds {', '.join(REGION_KINDS)}, and only with those, but "
            f"{where} have {len(regions)}."
        )
    implied = _indices(table.implied, names, f"`implied` of {where}")
    if not set(implied) <= set(regions):
        raise AtlasError(
            f"Expected `implied` of {where} to be some of their `regions`, but got {shown(table.implied)}."
        )
    return WordEntry(
        kind=table.kind,
        forms=tuple(table.forms),
        axis=table.axis or ("side" if table.kind in ("side", "both") else "level"),
        regions=regions,
        implied=implied,
        plural=table.plural,
    )


def _indices(given: Sequence[str], names: tuple[str, ...], where: str) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(len(names)))
    return tuple(sorted({region_index(name, names, where) for name in given}))


def region_index(name: str, names: tuple[str, ...], where: str) -> int:
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
    if name not in names:
        raise AtlasError(
            f"Expected {where} to be of the regions {', '.join(names)}, but got {shown(name)}{hint(name, names)}"
        )
    return names.index(name)
