"""Lexicon: what each word of an atlas, and of plain English, means; words and their mirror words fit together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.english import english_words
from crossmodal_aug.anatomy.atlas.tokens import words_of
from crossmodal_aug.anatomy.atlas.words import ORDERED_KINDS, WordEntry
from crossmodal_aug.errors import AtlasError, shown

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sense:
    """What a word, or several words of one meaning, say.

    Args:
        kind: The part that it plays in a sentence: one of `words.KINDS`, or the category of a cue.
        row: Name of the cue row that lists it, or "".
        mask: Bits of the regions that it stands for.
        unsided: Bits that it stands for where no side is stated; other than `mask` only for words that imply a side.
        axis: Number of the axis that it is a value of; 0 is the side.
        plural: Whether it speaks of both sides unless one is stated.
        number: Value of a number word; of a count noun its place among all of them, and of a verb its place in the
            list, where singular and plural take turns.
        mirror: For each of its words the word that a horizontal flip puts there.
        implies_side: Whether it means a side that it does not say.
        short: Whether it is a single letter, or ends in a full stop, and so is a word only beside the right words.
        reach: How many terms a cue reaches at most.
        ends: Kinds of terms that a cue does not pass.
    """

    kind: str
    row: str = ""
    mask: int = 0
    unsided: int = 0
    axis: int = 0
    plural: bool = False
    number: int | None = None
    mirror: Words | None = None
    implies_side: bool = False
    short: bool = False
    reach: int = 40
    ends: frozenset[str] = frozenset()


class Lexicon:
    """All words that name or join regions, for one atlas; what denies them lies with the reader.

    Args:
        atlas: The atlas.

    Raises:
        AtlasError: The vocabulary is not symmetric under a horizontal flip.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.full = (1 << len(atlas)) - 1
        self.axes = tuple(dict.fromkeys(["side", *(e.axis for e in atlas.words if e.regions)]))
        self.pairs = _mirror_pairs(atlas)
        self.english: dict[str, Sense] = {}
        self.own: dict[str, Sense] = {}
        self.count_nouns: Words = ()
        self._permutation = atlas.mirror
        for forms, entries in ((self.english, english_words()), (self.own, atlas.words)):
            for entry in entries:
                self._add(forms, entry)
        self._by_words = {words_of(form): sense for form, sense in (self.english | self.own).items()}
        self._check_symmetry(atlas)
        self.numbers = _forms("number", atlas)
        self.verbs = {kind: _forms(kind, atlas) for kind in ("agreeing verb", "excepting verb")}
        self._ends = {form for form, sense in (self.english | self.own).items() if sense.kind == "end"}

    def ends_sentence(self, mark: str) -> bool:
        """Return whether a sentence ends with this mark."""
        return mark in self._ends

    def mirrored_mask(self, mask: int) -> int:
        """Return the bits that a horizontal flip makes of `mask`."""
        return sum(1 << to for index, to in enumerate(self._permutation) if mask >> index & 1)

    def _add(self, forms: dict[str, Sense], entry: WordEntry) -> None:
        mask = sum(1 << index for index in entry.regions)
        unsided = sum(1 << index for index in entry.implied) or mask
        first = 0
        if entry.kind == "count noun":
            first = len(self.count_nouns)
            self.count_nouns += entry.forms
        for order, form in enumerate(entry.forms, first):
            words = words_of(form)
            is_even = bool(mask) and mask == self.mirrored_mask(mask)  # "b/l" names after a flip what it named before
            if (
                entry.kind != "plain" and len(words) > 1 and not is_even and words not in self.pairs
                and any((word,) in self.pairs for word in words)
            ):  # fmt: skip
                raise AtlasError(f"Expected no mirror word inside the longer form {shown(form)}.")
            forms[form] = Sense(
                kind=entry.kind,
                mask=mask,
                unsided=unsided,
                axis=self.axes.index(entry.axis) if entry.regions else 0,
                plural=entry.plural,
                number=order if entry.kind in ORDERED_KINDS else None,
                mirror=self.pairs.get(words),
                implies_side=unsided != mask,
                short=entry.kind in ("side", "both") and (len(form) == 1 or words[-1] == "."),
            )

    def _check_symmetry(self, atlas: Atlas) -> None:
        for words in self.pairs:
            if words not in self._by_words:
                raise AtlasError(f"Expected mirror word {shown(' '.join(words))} among the words of the atlas.")
        for words, partner in self.pairs.items():
            self._compare(words, partner, atlas)
        for entry in atlas.words:
            for form in entry.forms:
                words = words_of(form)
                self._compare(words, self.pairs.get(words, words), atlas)

    def _compare(self, words: Words, partner: Words, atlas: Atlas) -> None:
        sense, other = self._by_words.get(words), self._by_words.get(partner)
        if sense is None or other is None or sense.kind != other.kind:
            raise AtlasError(
                f"Expected mirror words {shown(' '.join(words))} and {shown(' '.join(partner))} to be of one kind."
            )
        wanted = self.mirrored_mask(sense.mask)
        if other.mask == wanted:
            return
        named, flipped, got = (_names(atlas, mask) for mask in (sense.mask, wanted, other.mask))
        if words == partner:
            raise AtlasError(
                f"Expected {shown(' '.join(words))}, which is in no pair of `mirror_words`, to name both sides alike, "
                f"but it names {named} and not {_names(atlas, wanted & ~sense.mask)}. Pair it with its mirror "
                "word, or give both sides in `regions` and one in `implied`."
            )
        raise AtlasError(
            f"Expected {shown(' '.join(partner))}, the mirror word of {shown(' '.join(words))} ({named}), to name "
            f"{flipped}, but it names {got}."
        )


def _mirror_pairs(atlas: Atlas) -> dict[Words, Words]:
    pairs: dict[Words, Words] = {}
    for pair in atlas.mirror_words:
        one, other = (words_of(word) for word in pair)
        if len(one) != len(other):
            raise AtlasError(f"Expected mirror words of equal length, but got {shown(pair)}.")
        if one in pairs or other in pairs:
            raise AtlasError(f"Expected a word in one pair of mirror words only, but got {shown(pair)} again.")
        pairs[one], pairs[other] = other, one
    return pairs


def _names(atlas: Atlas, mask: int) -> str:
    return ", ".join(shown(name) for index, name in enumerate(atlas.names) if mask >> index & 1)


def _forms(kind: str, atlas: Atlas) -> Words:
    lists: Iterable[Words] = [entry.forms for entry in (*english_words(), *atlas.words) if entry.kind == kind]
    return list(lists)[-1]


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
