"""Spelling: words that are one slip away from a listed one."""

from __future__ import annotations

from collections.abc import Iterable

from crossmodal_aug.anatomy.atlas.lexicon import Sense

# Kinds whose words are long and telling enough to be known by one slip.
_KINDS = frozenset({"finding", "clear", "zone", "level", "noun", "resolved", "state", "both"})
_SHORTEST = 6
_LONGEST = 30
# Words of their own that are one slip from a listed one.
_OTHERS = frozenset({
    "injection", "inflection", "chances", "charges", "lesson", "lessons", "plural", "neural", "making",
    "makings", "affected", "informal", "formal", "infected", "region", "regions", "middles", "bases", "basis",
    "lower", "normally", "clearly", "cleared", "opacify", "process", "diseases", "unclear", "nodal", "scare",
    "scares", "scared", "sharp", "shapes", "preserves",
})  # fmt: skip


class Spelling:
    """Listed words by their spelling with one letter left out.

    Args:
        forms: The listed words with their meaning; those of several words, and mirror words, are passed over.
    """

    def __init__(self, forms: Iterable[tuple[str, Sense]]) -> None:
        self._words: dict[str, Sense] = {}
        self._shortened: dict[str, list[str]] = {}
        for form, sense in forms:
            if (
                sense.kind in _KINDS
                and not (sense.mirror or sense.implies_side)
                and form.isalpha()
                and len(form) >= _SHORTEST - 1
            ):
                self._words[form] = sense
                for shorter in _shortened(form):
                    self._shortened.setdefault(shorter, []).append(form)

    def meant(self, word: str) -> Sense | None:
        """Return the meaning of the listed word that was probably meant, or None.

        One letter too many, too few, another or two exchanged is a slip; the first letter must be right. Of words of
        five letters only two exchanged ones are.

        Args:
            word: A word that is not listed, lower case.

        Returns:
            Its meaning.
        """
        if not _SHORTEST - 1 <= len(word) <= _LONGEST or not word.isalpha() or not word.isascii() or word in _OTHERS:
            return None
        shorter = list(_shortened(word))
        candidates = [word, *shorter] + [other for key in (word, *shorter) for other in self._shortened.get(key, ())]
        for other in dict.fromkeys(candidates):
            if other in self._words and other[0] == word[0] and _is_slip(word, other):
                return self._words[other]
        return None


def _shortened(word: str) -> Iterable[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _is_slip(word: str, other: str) -> bool:
    """Return whether one slip of the pen makes `other` of `word`."""
    start = next((at for at, (one, two) in enumerate(zip(word, other, strict=False)) if one != two), None)
    if start is None:
        return (
            len(other) >= _SHORTEST and abs(len(word) - len(other)) == 1 and word + "s" != other and other + "s" != word
        )
    if len(word) == len(other) and word[start : start + 2] == other[start : start + 2][::-1]:
        return word[start + 2 :] == other[start + 2 :]
    if len(other) < _SHORTEST:
        return False
    behind, beyond = word[start + 1 :], other[start + 1 :]
    return behind == beyond or word[start:] == beyond or behind == other[start:]
