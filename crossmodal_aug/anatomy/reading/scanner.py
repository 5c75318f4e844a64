"""Scanning: from text to one letter per token, in one pass."""

from __future__ import annotations

import re

from crossmodal_aug.anatomy.atlas.lexicon import ABSORBED, NUMBER, OTHER_MARK, PENDING, UNKNOWN, Lexicon, Sense
from crossmodal_aug.anatomy.atlas.tokens import TOKEN, with_plain_hyphens
from crossmodal_aug.anatomy.casing import exchanged
from crossmodal_aug.anatomy.statement import MIRROR_MARK, Scan

_MARKS = re.compile(r"(?: \(mirrored\)(?![^\W\d_]))+")
# A line that ends in such a word goes on: "in the | right base".
_GOES_ON = frozenset("tio&|")
# What may follow "L" or "rt." that stands for a side: "L base", "rt. upper lobe", "L effusion".
_AFTER_SHORT = frozenset("LZNFm>")


def scan(text: str, lexicon: Lexicon) -> Scan:
    """Read a text token by token; the longest form in the lexicon wins.

    Args:
        text: Any text.
        lexicon: The words to look for.

    Returns:
        The scanned text.
    """
    plain = lexicon.plain
    matches = list(TOKEN.finditer(with_plain_hyphens(text)))
    if "\n" in text:
        matches = _unwrapped(matches, lexicon)
    words = [match[0] for match in matches]
    starts = [match.start() for match in matches]
    ends = [match.end() for match in matches]
    senses = [plain.get(word, PENDING) for word in words]
    flipped = _complete(text, lexicon, words, senses, starts, ends)
    if ABSORBED in senses:
        kept = [index for index, sense in enumerate(senses) if sense is not ABSORBED]
        flipped = {place for place, index in enumerate(kept) if index in flipped} if flipped else flipped
        senses = [senses[index] for index in kept]
        starts = [starts[index] for index in kept]
        ends = [ends[index] for index in kept]
    return Scan(text, "".join([sense.code for sense in senses]), senses, starts, ends, flipped)


def _unwrapped(matches: list[re.Match[str]], lexicon: Lexicon) -> list[re.Match[str]]:
    """Leave out the line breaks that only wrap a sentence: those before a word in lower case, or behind "in the"."""
    kept: list[re.Match[str]] = []
    for match, following in zip(matches, [*matches[1:], None], strict=True):
        if match[0] == "\n" and following is not None and following[0] != "\n":
            before = lexicon.single.get(kept[-1][0].lower()) if kept else None
            if following[0][0].islower() or (before is not None and before.code in _GOES_ON):
                continue
        kept.append(match)
    return kept


def _complete(
    text: str, lexicon: Lexicon, words: list[str], senses: list[Sense], starts: list[int], ends: list[int]
) -> set[int]:
    """Settle the words that the plain table does not hold, in place, and return the tokens that are flipped.

    Forms of several words become one token: its first word gets the sense, the others are absorbed.
    """
    flipped: set[int] = set()
    for index, pending in enumerate(senses):
        if pending is not PENDING:
            continue
        word = words[index].lower()
        sense = lexicon.single.get(word)
        seconds = lexicon.longer.get(word)
        if seconds is not None and index + 1 < len(words):
            longer, stop = _longest(lexicon, words, index, seconds.get(words[index + 1].lower(), []))
            if longer is not None:
                sense = longer
                ends[index] = ends[stop - 1]
                senses[index + 1 : stop] = [ABSORBED] * (stop - index - 1)
        if sense is None:
            sense = NUMBER if word[0].isdigit() else UNKNOWN if word[0].isalpha() else OTHER_MARK
        elif sense.mirror is not None:
            if not _is_read(lexicon, words, index, sense, sense.mirror):
                sense = UNKNOWN
        elif sense.implies_side:
            marks = _MARKS.match(text, ends[index])
            if marks is not None:
                ends[index] = marks.end()
                following = index + 1
                while following < len(words) and starts[following] < marks.end():
                    senses[following] = ABSORBED
                    following += 1
                if (marks.end() - marks.start()) // len(MIRROR_MARK) % 2:
                    flipped.add(index)
        senses[index] = sense
    return flipped


def _longest(
    lexicon: Lexicon, words: list[str], index: int, endings: list[tuple[list[str], Sense]]
) -> tuple[Sense | None, int]:
    """Return the meaning of the longest form whose first two words stand at `index`, and the token behind it."""
    for rest, sense in endings:
        stop = index + 2 + len(rest)
        if rest and [following.lower() for following in words[index + 2 : stop]] != rest:
            continue
        if not sense.short or _is_shortened(lexicon, words, stop):
            return sense, stop
    return None, index


def _is_read(lexicon: Lexicon, words: list[str], index: int, sense: Sense, mirror: tuple[str, ...]) -> bool:
    """Say whether a mirror word is written so that a flip can exchange it and exchange it back."""
    if sense.short and len(mirror) == 1 and not (words[index].isupper() and _goes_with(lexicon, words, index + 1)):
        return False
    return all(exchanged(words[index + offset], partner) is not None for offset, partner in enumerate(mirror))


def _is_shortened(lexicon: Lexicon, words: list[str], stop: int) -> bool:
    """Say whether the full stop before token `stop` belongs to "rt.": in "rt. base", but not in "rt. Base"."""
    if not _goes_with(lexicon, words, stop):
        return False
    return words[stop].islower() or (len(words[stop]) > 1 and words[stop].isupper())


def _goes_with(lexicon: Lexicon, words: list[str], index: int) -> bool:
    following = lexicon.single.get(words[index].lower()) if index < len(words) else None
    return following is not None and following.code in _AFTER_SHORT
