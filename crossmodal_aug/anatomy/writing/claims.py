"""Claims: whether a sentence tells of a finding, wherever it may be, that it does not deny."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.places import Sentence
from crossmodal_aug.anatomy.writing.source import Source

_OTHERS = frozenset({"structure", "identity", "body", "cut off", "view", "device"})
_BEHIND = frozenset({
    "unknown", "modifier", "number", "sided", "unit", "part", "hyphen", "plain", "mark", "ordinal", "state", "growth",
    "bullet", "affirmation", "verb", "agreeing verb", "excepting verb", "or", "and", "of", "article", "in", "noun",
    "side", "both", "level", "zone", "place", "comma", "colon", "past", "whole",
    "finding", "marking", "space",
})  # fmt: skip
_VOIDING = frozenset({"growth", "clear"})
_LOOSE = frozenset({"unknown", "modifier", "article", "of", "plain", "number", "part"})
_MOST_BEFORE = 3


def tells(source: Source, sentence: Sentence) -> bool:
    """Return whether a sentence tells of a finding that it does not deny, and that is not another organ's.

    Args:
        source: The text.
        sentence: A sentence of it.

    Returns:
        True for "Pneumonia, no effusion." and "Two infected areas."; False for "No effusion or pneumonia.", "Pneumonia
        has resolved." and "Splenic calcification.", and for what is not a finding of the image, such as a history.
    """
    if sentence.number in source.statement.silent:
        return False
    kinds, denied = source.kinds, False
    for index in range(sentence.begin, sentence.end):
        kind = kinds[index]
        if kind in ("denies", "resolved"):
            denied = not _is_void(kinds, index, sentence.end)
        elif kind in ("stop", "dash", "except"):
            denied = False
        elif denied or not (kind == "finding" or _is_counted(source, index, sentence.begin)):
            continue
        elif not (_is_denied_behind(kinds, index, sentence.end) or _is_of_other(kinds, index, sentence.begin)):
            return True
    return False


def tells_of_findings(source: Source) -> bool:
    """Return whether any sentence of a text tells of a finding, with or without a place.

    Args:
        source: The text.

    Returns:
        True for "No pneumothorax. Right basal drain with adjacent atelectasis."
    """
    return any(tells(source, sentence) for sentence in source.sentences)


def _is_counted(source: Source, index: int, begin: int) -> bool:
    """Return whether a term is what is counted, or called diseased: "two infected areas", "infected areas"."""
    if source.kinds[index] != "count noun":
        return False
    first = max(begin, index - _MOST_BEFORE)
    numbers = [source.terms[at].sense.number for at in range(first, index) if source.kinds[at] == "number"]
    return any(number != 0 for number in numbers) or source.kinds[first:index][-1:] == ["state"]


def _is_void(kinds: list[str], cue: int, end: int) -> bool:
    at = cue + 1
    while at < end and kinds[at] in _LOOSE:
        at += 1
    return kinds[cue] == "denies" and at < end and kinds[at] in _VOIDING


def _is_denied_behind(kinds: list[str], index: int, end: int) -> bool:
    """Return whether what follows says that a finding is not there: "is absent", ", now resolved", ": none"."""
    at = index + 1
    while at < end and kinds[at] in _BEHIND:
        at += 1
    if at >= end:
        return False
    if kinds[at] == "denies":
        return at + 1 >= end
    return kinds[at] in ("absent", "resolved")


def _is_of_other(kinds: list[str], index: int, begin: int) -> bool:
    """Return whether what stands before a finding is another organ or a device: "rib fracture", "adrenal nodule"."""
    before = kinds[max(begin, index - _MOST_BEFORE) : index]
    return "with" not in before and not _OTHERS.isdisjoint(before)
