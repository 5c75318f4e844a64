"""Lexicon: what each word of an atlas, and of plain radiology English, means to the grammar."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.tables import read_words
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import KINDS, WordEntry
from crossmodal_aug.errors import AtlasError


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """What a word means.

    Args:
        code: Letter of its kind.
        kind: Name of its kind, which says more than the letter where two kinds share one.
        mask: Bits of the regions that it stands for.
        unsided: Bits that it stands for when no side is stated; other than `mask` only for words that
            imply a side.
        axis: Number of the axis that it is a value of; 0 is the side.
        plural: Whether it speaks of both sides unless one is stated.
        number: Value of a number word; of a count noun its place among all of them, and of a verb its place in the
            list, where singular and plural take turns.
        mirror: For each of its tokens the token that a horizontal flip puts there.
        implies_side: Whether it means a side that it does not say.
        short: Whether it is a single letter, or ends in a full stop, and so is a word only before the right words.
    """

    code: str
    kind: str = ""
    mask: int = 0
    unsided: int = 0
    axis: int = 0
    plural: bool = False
    number: int | None = None
    mirror: tuple[str, ...] | None = None
    implies_side: bool = False
    short: bool = False


_ORDERED = frozenset({"number", "count noun", "agreeing verb", "excepting verb"})
UNKNOWN = Sense(code="u")
NUMBER = Sense(code="n")
OTHER_MARK = Sense(code="p")
PENDING = Sense(code="")  # a token that has not been looked at closely
ABSORBED = Sense(code="")  # a token that belongs to the form before it


class Lexicon:
    """All words that the grammar knows for one atlas.

    Args:
        atlas: The atlas.

    Raises:
        AtlasError: The vocabulary is not symmetric under a horizontal flip.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.full = (1 << len(atlas)) - 1
        self.permutation = atlas.mirror
        self.axes = tuple(dict.fromkeys(["side", *(e.axis for e in atlas.words if e.regions)]))
        self.single: dict[str, Sense] = {}
        # Forms of several words: by their first word, then by their second, the longest first.
        self.longer: dict[str, dict[str, list[tuple[list[str], Sense]]]] = {}
        self.count_nouns: tuple[str, ...] = ()
        self._pairs = self._mirror_pairs(atlas)
        for entry in (*_english(), *atlas.words):
            self._add(entry)
        for seconds in self.longer.values():
            for endings in seconds.values():
                endings.sort(key=lambda ending: -len(ending[0]))
        self._check_symmetry(atlas)
        # Words that mean the same wherever they stand in lower case, so that one look-up settles them.
        self.plain = {
            word: sense
            for word, sense in self.single.items()
            if word not in self.longer and not sense.implies_side and not sense.short
        }
        self.numbers = _forms("number", atlas)
        self.verbs = {kind: _forms(kind, atlas) for kind in ("agreeing verb", "excepting verb")}

    def ends_sentence(self, mark: str) -> bool:
        """Say whether a sentence ends with this mark."""
        sense = self.single.get(mark)
        return sense is not None and sense.code == KINDS["end"]

    def mirrored_mask(self, mask: int) -> int:
        """Return the bits that a horizontal flip makes of `mask`."""
        return sum(1 << to for index, to in enumerate(self.permutation) if mask >> index & 1)

    def _mirror_pairs(self, atlas: Atlas) -> dict[tuple[str, ...], tuple[str, ...]]:
        pairs: dict[tuple[str, ...], tuple[str, ...]] = {}
        for pair in atlas.mirror_words:
            one, other = (words_of(word) for word in pair)
            if len(one) != len(other):
                raise AtlasError(f"Expected mirror words of equal length, but got {pair!r}")
            if one in pairs or other in pairs:
                raise AtlasError(f"Expected a word in one pair of mirror words only, but got {pair!r} again")
            pairs[one], pairs[other] = other, one
        return pairs

    def _add(self, entry: WordEntry) -> None:
        mask = sum(1 << index for index in entry.regions)
        unsided = sum(1 << index for index in entry.implied) or mask
        first = 0
        if entry.kind == "count noun":
            first = len(self.count_nouns)
            self.count_nouns += entry.forms
        for order, form in enumerate(entry.forms, first):
            words = words_of(form)
            sense = Sense(
                code=KINDS[entry.kind],
                kind=entry.kind,
                mask=mask,
                unsided=unsided,
                axis=self.axes.index(entry.axis) if entry.regions else 0,
                plural=entry.plural,
                number=order if entry.kind in _ORDERED else None,
                mirror=self._pairs.get(words),
                implies_side=unsided != mask,
                short=entry.kind in ("side", "both") and (len(form) == 1 or words[-1] == "."),
            )
            if len(words) == 1:
                self.single[words[0]] = sense
                continue
            is_even = mask and mask == self.mirrored_mask(mask)  # "b/l" names after a flip what it named before
            if not is_even and words not in self._pairs and any((word,) in self._pairs for word in words):
                raise AtlasError(f"Expected no mirror word inside the longer form {form!r}")
            endings = self.longer.setdefault(words[0], {}).setdefault(words[1], [])
            rest = list(words[2:])
            endings[:] = [ending for ending in endings if ending[0] != rest]
            endings.append((rest, sense))

    def _check_symmetry(self, atlas: Atlas) -> None:
        for words in self._pairs:
            if self._find(words) is None:
                raise AtlasError(f"Expected mirror word {' '.join(words)!r} among the words of the atlas")
        for words, partner in self._pairs.items():
            self._compare(words, partner, atlas)
        for entry in atlas.words:
            for form in entry.forms:
                words = words_of(form)
                self._compare(words, self._pairs.get(words, words), atlas)

    def _compare(self, words: tuple[str, ...], partner: tuple[str, ...], atlas: Atlas) -> None:
        sense, other = self._find(words), self._find(partner)
        if sense is None or other is None or sense.code != other.code:
            raise AtlasError(f"Expected mirror words {' '.join(words)!r} and {' '.join(partner)!r} to be of one kind")
        wanted = self.mirrored_mask(sense.mask)
        if other.mask == wanted:
            return
        named, flipped, got = (_names(atlas, mask) for mask in (sense.mask, wanted, other.mask))
        if words == partner:
            raise AtlasError(
                f"Expected {' '.join(words)!r}, which is in no pair of `mirror_words`, to name both sides alike, but "
                f"it names {named} and not {_names(atlas, wanted & ~sense.mask)}; pair it with its mirror "
                "word, or give both sides in `regions` and one in `implied`"
            )
        raise AtlasError(
            f"Expected {' '.join(partner)!r}, the mirror word of {' '.join(words)!r} ({named}), to name {flipped}, "
            f"but it names {got}"
        )

    def _find(self, words: tuple[str, ...]) -> Sense | None:
        if len(words) == 1:
            return self.single.get(words[0])
        endings = self.longer.get(words[0], {}).get(words[1], [])
        return next((sense for rest, sense in endings if rest == list(words[2:])), None)


def _names(atlas: Atlas, mask: int) -> str:
    return ", ".join(repr(name) for index, name in enumerate(atlas.names) if mask >> index & 1)


def _forms(kind: str, atlas: Atlas) -> tuple[str, ...]:
    lists = [entry.forms for entry in (*_english(), *atlas.words) if entry.kind == kind]
    return lists[-1]


@lru_cache(maxsize=32)
def lexicon_for(atlas: Atlas) -> Lexicon:
    """Return the lexicon of an atlas, built once.

    Args:
        atlas: The atlas.

    Returns:
        Its lexicon.

    Raises:
        AtlasError: The vocabulary is not symmetric under a horizontal flip.
    """
    return Lexicon(atlas)


@lru_cache(maxsize=1)
def _english() -> Iterable[WordEntry]:
    path = Path(__file__).parent / "english.toml"
    return read_words(tomllib.loads(path.read_text(encoding="utf-8")), names=())
