"""Scope: which phrase a negation reaches, and which noun a bare "left" belongs to."""

from __future__ import annotations

import re

# A head that follows within the noun phrase; a position letter means that the next phrase is the head.
_HEAD = re.compile(r"[umnsdtg\-(]{0,6}+([FXDKSBLZNPA])")
_LOCATIVE_BEFORE = re.compile(r"[i~][ot]{0,3}$")
_NEAR_BEFORE = re.compile(r"~[ot]{0,3}$")
_COMPARED_BEFORE = re.compile(r"c[ot]{0,2}$")
_NOT_CUE = re.compile(r"![um]{0,3}g")
_CLEAR_BEFORE = re.compile(r"C[um]{0,2}$")
_RESOLVED_BEFORE = re.compile(r"R[otumFid]{0,6}$")
_CLEAR_AFTER = re.compile(r"[^.;,F!hw]{0,8}?C")
_RESOLVED_AFTER = re.compile(r"[^.;,!hw]{0,12}?R")
# No noun phrase and no clause of a report is longer; the bound keeps reading linear in the text.
REACH = 40


def head_after(codes: str, token: int) -> tuple[str, int]:
    """Return the letter and the token of the head of the noun phrase that goes on at `token`, or ("", -1)."""
    match = _HEAD.match(codes, token)
    return (match[1], match.start(1)) if match else ("", -1)


def clause_bounds(codes: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    """Return the clause around tokens `first` to `last` inside the sentence `start` to `end`."""
    begin = max(codes.rfind(mark, max(start, first - REACH), first) for mark in ";") + 1
    stop = codes.find(";", last + 1, min(end, last + 1 + REACH))
    return max(begin, start, first - REACH), min(end, last + 1 + REACH) if stop < 0 else stop


def is_negated(codes: str, first: int, last: int, start: int, end: int) -> bool:
    """Say whether the text calls what tokens `first` to `last` name clear.

    Args:
        codes: Letters of the whole text.
        first: First token of the phrase.
        last: Its last token.
        start: First token of its clause.
        end: One past the last token of its clause.

    Returns:
        True where a negation before the phrase reaches it, or a word behind it calls it clear or resolved.
    """
    before = codes[start:first]
    cue = before.rfind("!")
    if cue >= 0 and not _NOT_CUE.match(before, cue) and "w" not in before[cue:] and "h" not in before[cue:]:
        return True
    if _CLEAR_BEFORE.search(before) or _RESOLVED_BEFORE.search(before):
        return True
    after = codes[last + 1 : end]
    return bool(_CLEAR_AFTER.match(after) or _RESOLVED_AFTER.match(after))


def is_located(codes: str, first: int) -> bool:
    """Say whether a preposition of place stands before token `first`."""
    return bool(_LOCATIVE_BEFORE.search(codes, max(0, first - 4), first))


def is_near(codes: str, first: int) -> bool:
    """Say whether a word of proximity stands before token `first`."""
    return bool(_NEAR_BEFORE.search(codes, max(0, first - 4), first))


def is_comparator(codes: str, first: int) -> bool:
    """Say whether the phrase at token `first` is only what something else is compared to."""
    return bool(_COMPARED_BEFORE.search(codes, max(0, first - 3), first))
