"""Captions of pictures: "one small polyp, located in top left, center of the image"."""

from __future__ import annotations

from collections.abc import Iterator

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.writing.edits import overlap, spliced
from crossmodal_aug.anatomy.writing.naming import atlas_items
from crossmodal_aug.anatomy.writing.places import POSITION, Place
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.wording import present_sentence

# A caption that names more places one by one is not followed.
_MOST_PLACES = 6
_TOLD = frozenset({"finding", "denies", "absent", "count noun"})
_DENYING = frozenset({"denies", "absent", "resolved"})


def pictures_with(source: Source, target: int) -> Iterator[str]:
    """Yield captions of a picture that state other places, the gentlest first.

    Args:
        source: The text.
        target: Bits of the regions to state.

    Yields:
        The caption with its last list exchanged; the sentence of the atlas behind a text that names no place, and in
        the stead of one that names several places or says that nothing is there.

    Raises:
        CannotSay: That sentence would drop a thing that is not a finding: "tree right".
    """
    sentence = present_sentence(source.atlas, target) if target else source.atlas.phrasing.absent
    sentence = sentence.lower() if source.text.islower() else sentence
    body = source.text.rstrip()
    if not target:
        yield sentence if body.endswith(".") else sentence.removesuffix(".")
        return
    affirmed = [place for own in source.sentences for place in own.affirmed]
    if 0 < len(affirmed) <= _MOST_PLACES:
        others = 0
        for place in affirmed[:-1]:
            others |= place.mask if place.led else 0
        edited = _exchanged(source, affirmed, target & ~others) if target & ~others and not others & ~target else None
        if edited is not None:
            yield edited
    if not affirmed and body and not source.statement.negated and _DENYING.isdisjoint(source.kinds):
        mark = "" if source.lexicon.ends_sentence(body[-1]) else "."
        yield body + mark + (source.text[len(body) :] or " ") + sentence
    if "unknown" in source.kinds and _TOLD.isdisjoint(source.kinds):
        raise declined("the sentence would lose what it speaks of")  # "tree right" names a thing that no list knows
    yield sentence


def _whole(atlas: Atlas, mask: int) -> list[str]:
    """Return the word that names just some regions of a side or a row, "top", or nothing where there is none."""
    sides = zip(atlas.phrasing.sides, atlas.sides, strict=True)
    levels = ((entry.forms[0], entry.regions) for entry in atlas.words if entry.kind == "level")
    words = (word for word, regions in (*sides, *levels) if sum(1 << index for index in regions) == mask)
    return [word for _, word in zip(range(1), words, strict=False)]


def _exchanged(source: Source, affirmed: list[Place], mask: int) -> str | None:
    """Exchange the last list of a caption; adjectives before it that name other places are dropped."""
    place = affirmed[-1]
    edits = [source.dropped(other.first, other.last) for other in affirmed[:-1] if other.mask & ~mask and not other.led]
    items = _whole(source.atlas, mask) or [item.words for item in atlas_items(source.atlas, mask)]
    words = source.atlas.phrasing.join.join(items)
    start = place.start
    last = max(term for term in range(place.first, place.last + 1) if source.kinds[term] in POSITION)
    noun = last + 1
    is_list = len(items) > 1 or len(place.phrases) > 1
    if source.kinds[noun : noun + 1] == ["noun"] and (is_list or source.word(noun).endswith("s")):
        last = noun  # "top left region" is one; a list stands without a noun
    if source.word(place.first).endswith("ly"):
        words = f"in the {words}"
        if source.words(last + 1, last + 2) == ["within"]:
            last, words = last + 1, f"{words} of"
    elif place.article >= 0:
        words = f"the {words}"
    if start > 0 and source.word(start - 1) == "both":
        start -= 1  # "on both the left and right sides"
    edits.append(source.edit(start, last, source.fitted(words, start, last)))
    return None if overlap(edits) else spliced(source.text, edits)
