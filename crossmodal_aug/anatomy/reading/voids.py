"""What takes the force from a denial: a change that is denied, a hope, another examination."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import FINDINGS, LOOSE, POSITION

_VOIDING = frozenset({"clear", "growth", "resolved", "absent", "marking"})


def is_void(kinds: list[str], cue: int, end: int) -> bool:
    """Return whether a denial denies only a change, or that something is clear: "no change", "not entirely clear"."""
    for index in range(cue + 1, min(end, cue + 6)):
        if kinds[index] in _VOIDING and not (kinds[index] == "growth" and kinds[index - 1] in FINDINGS):
            return True
        if kinds[index] in POSITION:
            return "marking" in kinds[index + 1 : min(end, index + 4)]
        if kinds[index] not in LOOSE | FINDINGS | {"of", "article", "in", "agreeing verb", "verb"} or (
            kinds[index] in ("in", "of") and kinds[index + 1 : index + 2] == ["article"]
        ):
            return False
    return False


def is_hoped(kinds: list[str], cue: int, begin: int) -> bool:
    """Return whether a resolution is only looked for: "to document resolution", "should resolve"."""
    return "hoped" in kinds[max(begin, cue - 6) : cue]


def is_nearly(kinds: list[str], cue: int, begin: int) -> bool:
    """Return whether something is nearly, mostly or "near-completely" gone, and so still there."""
    before = kinds[max(begin, cue - 3) : cue]
    return "near" in before or "mainly" in before or "part" in before[-1:]


def is_past(kinds: list[str], cue: int, begin: int, end: int) -> bool:
    """Return whether a word tells of another examination: "previously clear", "clear on the prior film"."""
    return "past" in kinds[max(begin, cue - 3) : cue] or "past" in kinds[cue + 1 : min(end, cue + 3)]
