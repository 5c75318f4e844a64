"""Replacing spans of a text."""

from collections.abc import Iterable
from itertools import pairwise

Edit = tuple[int, int, str]


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Apply replacements to a text.

    Args:
        text: The text.
        edits: Replacements `(start, end, new)` that do not overlap.

    Returns:
        The text with each span replaced; all other characters stay.

    Examples:
        >>> spliced("upper left lung", [(6, 10, "right"), (0, 5, "lower")])
        'lower right lung'
    """
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def spliced_part(text: str, start: int, stop: int, edits: Iterable[Edit]) -> str:
    """Apply replacements to a part of a text.

    Args:
        text: The text.
        start: Offset of the first character of the part.
        stop: Offset behind its last character.
        edits: Replacements inside the part, by offsets in the whole text.

    Returns:
        The part with each span replaced.

    Examples:
        >>> spliced_part("No mass. Upper left lung.", 9, 24, [(15, 19, "right")])
        'Upper right lung'
    """
    return spliced(text[start:stop], [(first - start, last - start, new) for first, last, new in edits])


def overlap(edits: Iterable[Edit]) -> bool:
    """Return whether replacements overlap, so that they cannot all be made.

    Args:
        edits: The replacements.

    Returns:
        True where one begins inside another.
    """
    return any(one[1] > other[0] for one, other in pairwise(sorted(edits)))
