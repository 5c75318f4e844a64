"""Plain English of reports and captions: the words that every atlas is read with."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy.atlas.tables import read_words
from crossmodal_aug.anatomy.atlas.words import WordEntry


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("english.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def english_words() -> tuple[WordEntry, ...]:
    """Return the words of `english.toml`.

    Returns:
        One entry per table.
    """
    tables = {key: value for key, value in _content().items() if key == "words"}
    return read_words(tables, names=())


@lru_cache(maxsize=1)
def english_stems() -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Return how words that are not listed tell that they are findings.

    Returns:
        Beginnings ("haem"), endings ("itis"), and words that have one and are no findings.
    """
    stems = _content()["stems"]
    return tuple(stems["starts"]), tuple(stems["ends"]), frozenset(stems["others"])
