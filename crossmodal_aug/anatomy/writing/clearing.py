"""Clearing: what a text calls clear must not lie where something is placed."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.exchange import exchange_edits
from crossmodal_aug.anatomy.writing.places import Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source

_EXCEPTING = frozenset({"except", "otherwise", "excepting verb", "sparing"})


def contradicts(source: Source, sentence: Sentence, place: Place, target: int) -> bool:
    """Return whether a clear place would hold what is placed, and its sentence excepts nothing.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: A place that it calls clear.
        target: Bits of the regions where something is.

    Returns:
        True for "the lungs are clear" beside any place, False for "the lungs are otherwise clear".
    """
    if not place.mask & target:
        return False
    inside = source.kinds[sentence.begin : sentence.end]
    return _EXCEPTING.isdisjoint(inside) or not place.mask & ~target


def clearing_edits(
    source: Source, sentence: Sentence, place: Place, target: int, *, is_later: bool
) -> list[Edit] | None:
    """Let a clear place leave out what is placed.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: A place that it calls clear.
        target: Bits of the regions where something is.
        is_later: Whether the text has said before where something is, so that "otherwise" can refer to it.

    Returns:
        The edits, or None where nothing of it could be called clear, or not in good words.

    Raises:
        CannotSay: The sentence would not read well.
    """
    rest = place.mask & ~target
    cue = place.phrases[0].cue
    points = "opposite" in source.kinds[place.first : place.last + 1]  # "no contralateral nodule"
    if not rest or cue is None or place.borrowed or points:
        return None
    kind = source.kinds[cue[1]]
    if place.mask == source.lexicon.full:
        return _otherwise_edits(source, sentence, place, cue) if is_later and kind == "clear" else None
    # "No effusion on the left" has no narrower form that one would write, and what has resolved is told of one place.
    if kind != "clear" and (kind != "denies" or source.is_bare_side(place)):
        return None
    return exchange_edits(source, sentence, place, rest)


def _otherwise_edits(source: Source, sentence: Sentence, place: Place, cue: tuple[int, int]) -> list[Edit] | None:
    """Turn "the lungs are clear" into "the lungs are otherwise clear"."""
    if cue[1] + 1 != sentence.end or cue[0] != place.last + 1:
        return None
    first, *rest = source.word(cue[1]).split(" ")
    start = source.terms[cue[1]].start
    if rest and first in source.lexicon.verbs["agreeing verb"]:
        start += len(first) + 1
    return [(start, start, source.fitted("otherwise ", cue[1], cue[1]))]
