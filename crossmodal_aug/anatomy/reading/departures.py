"""Departures: "left" that is a verb, or says what remains, and no side: "has left the lung", "no infection is left"."""

from __future__ import annotations

from crossmodal_aug.anatomy.atlas.lexicon import Sense
from crossmodal_aug.anatomy.reading.kinds import FINDINGS, MOST_BETWEEN, PLACES, POSITION, REACH
from crossmodal_aug.anatomy.statement import Term

# Both words, so that a text that was flipped by hand is read as the other, and a flip and a flip back lead home.
_WORDS = frozenset({"left", "right"})
_HAVE = frozenset({"has", "have", "had", "having"})
_NOT = frozenset({"not", "n't", "n\u2019t", "never"})
_BE = frozenset({"is", "are", "was", "were", "be", "been", "remains", "remain", "remained"})
# Words for how much there still is: before a noun, or by themselves.
_FEW = frozenset({"no", "none", "nothing", "neither", "nor", "little", "hardly", "barely", "scarcely", "only"})
_ALONE = frozenset({"none", "nothing", "little", "what", "whatever", "that", "which"})
_ARTICLES = frozenset({"the", "a", "an", "its", "their"})
_INSIDE = frozenset({"in", "at", "within", "over"})
_LEAVERS = FINDINGS | {"relative"}
_REMAINERS = FINDINGS | {"device"}
_LEFT_SO = frozenset({"article", "both", "whole", "denies"})
_PLACES = (PLACES - {"in"}) | {"of", "modifier"}
_GONE, _STAYS, _PLAIN = Sense(kind="denies"), Sense(kind="growth"), Sense(kind="plain")
_CLOSES = frozenset({"", "end", "comma", "close", "stop"})
# What stands behind either side where two are told apart.
_ALIKE = _CLOSES | {"article"}
_CLAUSE_ENDS = frozenset({"end", "stop", "colon", "relative"})


def departed_sense(text: str, terms: list[Term], index: int) -> Sense | None:
    """Return what a word of a side means where it is the past of "leave", or None where it is a side.

    Args:
        text: The text.
        terms: Its words.
        index: Which of them.

    Returns:
        "denies" for "the infiltrate has left the right base", for it is gone from there. "growth" for "has not left
        the right base", for it is there still. "plain" for "has left a scar", "no infection is left" and "nothing is
        left of the lobe". None for "has left basal opacity", "the effusion is left", "opacity left of the heart" and
        "there is no effusion left, small effusion right".
    """
    if not _is_departure(text, terms, index) or _is_contrasted(text, terms, index):
        return None
    # "Right" is no verb: where it stands like one, it says nothing, and takes no finding from a place.
    if _said(text, terms, index) == "right" or not _leaves_places(text, terms, index + 1):
        return _PLAIN
    return _STAYS if _said(text, terms, index - 1) in _NOT else _GONE


def _leaves_places(text: str, terms: list[Term], index: int) -> bool:
    """Return whether places, and nothing that is said of them, follow: "[left] the right base and both apices."."""
    at = index
    while _kind(terms, at) in _PLACES:
        at += 1
    named = any(term.kind in POSITION - {"both", "whole"} for term in terms[index:at])
    return named and _kind(terms, at) in _CLOSES and _said(text, terms, index) not in ("a", "an")


def _is_departure(text: str, terms: list[Term], index: int) -> bool:
    if _said(text, terms, index) not in _WORDS:
        return False
    at = index - 1
    while at >= 0 and (terms[at].kind == "modifier" or _said(text, terms, at) in _NOT):
        at -= 1
    before, behind = _said(text, terms, at), _kind(terms, index + 1)
    if _is_left_over(text, terms, index):
        return True
    if before in _HAVE:
        if behind in ("comma", "close"):  # "the patient has left, greater than right, effusions"
            return _kind(terms, at - 1) in _LEAVERS
        return behind in _LEFT_SO or behind in _CLOSES
    if behind == "both":
        return _kind(terms, at) in FINDINGS
    if behind == "article":
        return _kind(terms, at) in _LEAVERS and _said(text, terms, index + 1) in _ARTICLES
    if before in _BE:
        if behind == "of" or _said(text, terms, index + 1) in _BE:
            return _said(text, terms, at - 1) in _ALONE - {"that", "which"} or _is_all(text, terms, at - 1)
        return (behind in _CLOSES or behind == "in") and _is_few(text, terms, at)
    if behind == "in" and _said(text, terms, index + 1) in _INSIDE:
        if before in _ALONE:
            return True
        # "no fluid left in the right base": a place has one side.
        return _kind(terms, at) in _REMAINERS and _leads_to_side(terms, index + 2)
    if _kind(terms, at) in FINDINGS and behind in _CLOSES:
        return _is_few(text, terms, at, opened="there")
    return False


def _is_left_over(text: str, terms: list[Term], index: int) -> bool:
    """Return whether "over" makes an adjective of a word: "left-over opacity", "opacity left over from a pneumonia"."""
    over = index + 1 + (_kind(terms, index + 1) == "hyphen")
    return _said(text, terms, over) == "over" and _kind(terms, over + 1) in FINDINGS | {"in"}


def _is_contrasted(text: str, terms: list[Term], index: int) -> bool:
    """Return whether the sentence has the other word in the same part: "left the base and right the apex"."""
    if _kind(terms, index + 1) not in _ALIKE:
        return False
    others = _WORDS - {_said(text, terms, index)}
    for step in (-1, 1):
        for at in range(index + step, index + step * REACH, step):
            if not 0 <= at < len(terms) or (terms[at].kind == "end" and _said(text, terms, at) != ";"):
                break
            is_alike = _kind(terms, at + 1) in _ALIKE and _kind(terms, at - 1) not in ("article", "in")
            if is_alike and _said(text, terms, at) in others:
                return True
    return False


def _is_all(text: str, terms: list[Term], at: int) -> bool:
    """Return whether "all that" ends at a term."""
    return _said(text, terms, at) == "that" and _said(text, terms, at - 1) == "all"


def _is_few(text: str, terms: list[Term], index: int, opened: str = "") -> bool:
    """Return whether the clause says before a term how little there still is, behind the kind of word that opens it."""
    for at in range(index - 1, max(-1, index - MOST_BETWEEN), -1):
        if terms[at].kind in _CLAUSE_ENDS:
            return False
        first = _said(text, terms, at).split(" ")[0]
        if first in _FEW:
            if first == "only" and _kind(terms, at - 1) == "article":
                return False  # "the only nodule is left"
            return not opened or _kind(terms, at - 1) == opened
    return False


def _leads_to_side(terms: list[Term], index: int) -> bool:
    at = index
    while _kind(terms, at) in ("article", "modifier", "level"):
        at += 1
    return _kind(terms, at) == "side"


def _said(text: str, terms: list[Term], index: int) -> str:
    return text[terms[index].start : terms[index].end].lower() if 0 <= index < len(terms) else ""


def _kind(terms: list[Term], index: int) -> str:
    return terms[index].kind if 0 <= index < len(terms) else ""
