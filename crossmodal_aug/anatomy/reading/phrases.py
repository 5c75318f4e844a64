"""Position phrases: which words belong together, and which regions they name together.

A phrase is made of conjuncts, "right middle" and "lower lobes", that may lend each other a side, a level or a noun
(`lending.py`). What a conjunct names is set algebra: values of one axis add up, axes narrow each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas.lexicon import Sense
from crossmodal_aug.anatomy.reading.kinds import POSITION
from crossmodal_aug.anatomy.reading.lending import closed, lent
from crossmodal_aug.anatomy.statement import Phrase, Statement, Term

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary

_VALUES = frozenset({"side", "both", "level", "zone"})
_LISTING = frozenset({"comma", "and", "or", "slash", "than", "colon", "open"})
_CLOSED = frozenset({"comma", "colon", "close", "end", "bullet", "dash"})
_LOOSE = frozenset({"modifier", "part", "sided", "mainly", "hyphen", "number", "unit"})


def _steps(*steps: str) -> tuple[tuple[frozenset[str], bool], ...]:
    """Return a sequence of kinds; a step that ends in "!" must be there, the others may."""
    return tuple((frozenset(step.rstrip("!").split("|")), step.endswith("!")) for step in steps)


# What may stand between two position words of one phrase, beside up to three loose words.
_LINKS = (
    _steps("modifier|hyphen|part|count noun|sided", "of|in!", "hyphen", "article", "modifier"),
    _steps("of!", "in!", "article"),
    _steps("comma", "and|or", "slash", "and|or", "in|mainly", "article", "modifier", "modifier"),
    _steps("and|or!", "of|in", "article"),
    _steps("colon!", "article"),
    _steps("open!", "article"),
    _steps("hyphen", "comma", "than!", "hyphen", "in", "article"),
    _steps("sided|part|modifier", "and|or|slash!", "in", "article"),
    _steps("hyphen", "and|or|comma!", "article"),
    _steps("comma|and|or!", "modifier", "modifier", "part!", "of!", "article"),
)


@lru_cache(maxsize=4096)
def links(kinds: tuple[str, ...]) -> bool:
    """Return whether words of these kinds keep two position words in one phrase.

    Args:
        kinds: The kinds of the words between them.

    Returns:
        True for "of the", ", and" and their like.

    Examples:
        >>> links(("of", "article")), links(("comma", "and", "article")), links(("verb",))
        (True, True, False)
    """
    if len(kinds) <= 3 and _LOOSE.issuperset(kinds):
        return True
    for steps in _LINKS:
        place = 0
        for step, must in steps:
            if place < len(kinds) and kinds[place] in step:
                place += 1
            elif must:
                place = -1
                break
        if place == len(kinds):
            return True
    return False


def find_phrases(statement: Statement, vocabulary: Vocabulary, begin: int, end: int) -> list[Phrase]:
    """Find the position phrases of a sentence and let their conjuncts lend to each other.

    Args:
        statement: The words of the text.
        vocabulary: What they were read with. In an eager one conjuncts lend across a comma, and without a closing
            noun: true for reports, false for lists of image positions, where "top, right" is two positions.
        begin: First term of the sentence.
        end: One past its last term.

    Returns:
        The phrases in text order.
    """
    kinds, phrases = statement.kinds, []
    places = [index for index in range(begin, end) if kinds[index] in POSITION]
    start = 0
    while start < len(places):
        stop = start + 1
        while stop < len(places) and _is_linked(kinds, places, start, stop):
            stop += 1
        group = places[start:stop]
        conjuncts = _conjuncts(statement.terms, kinds, group, vocabulary)
        if len(conjuncts) > 1:
            conjuncts = lent(conjuncts, eager=vocabulary.eager)
            behind = group[-1] + 1
            if vocabulary.eager and (behind >= end or kinds[behind] in _CLOSED):
                closed(conjuncts)
        phrases += conjuncts
        start = stop
    return phrases


def _is_linked(kinds: list[str], places: list[int], start: int, stop: int) -> bool:
    """Return whether the position word at `places[stop]` goes on with the group that begins at `places[start]`."""
    link = tuple(kinds[places[stop - 1] + 1 : places[stop]])
    if not links(link):
        return False
    if "comma" in link and "than" not in link:
        # "compared to the left, the right base": what is compared to says nothing of what follows.
        first = places[start]
        opening = kinds[first - 2 : first] if first > 1 else kinds[:first]
        if "compared" in opening:
            return False
        if "in" in link and "than" in kinds[places[start] : places[stop]]:
            return False  # "left worse than right, in the lower lungs"
    return True


def _conjuncts(terms: list[Term], kinds: list[str], group: list[int], vocabulary: Vocabulary) -> list[Phrase]:
    axes = len(vocabulary.axes)
    phrase = Phrase(group[0], group[0], (), [0] * axes, [0] * axes)
    found = [phrase]
    is_part = False  # whether an "of" leads from a level to what it is a part of
    behind = group[0]
    axis = -1  # what the last word was a value of
    for index in group:
        kind, sense = kinds[index], terms[index].sense
        link = tuple(kinds[behind:index])
        behind = index + 1
        lists = not _LISTING.isdisjoint(link) and not _is_compared_side(phrase, link, kind)
        if lists or (
            (phrase.noun or phrase.sided[0])
            and not (is_part and kind in ("level", "zone"))
            and _is_full(phrase, kind, sense, axis)
        ):
            phrase = Phrase(index, index, link, [0] * axes, [0] * axes)
            found.append(phrase)
            is_part = False
        elif link:
            if phrase.whole and "article" in link and phrase.last == phrase.first:
                phrase.first = index  # "throughout | the left lung"
            is_part |= "of" in link and phrase.levelled
        if not (kind == "noun" and "of" in link):
            # The image in "right of the image" tells that it is a position, but is not part of its name.
            phrase.last = index
        if is_part and kind in ("level", "zone", "place"):
            # "the basilar portion of the right middle lobe" lies in the middle lobe.
            phrase.sided[1:], phrase.unsided[1:] = [0] * (axes - 1), [0] * (axes - 1)
            is_part = False
        axis = sense.axis if kind in _VALUES else -1
        unsided = vocabulary.mirrored_mask(sense.unsided) if terms[index].flipped else sense.unsided
        _take(phrase, kind, sense, unsided)
        phrase.waits = kind == "side"
    _close_sided(kinds, found)
    return found


def _close_sided(kinds: list[str], found: list[Phrase]) -> None:
    """Take "-sided", "side", and "part" behind a level, into the phrase that they end."""
    for phrase in found:
        behind = kinds[phrase.last + 1 : phrase.last + 3]
        if behind == ["hyphen", "sided"]:
            phrase.last += 2  # "left-sided"
        elif behind[:1] == ["part"] and phrase.levelled and phrase.bare:
            phrase.last += 1  # "its lower part"
            phrase.noun = True


def _take(phrase: Phrase, kind: str, sense: Sense, unsided: int) -> None:
    """Add what a word says to a phrase; `unsided` is what it stands for where no side is stated."""
    phrase.plural |= sense.plural
    if kind == "noun":
        phrase.noun = True
    elif kind == "whole":
        phrase.whole = True
    elif kind == "place":
        phrase.place |= sense.mask
    elif kind in ("opposite", "same"):
        pass  # `anaphora` finds out which side they mean
    else:
        phrase.sided[sense.axis] |= sense.mask
        phrase.unsided[sense.axis] |= unsided
        phrase.zone |= kind == "zone"
        phrase.spread |= sense.plural and kind == "zone"
        phrase.both |= kind == "both"


def _is_full(phrase: Phrase, kind: str, sense: Sense, axis: int) -> bool:
    """Return whether a word can only open the next phrase ("left lung | upper right lung", "left upper | right base").

    A side and a value of another axis never come back to an axis that they have left; `axis` is that of the
    word before.
    """
    if kind == "whole":
        return phrase.noun
    if kind not in _VALUES or not phrase.sided[0] or not phrase.sided[sense.axis]:
        return False
    return phrase.noun or (axis not in (sense.axis, -1)) or (phrase.zone and kind in ("side", "both"))


def _is_compared_side(phrase: Phrase, link: tuple[str, ...], kind: str) -> bool:
    """Return whether the comma of `link` only closes the aside of "left, greater than right, basilar"."""
    return (
        link == ("comma",)
        and kind in ("level", "zone")
        and phrase.link[:2] == ("comma", "than")
        and not (phrase.levelled or phrase.noun)
    )
