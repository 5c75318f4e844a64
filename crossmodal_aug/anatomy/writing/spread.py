"""Spread: whether what lies at a place can lie at several, and the words that then change their number.

One lesion is in one place. Where a text tells of one ("a nodule") and several places are asked for, the lesion becomes
several, unless the text measures it, counts it, or goes on about it.
"""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.lesion import INDEFINITE, Lesion
from crossmodal_aug.anatomy.writing.number import singular_of
from crossmodal_aug.anatomy.writing.places import VERBS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import word_list
from crossmodal_aug.errors import shown

_MOST_BEFORE = 3
# What a pair is told apart by.
_ONE_OF_SEVERAL = frozenset({"one", "other", "another", "former", "latter"})


def spread_edits(source: Source, sentence: Sentence, place: Place, mask: int) -> list[Edit]:
    """Return what changes around a place when it comes to name several regions.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: The place.
        mask: Bits of the regions that it should name.

    Returns:
        Edits that put the finding, its article and its verb into the plural, none where that is not needed.

    Raises:
        CannotSay: One thing would be in several places.
    """
    if mask.bit_count() < 2 or not mask & ~place.mask:
        return []
    _check_pair(source, place)
    lesion = Lesion(source, sentence, place)
    if lesion.term < 0:
        if word_list("findings", "unique") & set(source.words(sentence.begin, sentence.end)):
            raise declined("it speaks of one thing")
        _check_unnamed(source, sentence, place, mask)
        return []
    if lesion.belongs_to_one() and not _is_connected(source, mask):
        raise declined(f"{shown(lesion.finding)} belongs to one thing in one place")
    if lesion.number == "several":
        if lesion.count is not None and lesion.count < mask.bit_count():
            raise declined(f"it counts {lesion.count} of {shown(lesion.finding)}")
        return []
    if lesion.is_one:
        raise declined(f"{shown(lesion.finding)} is one thing in one place")
    extends = lesion.number == "mass" or (place.part != "attribute" and not lesion.discrete)
    if lesion.number == "one" and not _is_connected(source, mask):
        lesion.check_edge()
    if extends and not lesion.indefinite:
        return []
    if not lesion.discrete and _is_connected(source, mask):
        return []
    if lesion.finding.endswith("pneumothorax"):
        inside = [mask & side for side in source.sides]
        if any(own.bit_count() > 1 and own not in source.sides for own in inside):
            raise declined(f"{shown(lesion.finding)} is one on each side")
    return lesion.several()


def single_edits(source: Source, sentence: Sentence, place: Place, mask: int) -> list[Edit]:
    """Return the edits that put "bilateral effusions" into the singular where one side of them is left.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: The place.
        mask: Bits of the regions that it should name.

    Returns:
        At most one edit, none where a verb or a number would have to follow.
    """
    if len(source.sides_of(place.mask)) < 2 or len(source.sides_of(mask)) != 1:
        return []
    pleural = word_list("findings", "pleural")
    for term in range(sentence.begin, sentence.end):
        word = source.word(term).rpartition(" ")[2]
        if term != place.head and word in pleural and singular_of(word) is not None and place.head != term:
            raise declined(f"{shown(word)} may speak of both sides")
    if place.part != "attribute":
        return []
    finding = source.word(place.head)
    one = singular_of(finding)
    if one is None or finding.rpartition(" ")[2] not in word_list("findings", "pleural"):
        return []
    inside = set(source.kinds[sentence.begin : sentence.end])
    if inside & (VERBS | {"number", "there"}) or source.kinds[place.first - 1 : place.first] == ["article"]:
        return []
    return [source.edit(place.head, place.head, source.fitted(one, place.head, place.head))]


def _is_connected(source: Source, mask: int) -> bool:
    """Return whether regions lie on one side, each beside the next."""
    for side in source.atlas.sides:
        chosen = [order for order, index in enumerate(side) if mask >> index & 1]
        if chosen:
            return mask.bit_count() == len(chosen) == chosen[-1] - chosen[0] + 1
    return False


def _check_pair(source: Source, place: Place) -> None:
    """Refuse to spread one of two things: "two nodules, one in the right apex and the other in the left base"."""
    before = source.words(max(0, place.first - _MOST_BEFORE), place.first)
    if not _ONE_OF_SEVERAL.isdisjoint(before):
        raise declined(f"{shown(before[0])} is one thing in one place")


def _check_unnamed(source: Source, sentence: Sentence, place: Place, mask: int) -> None:
    """Refuse to spread one thing whose word is not a known finding: "a new focus is seen in the right upper lobe"."""
    words = source.words(sentence.begin, place.start)
    at = max((order for order, word in enumerate(words) if word in INDEFINITE), default=-1)
    if at >= 0 and not _is_connected(source, mask) and not word_list("findings", "mass") & set(words[at:]):
        raise declined(f"{shown(' '.join(words[at : at + 3]))} is one thing in one place")
