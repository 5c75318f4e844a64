"""Which words of a caption an op took out, and which it put in."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_PIECE = re.compile(r"\w+|\s+|[^\w\s]")
_WORD = re.compile(r"\w+")


class Span(NamedTuple):
    """A stretch of a caption.

    Attributes:
        text: Its characters.
        changed: Whether the other caption of the pair lacks it.
    """

    text: str
    changed: bool


class Change(NamedTuple):
    """What became of a caption.

    Attributes:
        old: The caption as it was, cut where changes begin and end.
        new: The caption as it is.
        words: The words that only one of the two has at its place, in lower case, each once.
    """

    old: tuple[Span, ...]
    new: tuple[Span, ...]
    words: tuple[str, ...]


def change_of(old: str, new: str) -> Change:
    """Compare two captions word by word.

    Args:
        old: The caption as it was.
        new: The caption as it is.

    Returns:
        Both, cut into spans that join to the caption again, and the words that differ.

    Examples:
        >>> change = change_of("Opacity in the left lung.", "Opacity in the right lung.")
        >>> [span.text for span in change.new if span.changed]
        ['right']
        >>> change.words
        ('left', 'right')
    """
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    # Blanks are left out of the comparison: they would be found equal between words that have nothing in common.
    words_before, words_after = ([piece for piece in pieces if not piece.isspace()] for pieces in (before, after))
    # Words that come often in a long report would count as noise unless `autojunk` is off.
    blocks = SequenceMatcher(None, words_before, words_after, autojunk=False).get_matching_blocks()
    kept_before = {first + step for first, _, size in blocks for step in range(size)}
    kept_after = {second + step for _, second, size in blocks for step in range(size)}
    changed = [word for at, word in enumerate(words_before) if at not in kept_before]
    changed += [word for at, word in enumerate(words_after) if at not in kept_after]
    words = dict.fromkeys(word.lower() for word in changed if _WORD.fullmatch(word))
    return Change(_spans(before, kept_before), _spans(after, kept_after), tuple(words))


def _spans(pieces: Sequence[str], kept: set[int]) -> tuple[Span, ...]:
    """Join neighbours of one kind; a blank between two changed words is shown as changed with them."""
    places = [at for at, piece in enumerate(pieces) if not piece.isspace()]
    changed = {place for number, place in enumerate(places) if number not in kept}
    changed |= {at for at in range(len(pieces)) if pieces[at].isspace() and {at - 1, at + 1} <= changed}
    spans: list[Span] = []
    for at, piece in enumerate(pieces):
        if spans and spans[-1].changed == (at in changed):
            spans[-1] = Span(spans[-1].text + piece, at in changed)
        else:
            spans.append(Span(piece, at in changed))
    return tuple(spans)
