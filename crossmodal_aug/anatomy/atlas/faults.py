"""What errors say of an atlas: what was probably meant, and what came twice."""

from __future__ import annotations

from collections.abc import Iterable

from crossmodal_aug.errors import InvalidValueError, shown

_MOST_COMPARED = 80


def hint(given: object, known: Iterable[str]) -> str:
    """Return what was probably meant, as the end of an error.

    Args:
        given: What came.
        known: What could have come.

    Returns:
        A question, or the full stop where nothing is close.

    Examples:
        >>> hint("zones", ["zone", "side"]), hint("x", ["zone"])
        ("; did you mean 'zone'?", '.')
    """
    import difflib  # noqa: PLC0415  (every import of the package comes by here; a fault does not)

    if not isinstance(given, str):
        return "."
    close = difflib.get_close_matches(given[:_MOST_COMPARED], list(known), n=1)
    return f"; did you mean {shown(close[0])}?" if close else "."


def refuse_repetition(what: str, names: Iterable[str]) -> None:
    """Refuse names of which one stands twice.

    Args:
        what: What to call the names in errors.
        names: The names.

    Raises:
        InvalidValueError: One of them stands twice.
    """
    known: set[str] = set()
    for name in names:
        if name in known:
            raise InvalidValueError(f"Expected {what} without repetition, but got {shown(name)} twice.")
        known.add(name)
