"""Source: a text as the writer sees it."""

from __future__ import annotations

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import lexicon_for
from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.statement import Phrase, Statement
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.places import Place, find_sentences
from crossmodal_aug.anatomy.writing.styles import Style, styles_for, word_list
from crossmodal_aug.errors import CannotSay

_SIDED = frozenset({"side", "both", "sided", "hyphen", "modifier"})
_UNNAMED = frozenset({"side", "both", "sided", "hyphen", "article", "part", "count noun"})
_CLOSING = frozenset({"end", "comma", "close"})
_OPENING = frozenset({"colon", "open", "dash", "bullet"})
_SMALL = frozenset({"and", "the", "in", "of", "at"})
# "RUL" is written so in any text; a longer word in capitals tells that the whole text is.
_LONGEST_LETTERS = 4


class Source:
    """What a text says, with its places found and its words at hand.

    Args:
        statement: What the text says.
        atlas: The atlas that it was read with.
    """

    def __init__(self, statement: Statement, atlas: Atlas) -> None:
        self.statement = statement
        self.atlas = atlas
        self.lexicon = lexicon_for(atlas)
        self.styles = styles_for(atlas)
        self.text = statement.text
        self.terms = statement.terms
        self.kinds = statement.kinds
        self.sides = tuple(sum(1 << index for index in side) for side in atlas.sides)
        self.sentences = find_sentences(statement)
        self._loud: dict[int, bool] = {}

    def word(self, term: int) -> str:
        """Return a term in lower case."""
        return self.text[self.terms[term].start : self.terms[term].end].lower()

    def words(self, first: int, stop: int) -> list[str]:
        """Return the terms from `first` on and before `stop`, in lower case."""
        return [self.word(term) for term in range(max(0, first), min(stop, len(self.terms)))]

    def said(self, place: Place) -> str:
        """Return the words of a place."""
        return self.statement.said(place.first, place.last)

    def edit(self, first: int, last: int, new: str) -> Edit:
        """Return the replacement of the terms from `first` to `last`."""
        return self.terms[first].start, self.terms[last].end, new

    def dropped(self, first: int, last: int) -> Edit:
        """Return the edit that drops terms with the gap on one side of them."""
        start, end = self.terms[first].start, self.terms[last].end
        closes = last + 1 >= len(self.terms) or self.kinds[last + 1] in _CLOSING
        if closes and first > 0:
            return self.terms[first - 1].end, end, ""
        return start, self.terms[last + 1].start if last + 1 < len(self.terms) else end, ""

    def sides_of(self, mask: int) -> list[int]:
        """Return the numbers of the sides that some regions touch."""
        return [number for number, side in enumerate(self.sides) if side & mask]

    def is_whole_side(self, mask: int) -> bool:
        """Return whether regions are one side of the atlas."""
        return mask in self.sides

    def side_order(self, place: Place) -> list[int]:
        """Return the numbers of all sides, those that a place names first in front."""
        order: list[int] = []
        for term in range(place.first, place.last + 1):
            if self.kinds[term] in ("side", "place", "zone"):
                order += [number for number in self.sides_of(self.terms[term].sense.unsided) if number not in order]
        return order + [number for number in range(len(self.sides)) if number not in order]

    def style_of(self, place: Place) -> Style | None:
        """Return the style in which the last phrase of a place is worded; None is that of the atlas."""
        return self.style_of_phrase(place.phrases[-1], place)

    def style_of_phrase(self, phrase: Phrase, place: Place) -> Style | None:
        """Return the style in which a phrase of a place is worded; None is that of the atlas.

        A caption's "upper left lung" has the atlas's own: its level stands before its side.

        Args:
            phrase: The phrase.
            place: The place, whose finding may ask for other words: "left basal effusion".

        Returns:
            The style of its last words; that of a bare side where they are in none.
        """
        words = self.words(phrase.first, phrase.last + 1)
        kinds = self.kinds[phrase.first : phrase.last + 1]
        cut = next((at for at, kind in enumerate(kinds) if kind in ("of", "in") and at), len(kinds))
        kinds, words = kinds[:cut], words[:cut]
        levels = [at for at, kind in enumerate(kinds) if kind in ("level", "zone")]
        sides = [at for at, kind in enumerate(kinds) if kind == "side"]
        if not levels and _SIDED.issuperset(kinds):
            return self.styles.pleural if self._is_pleural(place) else self.styles.side
        if levels and sides and levels[0] < sides[0] and "and" not in words:
            return None
        named = [word for word, kind in zip(words, kinds, strict=True) if kind not in _UNNAMED]
        style = self.styles.of(part for word in named for part in word.replace("-", " ").split())
        return style or (self.styles.side if self.styles.side.nouns else None)

    def is_bare_side(self, place: Place) -> bool:
        """Return whether a place is a side without a noun: "left effusion", "on the left side"."""
        return {"side", "both", "sided", "hyphen"}.issuperset(self.kinds[place.first : place.last + 1])

    def _is_pleural(self, place: Place) -> bool:
        around = (place.last + 1, place.head + 1)
        if place.head < 0:
            around = self.statement.sentence_of(place.first)
        return any(word.rpartition(" ")[2] in word_list("findings", "pleural") for word in self.words(*around))

    def fitted(self, words: str, first: int, last: int) -> str:
        """Write words in the case of those whose place they take.

        Args:
            words: The new words, lower case but for abbreviations.
            first: First term that they replace.
            last: Last term that they replace.

        Returns:
            The words.
        """
        old = self.text[self.terms[first].start : self.terms[last].end]
        if self.is_loud(first):
            return words.upper()
        if old.islower():
            return words.lower()
        long = [part for part in old.split() if part[:1].isalpha() and len(part) >= _LONGEST_LETTERS]
        if len(long) > 1 and all(part[:1].isupper() and not part.isupper() for part in long):
            return " ".join(word if word in _SMALL else capitalised(word) for word in words.split(" "))
        opens = first == self.statement.sentence_of(first)[0] or self.kinds[first - 1] in _OPENING
        return capitalised(words) if opens and old[:1].isupper() else words

    def is_loud(self, term: int) -> bool:
        """Return whether the sentence around a term is written in capitals alone."""
        first, stop = self.statement.sentence_of(term)
        if first not in self._loud:
            said = self.statement.said(first, stop - 1) if stop > first else ""
            self._loud[first] = said.isupper() and any(len(word) > _LONGEST_LETTERS for word in said.split())
        return self._loud[first]


def declined(reason: str) -> CannotSay:
    """Return the error that says why a text cannot be rewritten well.

    Args:
        reason: Why not.

    Returns:
        The error.
    """
    return CannotSay(f"Expected a text that can state these regions and read well, but {reason}.")
