"""Swapping: left and right exchanged word by word, where that names the same place of the other side."""

from __future__ import annotations

from collections.abc import Iterable

from crossmodal_aug.anatomy.casing import exchanged
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.places import Place
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import word_list
from crossmodal_aug.errors import shown

# Their mirror words name no lobe.
_LETTERS = frozenset({"rml", "lml"})


def swapped_edits(source: Source, terms: Iterable[int]) -> list[Edit]:
    """Exchange the words of a mirror pair.

    Args:
        source: The text.
        terms: The terms to look at.

    Returns:
        The edits; "left lateral view" stays, which says how the image was taken.

    Raises:
        CannotSay: Several words are one half of a pair.
    """
    edits = []
    studies = word_list("bonds", "studies")
    for term in terms:
        mirror = source.terms[term].sense.mirror
        if mirror is None or studies & set(source.words(term + 1, term + 3)):
            continue
        written = source.text[source.terms[term].start : source.terms[term].end]
        new = exchanged(written, mirror[0]) if len(mirror) == 1 else None
        if new is None:
            raise declined(f"{shown(written)} cannot be exchanged alone")
        edits.append(source.edit(term, term, new))
    return edits


def is_swapped(source: Source, place: Place, mask: int) -> bool:
    """Return whether exchanging its words makes a place name regions, as one would name them.

    Args:
        source: The text.
        place: The place.
        mask: Bits of the regions.

    Returns:
        False for another level, for "lingula", which says no side, and for "right middle lobe", which the left has not.
    """
    if mask != source.lexicon.mirrored_mask(place.mask) or mask == place.mask or place.borrowed:
        return False
    terms = range(place.first, place.last + 1)
    if any(source.terms[term].sense.implies_side for term in terms):
        return False
    if any(len(source.terms[term].sense.mirror or ("",)) > 1 for term in terms):
        return False
    words = set(source.words(place.first, place.last + 1))
    if words & _LETTERS or source.word(place.last) == "middle" or {"middle", "lobes"} <= words:
        return False  # "upper and middle lobes"
    style = source.style_of(place)
    if style is None:
        return True
    mirror = source.atlas.mirror
    stems = {index: entry.stem for index, entry in style.nouns.items() if entry.side and mask >> index & 1}
    nouns = style.nouns
    return all(mirror[index] not in nouns or nouns[mirror[index]].stem == stem for index, stem in stems.items())
