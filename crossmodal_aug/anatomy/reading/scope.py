"""Scope: which words call a place clear, looked for before and behind the phrase that names it."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.behind import Behind
from crossmodal_aug.anatomy.reading.kinds import (
    FINDINGS,
    LOOSE,
    MOST_BETWEEN,
    OTHERS,
    PLACES,
    POSITION,
    REACH,
    VERBS,
    follows,
    follows_back,
    head_after,
    is_led_to,
)
from crossmodal_aug.anatomy.reading.voids import is_hoped, is_nearly, is_past, is_void
from crossmodal_aug.anatomy.statement import Phrase, Statement

_BETWEEN_CLEAR = LOOSE | {"article", "of"}
_BETWEEN_RESOLVED = LOOSE | FINDINGS | {
    "article", "of", "in", "past", "mainly", "verb", "agreeing verb", "count noun", "and",
}  # fmt: skip


def denial_of(statement: Statement, phrase: Phrase, begin: int, end: int) -> tuple[int, int] | None:
    """Return the first and the last term of what calls a phrase's place clear, or None.

    Args:
        statement: The words of the text.
        phrase: A phrase of it.
        begin: First term of its sentence.
        end: One past the last term of its sentence.

    Returns:
        The words that deny it: "no", "is clear", "has resolved".
    """
    return _before(statement, phrase, begin, end) or Behind(statement, phrase, begin, end).cue()


def _before(statement: Statement, phrase: Phrase, begin: int, end: int) -> tuple[int, int] | None:
    """Look for a denial before a phrase, the nearest first."""
    kinds = statement.kinds
    for index in range(phrase.first - 1, max(begin, phrase.first - REACH) - 1, -1):
        kind = kinds[index]
        if kind == "denies":
            sense = statement.terms[index].sense
            if is_void(kinds, index, end) or phrase.first - index > sense.reach:
                return None
            return (index, index) if _reaches(statement, index, phrase, end) else None
        if kind == "clear" and _is_attribute(kinds, index, phrase, begin, end):
            return (index, index)
        if kind == "resolved" and _resolves(kinds, index, phrase, begin):
            return (index, index)
        if kind in ("absent", "sparing") and _leads_to(kinds[index + 1 : phrase.first]):
            return (index, index)  # "none in the left base", "not seen on the left or right"
        if kind in ("stop", "dash", "hypothetical"):
            return None
    return None


def _leads_to(between: list[str]) -> bool:
    """Return whether what stands between "none" and a phrase leads from it there, past other places before an "or"."""
    leading = {"in", "article"} | VERBS
    if "or" in between:
        is_list = not POSITION.isdisjoint(between[: between.index("or")])
        return is_list and len(between) < MOST_BETWEEN and set(between) <= leading | POSITION | {"or"}
    return len(between) < 5 and set(between) <= leading | {"unknown"}


def _reaches(statement: Statement, cue: int, phrase: Phrase, end: int) -> bool:
    """Return whether a denial reaches over what stands between it and a phrase.

    It passes a comma only inside a list: "no mass, nodule or effusion in the left lung", but not "no effusion, left
    base opacity". It does not pass a finding to the subject of the next clause ("no effusion the lungs are large").
    """
    kinds, ends = statement.kinds, statement.terms[cue].sense.ends
    has_finding = has_place = False
    # "consolidation without effusion is seen in the left lower lobe": such a denial is one of its own finding alone.
    owner = follows_back(kinds, cue - 1, LOOSE, max(0, cue - 6)) if cue else -1
    is_aside = owner >= 0 and kinds[owner] in FINDINGS
    for index in range(cue + 1, phrase.first):
        kind = kinds[index]
        if kind == "affirmation" and not _is_denied_presence(statement, index):
            return False
        if is_aside and (kind in VERBS or (kind == "in" and has_finding)):
            return False
        if kind in ends and not (kind == "with" and not has_finding):
            return False
        if kind == "degree" and has_finding:
            return False
        if kind == "article" and index > cue + 1 and _is_definite(statement, index, phrase):
            return False
        if kind == "colon" and has_finding and has_place:
            return False
        if kind == "colon" and has_finding and kinds[cue - 1 : cue] not in ([], ["end"], ["bullet"]):
            return False
        if kind == "comma" and not _goes_on(kinds, index, phrase, end, has_place=has_place):
            return False
        if kind == "and" and has_finding and _opens_anew(statement, index, phrase, end, has_place=has_place):
            return False
        has_finding |= kind in FINDINGS
        has_place |= kind in POSITION
    asks = {kinds[phrase.first - 1], kinds[phrase.first - 2]} if phrase.first > 1 else set()
    is_subject = asks.isdisjoint(VERBS) and phrase.last + 1 < end and kinds[phrase.last + 1] in VERBS
    owned = "of" in kinds[max(0, phrase.first - 2) : phrase.first]  # "no opacity of the right base is present"
    return not (has_finding and is_subject and not owned and not is_led_to(kinds, phrase.first))


def _is_denied_presence(statement: Statement, index: int) -> bool:
    """Return whether a word says of what is denied that it is there: "no nodule is present in the left lung"."""
    before = statement.kinds[index - 1]
    return statement.said(index, index).lower() == "present" and (before in VERBS or before in FINDINGS)


def _is_definite(statement: Statement, article: int, phrase: Phrase) -> bool:
    """Return whether a finding is spoken of as known: "neither drug explains the opacity in the left base"."""
    kinds, term = statement.kinds, statement.terms[article]
    if kinds[article - 1] in ("of", "in", "denies", "or", "and", "comma") or kinds[article - 1] in VERBS:
        return False
    said = statement.text[term.start : term.end].lower()
    at = follows(kinds, article + 1, LOOSE, phrase.first)
    return said in ("the", "this", "these", "his", "her") and at < phrase.first and kinds[at] in FINDINGS


def _goes_on(kinds: list[str], comma: int, phrase: Phrase, end: int, *, has_place: bool) -> bool:
    """Return whether the list that a denial opens goes on behind a comma."""
    following = kinds[comma + 1]
    if following in ("or", "in") or following in VERBS:
        return True
    aside = next((at for at in range(comma + 1, min(end, comma + 7)) if kinds[at] == "comma"), -1)
    if aside > 0 and aside + 1 < end and kinds[aside + 1] in VERBS and FINDINGS.isdisjoint(kinds[comma:aside]):
        return True  # "no nodule, of whatever size, is present"
    if following == "and":
        return not has_place
    opening = follows(kinds, comma + 1, LOOSE | {"article", "of"}, end)
    if opening >= phrase.first or PLACES.issuperset(kinds[opening : phrase.first]):  # the phrase opens the item
        head, _ = head_after(kinds, phrase.last + 1, end)
        has_or = "or" in kinds[phrase.first : min(end, phrase.last + 12)]
        if head in FINDINGS:
            return has_or and "or" not in kinds[comma - 8 if comma > 8 else 0 : comma]
        rest = kinds[phrase.last + 1 : end]
        return not rest or has_or or "or" in kinds[opening : phrase.first] or rest[0] in ("comma", "or", "close")
    if kinds[opening] in FINDINGS or kinds[opening] in OTHERS:
        between = kinds[opening : phrase.first]
        behind = kinds[phrase.last + 1 : min(end, phrase.last + 12)]
        listed = "or" in between or "slash" in between or "and" in between or "or" in behind
        return listed and VERBS.isdisjoint(kinds[comma:opening])
    return False


def _opens_anew(statement: Statement, joint: int, phrase: Phrase, end: int, *, has_place: bool) -> bool:
    """Return whether what follows an "and" is no longer denied: "no right effusion and a small left effusion"."""
    kinds, terms, text = statement.kinds, statement.terms, statement.text
    following = terms[joint + 1]
    if kinds[joint + 1] == "article" and text[following.start : following.end].lower() in ("a", "an"):
        return True
    opening = follows(kinds, joint + 1, LOOSE | {"article"}, end)
    if opening < phrase.first:
        return False
    head, _ = head_after(kinds, phrase.last + 1, end)
    return head in FINDINGS and (not has_place or kinds[phrase.last + 1] != "and")


def _is_attribute(kinds: list[str], cue: int, phrase: Phrase, begin: int, end: int) -> bool:
    """Return whether a clear word is said of a phrase behind it: "clear lungs", "normal heart and lungs"."""
    if is_past(kinds, cue, begin, end):
        return False
    between = kinds[cue + 1 : phrase.first]
    if "state" in between:
        return False  # "clear left lung and opacified right lung"
    if len(between) <= 3 and _BETWEEN_CLEAR.issuperset(between):
        said_before = cue > begin and kinds[cue - 1] in VERBS | {"noun", "zone"} | OTHERS
        head, _ = head_after(kinds, phrase.last + 1, end)
        # "Heart is normal left base scar" without its comma: the clear word is said of what stands before it.
        return not (said_before and head in FINDINGS) and not (cue > begin and kinds[cue - 1] == "denies")
    if cue == begin and 0 < len(between) <= 2 and between[0] in VERBS and set(between[1:]) <= {"article"}:
        return True  # "clear is the left lung"
    if cue == begin and "colon" in between and FINDINGS.isdisjoint(kinds[cue:end]) and len(between) <= 16:
        return True  # "clear: left base, right apex"
    if 0 < len(between) <= 2 and between[0] == "in" and set(between) <= {"in", "article"}:
        # "positive on the left, negative on the right"
        of_space = cue - 2 >= begin and kinds[cue - 1] in VERBS and kinds[cue - 2] in ("space", "marking")
        return (
            cue == begin or of_space or kinds[cue - 1] in ("comma", "and", "stop", "dash", "colon", "space", "marking")
        )
    if len(between) > 8 or kinds[cue + 1] not in OTHERS | LOOSE | POSITION:
        return False
    listed = OTHERS | LOOSE | POSITION | {"comma", "and", "article"}
    behind = kinds[phrase.last + 1 : phrase.last + 2] if phrase.last + 1 < end else []
    has_joint = "and" in between or "comma" in between
    closes = not behind or behind[0] in ("comma", "and", "stop", "with", "close")
    return has_joint and listed.issuperset(between) and closes and not (cue > begin and kinds[cue - 1] in VERBS)


def _resolves(kinds: list[str], cue: int, phrase: Phrase, begin: int) -> bool:
    """Return whether "resolution of" or its like leads to a phrase: "resolution of the left effusion"."""
    between = kinds[cue + 1 : phrase.first]
    if len(between) > 9 or not _BETWEEN_RESOLVED.issuperset(between):
        return False
    if "and" in between and not VERBS.isdisjoint(between[between.index("and") :]):
        return False  # "has resolved and a new one has developed in"
    return not (is_hoped(kinds, cue, begin) or is_nearly(kinds, cue, begin))
