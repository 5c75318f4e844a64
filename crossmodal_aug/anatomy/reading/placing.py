"""Placing: whether a text that places nothing says that nothing is there, or tells of a finding and not where."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.extents import past_clause
from crossmodal_aug.anatomy.reading.kinds import (
    FINDINGS,
    LOOSE,
    OTHERS,
    POSITION,
    VERBS,
    follows,
    follows_back,
    is_led_to,
)
from crossmodal_aug.anatomy.reading.neighbours import belongs_to_neighbour
from crossmodal_aug.anatomy.reading.questions import is_question
from crossmodal_aug.anatomy.reading.sections import headings
from crossmodal_aug.anatomy.statement import Statement

_NOT_FINDINGS = frozenset({"marking", "space"})  # normal things, whose absence is a finding
# Count nouns that are lesions without a number before them; "area" and "region" are not.
_LESIONS = frozenset({"lesion", "lesions", "focus", "foci", "spot", "spots"})
_BETWEEN = LOOSE | FINDINGS | VERBS | POSITION | {"or", "of", "colon", "and", "article", "in", "past", "mainly"}
_LED = LOOSE | FINDINGS | POSITION | {"in", "near", "article", "of", "or", "and"}
_CHANGED = frozenset({"modifier", "growth", "state"})
_MOST_BEFORE = 3


def find_denial(statement: Statement, full: int) -> None:
    """Note what says that nothing is there, in a text that places nothing: "No infection.".

    A text that also tells of a finding somewhere ("COVID-19 pneumonia. No effusion.", "Pneumonia. The right lung is
    clear.") does not say so.

    Args:
        statement: What was read; its `denial` and its `unplaced` are set.
        full: Bits of all regions of the atlas.
    """
    # What stands like a finding and is not known may be one, unless every region is called clear.
    statement.unplaced, found = bool(statement.unread) and statement.negated != full, None
    for place, (begin, end) in enumerate(statement.sentences):
        if place in statement.silent or is_question(statement, place):
            continue
        if _tells(statement, begin, end):
            statement.unplaced = True
            return
        found = found or _denial_in(statement.kinds, begin, end)
    if not statement.negated:
        statement.denial = found


def _denial_in(kinds: list[str], begin: int, end: int) -> tuple[int, int] | None:
    """Return the first and the last term of what says in a sentence that nothing is there."""
    for index in range(begin, end):
        kind = kinds[index]
        if kind in ("denies", "absent", "resolved"):
            if not _is_void(kinds, index, end) and _denies_finding(kinds, index, begin, end):
                return (index, _last_of(kinds, index, end))
        elif kind == "clear":
            found = _clear_at(kinds, index, begin, end)
            if found is not None:
                return found
    return None


def _tells(statement: Statement, begin: int, end: int) -> bool:
    """Return whether a sentence tells of a finding that it does not deny, and that is not another organ's."""
    kinds, denied, has_place = statement.kinds, False, False
    untold = _untold(statement, begin, end)
    for index in range(begin, end):
        kind = kinds[index]
        if kind in ("denies", "absent", "resolved"):
            denied, has_place = not _is_void(kinds, index, end), False
        elif kind == "hypothetical" or (kind == "clear" and statement.said(index, index).lower().endswith(" of")):
            denied, has_place = True, False  # "history of pneumonia", "clear of infiltrate"
        elif kind in ("stop", "dash", "except"):
            denied = False
        elif kind in ("comma", "and"):
            # "no opacity at the apex, consolidation is present", but not "no opacity at the apex, effusion or nodule"
            denied &= not has_place or "or" in kinds[index:end]
        elif kind in POSITION:
            has_place = True
        elif (
            not denied
            and index not in untold
            and _is_finding(statement, index, begin, end)
            and not _is_denied_behind(kinds, index, end)
            and not _is_of_other(kinds, index, begin, end)
        ):
            return True
    return False


def _untold(statement: Statement, begin: int, end: int) -> set[int]:
    """Return the terms of a sentence that tell of nothing: its heading, what is past, and what it denies at a place."""
    kinds = statement.kinds
    terms = set(range(*past_clause(statement, begin, end)))
    colon = next((at for at in range(begin, min(end, begin + _MOST_BEFORE)) if kinds[at] == "colon"), begin)
    if colon > begin and statement.said(begin, colon - 1).lower() in headings():
        terms.update(range(begin, colon))
    for phrase in statement.phrases:
        if not phrase.negated or phrase.cue is None or not begin <= phrase.first < end:
            continue
        first, last = min(phrase.first, phrase.cue[0]), max(phrase.last, phrase.cue[1])
        if first == phrase.first and is_led_to(kinds, first):  # "fluid at the bases, but there is none"
            first = follows_back(kinds, first - 1, _LED, begin) + 1
        elif first > begin and kinds[first - 1] == "colon":  # "effusion: absent on both sides"
            first = begin
        terms.update(range(first, last + 1))
    return terms


def _is_finding(statement: Statement, index: int, begin: int, end: int) -> bool:
    """Return whether a term says by itself that something is there: "pneumonia", "two areas", "is opacified"."""
    kinds, kind = statement.kinds, statement.kinds[index]
    if kind in _NOT_FINDINGS:
        around = {*kinds[max(begin, index - 1) : index], *kinds[index + 1 : min(end, index + 3)]}
        return "clear" not in kinds[begin:end] and not around.isdisjoint(_CHANGED)
    if kind == "state":
        before = follows_back(kinds, index - 1, LOOSE, begin)
        return before >= begin and kinds[before] in VERBS
    if kind == "count noun":
        if statement.said(index, index).lower() in _LESIONS or kinds[max(begin, index - 1)] == "state":
            return True
        first = max(begin, index - _MOST_BEFORE)
        return any(kinds[at] == "number" and statement.terms[at].sense.number != 0 for at in range(first, index))
    return kind in FINDINGS


def _is_void(kinds: list[str], cue: int, end: int) -> bool:
    at = follows(kinds, cue + 1, LOOSE - {"growth"} | {"article", "of"}, end)
    return at < end and kinds[at] in ("growth", "clear")


def _denies_finding(kinds: list[str], cue: int, begin: int, end: int) -> bool:
    """Return whether a denial is one of a finding: "no infection", but not "no comparison"."""
    near = kinds[cue + 1 : min(end, cue + 9)] if kinds[cue] == "denies" else kinds[max(begin, cue - 9) : cue]
    return any(kind in FINDINGS or kind == "state" for kind in near) or (
        kinds[cue] == "absent" and (begin == cue or kinds[cue - 1] == "colon")
    )


def _last_of(kinds: list[str], cue: int, end: int) -> int:
    at = follows(kinds, cue + 1, LOOSE | FINDINGS | {"or", "comma", "of", "noun"}, end)
    return at - 1


def _clear_at(kinds: list[str], index: int, begin: int, end: int) -> tuple[int, int] | None:
    """Return a clear word that is said of the whole image and not of a neighbour alone."""
    others = OTHERS | {"device"}
    around = kinds[max(begin, index - 6) : index] + kinds[index + 1 : min(end, index + 4)]
    return None if any(kind in others for kind in around) and "noun" not in around else (index, index)


def _is_denied_behind(kinds: list[str], index: int, end: int) -> bool:
    """Return whether what follows says that a finding is not there: "is absent", ", now resolved", ": none"."""
    at, told = index + 1, False
    while at < end and (kinds[at] in _BETWEEN or kinds[at] == "comma"):
        told |= kinds[at] in VERBS or kinds[at] == "affirmation"
        if kinds[at] == "comma":
            cue = follows(kinds, at + 1, LOOSE, end)
            goes_on = cue < end and kinds[cue] in ("absent", "resolved", "denies")
            if told and not goes_on:
                return False  # "consolidation is present, the effusion has resolved"
        at += 1
    if at < end and kinds[at] == "denies":
        return at + 1 >= end  # "effusion: no", but not "pneumonia, no effusion"
    return at < end and kinds[at] in ("absent", "resolved")


def _is_of_other(kinds: list[str], index: int, begin: int, end: int) -> bool:
    """Return whether a finding is another organ's: "rib fracture", "calcification of the aorta"."""
    before = kinds[max(begin, index - _MOST_BEFORE) : index + 1]
    if not OTHERS.isdisjoint(before) or belongs_to_neighbour(kinds, index, begin):
        return True
    at = follows(kinds, index + 1, LOOSE, end)
    if at >= end or kinds[at] not in ("of", "in"):
        return False
    at = follows(kinds, at + 1, LOOSE | POSITION | {"article"}, end)
    return at < end and kinds[at] in OTHERS
