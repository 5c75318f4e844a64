"""Flipping: a whole sentence whose places all come to lie on the other side, with what else it says of sides."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.bonds import words_around
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.exchange import exchange_edits
from crossmodal_aug.anatomy.writing.places import Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import word_list
from crossmodal_aug.anatomy.writing.swapping import is_swapped, swapped_edits
from crossmodal_aug.errors import shown

_SEGMENTS = frozenset({"segment", "segments"})
_UNPAIRED = frozenset({"posterior", "medial", "lateral"})


def flipped_edits(source: Source, sentence: Sentence, moves: dict[Place, int]) -> list[Edit]:
    """Exchange left and right in a whole sentence.

    Args:
        source: The text.
        sentence: The sentence.
        moves: For each of its places that changes the regions on the other side.

    Returns:
        The edits.

    Raises:
        CannotSay: The sentence holds what is found on one side alone.
    """
    _check_sides(source, sentence)
    edits: list[Edit] = []
    inside: set[int] = set()
    for place, mask in moves.items():
        # A place whose side other words say, "upper lobe nodule on the left", goes with those words.
        if not (place.borrowed or mask == place.mask or is_swapped(source, place, mask)):
            if sum(other == mask for other in moves.values()) > 1:
                raise declined("a sentence would say the same place twice")
            edits += exchange_edits(source, sentence, place, mask)
            inside.update(range(place.start, place.last + 1))
    terms = range(sentence.begin, sentence.end)
    return edits + swapped_edits(source, (term for term in terms if term not in inside))


def _check_sides(source: Source, sentence: Sentence) -> None:
    places = {*sentence.affirmed, *sentence.denied}
    for word in sorted(words_around(source, sentence, places) & word_list("bonds", "one_sided")):
        raise declined(f"{shown(word)} is found on one side alone")
    words = {part for term in range(sentence.begin, sentence.end) for part in source.word(term).split()}
    if not _SEGMENTS.isdisjoint(words) and not _UNPAIRED.isdisjoint(words):
        raise declined("the segments of both lungs differ")
    if "identity" in source.kinds[sentence.begin : sentence.end]:
        raise declined("it names a part of the body that keeps its side")
    organs, outlines = word_list("bonds", "organs"), word_list("bonds", "outlines")
    for term in range(sentence.begin, sentence.end):
        behind = set(source.words(term + 1, min(term + 4, sentence.end)))
        if source.kinds[term] == "side" and behind & organs and not behind & outlines:
            raise declined(f"{shown(source.statement.said(term, term + 1))} keeps its side")
