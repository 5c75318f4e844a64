"""Findings: what an examination says, one statement at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a finding matters.

    Experimental: may change in every version.
    """

    MEND = "mend"
    """Something must be mended before training: the command's exit code says so, too."""
    LOOK = "look"
    """Something may be meant so; a person should look."""
    GOOD = "good"
    """It was looked at, and nothing was found."""
    UNKNOWN = "unknown"
    """The data do not tell; the text says why, and what would."""


@dataclass(frozen=True)
class Finding:
    """One statement about a data set.

    Experimental: may change in every version.

    Attributes:
        check: The check that made it, such as "captions".
        level: How much it matters.
        name: What was found, in one word or two with a hyphen, for scripts: "silent-captions".
        text: The same in a sentence or two, for people.
        rows: Indices of the rows that it is about, the worst first.
        pairs: Two rows each, where rows belong together, such as duplicates.
        files: Files that it is about and that no row names.
        figures: Numbers behind it.
    """

    check: str
    level: Level
    name: str
    text: str
    rows: tuple[int, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    files: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def several(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    Examples:
        >>> several(1, "image"), several(1200, "image"), several(2, "copy", "copies")
        ('1 image', '1,200 images', '2 copies')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """Return the form of a verb that a number asks for."""
    return one if count == 1 else many


def share(part: float, whole: float) -> str:
    """Return a share in percent, with a digit behind the point where it is small.

    Examples:
        >>> share(1, 3), share(1, 400), share(0, 5)
        ('33%', '0.2%', '0%')
    """
    value = part / whole if whole else 0.0
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def listed(names: list[str], most: int = 3) -> str:
    """Return the first of some names, and how many more there are.

    Examples:
        >>> listed(["a", "b"]), listed(["a", "b", "c", "d"], most=2)
        ('a and b', 'a, b and 2 more')
    """
    if not names:
        return "none"
    shown, more = names[:most], len(names) - most
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    *others, last = shown
    return f"{', '.join(others)} and {last}" if others else last
