"""Styles: how places are worded ("left lower lobe", "left base", "LLL"), so that new ones read as their neighbours."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import Lexicon, lexicon_for
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import REGION_KINDS

_LONGEST_FORM = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of one region.

    Args:
        side: Its side, "" where the other words tell it.
        stem: The other words.
    """

    side: str
    stem: str

    def __str__(self) -> str:
        return f"{self.side} {self.stem}".strip()


@dataclass(frozen=True, slots=True)
class Style:
    """One way to word the regions of an atlas.

    Args:
        nouns: By region, as in "in the left base"; a region may be missing.
        attributes: By region, as in "left basal opacity".
        both: By attribute, the word that says it of both sides.
        several: The noun behind two places of one side, "" for that of the places.
        whole: A whole side, one and both of them.
        bound: Whether the words are found at one level alone.
    """

    nouns: dict[int, Entry]
    attributes: dict[int, Entry]
    both: dict[str, str]
    several: str
    whole: tuple[str, str]
    bound: bool


@lru_cache(maxsize=1)
def tables() -> dict[str, Any]:
    """Return the content of `styles.toml`."""
    return tomllib.loads(Path(__file__).with_name("styles.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=32)
def word_list(table: str, name: str) -> frozenset[str]:
    """Return a list of words of `styles.toml`, to look words up in.

    Args:
        table: Name of its table.
        name: Name of the list.

    Returns:
        The words.
    """
    return frozenset(tables()[table][name])


def parts_of(words: Iterable[str]) -> set[str]:
    """Return words, and the single words of those that are several: {"no evidence of", "no", "evidence", "of"}."""
    return {part for word in words for part in (word, *word.replace("-", " ").split())}


class Styles:
    """The styles of `styles.toml` for one atlas.

    Args:
        atlas: The atlas.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._lexicon = lexicon_for(atlas)
        self._by_words: dict[str, Style] = {}
        for table in tables()["style"]:
            style = self._resolved(table)
            if style.nouns:
                self._by_words.update(dict.fromkeys(table["words"], style))
        self.side = self._resolved(tables()["side"])
        self.pleural = self._resolved(tables()["pleural"])

    def of(self, words: Iterable[str]) -> Style | None:
        """Return the style of a place that is written in these words, or None.

        Args:
            words: Its words, lower case, without its side.

        Returns:
            The style of its last words.
        """
        listed = list(words)
        for size in range(min(_LONGEST_FORM, len(listed)), 0, -1):
            style = self._by_words.get(" ".join(listed[-size:]))
            if style is not None:
                return style
        return None

    def _resolved(self, table: dict[str, Any]) -> Style:
        nouns = self._entries(table["nouns"])
        attributes = self._entries(table.get("attributes", table["nouns"]))
        pairs = zip(table.get("attributes", ()), table.get("both", ()), strict=False)
        one, several = table.get("whole", ("lung", "lungs"))
        return Style(
            nouns=nouns,
            attributes=attributes,
            both={stem: word for stem, word in pairs if word},
            several=table.get("several", ""),
            whole=(one, several),
            bound=table.get("bound", False),
        )

    def _entries(self, forms: list[str]) -> dict[int, Entry]:
        entries: dict[int, Entry] = {}
        for name, side in zip(self._atlas.phrasing.sides, self._atlas.sides, strict=True):
            inside = sum(1 << index for index in side)
            for form in forms:
                first, _, rest = form.partition(" ")
                if first in self._atlas.phrasing.sides:
                    if first != name:
                        continue
                    stem, mask, own = rest, _named(rest, self._lexicon) & inside, name
                else:
                    named = _named(form, self._lexicon)
                    tells_side = bool(named) and not named & ~inside
                    stem, mask, own = form, named & inside, "" if tells_side else name
                if mask.bit_count() == 1:
                    entries.setdefault(mask.bit_length() - 1, Entry(own, stem))
        return entries


def _named(form: str, lexicon: Lexicon) -> int:
    """Return the regions that a form names, 0 where a word of it is not known."""
    words, index, mask = words_of(form), 0, lexicon.full
    known = lexicon.english | lexicon.own
    while index < len(words):
        for size in range(min(_LONGEST_FORM, len(words) - index), 0, -1):
            sense = known.get(" ".join(words[index : index + size]))
            if sense is not None:
                break
        else:
            return 0
        if sense.kind in REGION_KINDS:
            mask &= sense.mask
        index += size
    return 0 if mask == lexicon.full else mask


@lru_cache(maxsize=32)
def styles_for(atlas: Atlas) -> Styles:
    """Return the styles of an atlas, made once.

    Args:
        atlas: The atlas.

    Returns:
        Its styles.
    """
    return Styles(atlas)
