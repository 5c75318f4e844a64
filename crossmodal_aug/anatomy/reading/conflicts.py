"""Statements of a text that contradict each other."""

from __future__ import annotations

from crossmodal_aug.anatomy.statement import Exceptions, Reading

_UNILATERAL = "unilateral, but both sides are named"
_BILATERAL = "bilateral, but only one side is named"


def conflicts_of(reading: Reading, side_masks: tuple[int, ...]) -> tuple[str, ...]:
    """Name the statements of a text that contradict each other.

    Args:
        reading: What the text says.
        side_masks: Bits of each side of the atlas.

    Returns:
        One sentence per contradiction.
    """
    found = []
    scan_ = reading.scan
    sides = sum(1 for mask in side_masks if mask & reading.affirmed)
    for phrase in reading.phrases:
        if phrase.filler:
            words = scan_.text[scan_.starts[phrase.first] : scan_.ends[phrase.last]]
            found.append(f"unilateral, and {words!r} names no zone: read as filler")
    if reading.laterality == "unilateral" and sides > 1:
        found.append(_UNILATERAL)
    if reading.header is not None and reading.laterality == "bilateral" and sides == 1:
        found.append(_BILATERAL)
    if reading.count is not None:
        if reading.count < sides and reading.count > 0:
            found.append(f"{reading.count} counted, but {sides} sides are named")
        if reading.count == 0 and reading.affirmed:
            found.append("none counted, but regions are named")
    return tuple(found)


def contradicts_itself(reading: Reading) -> bool:
    """Say whether a text calls a place clear in which it places something.

    Args:
        reading: What the text says.

    Returns:
        True where a clear place holds an affirmed region, unless it is a wider place with an exception.
    """
    doubtful = [phrase for phrase in reading.phrases if phrase.negated and phrase.mask & reading.affirmed]
    if not doubtful:
        return False
    exceptions = Exceptions(reading.scan)
    return any(not phrase.mask & ~reading.affirmed or phrase not in exceptions for phrase in doubtful)
