"""The library's own exceptions, and `shown` and `reason`, by which messages quote what came.

Each is also the built-in exception that a caller would expect, so `except ValueError` keeps working.
"""

import re
import reprlib
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any


class CrossModalError(Exception):
    """Base class of every error that the library raises on purpose."""


class InvalidValueError(CrossModalError, ValueError):
    """An argument has the right type but a value, shape or device that cannot be used."""


class InvalidTypeError(CrossModalError, TypeError):
    """An argument has the wrong type."""


class UnknownRegionError(InvalidValueError):
    """A region name does not belong to the atlas."""


class AtlasError(InvalidValueError):
    """An atlas, or the file that describes one, is not consistent."""


class CannotSay(InvalidValueError):  # noqa: N818  (it reads as what it says)
    """A text cannot be rewritten well to name other regions; the message says why."""


class AlignmentError(InvalidValueError):
    """Masks do not lie where their captions say: rows and columns, or sides, are exchanged, or they are of others."""


class PromiseError(CrossModalError, AssertionError):
    """An op in strict mode found one of its own promises broken."""


class MissingDependencyError(CrossModalError, ImportError):
    """An adapter needs a library that is not installed."""


def shown(value: object, most: int = 80) -> str:
    """Return a value as an error shows it: on one line, at no more cost than its beginning has.

    Args:
        value: What came: of any size, however deep, even one that holds itself.
        most: Most characters of the text.

    Returns:
        Its beginning, as Python writes it.

    Examples:
        >>> shown(["left"]), len(shown("left " * 100)), shown([[[["left"]]]])
        ("['left']", 80, '[[[[...]]]]')
    """
    text = _LINE_BREAK.sub(" ", _BEGINNING.repr1(value, _BEGINNING.maxlevel))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def reason(error: BaseException, most: int = 300) -> str:
    """Return what an error of another library says: on one line, cut short where it quotes much.

    Args:
        error: The error.
        most: Most characters of the text.

    Returns:
        The beginning of its message, without a full stop, so that a sentence can go on.

    Examples:
        >>> reason(ValueError("no such   key."))
        'no such key'
    """
    text = " ".join(str(error).split()).removesuffix(".")
    return text if len(text) <= most else f"{text[: most - 3]}..."


_LINE_BREAK = re.compile(r"\s*[\r\n]\s*")
_MOST_ITEMS = 30
"""More of one kind than a message has room for."""


class _Beginning(reprlib.Repr):
    """Writes the beginning of a value: kinds are told by what a value is, not by the name of its class."""

    def __init__(self) -> None:
        super().__init__()
        # Every level multiplies the work, where lists share lists.
        self.maxlevel = 3
        self.maxtuple = self.maxlist = self.maxarray = self.maxdict = self.maxset = self.maxfrozenset = _MOST_ITEMS
        self.maxdeque = _MOST_ITEMS
        self.maxother = 400
        self._writers: tuple[tuple[Any, Callable[[Any, int], str]], ...] = (
            ((str, bytes, bytearray), self.repr_str),
            (int, self.repr_int),
            (list, self.repr_list),
            (tuple, self.repr_tuple),
            (dict, self.repr_dict),
            ((set, frozenset), self.repr_set),
            (deque, self.repr_deque),
        )

    def repr1(self, x: Any, level: int) -> str:
        """Return the beginning of how a value is written."""
        for kind, write in self._writers:
            if isinstance(x, kind):
                return write(x, level)
        if is_dataclass(x) and not isinstance(x, type):
            return self._record(x, ((one.name, getattr(x, one.name, None)) for one in fields(x) if one.repr), level)
        return self.repr_instance(x, level)

    def repr_str(self, x: Any, level: int) -> str:
        """Return the beginning of a text or of bytes."""
        return repr(x[: self.maxother])

    def repr_int(self, x: int, level: int) -> str:
        """Return a number, or how long it is: Python refuses to write thousands of digits."""
        return repr(x) if x.bit_length() < 1000 else f"a number of about {int(x.bit_length() * 0.30103)} digits"

    def repr_tuple(self, x: tuple[Any, ...], level: int) -> str:
        """Return the beginning of a tuple, with its names if it has any."""
        names = getattr(x, "_fields", None)
        return super().repr_tuple(x, level) if names is None else self._record(x, zip(names, x, strict=True), level)

    def repr_set(self, x: Any, level: int) -> str:
        """Return the beginning of a set, in its own order: the parent class sorts all of it first."""
        first = list(islice(x, _MOST_ITEMS + 1))
        return f"{{{self.repr_list(first, level)[1:-1]}}}" if first else f"{type(x).__name__}()"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Return the beginning of a dictionary, in its own order."""
        if level <= 0 and x:
            return "{...}"
        pairs = (
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), _MOST_ITEMS)
        )
        return "{" + ", ".join([*pairs, *(["..."] if len(x) > _MOST_ITEMS else [])]) + "}"

    def _record(self, x: object, named: Any, level: int) -> str:
        if level <= 0:
            return f"{type(x).__name__}(...)"
        inside = (f"{name}={self.repr1(value, level - 1)}" for name, value in islice(named, _MOST_ITEMS))
        return f"{type(x).__name__}({', '.join(inside)})"


_BEGINNING = _Beginning()
