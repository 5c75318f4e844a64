"""Counted: whether a text says how many findings there are, in words that stay when it is rewritten."""

from __future__ import annotations

from typing import Literal

from crossmodal_aug.anatomy.statement import Statement

Counted = Literal["one", "several"]

_UNIQUE = frozenset({"one", "1", "single", "solitary", "lone", "sole"})
_BETWEEN = frozenset({"modifier", "unknown", "state", "part", "hyphen", "number", "sided"})
_COUNTED = frozenset({"finding", "count noun", "marking"})
_MOST_BETWEEN = 5


def counted_in(statement: Statement) -> Counted | None:
    """Return how many findings a text counts, its counting head left out, which is rewritten with the regions.

    Args:
        statement: What the text says.

    Returns:
        "one" for "A solitary nodule at the left base.", "several" for "Two small polyps, located in top left.", None
        for "Nodules at the left base." and for "Two infected areas, upper left lung.".
    """
    head = statement.header
    found: Counted | None = None
    for index, kind in enumerate(statement.kinds):
        word = statement.said(index, index).lower()
        if (kind != "number" and word not in _UNIQUE) or (head is not None and head.first <= index < head.stop):
            continue
        for other in statement.kinds[index + 1 : index + 2 + _MOST_BETWEEN]:
            if other in _COUNTED:
                if word not in _UNIQUE:
                    return "several"
                found = "one"
            if other not in _BETWEEN:
                break
    return found
