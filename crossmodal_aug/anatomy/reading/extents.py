"""Extents: how the phrases of a sentence narrow and complete each other, and which say nothing of this image."""

from __future__ import annotations

from itertools import pairwise

from crossmodal_aug.anatomy.reading.kinds import (
    FINDINGS,
    LOOSE,
    MOST_BETWEEN,
    VERBS,
    WITHIN_EXCEPTION,
    follows_back,
    head_after,
    is_led_to,
)
from crossmodal_aug.anatomy.reading.settling import follows_finding
from crossmodal_aug.anatomy.statement import Phrase, Statement

_BETWEEN_PARTS = (
    LOOSE | FINDINGS | VERBS | {"in", "of", "article", "count noun", "near", "comma", "there", "with", "mainly"}
)
_SHOWED = frozenset({"showed", "demonstrated", "revealed", "described", "shown"})
_LEADING_ON = frozenset({"to", "towards", "toward", "into", "from", "up to"})
_OF_FINDING = LOOSE | FINDINGS
_HEADED = LOOSE | FINDINGS | VERBS | {"state"}
_SHOWN = LOOSE | VERBS | {"article"}


def refine(statement: Statement, phrases: list[Phrase], end: int) -> None:
    """Read a side and its part as one place: "left lung opacity at the base", "basilar opacity in the left lung".

    Args:
        statement: The words of the text.
        phrases: Settled phrases of one sentence; they are changed.
        end: One past the last term of the sentence.
    """
    for one, other in pairwise(phrases):
        if _spans(statement, one, other):
            for part in (one, other):
                part.sided[1:] = part.unsided[1:] = [0] * (len(part.sided) - 1)
                part.whole = part.noun = True
            continue
        if _completes(statement, one, other) or follows_finding(statement, one, other, end):
            wide, narrow = (other, one) if other.side and not other.levelled else (one, other)
            is_side = wide.side and not (wide.levelled or wide.whole or wide.place)
            free = narrow.levelled and not (narrow.side or narrow.place or narrow.implies_side)
            if is_side and free and (not narrow.plural or wide.both or wide.bare or not narrow.spread):
                narrow.give_side(wide.side)
                wide.give_levels(narrow)
                wide.lent = True


def _spans(statement: Statement, one: Phrase, other: Phrase) -> bool:
    """Return whether two levels are the ends of an extent: "from apex to base"."""
    ends = one.levelled and other.levelled and not (one.side or other.side or one.place or other.place)
    if not ends or other.first - one.last != 2 or not one.first:
        return False
    between = statement.said(one.last + 1, one.last + 1).lower()
    return between == "to" and statement.said(one.first - 1, one.first - 1).lower() == "from"


def _completes(statement: Statement, one: Phrase, other: Phrase) -> bool:
    """Return whether a finding or a verb, and a preposition, lead from one phrase to the next."""
    between = statement.kinds[one.last + 1 : other.first]
    if not between or len(between) > MOST_BETWEEN or not _BETWEEN_PARTS.issuperset(between):
        return False
    if between == ["comma"]:
        # "Distribution: bilateral, lower lobes"
        return one.both and one.bare and not other.side and other.levelled
    if one.side and _SHOWN.issuperset(between) and not VERBS.isdisjoint(between):
        # "the right lung shows a small basal opacity"
        head, _ = head_after(statement.kinds, other.last + 1, len(statement.kinds))
        return head in FINDINGS and not other.side
    led = follows_back(between, len(between) - 1, {"article", "of", "modifier", "part", "unknown"}, 0)
    if led < 0 or between[led] not in ("in", "near", "mainly"):
        led = len(between) - 2 if between[-2:-1] == ["of"] else len(between) - 1 if between[-1] == "of" else -1
        if led < 0 or not (between[0] == "comma" or _OF_FINDING.issuperset(between[:led])):
            return False
    leading = statement.said(one.last + 1 + led, one.last + 1 + led).lower()
    if leading in _LEADING_ON:
        return False  # "tracking up to the apex" goes on from the wider place
    rest = between[:led]
    if "comma" in rest and "with" in rest:
        # "the left lung is better aerated, with residual opacity at the base"
        return rest.index("with") == rest.index("comma") + 1 and not FINDINGS.isdisjoint(rest)
    if "comma" in rest or "there" in rest:
        # "on the left, dense consolidation of the lower lobe"
        return rest[0] in ("comma", "there") and is_led_to(statement.kinds, one.first) and "comma" not in rest[1:]
    if "with" in rest:
        return False
    has_finding = not FINDINGS.isdisjoint(rest)
    return has_finding or not VERBS.isdisjoint(rest) or "state" in rest or "unknown" in rest or "count noun" in rest


