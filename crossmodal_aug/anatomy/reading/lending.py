"""Lending: how the conjuncts of a list share side, level and noun ("right middle and lower lobes")."""

from __future__ import annotations

from itertools import pairwise

from crossmodal_aug.anatomy.statement import Phrase

_PART_LINKS = (("comma",), ("open",), ("colon",), ("colon", "article"))


def lent(conjuncts: list[Phrase], *, eager: bool) -> list[Phrase]:
    """Share side, level and noun between neighbours, and join those that share into one phrase.

    Args:
        conjuncts: The conjuncts of one list, in text order; they are changed.
        eager: Whether they lend across a comma, and without a closing noun.

    Returns:
        The phrases.
    """
    joined = [False] * len(conjuncts)  # joined[i]: conjunct i belongs with i - 1
    own_noun = [not phrase.bare for phrase in conjuncts]
    # Words that still wait for their noun look ahead: right to left, so that a noun reaches all of a list.
    for index in range(len(conjuncts) - 2, -1, -1):
        here, ahead = conjuncts[index], conjuncts[index + 1]
        if own_noun[index] or here.whole or ahead.place or not (eager or _binds(ahead)):
            continue
        joined[index + 1] |= _look_ahead(here, ahead)
        if ahead.side or joined[index + 1] or (here.side and ahead.levelled and not ahead.spread):
            here.noun |= ahead.noun
            here.zone |= ahead.zone
    # What lacks a side, or follows one that lacked a noun, looks back: left to right.
    for index in range(1, len(conjuncts)):
        before, here = conjuncts[index - 1], conjuncts[index]
        if here.place or not before.side or not (eager or _binds(here)):
            continue
        joined[index] |= _look_back(before, here, had_noun=own_noun[index - 1])
    return _joined(conjuncts, joined)


def closed(phrases: list[Phrase]) -> None:
    """Complete the last side of a list that nothing follows: "in the right base and to a lesser degree in the left".

    Args:
        phrases: The phrases of the list; the last one is changed.
    """
    for before, last in pairwise(phrases[-2:]):
        if "and" in last.link and last.bare and last.side and not last.levelled:
            model = before.members[-1] if before.members else before
            if model.levelled and model.side and model.side != last.side and not model.bare:
                last.give_levels(model)
                last.noun = True


def _look_ahead(here: Phrase, ahead: Phrase) -> bool:
    """Give a conjunct what the next one has, and return whether they belong together."""
    if here.levelled and not here.side:  # "upper and lower left lung", "upper and lower lobes"
        here.sided[0], here.unsided[0] = ahead.sided[0], ahead.unsided[0]
        return True
    if here.side and not here.levelled and ahead.levelled and ahead.side:  # "left and right upper lobes"
        here.give_levels(ahead)
        return True
    return False


def _look_back(before: Phrase, here: Phrase, *, had_noun: bool) -> bool:
    """Give a conjunct what the one before has, and return whether they belong together."""
    only_side = before.noun and not (before.levelled or before.whole)
    is_heading = "colon" in here.link and not (had_noun or before.levelled)
    is_part = here.link in _PART_LINKS and ((only_side and had_noun) or is_heading)
    if is_part and here.levelled and not (here.side or (here.plural and not before.both)):
        # "left lung, lower lobe": the second half says where in the first.
        here.sided[0] = here.unsided[0] = before.side
        before.give_levels(here)
        return True
    if here.implies_side:  # the lingula is on the left, whatever stands before it
        return False
    if not here.side and here.levelled and not here.spread:  # "right middle and lower lobes"
        here.sided[0], here.unsided[0] = before.sided[0], before.unsided[0]
        before.noun |= here.noun
        if not had_noun and not before.levelled and here.link == ("comma",):
            before.give_levels(here)  # "bilateral, lower lobes"
        return True
    whole_side = here.side and here.noun and not (here.levelled or here.whole or (had_noun and not before.waits))
    if whole_side and before.levelled and here.side != before.side:  # "upper left and right lung"
        here.give_levels(before)
        return True
    return False


def _binds(phrase: Phrase) -> bool:
    return phrase.noun and "comma" not in phrase.link


def _joined(conjuncts: list[Phrase], joined: list[bool]) -> list[Phrase]:
    phrases: list[Phrase] = []
    for phrase, belongs in zip(conjuncts, joined, strict=True):
        if belongs:
            phrases[-1].members.append(phrase)
            phrases[-1].last = phrase.last
        else:
            phrases.append(phrase)
    return phrases
