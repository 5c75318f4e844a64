"""Words of a side that are none by themselves: single letters, shortened words, words that imply a side."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas.lexicon import Sense
from crossmodal_aug.anatomy.atlas.tokens import TOKEN
from crossmodal_aug.anatomy.casing import exchanged
from crossmodal_aug.anatomy.reading.departures import departed_sense
from crossmodal_aug.anatomy.reading.homographs import parted
from crossmodal_aug.anatomy.statement import MIRROR_MARK, Term

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary

_MARKS = re.compile(r"(?: \(mirrored\)(?![^\W\d_]))+")
_UNKNOWN = Sense(kind="unknown")
# What may stand behind "L" or "rt." that is a side: "L base", "rt. upper lobe", "L effusion", "L > R", "L is clear".
_BEHIND_SHORT = frozenset({
    "level", "zone", "noun", "finding", "modifier", "than", "place", "structure", "device", "sided", "part",
    "clear", "absent", "identity", "body", "whole", "count noun", "verb", "agreeing verb", "excepting verb",
    "resolved", "affirmation", "denies", "marking", "state",
})  # fmt: skip
_BEFORE_SHORT = frozenset({"article", "in", "mainly", "degree"})
_DOTTED, _DOTTED_BEFORE = re.compile(r"\.[^\W\d_]"), re.compile(r"(?<![^\W\d_])[^\W\d_]\.$")
# One letter, or several with full stops, maybe apart as in "R.L. L".
_LETTERS = re.compile(r"(?:[^\W\d_]\.\s*)*[^\W\d_]\.?")
_PAIR_BEFORE = re.compile(r"[^\W\d_]\.[^\W\d_]\.\s+$")
_LISTS = frozenset({"and", "or", "slash", "than"})
_OPENS = frozenset({"comma", "open", "", "end", "colon", "dash"})
_CLOSES = frozenset({"comma", "close", "", "end", "dash"})


def settled_sides(text: str, terms: list[Term], vocabulary: Vocabulary) -> list[Term]:
    """Take the meaning from side words that are none where they stand, and join mirror marks to their words.

    The rules treat a word and its mirror word alike, so that a flip of the text and a flip back end where they began.

    Args:
        text: The text.
        terms: Its words.
        vocabulary: What they were read with.

    Returns:
        The words, with some parted, joined or without their meaning.
    """
    settled: list[Term] = []
    for index, term in enumerate(terms):
        if settled and term.start < settled[-1].end:
            continue  # inside a mirror mark
        sense = term.sense
        if sense.mirror is not None:
            departed = departed_sense(text, terms, index)
            if departed is not None:
                term.kind, term.sense = departed.kind, departed
            elif _is_dotted(text, term) or not _can_be_exchanged(text, term):
                _lose(term)
            elif sense.short and not _is_side(text, settled, terms, index, vocabulary):
                if len(sense.mirror) > 1:  # "rt." at the end of a sentence is "rt" and a full stop
                    settled += _exchangeable(text, parted(text, term, vocabulary))
                    continue
                _lose(term)
        elif sense.short and text[term.end - 1] == "." and not _is_side(text, settled, terms, index, vocabulary):
            settled += _exchangeable(text, parted(text, term, vocabulary))  # "bilat." at the end of a sentence
            continue
        elif sense.implies_side:
            marks = _MARKS.match(text, term.end)
            if marks is not None:
                term.end = marks.end()
                term.flipped = bool((marks.end() - marks.start()) // len(MIRROR_MARK) % 2)
        settled.append(term)
    return settled


def _exchangeable(text: str, terms: list[Term]) -> list[Term]:
    for term in terms:
        if term.sense.mirror is not None and (_is_dotted(text, term) or not _can_be_exchanged(text, term)):
            _lose(term)
    return terms


def _lose(term: Term) -> None:
    term.kind, term.sense = "unknown", _UNKNOWN


def _can_be_exchanged(text: str, term: Term) -> bool:
    """Return whether a mirror word is written so that a flip can exchange it and exchange it back."""
    written = text[term.start : term.end]
    return "\n" not in written and _comes_back(written, term.sense.mirror or ())


@lru_cache(maxsize=4096)
def _comes_back(written: str, mirror: tuple[str, ...]) -> bool:
    words = TOKEN.findall(written)
    return all(exchanged(word, partner) is not None for word, partner in zip(words, mirror, strict=False))


def _is_dotted(text: str, term: Term) -> bool:
    """Return whether letters stand inside a longer abbreviation: the first of "R.T.A.", three of "R.L.L.L."."""
    written = text[term.start : term.end]
    return _LETTERS.fullmatch(written) is not None and (
        _DOTTED.match(text, term.end - written.endswith(".")) is not None
        or _DOTTED_BEFORE.search(text, max(0, term.start - 2), term.start) is not None
        or _PAIR_BEFORE.search(text, max(0, term.start - 6), term.start) is not None
        or " " in written
    )


def _is_side(text: str, settled: list[Term], terms: list[Term], index: int, vocabulary: Vocabulary) -> bool:
    """Return whether a single letter or a shortened word is a side where it stands."""
    term = terms[index]
    written = text[term.start : term.end]
    if _is_dotted(text, term):
        return False
    if written.endswith("."):
        following = terms[index + 1] if index + 1 < len(terms) else None
        if following is None or following.kind not in _BEHIND_SHORT:
            return False
        word = text[following.start : following.end]
        return word.islower() or (len(word) > 1 and word.isupper())
    if not vocabulary.eager:
        return True  # in captions of pictures "l" is always the left
    if not written.isupper():
        return False
    # What stands before is looked at as it was settled, so that a mirror mark there changes nothing.
    before, behind = _kind(settled, len(settled) - 1), _kind(terms, index + 1)
    if behind == "hyphen":
        behind = _kind(terms, index + 2)
    if before == "number" or behind == "number" or text[term.end : term.end + 1] in ("'", "\u2019"):
        return False
    if behind in _BEHIND_SHORT or before in _BEFORE_SHORT:
        return True
    if behind == "colon" and before in _OPENS:
        return True
    if (before in _OPENS - {""}) and behind in _CLOSES and settled:
        return True
    return (behind in _LISTS and _is_sided(terms, index + 2)) or (
        before in _LISTS and _is_sided(settled, len(settled) - 2)
    )


def _is_sided(terms: list[Term], index: int) -> bool:
    kind = _kind(terms, index)
    return kind in ("side", "both") or (kind in ("zone", "level", "noun", "finding") and kind != "")


def _kind(terms: list[Term], index: int) -> str:
    return terms[index].kind if 0 <= index < len(terms) else ""
