"""Scanning: from text to one letter per token, in one pass."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crossmodal_aug.anatomy.lexicon import NUMBER, OTHER_MARK, UNKNOWN, Lexicon, Sense
from crossmodal_aug.anatomy.tokens import TOKEN, exchanged

MIRROR_MARK = " (mirrored)"
_MARKS = re.compile(r"(?: \(mirrored\)(?![^\W\d_]))+")


@dataclass(frozen=True, slots=True)
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
    single, longer = lexicon.single, lexicon.longer
    matches = list(TOKEN.finditer(text))
    words = [match.group().lower() for match in matches]
    senses: list[Sense] = []
    starts: list[int] = []
    ends: list[int] = []
    flipped: list[int] = []
    index, count, marked_to = 0, len(words), 0
    while index < count:
        word = words[index]
        start, end = matches[index].span()
        length = 1
        sense = single.get(word)
        if word in longer:
            for rest, longer_sense in longer[word]:
                if words[index + 1 : index + 1 + len(rest)] == list(rest):
                    sense, length = longer_sense, 1 + len(rest)
                    end = matches[index + len(rest)].end()
                    break
        if sense is None:
            sense = NUMBER if word[0].isdigit() else UNKNOWN if word[0].isalpha() else OTHER_MARK
        elif sense.mirror is not None and not _mirrors(matches, index, sense.mirror):
            sense = UNKNOWN
        elif sense.implies_side:
            marks = _MARKS.match(text, end)
            if marks is not None:
                end = marked_to = marks.end()
                if (marks.end() - marks.start()) // len(MIRROR_MARK) % 2:
                    flipped.append(len(senses))
        senses.append(sense)
        starts.append(start)
        ends.append(end)
        index += length
        while marked_to and index < count and matches[index].start() < marked_to:
            index += 1
    return Scan(text, "".join([sense.code for sense in senses]), senses, starts, ends, frozenset(flipped))


def _mirrors(matches: list[re.Match[str]], index: int, mirror: tuple[str, ...]) -> bool:
    for offset, partner in enumerate(mirror):
        word = matches[index + offset].group()
        # Nearly every word is in lower case, and that always survives the exchange.
        if not word.islower() and exchanged(word, partner) is None:
            return False
    return True
