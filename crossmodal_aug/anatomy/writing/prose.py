"""Prose: which place of a report comes to name which regions, and the text in which they do."""

from __future__ import annotations

from collections.abc import Iterator

from crossmodal_aug.anatomy.writing.claims import tells
from crossmodal_aug.anatomy.writing.cutting import Chunks, stands, with_what_hangs
from crossmodal_aug.anatomy.writing.nature import check_kinds
from crossmodal_aug.anatomy.writing.places import Place, Sentence
from crossmodal_aug.anatomy.writing.sentences import Moves, written_sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import parts_of, word_list
from crossmodal_aug.errors import shown

_MOST_HOMES = 6
_DENYING = frozenset({"denies", "absent", "resolved", "clear"})


def plans(source: Source, target: int) -> Iterator[Moves]:
    """Yield what each place should name, the most natural first; 0 for what goes.

    Args:
        source: The text.
        target: Bits of the regions to state.

    Yields:
        New regions for all affirmed places, which together are the target.
    """
    places = [place for sentence in source.sentences for place in sentence.affirmed if place.mask]
    if not places:
        return
    affirmed = source.statement.affirmed
    flipped = source.lexicon.mirrored_mask
    if target and target == flipped(affirmed):
        yield {place: flipped(place.mask) for place in places}
    kept = {place: place.mask & target for place in places}
    new = target & ~affirmed
    if not new:
        yield kept
        return
    going = [place for place in places if not kept[place]]
    if going:
        yield _distributed(source, kept, going, new)
    # What is dropped is never told of a place of another finding instead.
    for home in (going or places)[:_MOST_HOMES]:
        yield {place: mask | new if place.mask == home.mask else mask for place, mask in kept.items()}


def emptied(source: Source) -> str:
    """Cut the findings of a text without places: "Heart is normal." stays of "Opacities. Heart is normal." alone.

    Args:
        source: The text.

    Returns:
        What stays true where nothing is there, "" where that is nothing.
    """
    cut = {sentence.number for sentence in source.sentences if not stands(source, sentence, 0)}
    return Chunks(source).joined(dict.fromkeys(with_what_hangs(source, cut)))


def _distributed(source: Source, kept: Moves, going: list[Place], new: int) -> Moves:
    """Give each new region to the place that goes and lies nearest: its mirror image, or one of its side."""
    moves = dict(kept)
    masks = list(dict.fromkeys(place.mask for place in going))
    for index, mirror in enumerate(source.atlas.mirror):
        if not new >> index & 1:
            continue
        side = next((side for side in source.sides if side >> index & 1), 0)
        near = [mask for mask in masks if mask >> mirror & 1] or [mask for mask in masks if mask & side] or masks
        moves.update({place: moves[place] | 1 << index for place in going if place.mask == near[0]})
    return moves


def written(source: Source, moves: Moves, target: int) -> str:
    """Write a text in which each place names what it should.

    Args:
        source: The text.
        moves: For each affirmed place the regions that it should name, 0 for what goes.
        target: Bits of all of them.

    Returns:
        The text, "" where nothing of it is left.

    Raises:
        CannotSay: It would not read well.
    """
    check_kinds(source, moves)
    results: dict[int, str | None] = {}
    is_later = False
    for number, sentence in enumerate(source.sentences):
        result = written_sentence(source, sentence, moves, target, is_later=is_later)
        if result != "":
            results[number] = result
        is_later |= result is not None and any(moves.get(place) for place in sentence.affirmed)
    cut = {number for number, result in results.items() if result is None}
    if not target:
        cut |= {
            number
            for number, sentence in enumerate(source.sentences)
            if number not in results and not stands(source, sentence, 0)
        }
    _check_lead(source, cut)
    _check_beside(source, [one for one in source.sentences if one.number not in cut | results.keys()])
    results.update(dict.fromkeys(with_what_hangs(source, cut)))
    return Chunks(source).joined(results)


def _check_beside(source: Source, stay: list[Sentence]) -> None:
    """Refuse to leave a sentence as it is that speaks of places by what others name.

    Raises:
        CannotSay: It does: "Viral picture elsewhere.", "The upper lobe is clear." of the side of the sentence before.
    """
    for sentence in stay:
        if sentence.number in source.statement.silent:
            continue
        words = source.words(sentence.begin, sentence.end)
        if "elsewhere" in words and _DENYING.isdisjoint(source.kinds[sentence.begin : sentence.end]):
            raise declined("'elsewhere' hangs on what is named now")
        is_placed = sentence.affirmed or sentence.denied
        if not is_placed and not stands(source, sentence, -1) and _is_somewhere(source, sentence):
            raise declined("a sentence tells of a finding all over, or at a place that is not known")
        for place in (*sentence.affirmed, *sentence.denied):
            if len(source.sides_of(place.mask)) > 1 and not (place.is_plural or _names_both(source, place)):
                raise declined(f"the side of {shown(source.said(place))} is told by what is named now")


def _is_somewhere(source: Source, sentence: Sentence) -> bool:
    """Return whether a sentence of findings says "widespread", or names a side: "density over the left rib"."""
    kinds = set(source.kinds[sentence.begin : sentence.end])
    words = parts_of(source.words(sentence.begin, sentence.end))
    if words & word_list("bonds", "consequences"):
        return True
    wide = bool(words & word_list("bonds", "wide"))
    return tells(source, sentence) and (wide or not {"side", "both"}.isdisjoint(kinds))


def _names_both(source: Source, place: Place) -> bool:
    return not {"both", "side", "place"}.isdisjoint(source.kinds[place.first : place.last + 1])


def _check_lead(source: Source, cut: set[int]) -> None:
    """Refuse to cut a sentence on which the one behind it builds: "a left apical opacity is also noted"."""
    for number in cut:
        behind = source.sentences[number + 1 : number + 2]
        builds = any(parts_of(source.words(own.begin, own.end)) & word_list("bonds", "building") for own in behind)
        if number + 1 not in cut and builds:
            raise declined("a sentence builds on what goes")
