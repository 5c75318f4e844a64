"""Reading an atlas back: whether its own phrases name the regions that they stand for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.writing.reword import framed
from crossmodal_aug.anatomy.writing.wording import Style, position_phrase
from crossmodal_aug.errors import AtlasError, shown

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.cues import Cue

_MARKED = re.compile(r"\{([-+0])([^{}]*)\}")
_SAID = {"-": "denied", "+": "affirmed", "0": "neither"}
_MOST_PARTS = 6  # a side of more regions is not read back in all of its subsets


# Atlases whose phrases were read back already; an atlas is checked once.
_CHECKED: set[Atlas] = set()
_MOST_CHECKED = 256


def check_wording(
    atlas: Atlas, read: Callable[[str], Statement], kind_of: Callable[[str], str], *, always: bool = False
) -> None:
    """Refuse an atlas that cannot be read with its own words; each is read once.

    Args:
        atlas: The atlas.
        read: Reads a text with the words of the atlas.
        kind_of: Kind of a word in lower case, or "" where it is not listed.
        always: Whether to read it once more, because it is read with further cues or another tokenizer.

    Raises:
        AtlasError: A phrase does not read back as the regions that it stands for. Phrases of several regions are
            read for all subsets of a side (for sides of more than six regions: its pairs, all, and all but one) and
            for neighbours across sides.
    """
    if atlas in _CHECKED and not always:
        return
    for label, sentence, wanted in _sentences(atlas):
        statement = read(sentence)
        if statement.affirmed == wanted:
            continue
        words = [statement.said(index, index) for index, kind in enumerate(statement.kinds) if kind == "unknown"]
        strange = [word for word in words if not kind_of(word.lower())]
        named = f"; not among the words: {', '.join(map(shown, strange))}" if strange else ""
        raise AtlasError(
            f"atlas {shown(atlas.name)}: Expected {label} to read as {_listed(atlas, wanted)}, but {shown(sentence)} "
            f"reads as {_listed(atlas, statement.affirmed)}{named}."
        )
    for label, sentence in (("absent", atlas.phrasing.absent), ("absent_caption", atlas.phrasing.absent_caption)):
        if not read(sentence).placed:
            raise AtlasError(
                f"atlas {shown(atlas.name)}: Expected [phrases] `{label}` to say that nothing is there, but "
                f"{shown(sentence)} does not read so."
            )
    _check_frames(atlas, read)
    if len(_CHECKED) < _MOST_CHECKED:
        _CHECKED.add(atlas)


def check_cues(cues: Iterable[Cue], read: Callable[[str], Statement]) -> None:
    """Refuse cues whose own sentences are not read as they mark them.

    Args:
        cues: Rows with a sentence that each must change, and one that it must leave alone, or with neither.
        read: Reads a text with the words of an atlas and these cues.

    Raises:
        AtlasError: A sentence reads otherwise, or marks no place.
    """
    for cue in cues:
        for label, sentence in (("fits", cue.fits), ("fails", cue.fails)):
            fault = marks_missed(sentence, read) if sentence else ""
            if fault:
                raise AtlasError(f"cue {shown(cue.name)}: Expected `{label}` to read as it is marked, but {fault}.")


def marks_missed(sentence: str, read: Callable[[str], Statement]) -> str:
    """Return what a marked sentence is read as instead, "" where it is read as marked.

    Args:
        sentence: A sentence whose places are marked "{-...}" denied, "{+...}" affirmed or "{0...}" neither.
        read: Reads a text.

    Returns:
        The first difference, in words.
    """
    text, wanted, done = "", [], 0
    for match in _MARKED.finditer(sentence):
        text += sentence[done : match.start()]
        wanted.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        done = match.end()
    text += sentence[done:]
    if not wanted:
        return f"{shown(sentence)} marks no place; mark one as {{-denied}}, {{+affirmed}} or {{0neither}}"
    statement = read(text)
    found = [
        (statement.terms[one.first].start, statement.terms[one.last].end, one.negated)
        for one in statement.phrases
        if one.mask
    ]
    for start, end, mark in wanted:
        over = [negated for first, last, negated in found if first < end and start < last]
        said = _SAID[mark]
        if mark == "0" and over:
            return f"{shown(text[start:end])} in {shown(text)} is read, and is marked as {said}"
        if mark != "0" and (not over or any(negated != (mark == "-") for negated in over)):
            return f"{shown(text[start:end])} in {shown(text)} is not read as {said}"
    return ""


def _sentences(atlas: Atlas) -> Iterator[tuple[str, str, int]]:
    """Yield what to call a phrase in errors, a sentence with it, and the regions that it should name."""
    words = atlas.phrasing
    for index, name in enumerate(atlas.names):
        yield f"`phrase` of {shown(name)}", _stated(atlas, words.regions[index]), 1 << index
    for side, members in zip(words.sides, atlas.sides, strict=True):
        full = _mask(members)
        yield f"[phrases] `coarse` of side {shown(side)}", _stated(atlas, words.coarse.format(side=side)), full
        if words.whole:
            yield f"[phrases] `whole` of side {shown(side)}", _stated(atlas, words.whole.format(side=side)), full
        parted = tuple(index for index in members if words.parts[index])
        for index in parted:
            phrase = words.some.format(parts=words.parts[index], side=side)
            yield f"`part` of {shown(atlas.names[index])}", _stated(atlas, phrase), 1 << index
        for chosen in _subsets(parted):
            yield "[phrases] `some`", _listing(atlas, _mask(chosen)), _mask(chosen)
    everything = range(len(atlas))
    mirrored = enumerate(atlas.mirror)
    for pair in (*itertools.pairwise(everything), *mirrored, tuple(everything)):
        yield "[phrases] `join`", _listing(atlas, _mask(pair)), _mask(pair)
    yield "[phrases] `absent`", words.absent, 0
    yield "[phrases] `absent_caption`", words.absent_caption, 0


def _check_frames(atlas: Atlas, read: Callable[[str], Statement]) -> None:
    """Refuse a frame that does not read back with one region, or with all."""
    everything = range(len(atlas))
    for name, frame in atlas.phrasing.frames:
        for mask in (*(1 << index for index in everything), _mask(tuple(everything))):
            texts = framed(atlas, mask, frame)
            if not any(read(text).affirmed == mask for text in texts):
                raise AtlasError(
                    f"atlas {shown(atlas.name)}: Expected [[frames]] {shown(name)} to read as {_listed(atlas, mask)}, "
                    f"but {shown(texts[0])} reads as {_listed(atlas, read(texts[0]).affirmed)}."
                )


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
    names = [shown(name) for index, name in enumerate(atlas.names) if mask >> index & 1]
    return ", ".join(names) or "no region"
