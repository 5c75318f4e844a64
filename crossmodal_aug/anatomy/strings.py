"""Checks on what is given as text."""

from collections.abc import Iterable, Iterator

from crossmodal_aug.errors import InvalidTypeError, shown


def strings_of(texts: object) -> Iterator[str]:
    """Yield several texts.

    Args:
        texts: The texts.

    Raises:
        InvalidTypeError: One of them is not a string, or `texts` is a single string or cannot be iterated.
    """
    if isinstance(texts, str):
        raise InvalidTypeError("Expected `texts` to be several strings, but got one string.")
    if not isinstance(texts, Iterable):
        raise InvalidTypeError(f"Expected `texts` to be several strings, but got {shown(texts)}.")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidTypeError(f"Expected `texts` to hold strings, but item {index} is {type(text).__name__}.")
        yield text


def check_string(name: str, text: object) -> None:
    """Raise unless an argument is a string.

    Args:
        name: Its name, for the message.
        text: What was given.

    Raises:
        InvalidTypeError: It is not.
    """
    if not isinstance(text, str):
        raise InvalidTypeError(f"Expected `{name}` to be a string, but got {type(text).__name__}.")
