"""Conflicts: statements of one text that contradict each other."""

from __future__ import annotations

from crossmodal_aug.anatomy.statement import Statement

_EXCEPTING = frozenset({"except", "otherwise", "excepting verb", "sparing"})
_UNILATERAL = "unilateral, but both sides are named"
_BILATERAL = "bilateral, but only one side is named"


def conflicts_of(statement: Statement, side_masks: tuple[int, ...]) -> tuple[str, ...]:
    """Name the statements of a text that contradict each other.

    Args:
        statement: What the text says.
        side_masks: Bits of each side of the atlas.

    Returns:
        One sentence per contradiction.
    """
    found = []
    sides = sum(1 for mask in side_masks if mask & statement.affirmed)
    for phrase in statement.phrases:
        if phrase.filler:
            words = statement.said(phrase.first, phrase.last)
            found.append(f"unilateral, and {words!r} names no zone: read as filler")
    if statement.laterality == "unilateral" and sides > 1:
        found.append(_UNILATERAL)
    if statement.header is not None and statement.laterality == "bilateral" and sides == 1:
        found.append(_BILATERAL)
    if statement.count is not None:
        if statement.count < sides and statement.count > 0:
            found.append(f"{statement.count} counted, but {sides} sides are named")
        if statement.count == 0 and statement.affirmed:
            found.append("none counted, but regions are named")
    return tuple(found)


def contradicts_itself(statement: Statement) -> bool:
    """Return whether a text calls a place clear in which it places something.

    Args:
        statement: What the text says.

    Returns:
        True where a clear place holds an affirmed region, unless it is a wider place with an exception.
    """
    for phrase in statement.phrases:
        if phrase.negated and phrase.mask & statement.affirmed:
            begin, end = statement.sentence_of(phrase.first)
            excepts = not _EXCEPTING.isdisjoint(statement.kinds[begin:end])
            if not phrase.mask & ~statement.affirmed or not excepts:
                return True
    return False
