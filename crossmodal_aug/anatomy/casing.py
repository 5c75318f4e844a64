"""Upper and lower case: words written as those whose place they take."""


def case_like(word: str, model: str) -> str:
    """Write lower-case `word` in the case pattern of `model`; the last letter's case goes on to the end.

    Args:
        word: A lower-case word.
        model: A word whose case to take over.

    Returns:
        The word in that case.

    Examples:
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
    mixture does not is not a mirror word, neither to the reader nor to the flip.

    Args:
        word: A word as written.
        partner: The lower-case word to put in its place.

    Returns:
        The partner as written, or None.

    Examples:
        >>> exchanged("Left", "right"), exchanged("rigHt", "left")
        ('Right', None)
    """
    there = case_like(partner, word)
    return there if case_like(word.lower(), there) == word else None


def cased_like(new: str, old: str) -> str:
    """Write `new` with the capitals of `old`: all, the first letter, or as it is.

    Args:
        new: A phrase in lower case.
        old: What it replaces.

    Returns:
        The phrase.

    Examples:
        >>> cased_like("two", "Three"), cased_like("bilateral", "UNILATERAL"), cased_like("x", "y")
        ('Two', 'BILATERAL', 'x')
    """
    if len(old) > 3 and old.isupper():
        return new.upper()
    return capitalised(new) if old[:1].isupper() and old.upper() != old[:4] else new


def capitalised(text: str) -> str:
    """Return the text with its first letter upper case."""
    return text[:1].upper() + text[1:]
