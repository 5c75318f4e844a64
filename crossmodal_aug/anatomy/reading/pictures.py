"""Settling phrases in captions of pictures: "located in top left of the image", "left man", "second from left"."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import LOOSE, POSITION, VERBS, follows, follows_back, is_near
from crossmodal_aug.anatomy.statement import Phrase, Statement

# Between "of" and the image: "top left of the breast ultrasound image".
_MOST_BEFORE_IMAGE = 6
_OWNERS = frozenset({"his", "her", "their", "its"})
_PLACING = frozenset({"located", "situated", "positioned", "visible", "seen", "found", "present", "observed", "placed"})
_COUNTED_FROM = frozenset({"from", "in from", "over from"})


def settle(statement: Statement, phrases: list[Phrase], begin: int, end: int) -> list[Phrase]:
    """Decide which phrases of a caption's sentence are positions in the image.

    What is counted from a side ("second from left"), lies beside a thing ("left of the car"), is a part of one ("left
    side of the bench") or belongs to a body ("right hand of the girl") is not a place of the image.

    Args:
        statement: The words of the text.
        phrases: The position phrases of the sentence.
        begin: First term of the sentence.
        end: One past its last term.

    Returns:
        The phrases that name regions.
    """
    return _Picture(statement, begin, end).settled(phrases)


class _Picture:
    def __init__(self, statement: Statement, begin: int, end: int) -> None:
        self.statement = statement
        self.kinds = statement.kinds
        self.begin = begin
        self.end = end
        self.counts = self._counts()

    def settled(self, phrases: list[Phrase]) -> list[Phrase]:
        """Return the phrases that name regions."""
        kept: list[Phrase] = []
        tells = any(self._said(index) in _PLACING for index in range(self.begin, self.end))
        for phrase in phrases:
            if not (phrase.side or phrase.levelled or phrase.place) or (phrase.whole and not phrase.noun):
                continue
            if phrase.place and (phrase.side or phrase.levelled):
                # "middle left" is the left half, "bottom center" the bottom half.
                phrase.place = 0
            if not (self._is_counted(phrase) or self._is_own(phrase) or self._is_of_thing(phrase)):
                kept.append(phrase)
            elif not tells:
                return []  # what else is named may be the landmark's place, the owner's, or a row that is counted
        return kept

    def _counts(self) -> bool:
        """Return whether the sentence counts things from a side."""
        for index in range(self.begin, self.end):
            if self.kinds[index] == "ordinal":
                behind = follows(self.kinds, index + 1, {"of", "article"}, self.end)
                if behind >= self.end or self.kinds[behind] not in ("noun", "level") or behind == index + 1:
                    return True
        return False

    def _is_counted(self, phrase: Phrase) -> bool:
        """Return whether a side only tells where counting begins: "second from left", "two from the right"."""
        if self.counts and not self._is_told(phrase):
            return True
        index = follows_back(self.kinds, phrase.first - 1, {"article"}, self.begin)
        if index <= self.begin or self._said(index) not in _COUNTED_FROM:
            return self._said(phrase.last + 1) == "to" and self.kinds[phrase.last + 2 : phrase.last + 3] == ["side"]
        return (
            self.kinds[index - 1] in ("number", "ordinal") or "number" in self.kinds[max(self.begin, index - 2) : index]
        )

    def _is_of_thing(self, phrase: Phrase) -> bool:
        """Return whether a place is one of a thing and not of the image: "left of the car", "top of the tower"."""
        at = phrase.last + 1
        at = follows(self.kinds, at, {"sided"}, self.end)
        if at >= self.end or self.kinds[at] != "of":
            return self._is_beside(phrase)
        stop = min(self.end, at + _MOST_BEFORE_IMAGE)
        for index in range(at + 1, stop):
            if self.kinds[index] == "noun" or (self.kinds[index] in POSITION and index == at + 2):
                return False
            if self.kinds[index] in ("comma", "in", "and") or self.kinds[index] in VERBS:
                break
        return not self._is_told(phrase)

    def _is_beside(self, phrase: Phrase) -> bool:
        """Return whether a side is one of a thing: "just left to the post"."""
        behind = phrase.last + 1
        if not phrase.side or phrase.noun or phrase.levelled or self._said(behind) != "to":
            return False
        return behind + 1 < self.end and self.kinds[behind + 1] == "article"

    def _is_told(self, phrase: Phrase) -> bool:
        """Return whether a verb of place leads to a phrase: "located in the left of"."""
        index = follows_back(
            self.kinds, phrase.first - 1, POSITION | {"in", "article", "comma", "and", "near"}, self.begin
        )
        return index >= self.begin and self._said(index) in _PLACING

    def _is_own(self, phrase: Phrase) -> bool:
        """Return whether a side is one of a body: "her left hand", "on his left"; not "the right hand side"."""
        if phrase.levelled or phrase.place or not phrase.side:
            return self._stands_at(phrase, "identity")
        before = self._said(phrase.first - 1) if phrase.first > self.begin else ""
        if before in _OWNERS | {"'s", "\u2019s", "s"} and not phrase.noun and phrase.last + 1 >= self.end:
            return True
        behind = follows(self.kinds, phrase.last + 1, {"modifier", "state"}, self.end)
        kind = self.kinds[behind] if behind < self.end else ""
        if kind == "body":
            return self.kinds[behind + 1 : behind + 2] not in (["sided"], ["noun"])
        return kind == "identity" or self._stands_at(phrase, "identity")

    def _stands_at(self, phrase: Phrase, kind: str) -> bool:
        at = follows(self.kinds, phrase.last + 1, LOOSE, min(self.end, phrase.last + 3))
        return at < self.end and self.kinds[at] == kind

    def _said(self, index: int) -> str:
        return self.statement.said(index, index).lower() if 0 <= index < len(self.kinds) else ""


def without_neighbours(statement: Statement, phrases: list[Phrase]) -> list[Phrase]:
    """Leave out what is only said to be near, where something else says the place.

    Args:
        statement: The words of the text.
        phrases: Settled phrases of one sentence.

    Returns:
        Those that say where something is.
    """
    far = [phrase for phrase in phrases if phrase.negated or not is_near(statement.kinds, phrase.first)]
    return far if any(not phrase.negated for phrase in far) else phrases
