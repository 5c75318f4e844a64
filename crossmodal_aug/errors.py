"""The library's own exceptions.

Each is also the built-in exception that a caller would expect, so ``except ValueError`` keeps working.
"""


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
