"""Bonds: words that hang on the place that a sentence names, and would be wrong beside another."""

from __future__ import annotations

from collections.abc import Collection

from crossmodal_aug.anatomy.writing.edits import Edit
from crossmodal_aug.anatomy.writing.places import POSITION, VERBS, Place, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import parts_of, word_list
from crossmodal_aug.errors import shown

_STRUCTURES = frozenset({"structure", "device", "identity", "body", "cut off"})
_DEMONSTRATIVE = frozenset({"that", "this", "these", "those"})
_POINTED = frozenset({"it", "them", "this"})
_SAID = frozenset({"clear", "resolved", "absent"})
# Beside its places; a sentence that says more, or more that no list knows, is said anew.
_MOST_WORDS = 20
_MOST_STRANGE = 1
_MARKS = frozenset({"comma", "open", "dash"})


def bond_edits(source: Source, sentence: Sentence, moves: dict[Place, int]) -> list[Edit]:
    """Drop what would be wrong beside other places, "left greater than right", and refuse what cannot be dropped.

    Args:
        source: The text.
        sentence: A sentence of it.
        moves: For each of its places that changes the regions that it should name.

    Returns:
        The edits.

    Raises:
        CannotSay: A word hangs on the old place.
    """
    words = words_around(source, sentence, moves)
    if any(mask & ~place.mask for place, mask in moves.items()):
        _check_structures(source, sentence, moves)
        for word in sorted(words & word_list("bonds", "side")):
            raise declined(f"{shown(word)} may be wrong of the new places")
    _check_pointers(source, sentence)
    flipped = source.lexicon.mirrored_mask
    for place, mask in moves.items():
        if mask | flipped(mask) != place.mask | flipped(place.mask):
            for word in sorted(words & word_list("bonds", "level")):
                raise declined(f"{shown(word)} is not found at every place")
    edits = _laterality_edits(source, sentence, moves)
    done = -1
    for term in _loose_terms(source, sentence):
        if term > done:
            first, done = _tail(source, sentence, term)
            edits.append(_aside_edit(source, sentence, first, done))
    return edits


def check_plain(source: Source, sentence: Sentence) -> None:
    """Refuse a sentence whose words lean on each other in more ways than are followed here.

    Args:
        source: The text.
        sentence: A sentence of it.

    Raises:
        CannotSay: It relates its parts to each other, is long, or holds words that may do so.
    """
    terms = range(sentence.begin, sentence.end)
    words = {term: source.word(term) for term in terms}
    relating = sorted(parts_of(words.values()) & word_list("bonds", "intricate"))
    if relating:
        raise declined(f"{shown(relating[0])} hangs on what is named now")
    kinds = source.kinds[sentence.begin : sentence.end]
    if "number" in kinds and "count noun" in kinds:
        raise declined("it counts what lies there")
    places = (*sentence.affirmed, *sentence.denied)
    if any(words[term] == "the" and words.get(term + 1) == "lung" for term in terms):
        raise declined("'the lung' is one that is named elsewhere")
    outside = words.keys() - {term for place in places for term in range(place.first, place.last + 1)}
    if sum(source.kinds[term] != "comma" for term in outside) > _MOST_WORDS:
        raise declined("a sentence says too much at once")
    harmless = word_list("bonds", "harmless")
    strange = [words[term] for term in sorted(outside) if source.kinds[term] == "unknown"]
    strange = [word for word in strange if word not in harmless]
    if len(strange) > _MOST_STRANGE:
        raise declined(f"{' and '.join(map(shown, strange))} may hang on what is named now")


def _aside_edit(source: Source, sentence: Sentence, first: int, last: int) -> Edit:
    """Drop an aside, with the comma behind it too where that would part a subject from its verb."""
    kinds, behind = source.kinds, last + 2
    while behind < sentence.end and kinds[behind] == "modifier":
        behind += 1
    closes = kinds[first] in ("comma", "dash") and kinds[last + 1 : last + 2] == [kinds[first]]
    if (
        closes
        and behind < sentence.end
        and (kinds[behind] in VERBS or kinds[behind] in _SAID or kinds[last + 2] == "and")
    ):
        return source.terms[first - 1].end, source.terms[last + 1].end, ""
    return source.dropped(first, last)


