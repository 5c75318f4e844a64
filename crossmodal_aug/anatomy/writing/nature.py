"""Nature: what a finding is tells where it cannot be, however well the words would read."""

from __future__ import annotations

from collections.abc import Mapping

from crossmodal_aug.anatomy.writing.places import FINDINGS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import word_list
from crossmodal_aug.errors import shown

# What an image means is said soon behind what it shows.
_MOST_BEHIND = 4
_DENYING = frozenset({"denies", "absent", "resolved"})


def check_sides(source: Source, sentence: Sentence, moves: Mapping[Place, int]) -> None:
    """Refuse to leave on one side what is found on both by its nature: "batwing opacities", "ARDS".

    Args:
        source: The text.
        sentence: A sentence of it.
        moves: For each of its affirmed places the regions that it should name.

    Raises:
        CannotSay: It would be on one side, or in a part of one where it is called diffuse.
    """
    before = after = 0
    for place, mask in moves.items():
        before |= place.mask
        after |= mask
    if len(source.sides_of(before)) < 2 or len(source.sides_of(after)) != 1:
        return
    behind = source.sentences[sentence.number + 1 : sentence.number + _MOST_BEHIND]
    loud = [sentence, *(own for own in behind if _tells(source, own))]
    said = " ".join(f" {' '.join(source.words(own.begin, own.end)).replace('-', ' ')} " for own in loud)
    for word in sorted(word_list("findings", "bilateral")):
        if f" {word} " in said:
            raise declined(f"{shown(word)} is found on both sides")
    own_words = {part for word in source.words(sentence.begin, sentence.end) for part in word.split()}
    if not source.is_whole_side(after) and not own_words.isdisjoint({"diffuse", "diffusely", "widespread"}):
        raise declined("it is called diffuse")


def _tells(source: Source, sentence: Sentence) -> bool:
    """Return whether a sentence without places tells of something that is there."""
    is_silent = sentence.number in source.statement.silent
    return not (is_silent or sentence.affirmed) and _DENYING.isdisjoint(source.kinds[sentence.begin : sentence.end])


def check_kinds(source: Source, moves: Mapping[Place, int]) -> None:
    """Refuse to place what lies in the pleura somewhere else where the text tells of the lung as well.

    Args:
        source: The text.
        moves: For each affirmed place the regions that it should name, 0 for what goes.

    Raises:
        CannotSay: It would.
    """
    flipped = source.lexicon.mirrored_mask
    if all(mask == flipped(place.mask) for place, mask in moves.items()):
        return
    of_lung = pleural_grows = False
    for sentence in source.sentences:
        terms = range(sentence.begin, sentence.end) if sentence.affirmed else ()
        found = {source.word(term).rpartition(" ")[2] for term in terms if source.kinds[term] in FINDINGS}
        for place in sentence.affirmed:
            is_pleural = _is_pleural(source, place, found)
            of_lung |= not is_pleural
            pleural_grows |= bool(moves.get(place, 0) & ~place.mask) and is_pleural
    if of_lung and pleural_grows:
        raise declined("a finding of the pleura would lie where one of the lung may")


def _is_pleural(source: Source, place: Place, found: set[str]) -> bool:
    """Return whether what lies at a place is of the pleura, as far as it or the findings of its sentence tell."""
    own = {source.word(place.head).rpartition(" ")[2]} if place.head >= 0 else found
    return bool(own) and word_list("findings", "pleural").issuperset(own)
