"""Places: where a text names regions, and what part those words play in their sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from crossmodal_aug.anatomy.statement import Phrase, Statement
from crossmodal_aug.anatomy.writing.styles import word_list

Part = Literal["noun", "attribute", "adverb", "heading"]
POSITION = frozenset({"side", "both", "level", "zone", "place"})
FINDINGS = frozenset({"finding", "marking", "growth"})
VERBS = frozenset({"verb", "agreeing verb", "excepting verb"})
_LISTED = frozenset({"comma", "and", "or", "slash", "article", "in", "than"})
_MOST_LISTED = 4
_LEADING = frozenset({"in", "near", "of", "whole", "with", "mainly"})
_OPENING = frozenset({"comma", "and", "or", "stop", "colon", "dash", "open", "there", "end", "bullet"})
_INSIDE = frozenset({"modifier", "unknown", "hyphen", "plain", "number", "unit", "state", "part", "mark"})
_TAILS = frozenset({"count noun", "part"})
_MOST_INSIDE = 6


@dataclass(slots=True, eq=False)
class Place:
    """Phrases of one list, "the right upper lobe and both bases", that are exchanged together.

    Args:
        phrases: The phrases.
        first: First term.
        last: Last term, with a "region" that closes it.
        mask: The regions that they name together.
        part: What they are in the sentence: "in the [left base]", "[left basal] opacity", "opacity [bilaterally]",
            "[Left lung]: basal opacity".
        article: Term of the "the" before it, or -1.
        lead: Kind of the term that leads to it, "end" at the beginning of its sentence.
        head: Term of the finding of which it is an attribute, or -1.
        borrowed: Whether other words of the sentence say a part of what it names.
        qualified: Whether adjectives stand between its article and it: "the peripheral left base".
    """

    phrases: list[Phrase]
    first: int
    last: int
    mask: int
    part: Part = "noun"
    article: int = -1
    lead: str = "end"
    head: int = -1
    borrowed: bool = False
    qualified: bool = False

    @property
    def negated(self) -> bool:
        """Whether the text calls it clear."""
        return self.phrases[0].negated

    @property
    def led(self) -> bool:
        """Whether a preposition or a verb leads to it, so that it is not a subject."""
        return self.part != "adverb" and self.lead not in _OPENING

    @property
    def is_plural(self) -> bool:
        """Whether it is a plural as a subject."""
        return len(self.phrases) > 1 or any(phrase.plural or phrase.both or phrase.members for phrase in self.phrases)

    @property
    def start(self) -> int:
        """First term of what is written anew: its article, or itself."""
        return self.article if self.article >= 0 else self.first


@dataclass(slots=True, eq=False)
class Sentence:
    """A sentence with its places.

    Args:
        number: Its place among the sentences.
        begin: Its first term.
        end: One past its last term.
        affirmed: Places where it says that something is.
        denied: Places that it calls clear.
    """

    number: int
    begin: int
    end: int
    affirmed: list[Place] = field(default_factory=list)
    denied: list[Place] = field(default_factory=list)


def find_sentences(statement: Statement) -> list[Sentence]:
    """Find the places of a text, sentence by sentence.

    Args:
        statement: What the text says.

    Returns:
        All of its sentences, in text order.
    """
    sentences = []
    phrases = [phrase for phrase in statement.phrases if phrase.mask or phrase.filler]
    at = 0
    for number, (begin, end) in enumerate(statement.sentences):
        sentence = Sentence(number, begin, end)
        inside: list[Phrase] = []
        while at < len(phrases) and phrases[at].first < end:
            inside.append(phrases[at])
            at += 1
        places = [_place(statement, group, begin, end) for group in _groups(statement, inside)]
        _share_heads(statement, places)
        for place in _without_remarks(statement, places):
            (sentence.denied if place.negated else sentence.affirmed).append(place)
        sentences.append(sentence)
    return sentences


def _groups(statement: Statement, phrases: list[Phrase]) -> list[list[Phrase]]:
    groups: list[list[Phrase]] = [[phrase] for phrase in phrases[:1]]
    for one, other in pairwise(phrases):
        between = statement.kinds[one.last + 1 : other.first]
        listed = one.negated == other.negated and len(between) <= _MOST_LISTED and _LISTED.issuperset(between)
        if listed and _is_led(statement, groups[-1][0]) and statement.kinds[one.last] in ("noun", "zone", "place"):
            # "opacity in the right lower lobe, and right hilar fullness"
            listed = head_of(statement, other.last + 1, len(statement.kinds), led=False) < 0
        if listed and between and not (_is_borrowed(statement, one) or _is_borrowed(statement, other)):
            groups[-1].append(other)
        else:
            groups.append([other])
    return groups


def _is_led(statement: Statement, phrase: Phrase) -> bool:
    before = phrase.first - 1
    while before >= 0 and statement.kinds[before] in ("article", "modifier"):
        before -= 1
    return before >= 0 and statement.kinds[before] == "in"


def _is_borrowed(statement: Statement, phrase: Phrase) -> bool:
    """Return whether the words of a phrase alone do not name what it names in its sentence."""
    axes: dict[int, int] = {}
    place = 0
    for index in range(phrase.first, phrase.last + 1):
        sense = statement.terms[index].sense
        if statement.kinds[index] == "place":
            place |= sense.mask
        elif statement.kinds[index] in POSITION:
            axes[sense.axis] = axes.get(sense.axis, 0) | sense.mask
    if not (axes or place):
        return False  # "lungs" are all there are
    mask = -1 if axes else 0
    for bits in axes.values():
        mask &= bits
    mask |= place
    implies = any(statement.terms[index].sense.implies_side for index in range(phrase.first, phrase.last + 1))
    return phrase.mask != mask and not (implies and phrase.mask & ~mask == 0)


def _place(statement: Statement, phrases: list[Phrase], begin: int, end: int) -> Place:
    kinds = statement.kinds
    mask = 0
    for phrase in phrases:
        mask |= phrase.mask
    first, last = phrases[0].first, phrases[-1].last
    while kinds[first] == "whole" and "throughout" in _word(statement, first) and first < last:
        first += 1  # "throughout | both lungs" leads to a place as "in" does
    place = Place(phrases, first, last, mask)
    if kinds[last + 1 : last + 2] == ["sided"] and last + 1 < end:
        place.last = last = last + 1  # "the left | side"
    place.borrowed = any(_is_borrowed(statement, phrase) for phrase in phrases)
    before = first - 1
    while before > begin and kinds[before] == "modifier" and kinds[before - 1] in ("modifier", "article"):
        before -= 1
    place.qualified = before < first - 1 and kinds[before] == "article"
    before = before if place.qualified else first - 1
    if before >= begin and kinds[before] == "article" and _word(statement, before) == "the":
        place.article, before = (-1 if place.qualified else before), before - 1
    place.lead = kinds[before] if before >= begin else "end"
    if "colon" in kinds[first : last + 1] or (kinds[last + 1 : last + 2] == ["colon"] and first == begin):
        place.part = "heading"
    elif (first == last and _word(statement, first).endswith("ly")) or _word(statement, first).startswith("behind "):
        place.part = "adverb"
    else:
        place.head = head_of(statement, last + 1, end, led=place.lead in _LEADING)
        if place.head >= 0:
            place.part = "attribute"
            place.article = -1
        elif last + 1 < end and kinds[last + 1] in _TAILS:
            place.last += 1
        elif kinds[last + 1 : last + 4] == ["of", "article", "noun"]:
            place.last += 3  # "the bases of the lungs"
    return place


def _share_heads(statement: Statement, places: list[Place]) -> None:
    """Let the first half of "small right and moderate left effusions" be an attribute of the finding of the second."""
    for one, other in reversed(list(pairwise(places))):
        between = statement.kinds[one.last + 1 : other.first]
        if one.head >= 0 or other.head < 0 or between[:1] not in (["and"], ["or"], ["slash"]):
            continue
        if set(between[1:]) <= {"modifier", "article"} and one.article < 0 and one.lead not in _LEADING:
            one.head, one.part = other.head, "attribute"


def _without_remarks(statement: Statement, places: list[Place]) -> list[Place]:
    """Leave out what only tells where it is more, "in both lower lobes, worse at the base"; it can be dropped."""
    named = Counter(bit for place in places if not place.negated for bit in _bits(place.mask))
    kept = []
    for place in places:
        before = place.start - 1
        while before > 0 and statement.kinds[before] in ("in", "modifier", "unknown"):
            before -= 1
        is_said = not place.negated and all(named[bit] > 1 for bit in _bits(place.mask))
        if not (is_said and place.borrowed and statement.kinds[before] == "degree"):
            kept.append(place)
    return kept


def _bits(mask: int) -> list[int]:
    return [index for index in range(mask.bit_length()) if mask >> index & 1]


def head_of(statement: Statement, index: int, end: int, *, led: bool) -> int:
    """Return the finding of which a place is an attribute, or -1: "[left lower lobe] airspace opacity"."""
    kinds, head = statement.kinds, -1
    remarks = word_list("bonds", "remarks")
    for at in range(index, min(end, index + _MOST_INSIDE)):
        if kinds[at] in FINDINGS:
            head = at
        elif kinds[at] not in _INSIDE or head >= 0 or _word(statement, at) in remarks:
            break
        elif led and kinds[at] == "unknown":
            break  # "in the left base suggesting atelectasis"
    return head


def _word(statement: Statement, term: int) -> str:
    return statement.text[statement.terms[term].start : statement.terms[term].end].lower()
