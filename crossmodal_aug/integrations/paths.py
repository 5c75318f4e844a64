"""Paths into samples: the way to an entry of nested dictionaries, tuples and lists."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, MutableMapping
from copy import copy
from typing import Any

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

Key = str | int | tuple[str | int, ...]
Path = tuple[str | int, ...]


def path_of(key: object) -> Path:
    """Return a key as a path.

    Args:
        key: A string or integer, or a tuple of them: `(0, "text")` is the entry "text" of the first of a tuple.

    Returns:
        The steps.

    Raises:
        InvalidTypeError: It is something else, or an empty tuple.

    Examples:
        >>> path_of("image"), path_of((1, "text"))
        (('image',), (1, 'text'))
    """
    path = key if isinstance(key, tuple) else (key,)
    if not path or any(isinstance(step, bool) or not isinstance(step, (str, int)) for step in path):
        raise InvalidTypeError(f"Expected keys to be strings, integers, or tuples of them, but got {shown(key)}.")
    return path


def has(sample: Any, key: Key) -> bool:
    """Return whether a sample has an entry under a key."""
    for step in path_of(key):
        if not _has_step(sample, step):
            return False
        sample = sample[step]
    return True


def get(sample: Any, key: Key) -> Any:
    """Return the entry of a sample under a key that it has."""
    for step in path_of(key):
        sample = sample[step]
    return sample


def put(sample: Any, key: Key, value: Any) -> Any:
    """Return a sample with an entry under a key, new or in place of the old one; the sample itself is not changed.

    Args:
        sample: Nested dictionaries, tuples and lists.
        key: Where; all that leads there must exist, and only the last step may be new: a name of a dictionary, or the
            index behind the last entry of a tuple or list.
        value: The entry.

    Returns:
        Copies of the containers on the way, of the same kinds; everything else is the same object. A mapping that is
        neither a dictionary nor a `UserDict` (of Hugging Face's tokenizers, for example), and has no `__copy__`,
        becomes a dictionary.

    Raises:
        InvalidValueError: There is no such place.

    Examples:
        >>> put((1, {"a": 2}), (1, "b"), 3)
        (1, {'a': 2, 'b': 3})
    """
    step, *rest = path_of(key)
    if rest:
        if not _has_step(sample, step):
            raise _nowhere(sample, key)
        value = put(sample[step], tuple(rest), value)
    if isinstance(sample, Mapping):
        entries = _copy_of(sample)
        entries[step] = value
        return entries
    if isinstance(sample, (tuple, list)) and isinstance(step, int) and -len(sample) <= step <= len(sample):
        items = list(sample)
        items[step : step + 1 or None] = [value]
        return _same_kind(sample, items)
    raise _nowhere(sample, key)


def keys_in(sample: Any) -> list[Any]:
    """Return the names of a dictionary, or the indices of a tuple or list."""
    return list(sample) if isinstance(sample, Mapping) else list(range(len(sample)))


def _copy_of(sample: Mapping[Any, Any]) -> Any:
    """A copy with a place for each entry of its own: that of any mapping could share them with it."""
    own = isinstance(sample, (dict, UserDict)) or (isinstance(sample, MutableMapping) and hasattr(sample, "__copy__"))
    return copy(sample) if own else dict(sample)


def _same_kind(sample: tuple[Any, ...] | list[Any], entries: list[Any]) -> Any:
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):  # a named tuple
        return type(sample)(*entries) if len(entries) == len(sample) else tuple(entries)
    return tuple(entries) if isinstance(sample, tuple) else entries


def _has_step(sample: Any, step: str | int) -> bool:
    if isinstance(sample, Mapping):
        return step in sample
    return isinstance(sample, (tuple, list)) and isinstance(step, int) and -len(sample) <= step < len(sample)


def _nowhere(sample: Any, key: Key) -> InvalidValueError:
    what = f"the keys {keys_in(sample)}" if isinstance(sample, (Mapping, tuple, list)) else type(sample).__name__
    return InvalidValueError(
        f"Expected a place for {shown(key)} in the sample, but got {what}; name another by `SampleKeys`, for a "
        "tuple the index behind its last entry, or None where it may be left out."
    )
