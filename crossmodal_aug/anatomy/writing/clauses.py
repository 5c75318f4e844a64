"""Clauses: parts of a sentence that can be left out while the others stand."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.places import FINDINGS, VERBS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined

Span = tuple[int, int]
_STATING = FINDINGS | {"state", "clear", "absent", "resolved"}
_JOINTS = frozenset({"comma", "and", "stop", "dash", "with"})
# What opens with one of these goes on with the clause before it.
_HANGING = frozenset({"relative", "than", "degree", "unknown", "in", "verb", "agreeing verb", "of"})


def clauses_without(source: Source, sentence: Sentence, going: list[Place]) -> tuple[list[Span], list[Span]]:
    """Part a sentence into the clauses that stay and those that name what goes.

    Args:
        source: The text.
        sentence: The sentence.
        going: Places of it that go.

    Returns:
        The clauses that stay and those that go.

    Raises:
        CannotSay: A clause names both, or what stays could not stand.
    """
    stay: list[Span] = []
    go: list[Span] = []
    for begin, end in _clauses(source, sentence):
        inside = _places_in(sentence, begin, end)
        gone = [place for place in inside if place in going]
        if gone and len(gone) < len(inside):
            raise declined("a clause names both what stays and what goes")
        (go if gone else stay).append((begin, end))
    if not stay:
        raise declined("nothing would be left of its sentence")
    has_verb = [any(not VERBS.isdisjoint(source.kinds[begin:end]) for begin, end in spans) for spans in (stay, go)]
    if has_verb == [False, True] and all(source.kinds[begin] == "and" for begin, _ in go):
        raise declined("its verb belongs to what goes as well")
    if has_verb == [False, True] and (source.kinds[stay[0][0]] == "with" or _opens_with_article(source, *stay[0])):
        raise declined("what would be left of its sentence has no verb")
    return stay, go


def _clauses(source: Source, sentence: Sentence) -> list[Span]:
    """Part a sentence where a comma, an "and" or a "but" joins clauses that each say something."""
    kinds = source.kinds
    listed = {term for place in _places_in(sentence, sentence.begin, sentence.end) for term in _inside(place)}
    cuts = [sentence.begin]
    for term in range(sentence.begin + 1, sentence.end - 1):
        if kinds[term] in _JOINTS and kinds[term - 1] not in _JOINTS and term not in listed:
            cuts.append(term)
    spans: list[Span] = []
    for begin, end in zip(cuts, [*cuts[1:], sentence.end], strict=True):
        if spans and not (_states(source, sentence, begin, end) and _states(source, sentence, *spans[-1])):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return spans


def _opens_with_article(source: Source, begin: int, end: int) -> bool:
    return next((kind for kind in source.kinds[begin:end] if kind not in _JOINTS), "") == "article"


def _inside(place: Place) -> range:
    return range(place.first, place.last + 1)


def _places_in(sentence: Sentence, begin: int, end: int) -> list[Place]:
    return [place for place in (*sentence.affirmed, *sentence.denied) if begin <= place.first < end]


def _states(source: Source, sentence: Sentence, begin: int, end: int) -> bool:
    """Return whether a part of a sentence says something by itself."""
    kinds = source.kinds[begin:end]
    opening = next((kind for kind in kinds if kind not in _JOINTS), "of")
    places = _places_in(sentence, begin, end)
    if opening in _HANGING or any(place.borrowed for place in places):
        return False
    if not places:  # "no effusion", "heart size is normal"
        return ("denies" in kinds and not FINDINGS.isdisjoint(kinds)) or ("clear" in kinds and "structure" in kinds)
    return not _STATING.isdisjoint(kinds) and (kinds[0] != "and" or not VERBS.isdisjoint(kinds))