def inherit_sides(statement: Statement, phrases: list[Phrase]) -> None:
    """Give "in the right lung, probably within the middle lobe" one side: the one stated before.

    A heading lends its side too: "Right lung: 4 mm upper lobe nodule".

    Args:
        statement: The words of the text.
        phrases: Settled phrases of one sentence; they are changed.
    """
    side, heading, has_part = 0, None, False
    for phrase in phrases:
        if phrase.side:
            side = phrase.side
            if not phrase.levelled and _is_heading(statement, phrase):
                heading, has_part = phrase, False
        elif side and phrase.whole and phrase.noun and not phrase.levelled:
            phrase.give_side(side)  # "in the right lung, one in each zone"
        elif side and phrase.levelled and not (phrase.plural or phrase.place or phrase.implies_side):
            phrase.give_side(side)
            if heading is not None and heading.side == side:
                _give_part(heading, phrase, add=has_part)
                has_part = True


def _is_heading(statement: Statement, phrase: Phrase) -> bool:
    """Return whether a side opens a list of its parts: "Right lung metastases: upper lobe 2"."""
    kinds, index = statement.kinds, phrase.last + 1
    while index < len(kinds) and kinds[index] in _HEADED:
        index += 1
    return index < len(kinds) and kinds[index] in ("colon", "dash") and index < phrase.last + 6


def carry_heading(statement: Statement, phrases: list[Phrase], place: int) -> None:
    """Let the side of "Right lung - middle lobe: nodule; lower lobe: nodule" reach behind the semicolon.

    Args:
        statement: The words of the text, and the phrases of its earlier sentences.
        phrases: Settled phrases of the sentence at `place`; they are changed.
        place: Which sentence.
    """
    begin, end = statement.sentences[place - 1]
    earlier = [phrase for phrase in statement.phrases[-8:] if phrase.first >= begin]
    if end >= len(statement.terms) or statement.said(end, end) not in (";", "\uff1b") or not earlier:
        return
    if earlier[0].side and _is_heading(statement, earlier[0]):
        for phrase in phrases:
            if phrase.levelled and not (phrase.side or phrase.place or phrase.plural):
                phrase.give_side(earlier[0].side)


def _give_part(heading: Phrase, part: Phrase, *, add: bool) -> None:
    """Let a heading name no more than the parts that stand behind it."""
    for axis in range(1, len(heading.sided)):
        heading.sided[axis] = part.sided[axis] | (heading.sided[axis] if add else 0)
        heading.unsided[axis] = part.unsided[axis] | (heading.unsided[axis] if add else 0)


def narrow(statement: Statement, phrases: list[Phrase]) -> None:
    """Let "predominantly in the lower lobes" narrow the wider extent that the sentence named before.

    Args:
        statement: The words of the text.
        phrases: Phrases of one sentence with their masks.
    """
    for order, phrase in enumerate(phrases):
        index = follows_back(statement.kinds, phrase.first - 1, {"in", "article", "modifier", "of"}, 0)
        if index < 0 or statement.kinds[index] != "mainly" or index < phrase.first - 4:
            continue
        for earlier in phrases[max(0, order - 4) : order]:
            if earlier.mask & phrase.mask and not earlier.levelled:
                earlier.mask &= phrase.mask


def without_hypotheses(statement: Statement, phrases: list[Phrase], begin: int) -> list[Phrase]:
    """Leave out what is only looked for: "rule out left lower lobe pneumonia".

    Args:
        statement: The words of the text.
        phrases: Phrases of one sentence.
        begin: First term of the sentence.

    Returns:
        The others.
    """
    kinds = statement.kinds
    kept = []
    for phrase in phrases:
        index = follows_back(
            kinds, phrase.first - 1, WITHIN_EXCEPTION | {"past"}, max(begin, phrase.first - MOST_BETWEEN)
        )
        if index < begin or kinds[index] != "hypothetical":
            kept.append(phrase)
    return kept


def without_past(statement: Statement, phrases: list[Phrase], begin: int, end: int) -> list[Phrase]:
    """Leave out what only another examination showed: "On the prior film there was a left effusion".

    Args:
        statement: The words of the text.
        phrases: Phrases of one sentence.
        begin: First term of the sentence.
        end: One past its last term.

    Returns:
        The others.
    """
    opening, clause = past_clause(statement, begin, end)
    return [phrase for phrase in phrases if not opening < phrase.first < clause]


def past_clause(statement: Statement, begin: int, end: int) -> tuple[int, int]:
    """Return the terms between which a sentence tells what only another examination showed: "On the prior film ...".

    Args:
        statement: The words of the text.
        begin: First term of the sentence.
        end: One past its last term.

    Returns:
        The term that opens the clause and the one behind its last; the same term twice where there is none.
    """
    kinds, terms, text = statement.kinds, statement.terms, statement.text
    opening = next((at for at in range(begin, min(end, begin + 3)) if kinds[at] == "past"), -1)
    if opening < 0:
        return begin, begin
    clause = next((at for at in range(opening, end) if kinds[at] in ("stop", "dash", "relative")), end)
    if statement.said(opening, opening).lower().split()[-1] in _SHOWED:
        return opening, clause
    told = [
        text[terms[at].start : terms[at].end].lower()
        for at in range(opening, clause)
        if kinds[at] in VERBS or kinds[at] == "there"
    ]
    was = any(word.split()[-1] in ("was", "were", "had", "showed") for word in told)
    return (opening, clause) if was else (begin, begin)
