"""Replacing spans of a text."""

from collections.abc import Iterable

Edit = tuple[int, int, str]


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Apply replacements to a text.

    Args:
        text: The text.
        edits: Replacements `(start, end, new)` that do not overlap.

    Returns:
        The text with each span replaced; all other characters stay.

    Example:
        >>> spliced("upper left lung", [(6, 10, "right"), (0, 5, "lower")])
        'lower right lung'
    """
    pieces, done = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])
