"""Cutting a text into words, numbers and marks, with their place in it."""

import re

# Words are letters only: "lung(all)", "L1" and "left-sided" come apart, "2.5" stays whole.
TOKEN = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]|\n|_+")
_HYPHENS = str.maketrans("\u2010\u2011", "--")


def with_plain_hyphens(text: str) -> str:
    """Write the hyphens of typesetters as "-"; every character keeps its place.

    Args:
        text: Any text.

    Returns:
        The text with plain hyphens.

    Examples:
        >>> with_plain_hyphens("left\u2011sided")
        'left-sided'
    """
    return text if text.isascii() else text.translate(_HYPHENS)


def words_of(text: str) -> tuple[str, ...]:
    """Return the tokens of `text` in lower case.

    Args:
        text: Any text.

    Returns:
        Its tokens.

    Examples:
        >>> words_of("Left-sided, 2.5 cm")
        ('left', '-', 'sided', ',', '2.5', 'cm')
    """
    return tuple(token.lower() for token in TOKEN.findall(text))
