"""Reading an atlas back: whether its own phrases name the regions that they stand for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import lexicon_for
from crossmodal_aug.anatomy.reading.reader import read
from crossmodal_aug.anatomy.reading.unknown import unknown_words
from crossmodal_aug.anatomy.writing.wording import Style, position_phrase
from crossmodal_aug.errors import AtlasError

_MOST_PARTS = 6  # a side of more regions is not read back in all of its subsets


@lru_cache(maxsize=32)
def check_wording(atlas: Atlas) -> None:
    """Refuse an atlas that cannot be read with its own words; each is read once.

    Args:
        atlas: The atlas.

    Raises:
        AtlasError: Its words are not symmetric under a horizontal flip, or a phrase does not read back as the
            regions that it stands for. Phrases of several regions are read for all subsets of a side (for sides
            of more than six regions: its pairs, all, and all but one) and for neighbours across sides.
    """
    try:
        _read_back(atlas)
    except AtlasError as error:
        raise AtlasError(f"atlas {atlas.name!r}: {error}") from error


def _read_back(atlas: Atlas) -> None:
    lexicon = lexicon_for(atlas)
    for label, sentence, wanted in _sentences(atlas):
        found = read(sentence, lexicon, atlas.bare).affirmed
        if found == wanted:
            continue
        strange = list(unknown_words([sentence], atlas))
        named = f"; not among the words: {', '.join(map(repr, strange))}" if strange else ""
        raise AtlasError(
            f"Expected {label} to read as {_listed(atlas, wanted)}, but {sentence!r} reads as "
            f"{_listed(atlas, found)}{named}"
        )


def _sentences(atlas: Atlas) -> Iterator[tuple[str, str, int]]:
    """Yield what to call a phrase in errors, a sentence with it, and the regions that it shall name."""
    words = atlas.phrasing
    for index, name in enumerate(atlas.names):
        yield f"`phrase` of {name!r}", _stated(atlas, words.regions[index]), 1 << index
    for side, members in zip(words.sides, atlas.sides, strict=True):
        full = _mask(members)
        yield f"[phrases] `coarse` of side {side!r}", _stated(atlas, words.coarse.format(side=side)), full
        if words.whole:
            yield f"[phrases] `whole` of side {side!r}", _stated(atlas, words.whole.format(side=side)), full
        parted = tuple(index for index in members if words.parts[index])
        for index in parted:
            phrase = words.some.format(parts=words.parts[index], side=side)
            yield f"`part` of {atlas.names[index]!r}", _stated(atlas, phrase), 1 << index
        for chosen in _subsets(parted):
            yield "[phrases] `some`", _listing(atlas, _mask(chosen)), _mask(chosen)
    everything = range(len(atlas))
    mirrored = enumerate(atlas.mirror)
    for pair in (*itertools.pairwise(everything), *mirrored, tuple(everything)):
        yield "[phrases] `join`", _listing(atlas, _mask(pair)), _mask(pair)
    yield "[phrases] `absent`", words.absent, 0
    yield "[phrases] `absent_caption`", words.absent_caption, 0


def _subsets(members: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    count = len(members)
    sizes = range(2, count + 1) if count <= _MOST_PARTS else (2, count - 1, count)
    for size in sizes:
        yield from itertools.combinations(members, size)


def _stated(atlas: Atlas, phrase: str) -> str:
    return atlas.phrasing.present.format(positions=phrase)


def _listing(atlas: Atlas, mask: int) -> str:
    return _stated(atlas, position_phrase(atlas, mask, Style(stacked=False, whole=False)))


def _mask(indices: tuple[int, ...]) -> int:
    return sum(1 << index for index in set(indices))


def _listed(atlas: Atlas, mask: int) -> str:
    names = [repr(name) for index, name in enumerate(atlas.names) if mask >> index & 1]
    return ", ".join(names) or "no region"
