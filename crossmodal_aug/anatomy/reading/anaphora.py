"""Anaphora: words that point at a side or a place named before: "the opposite apex", "its upper lobe"."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.statement import Phrase, Statement

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary

_MOST_BACK = 32
_SAID: tuple[list[str], ...] = ([], ["agreeing verb"], ["verb"], ["clear"], ["excepting verb"])
_LINKS = frozenset({"comma", "and", "or", "modifier", "part", "of", "article", "slash", "in"})


def resolve_pointers(statement: Statement, phrases: list[Phrase], vocabulary: Vocabulary) -> None:
    """Give phrases that point at "the opposite side" or "the same side" the side that they mean.

    Args:
        statement: The words of the text, and the phrases of its earlier sentences.
        phrases: The phrases of one sentence, not yet settled; they are changed.
        vocabulary: What they were read with.
    """
    kinds = statement.kinds
    last = _last_side(statement.phrases, vocabulary)
    earlier = statement.phrases[-1] if statement.phrases else None
    for phrase in phrases:
        inside = kinds[phrase.first : phrase.last + 1]
        points = "opposite" in inside and "counterpart" in statement.said(phrase.first, phrase.last).lower()
        if points and phrase.side and earlier is not None and not phrase.levelled:
            phrase.give_levels(earlier)
            phrase.noun = True
        elif "opposite" in inside and last:
            phrase.give_side(_opposite(last, vocabulary))
            phrase.noun = True
            if points and not phrase.levelled and earlier is not None:
                phrase.give_levels(earlier)
        elif "same" in inside and last:
            phrase.give_side(last)
            phrase.noun = True
        last = _one_side(phrase, vocabulary) or last
        earlier = phrase


def _last_side(phrases: list[Phrase], vocabulary: Vocabulary) -> int:
    # A text as long as a book would look back for ever.
    recent = reversed(phrases[-_MOST_BACK:])
    return next((side for phrase in recent if (side := _one_side(phrase, vocabulary))), 0)


def _one_side(phrase: Phrase, vocabulary: Vocabulary) -> int:
    """Return the bits of the one side that a phrase names, or 0."""
    named = phrase.side or phrase.place
    touched = [side for side in vocabulary.sides if side & named]
    return touched[0] if len(touched) == 1 else 0


def _opposite(side: int, vocabulary: Vocabulary) -> int:
    return vocabulary.mirrored_mask(side)


def answer_sides(statement: Statement, phrases: list[Phrase], vocabulary: Vocabulary) -> None:
    """Give "Yes, in the lower zone." the side that the question before it names.

    Args:
        statement: The words of the text, and the phrases of its earlier sentences.
        phrases: Settled phrases of the answer; they are changed.
        vocabulary: What they were read with.
    """
    side = _last_side(statement.phrases[-1:], vocabulary)
    for phrase in phrases:
        asked = statement.phrases[-1] if statement.phrases else None
        if (
            phrase.bare
            and phrase.side
            and not phrase.levelled
            and asked is not None
            and (phrase.both or asked.both or not asked.side)
        ):
            phrase.give_levels(asked)  # "at both", "the right one"
        if side and phrase.levelled and not (phrase.side or phrase.place or phrase.implies_side):
            phrase.give_side(side)


def follow_ellipsis(statement: Statement, phrases: list[Phrase], begin: int) -> None:
    """Read "The right apex is scarred; the left is clear." as two apices.

    Args:
        statement: The words of the text, and the phrases of its earlier sentences.
        phrases: Settled phrases of one sentence; they are changed.
        begin: First term of the sentence.
    """
    kinds = statement.kinds
    for order, phrase in enumerate(phrases):
        if not phrase.bare or phrase.levelled or phrase.both or not phrase.first:
            continue
        earlier = phrases[order - 1] if order else statement.phrases[-1] if statement.phrases else None
        if earlier is None or not (earlier.side and earlier.levelled) or earlier.side & phrase.side:
            continue
        opens = kinds[earlier.first - 2 : earlier.first] if earlier.first > 1 else kinds[: earlier.first]
        is_subject = kinds[phrase.first - 1] == "article" and kinds[phrase.last + 1 : phrase.last + 2] in _SAID
        was_subject = kinds[earlier.last + 1 : earlier.last + 2] in _SAID and "in" not in opens
        if is_subject and was_subject:
            phrase.give_levels(earlier)


def head_lines(statement: Statement, vocabulary: Vocabulary) -> None:
    """Let a line that is only a side lend it to the lines below: "Right lung", "- mid zone: opacity".

    Args:
        statement: The phrases of the text; headings that lend their side are taken out.
        vocabulary: What they were read with.
    """
    lines: dict[int, list[Phrase]] = {}
    for phrase in statement.phrases:
        lines.setdefault(bisect_right(statement.sentences, (phrase.first, len(statement.kinds))) - 1, []).append(phrase)
    side, heading = 0, None
    dropped: list[Phrase] = []
    for place, (begin, end) in enumerate(statement.sentences):
        inside = lines.get(place, [])
        is_heading = (
            len(inside) == 1
            and inside[0].noun
            and inside[0].first - begin <= 1
            and _closes(statement, inside[0].last + 1, end)
        )
        if is_heading and not inside[0].levelled and (own := _one_side(inside[0], vocabulary)):
            side, heading = own, inside[0]
            continue
        if heading is not None and not inside and _says_clear(statement, begin, end):
            heading.negated, heading.cue = True, (end - 1, end - 1)
        if any(phrase.side or phrase.place for phrase in inside):
            side, heading = 0, None
        for phrase in inside:
            if side and phrase.levelled and not (phrase.plural or phrase.implies_side):
                phrase.give_side(side)
                phrase.mask = phrase.named(vocabulary.full)
                if heading is not None and heading not in dropped:
                    dropped.append(heading)
    if dropped:
        statement.phrases = [phrase for phrase in statement.phrases if phrase not in dropped]


def _closes(statement: Statement, index: int, end: int) -> bool:
    """Return whether nothing but a colon follows in the sentence."""
    return index >= end or (index + 1 == end and statement.kinds[index] == "colon")


def _says_clear(statement: Statement, begin: int, end: int) -> bool:
    inside = statement.kinds[begin:end]
    return "clear" in inside and "finding" not in inside and end - begin <= 3


def share_sides(statement: Statement, phrases: list[Phrase], vocabulary: Vocabulary) -> None:
    """Give "apical and anterior segments of the left upper lobe" one side: that of the phrase behind it.

    Args:
        statement: The words of the text.
        phrases: Settled phrases of one sentence; they are changed.
        vocabulary: What they were read with.
    """
    for one, other in pairwise(list(phrases)):
        side = _one_side(other, vocabulary)
        unsided = one.levelled and not (one.side or one.place or one.implies_side or (one.plural and one.noun))
        colon = statement.kinds[one.last + 1 : other.first] == ["colon"]
        if other.both and other.bare and colon and one.levelled and not one.side:
            other.give_levels(one)  # "apices: bilateral scarring"
            continue
        if not (side and unsided) or one.spread:
            continue
        between = [kind for kind in statement.kinds[one.last + 1 : other.first] if kind != "modifier"]
        behind = statement.kinds[other.last + 1 : other.last + 2]
        if other.bare and not other.levelled and between == ["comma"] and behind in ([], ["end"], ["colon"]):
            one.give_side(side)
            other.give_levels(one)  # "hilum, left: enlarged"
            other.first = one.first
            phrases.remove(one)
            continue
        sets_off = between == ["comma"] and behind in ([], ["end"], ["comma"])
        is_part = "part" in between and "comma" in between[-1:]
        lists = between in (["and"], ["or"], ["comma", "and"], ["slash"]) or ("part" in between and "and" in between)
        if _LINKS.issuperset(between) and (sets_off or is_part or lists):
            one.give_side(side)


def point_back(statement: Statement, phrases: list[Phrase], vocabulary: Vocabulary) -> None:
    """Read "The left lung is abnormal. There is a mass in its upper lobe." as one place.

    Args:
        statement: The words of the text, and the phrases of its earlier sentences.
        phrases: Settled phrases of one sentence; they are changed.
        vocabulary: What they were read with.
    """
    text, terms = statement.text, statement.terms
    for phrase in phrases:
        if phrase.side or phrase.place or phrase.plural or not phrase.levelled or not phrase.first:
            continue
        before = terms[phrase.first - 1]
        if text[before.start : before.end].lower() not in ("its", "whose"):
            continue
        earlier = [other for other in (*statement.phrases, *phrases) if other.first < phrase.first]
        wide = earlier[-1] if earlier else None
        side = _one_side(wide, vocabulary) if wide is not None else 0
        if wide is None or not side:
            continue
        phrase.give_side(side)
        if not (wide.levelled or wide.place or wide.whole or wide.negated):
            wide.give_levels(phrase)
            wide.mask &= phrase.named(vocabulary.full)
