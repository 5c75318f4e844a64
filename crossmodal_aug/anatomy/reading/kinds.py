"""Kinds of words that the rules look for, and small steps over them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

POSITION = frozenset({"side", "both", "level", "zone", "place", "noun", "whole", "opposite", "same"})
FINDINGS = frozenset({"finding", "marking", "space"})
# Neighbours of what an atlas describes: what stands at them stands in no region.
OTHERS = frozenset({"structure", "identity", "body", "cut off", "view"})
PLACES = POSITION | {"and", "or", "slash", "article", "in"}
DENIALS = frozenset({"denies", "absent", "resolved", "clear", "sparing", "except", "otherwise"})
VERBS = frozenset({"verb", "agreeing verb", "excepting verb"})
# Words inside a noun phrase that decide nothing.
LOOSE = frozenset({
    "unknown", "modifier", "number", "sided", "unit", "part", "hyphen", "plain", "mark", "ordinal", "state", "growth",
    "bullet",     "affirmation",
})  # fmt: skip
# No noun phrase and no clause of a report is longer; the bound keeps reading linear in the text.
REACH = 40
MOST_BETWEEN = 12
# What may stand between "except" and the place that it leaves out.
WITHIN_EXCEPTION = LOOSE | FINDINGS | {
    "article", "in", "of", "and", "or", "comma", "level", "zone", "side", "both", "place", "noun", "count noun",
    "whole",
}  # fmt: skip
_BEFORE_HEAD = frozenset(
    {
        "unknown",
        "modifier",
        "number",
        "sided",
        "mainly",
        "growth",
        "hyphen",
        "open",
        "unit",
        "part",
        "degree",
        "ordinal",
        "plain",
        "state",
        "past",
    }
)
_HEADS = FINDINGS | OTHERS | POSITION | {"device", "count noun"}
_MOST_BEFORE_HEAD = 6
_LOCATING = frozenset({"in", "near"})


def follows(kinds: list[str], index: int, passed: AbstractSet[str], end: int) -> int:
    """Return the first term from `index` on whose kind is not among those passed, at most `end`."""
    while index < end and kinds[index] in passed:
        index += 1
    return index


def head_after(kinds: list[str], index: int, end: int) -> tuple[str, int]:
    """Return kind and place of the head of the noun phrase that goes on at `index`, or ("", -1).

    A position word as the head means that the next phrase is it. "of the" leads on to a neighbour alone: "left lobe
    of the thyroid".
    """
    at = follows(kinds, index, _BEFORE_HEAD, min(end, index + _MOST_BEFORE_HEAD))
    if at < end and kinds[at] in _HEADS:
        return kinds[at], at
    if index < end and kinds[index] == "of":
        at = follows(kinds, index + 1, {"article"}, min(end, index + 2))
        at = follows(kinds, at, {"unknown", "modifier"}, min(end, at + 2))
        if at < end and kinds[at] in OTHERS - {"view"}:
            return kinds[at], at
    return "", -1


def is_led_to(kinds: list[str], first: int) -> bool:
    """Return whether a preposition of place leads to the phrase that begins at term `first`."""
    index = first - 1
    while index >= max(0, first - 3) and kinds[index] in ("of", "article", "modifier"):
        index -= 1
    return index >= 0 and kinds[index] in _LOCATING


def is_near(kinds: list[str], first: int) -> bool:
    """Return whether a word of proximity leads to the phrase that begins at term `first`."""
    index = first - 1
    while index >= max(0, first - 3) and kinds[index] in ("of", "article"):
        index -= 1
    return index >= 0 and kinds[index] == "near"


def follows_back(kinds: list[str], index: int, passed: AbstractSet[str], begin: int) -> int:
    """Return the first term from `index` back whose kind is not among those passed, at least `begin` - 1."""
    while index >= begin and kinds[index] in passed:
        index -= 1
    return index
