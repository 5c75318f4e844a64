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

    Example:
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

    Example:
        >>> words_of("Left-sided, 2.5 cm")
        ('left', '-', 'sided', ',', '2.5', 'cm')
    """
    return tuple(token.lower() for token in TOKEN.findall(text))


def case_like(word: str, model: str) -> str:
    """Write lower-case `word` in the case pattern of `model`; the last letter's case goes on to the end.

    Args:
        word: A lower-case word.
        model: A word whose case to take over.

    Returns:
        The word in that case.

    Example:
        >>> case_like("right", "Left"), case_like("right", "LEFT"), case_like("left", "RIght")
        ('Right', 'RIGHT', 'LEft')
    """
    if model.islower():
        return word
    last = len(model) - 1
    return "".join(letter.upper() if model[min(place, last)].isupper() else letter for place, letter in enumerate(word))


def exchanged(word: str, partner: str) -> str | None:
    """Return `partner` in the case of `word`, or None where the case would not come back.

    "left" and "right" differ in length, so not every mixture of cases survives there and back. A word whose
    mixture does not is no mirror word, neither to the reader nor to the flip.

    Args:
        word: A word as written.
        partner: The lower-case word to put in its place.

    Returns:
        The partner as written, or None.

    Example:
        >>> exchanged("Left", "right"), exchanged("rigHt", "left")
        ('Right', None)
    """
    there = case_like(partner, word)
    return there if case_like(word.lower(), there) == word else None
