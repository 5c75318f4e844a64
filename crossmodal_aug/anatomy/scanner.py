"""Scanning: from text to one letter per token, in one pass."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crossmodal_aug.anatomy.lexicon import ABSORBED, NUMBER, OTHER_MARK, UNKNOWN, Lexicon, Sense
from crossmodal_aug.anatomy.tokens import TOKEN, exchanged

MIRROR_MARK = " (mirrored)"
_MARKS = re.compile(r"(?: \(mirrored\)(?![^\W\d_]))+")
# What may follow "L" or "R" that stands for a side: "L base", "R upper lobe", "L effusion".
_AFTER_INITIAL = frozenset("LZNFm>")


@dataclass(slots=True)
class Scan:
    """A text as the grammar sees it.

    Args:
        text: The text.
        codes: One letter per token.
        senses: What each token means.
        starts: Where each token begins in the text.
        ends: Where it ends.
        flipped: Tokens that carry an odd number of mirror marks and so mean the other side.
    """

    text: str
    codes: str
    senses: list[Sense]
    starts: list[int]
    ends: list[int]
    flipped: frozenset[int]


def scan(text: str, lexicon: Lexicon) -> Scan:
    """Read a text token by token; the longest form in the lexicon wins.

    Args:
        text: Any text.
        lexicon: The words to look for.

    Returns:
        The scanned text.
    """
    plain = lexicon.plain
    matches = list(TOKEN.finditer(text))
    words = [match[0] for match in matches]
    starts = [match.start() for match in matches]
    ends = [match.end() for match in matches]
    looked_up = [plain.get(word) for word in words]
    senses, flipped = _completed(text, lexicon, words, looked_up, starts, ends)
    if ABSORBED in senses:
        kept = [index for index, sense in enumerate(senses) if sense is not ABSORBED]
        flipped = {place for place, index in enumerate(kept) if index in flipped} if flipped else flipped
        senses = [senses[index] for index in kept]
        starts = [starts[index] for index in kept]
        ends = [ends[index] for index in kept]
    return Scan(text, "".join([sense.code for sense in senses]), senses, starts, ends, frozenset(flipped))


def _completed(
    text: str,
    lexicon: Lexicon,
    words: list[str],
    looked_up: list[Sense | None],
    starts: list[int],
    ends: list[int],
) -> tuple[list[Sense], set[int]]:
    """Look closely at the words that the plain table does not hold; forms of several words become one token."""
    senses: list[Sense] = []
    flipped: set[int] = set()
    absorbed_to = 0
    for index, found in enumerate(looked_up):
        if starts[index] < absorbed_to:
            senses.append(ABSORBED)
            continue
        if found is not None:
            senses.append(found)
            continue
        word = words[index].lower()
        sense = lexicon.single.get(word)
        seconds = lexicon.longer.get(word)
        if seconds is not None and index + 1 < len(words):
            for rest, longer_sense in seconds.get(words[index + 1].lower(), ()):
                stop = index + 2 + len(rest)
                if not rest or [following.lower() for following in words[index + 2 : stop]] == rest:
                    sense = longer_sense
                    ends[index] = absorbed_to = ends[stop - 1]
                    break
        if sense is None:
            sense = NUMBER if word[0].isdigit() else UNKNOWN if word[0].isalpha() else OTHER_MARK
        elif sense.mirror is not None:
            if not _is_read(lexicon, words, index, sense, sense.mirror):
                sense = UNKNOWN
        elif sense.implies_side:
            marks = _MARKS.match(text, ends[index])
            if marks is not None:
                ends[index] = absorbed_to = marks.end()
                if (marks.end() - marks.start()) // len(MIRROR_MARK) % 2:
                    flipped.add(index)
        senses.append(sense)
    return senses, flipped


def _is_read(lexicon: Lexicon, words: list[str], index: int, sense: Sense, mirror: tuple[str, ...]) -> bool:
    """Say whether a mirror word is written so that a flip can exchange it and exchange it back."""
    if sense.initial:
        following = lexicon.single.get(words[index + 1].lower()) if index + 1 < len(words) else None
        if not (words[index].isupper() and following is not None and following.code in _AFTER_INITIAL):
            return False
    return all(exchanged(words[index + offset], partner) is not None for offset, partner in enumerate(mirror))
