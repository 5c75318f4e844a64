"""Lesion: the finding that lies at a place, whether it is one thing, and the words that make it several."""

from __future__ import annotations

from crossmodal_aug.anatomy.writing.agreement import later_verb_edits, verb_edits
from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.number import is_discrete, number_of, plural_of
from crossmodal_aug.anatomy.writing.places import FINDINGS, POSITION, VERBS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import tables, word_list
from crossmodal_aug.errors import shown

INDEFINITE = frozenset({"a", "an"})
_BEFORE_FINDING = POSITION | FINDINGS | {
    "modifier", "unknown", "hyphen", "number", "unit", "state", "noun", "sided", "plain", "part", "degree", "article",
}  # fmt: skip
_BE = frozenset({"is", "are", "was", "were"})
_RELATIVE = frozenset({"that", "which"})
_MAYBE_VERBS = frozenset({"unknown", "in", "verb"})
_NO_VERBS = frozenset({"across", "towards"})
_MOST_DIGITS = 3
_JOINING = frozenset({"and", "or", "no"})


class Lesion:
    """The finding that lies at a place, and what its words say of its number.

    Args:
        source: The text.
        sentence: The sentence of the place.
        place: The place.

    Attributes:
        term: The finding: that of which the place is an attribute, the last one before it, or the first one behind it;
            -1 where none is.
        finding: It in lower case. This and what follows are there only where it is.
        number: Whether it is one thing, several, or a mass noun.
        discrete: Whether one of it is one thing in one place.
        opening: First term of its noun phrase.
        indefinite: Whether that opens with "a".
        count: How many the text counts, if it does.
        is_one: Whether the text measures it, counts it as one, or speaks of it as known.
    """

    def __init__(self, source: Source, sentence: Sentence, place: Place) -> None:
        self.source = source
        self.sentence = sentence
        self.place = place
        self.term = self._found()
        if self.term < 0:
            return
        self.finding = source.word(self.term)
        self.number = number_of(self.finding)
        self.discrete = is_discrete(self.finding)
        self.opening = self._opening()
        words = source.words(self.opening, self.term + 1)
        kinds = source.kinds[self.opening : self.term + 1]
        self.indefinite = words[0] in INDEFINITE
        self.count = self._count(words, kinds)
        self.is_one = self._is_one(words, kinds)

    def _found(self) -> int:
        """Return the last finding before the place or the first behind it, up to the next place, or -1."""
        if self.place.head >= 0:
            return self.place.head
        kinds, place = self.source.kinds, self.place
        others = (*self.sentence.affirmed, *self.sentence.denied)
        start = max((other.last for other in others if other.last < place.first), default=self.sentence.begin - 1)
        for term in range(place.start - 1, start, -1):
            if kinds[term] in FINDINGS:
                return term
        stop = min((other.first for other in others if other.first > place.last), default=self.sentence.end)
        term = next((at for at in range(place.last + 1, stop) if kinds[at] in FINDINGS), -1)
        while 0 <= term < stop - 1 and kinds[term + 1] in FINDINGS:
            term += 1
        return term

    def _opening(self) -> int:
        """Return the first term of the noun phrase of the finding."""
        index, kinds = self.term, self.source.kinds
        while index > self.sentence.begin and kinds[index - 1] in _BEFORE_FINDING:
            index -= 1
            if kinds[index] == "article":
                break
        return index

    def _count(self, words: list[str], kinds: list[str]) -> int | None:
        numbers = self.source.lexicon.numbers
        counted = next((word for word, kind in zip(words, kinds, strict=True) if kind == "number"), "")
        if counted in numbers:
            return numbers.index(counted)
        return int(counted) if counted.isdecimal() and len(counted) <= _MOST_DIGITS else None

    def _is_one(self, words: list[str], kinds: list[str]) -> bool:
        """Return whether it is measured, counted as one, or known to the reader of the text: "the nodule"."""
        sentence = self.sentence
        whole = self.source.words(sentence.begin, sentence.end)
        # A number before one thing is a measure, whose unit may be masked: "a 7 XXXX nodule".
        measured = "number" in kinds or "unit" in self.source.kinds[sentence.begin : sentence.end]
        known = words[0] == "the" and self.discrete
        return measured or known or not word_list("findings", "unique").isdisjoint(whole)

    def check_edge(self) -> None:
        """Refuse to spread what the sentence calls one thing: "the opacity that was seen", "possibly hydatid cyst".

        Raises:
            CannotSay: It does.
        """
        source, sentence = self.source, self.sentence
        words = source.words(sentence.begin, sentence.end)
        parts = {
            part for term in range(sentence.begin, sentence.end) if term != self.term for part in self._parts(term)
        }
        is_known = words[self.opening - sentence.begin] == "the" and not _RELATIVE.isdisjoint(words)
        kept = not (self.indefinite or self.place.part == "attribute")
        edged = sorted(parts & word_list("findings", "edged")) if kept else []
        if is_known or edged:
            raise declined(f"{shown(self.finding)} is one thing in one place")

    def belongs_to_one(self) -> bool:
        """Return whether other words make it one: "a band of atelectasis", "cavitary lesion with infiltrates"."""
        source, sentence, term = self.source, self.sentence, self.term
        others = (*sentence.affirmed, *sentence.denied)
        start = max((other.last + 1 for other in others if other.last < self.place.first), default=sentence.begin)
        words = source.words(start, term)
        article = max((at for at, word in enumerate(words) if word in INDEFINITE), default=len(words))
        earlier = [
            at for at in range(start, self.opening) if source.kinds[at] in FINDINGS and is_discrete(source.word(at))
        ]
        bare = any(at == start or source.word(at - 1) not in _JOINING for at in earlier)
        return (self.number != "several" and "of" in words[article:]) or (bare and "with" in words)

    def _parts(self, term: int) -> list[str]:
        word = self.source.word(term)
        return [word, *word.split()]

    def several(self) -> list[Edit]:
        """Return the edits that make it several.

        Raises:
            CannotSay: A word around it would not agree.
        """
        source, opening = self.source, self.opening
        words = plural_of(self.finding)
        if words.rpartition(" ")[2] not in source.lexicon.english | source.lexicon.own:
            raise declined(f"{shown(self.finding)} has no plural among the words")
        self._check_alone()
        edits = [source.edit(self.term, self.term, source.fitted(words, self.term, self.term))]
        if self.indefinite:
            edits.append((source.terms[opening].start, source.terms[opening + 1].start, ""))
        before = opening - 1
        if before >= self.sentence.begin:
            known = tables()["findings"]["there"].get(source.word(before))
            if known is not None:
                edits.append(source.edit(before, before, source.fitted(known, before, before)))
            elif source.word(before) in _BE:  # "noted at the left base is a nodule"
                edits += verb_edits(source, before, many=True)
            else:
                self._check_no_verb(before, opening)  # "at the left base lies a nodule"
        return edits + self._verb_edits()

    def _check_alone(self) -> None:
        """Refuse what belongs to another single thing, or what the text speaks of again."""
        source, sentence = self.source, self.sentence
        pointers = word_list("bonds", "pointers")
        for term in range(self.term + 2, sentence.end):
            kind, leading = source.kinds[term], source.words(max(self.term + 1, term - 2), term)
            if kind == "finding" and is_discrete(source.word(term)) and not INDEFINITE.isdisjoint(leading):
                raise declined(f"{shown(source.word(term))} is one thing in one place")  # "consistent with a bulla"
        behind = source.sentences[sentence.number + 1 : sentence.number + 3]
        later = next((other for other in behind if other.end - other.begin > 1), None)
        words = source.words(later.begin, later.begin + 4) if later is not None else [""]
        goes_on = words[0] in pointers or (words[0] == "the" and self.finding in words)
        if goes_on or not pointers.isdisjoint(source.words(self.term + 1, sentence.end)):
            raise declined(f"it goes on about {shown(self.finding)} as one thing")
        before = range(sentence.begin, self.opening)
        single = any(source.kinds[term] in FINDINGS and number_of(source.word(term)) == "one" for term in before)
        if single or not INDEFINITE.isdisjoint(source.words(sentence.begin, self.opening)):
            raise declined(f"{shown(self.finding)} belongs to another single thing")

    def _verb_edits(self) -> list[Edit]:
        """Return the verb behind the finding, or behind the place that stands behind it, in the plural."""
        source, kinds, place = self.source, self.source.kinds, self.place
        behind = self.term + 1
        if place.part != "attribute" and place.first > self.term:
            verb = next((at for at in range(behind, place.start) if kinds[at] in VERBS), place.last + 1)
            self._check_no_verb(behind, min(verb, place.start))
            behind = verb
        while behind < self.sentence.end and (kinds[behind] == "modifier" or source.word(behind).endswith("ly")):
            behind += 1
        if behind >= self.sentence.end:
            return []
        later = later_verb_edits(source, self.sentence, behind, many=True)
        if kinds[behind] == "agreeing verb":
            return verb_edits(source, behind, many=True) + later
        if kinds[behind] != "verb":
            self._check_no_verb(behind, behind + 1)
        return later

    def _check_no_verb(self, first: int, stop: int) -> None:
        """Refuse what may be a verb in the singular: "projects over", "persists"."""
        for term in range(first, stop):
            word = self.source.word(term).split()[0]
            if self.source.kinds[term] in _MAYBE_VERBS and word.endswith("s") and word not in _NO_VERBS:
                raise declined(f"the verb of {shown(self.finding)} would not agree")
