"""Attributes of spaCy documents and spans that hold what was read, wherever a document goes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from spacy.tokens import Doc, Span

from crossmodal_aug.errors import InvalidValueError


def extend(owner: type[Doc] | type[Span], name: str, **how: Any) -> None:
    """Register an attribute of documents or spans, or refuse one that belongs to somebody else."""
    if not owner.has_extension(name):
        owner.set_extension(name, **how)
        return
    _, _, getter, _ = owner.get_extension(name)
    ours = isinstance(getter, partial) and getter.func in _GETTERS
    if not ours:
        raise InvalidValueError(
            f"Expected {owner.__name__}._.{name} to be free, but another component has registered it; give "
            "`spans_key` another name."
        )


def _kept(doc: Doc, name: str) -> Iterator[Any]:
    """Yield what spans of a document carry under a name, also behind a `DocBin`, `from_docs` or `as_doc`."""
    end = len(doc.text)
    stored: dict[Any, Any] = doc.user_data
    for key, value in stored.items():
        if isinstance(key, tuple) and len(key) >= 4 and key[0] == "._." and key[1] == name and key[2] is not None:
            first, last = int(key[2]), int(key[3] if key[3] is not None else end)
            if first >= 0 and last <= end:
                yield value


def _sets(doc: Doc, names: dict[str, str]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the affirmed and the denied regions of a document, by their place in the atlas."""
    sets: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for regions, negated, _, mask in _kept(doc, names["mention"]):
        indices = (index for index in range(mask.bit_length()) if mask >> index & 1)
        sets[bool(negated)].update(zip(indices, regions, strict=False))
    return sets


def part_of(span: Span, name: str, place: int) -> Any:
    """Return regions, negation or cue of the first mention that lies in a span."""
    stored: dict[Any, Any] = span.doc.user_data
    for key, value in stored.items():
        if isinstance(key, tuple) and key[:2] == ("._.", name) and span.start_char <= key[2] < span.end_char:
            return tuple(value[0]) if place == 0 else value[place]
    return ((), False, "")[place]


def regions_of(doc: Doc, names: dict[str, str]) -> tuple[str, ...]:
    """Return the regions where a document places something, in atlas order."""
    affirmed, _ = _sets(doc, names)
    return tuple(affirmed[index] for index in sorted(affirmed))


def negated_of(doc: Doc, names: dict[str, str]) -> tuple[str, ...]:
    """Return the regions that a document calls clear, in atlas order."""
    affirmed, denied = _sets(doc, names)
    return tuple(denied[index] for index in sorted(denied) if index not in affirmed)


def placed_of(doc: Doc, names: dict[str, str]) -> bool:
    """Return whether a document says where, or that nothing is there."""
    return any(_sets(doc, names)) or any(_kept(doc, names["denial"]))


_GETTERS = (part_of, regions_of, negated_of, placed_of)