def _check_pointers(source: Source, sentence: Sentence) -> None:
    """Refuse what points at the places of the sentence: "the latter", "the opposite apex", "above it"."""
    orders = word_list("bonds", "orders")
    later = source.sentences[sentence.number + 1 : sentence.number + 2]
    for own in (sentence, *later):
        for word in source.words(own.begin, own.end):
            if not orders.isdisjoint(word.split()):
                raise declined(f"{shown(word)} points at what is named now")
        for term in range(own.begin, own.end - 1):
            if source.kinds[term + 1] in ("sided", "noun") and source.word(term) in _DEMONSTRATIVE:
                raise declined(f"{shown(source.statement.said(term, term + 1))} points at what is named now")
    for term in range(sentence.begin, sentence.end - 1):
        if source.kinds[term] == "in" and source.word(term + 1) in _POINTED:
            raise declined(f"{shown(source.statement.said(term, term + 1))} points at what is named now")


def words_around(source: Source, sentence: Sentence, moved: Collection[Place]) -> set[str]:
    """Return the words of a sentence, without those of the places that stay and of what lies there.

    Args:
        source: The text.
        sentence: The sentence.
        moved: Places of it that do not stay.

    Returns:
        Terms and the single words of them, in lower case.
    """
    stay = _terms_that_stay(sentence, moved)
    terms = [source.word(term) for term in range(sentence.begin, sentence.end) if term not in stay]
    return {word for term in terms for word in (term, *term.replace("-", " ").split())}


def _terms_that_stay(sentence: Sentence, moved: Collection[Place]) -> set[int]:
    places = [place for place in (*sentence.affirmed, *sentence.denied) if place not in moved]
    return {term for place in places for term in range(place.first, max(place.last, place.head) + 1)}


def _check_structures(source: Source, sentence: Sentence, moved: Collection[Place]) -> None:
    stay = _terms_that_stay(sentence, moved)
    studies = word_list("bonds", "studies")
    for term in range(sentence.begin, sentence.end):
        if source.kinds[term] in _STRUCTURES and term not in stay:
            word = source.word(term)
            if studies.isdisjoint(word.split()):
                raise declined(f"{shown(word)} lies at the place that is named now")


def _loose_terms(source: Source, sentence: Sentence) -> list[int]:
    """Return the position words of a sentence that are in none of its places: "larger on the left"."""
    inside = {source.statement.summary}
    for place in (*sentence.affirmed, *sentence.denied):
        inside.update(range(place.first, place.last + 1))
    terms = [term for term in range(sentence.begin, sentence.end) if term not in inside]
    return [term for term in terms if source.kinds[term] in POSITION or source.word(term) == "hemithorax"]


def _laterality_edits(source: Source, sentence: Sentence, moves: dict[Place, int]) -> list[Edit]:
    """Put the word right that sums up a list, the first of "Unilateral infection, upper left lung"."""
    mask = 0
    for place in sentence.affirmed:
        mask |= moves.get(place, place.mask)
    sides = len(source.sides_of(mask))
    for term in range(sentence.begin, sentence.end):
        if source.kinds[term] == "unilateral" and sides > 1:
            if term > sentence.begin:
                raise declined(f"{shown(source.word(term))} would be wrong")
            if "comma" in source.kinds[term + 1 : term + 5]:
                return [source.edit(term, term, source.fitted("bilateral", term, term))]
            return [source.dropped(term, term)]  # "Unilateral effusion on the left" becomes "Effusions at both bases"
        if term == source.statement.summary and sides == 1:
            return [source.edit(term, term, source.fitted("unilateral", term, term))]
    return []


def _tail(source: Source, sentence: Sentence, term: int) -> tuple[int, int]:
    """Return the aside around a loose word: from the comma before it to the next comma or the end."""
    kinds = source.kinds
    if kinds[term] == "both" and source.word(term).endswith("ly"):
        return term, term
    first = last = term
    while first > sentence.begin and kinds[first] not in _MARKS:
        first -= 1
    while last + 1 < sentence.end and kinds[last] != "close" and kinds[last + 1] not in _MARKS:
        last += 1
    places = (*sentence.affirmed, *sentence.denied)
    if first == sentence.begin or any(first <= place.last and place.first <= last for place in places):
        raise declined(f"{shown(source.word(term))} may be wrong beside the new places")
    return first, last
