"""Sentences: where a text ends one and begins the next, and the asides that say nothing of places."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from crossmodal_aug.anatomy.reading.kinds import POSITION
from crossmodal_aug.anatomy.statement import Statement, Term

# An aside that holds none of these is not part of the sentence around it: "(image 30)".
_TELLING = POSITION | {
    "finding", "denies", "absent", "resolved", "clear", "sparing", "except", "structure", "device", "count noun",
}  # fmt: skip
_HEADING_KINDS = frozenset({"unknown", "plain", "finding", "noun", "modifier"})
_MOST_LISTED = 30


def with_sentences(text: str, terms: list[Term], opening: AbstractSet[int]) -> Statement:
    """Bound the sentences of a text.

    Args:
        text: The text.
        terms: Its words.
        opening: Offsets at which a pipeline's own splitter begins a sentence.

    Returns:
        The statement.
    """
    _mark_dashes(text, terms)
    terms = _without_asides(text, terms)
    statement = Statement(text, terms, [term.kind for term in terms])
    kinds = statement.kinds
    begin, is_open = 0, False
    for index, kind in enumerate(kinds):
        if kind in ("end", "bullet"):
            if index > begin:
                statement.sentences.append((begin, index))
            begin, is_open = index + 1, False
        elif kind == "open":
            is_open = True
        elif kind == "close":
            is_open = False
        elif index > begin and (
            (opening and terms[index].start in opening)
            or _is_heading(text, terms, index)
            or (kind == "number" and not is_open and _numbers_item(text, terms, index))
        ):
            statement.sentences.append((begin, index))
            begin, is_open = index, False
    if begin < len(kinds):
        statement.sentences.append((begin, len(kinds)))
    return statement


def _mark_dashes(text: str, terms: list[Term]) -> None:
    """Tell the dash between two clauses from the hyphen inside a word."""
    for term in terms:
        if term.kind == "end" and text[term.start : term.end] == "?" and text[term.end : term.end + 1].isalnum():
            term.kind = "mark"  # "?left base pneumonia" asks nothing of the reader
        if term.kind != "hyphen":
            continue
        mark = text[term.start : term.end]
        before, behind = text[term.start - 1 : term.start], text[term.end : term.end + 1]
        if mark == "—" or (before.isspace() and (behind.isspace() or not behind)) or "-" in (before, behind):
            term.kind = "dash"
        elif not before.strip() and behind.isalpha():
            term.kind = "dash"  # a list mark: "- left base opacity"


def _without_asides(text: str, terms: list[Term]) -> list[Term]:
    if not any(term.kind == "open" for term in terms):
        return terms
    kept: list[Term] = []
    index = 0
    while index < len(terms):
        if terms[index].kind == "open":
            close = next((at for at in range(index + 1, min(index + 12, len(terms))) if terms[at].kind == "close"), -1)
            inside = terms[index + 1 : max(close, index + 1)]
            told = {term.kind for term in inside}
            # "(right greater than left)" says where it is more, not where it is.
            if close == index + 2 and told == {"number"} and text[terms[index].start] == "[":
                terms[index].kind = "bullet"  # "[2] Apices clear"
                kept.append(terms[index])
                index = close + 1
                continue
            if close > index + 1 and "end" not in told and (told.isdisjoint(_TELLING) or "than" in told):
                index = close + 1
                continue
        kept.append(terms[index])
        index += 1
    return kept


def _is_heading(text: str, terms: list[Term], index: int) -> bool:
    """Return whether a word in capitals opens a section in the middle of a line: "cough FINDINGS: opacity"."""
    if index + 1 >= len(terms) or terms[index + 1].kind != "colon" or terms[index].kind not in _HEADING_KINDS:
        return False
    word = text[terms[index].start : terms[index].end]
    before = text[terms[index - 1].start : terms[index - 1].end]
    return len(word) > 4 and word.isupper() and not before.isupper() and terms[index - 1].kind != "side"


def _numbers_item(text: str, terms: list[Term], index: int) -> bool:
    """Return whether a number opens an item of a list: "2) Left base opacity"."""
    if index + 1 >= len(terms) or terms[index + 1].kind != "close":
        return False
    digits = text[terms[index].start : terms[index].end]
    return len(digits) < 3 and digits.isdecimal() and int(digits) <= _MOST_LISTED
