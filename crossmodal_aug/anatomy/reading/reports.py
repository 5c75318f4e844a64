"""Settling phrases in radiology prose: which ones speak of the lungs, and on which side."""

from __future__ import annotations

from itertools import pairwise

from crossmodal_aug.anatomy.reading import scope
from crossmodal_aug.anatomy.statement import Phrase


def settle(codes: str, phrases: list[Phrase], start: int, end: int) -> list[Phrase]:
    """Decide which phrases of a report's sentence name regions, and complete those that lack a side.

    Args:
        codes: Letters of the whole text.
        phrases: The position phrases of the sentence.
        start: First token of the sentence.
        end: One past its last token.

    Returns:
        The phrases that name regions.
    """
    kept: list[Phrase] = []
    compares, devices = codes.find("c", start, end) >= 0, codes.find("D", start, end) >= 0
    for order, phrase in enumerate(phrases):
        head, at = scope.head_after(codes, phrase.last + 1)
        if head in ("X", "D") or (compares and scope.is_comparator(codes, phrase.first)):
            continue
        if not phrase.bare:
            if not (devices and _places_device(codes, phrase, head, start)) and _speaks_of_lungs(codes, phrase):
                kept.append(phrase)
            continue
        if not phrase.side:
            if kept and _follows_finding(codes, kept[-1], phrase):
                kept.append(phrase)
            continue
        following = phrases[order + 1] if order + 1 < len(phrases) else None
        if following is not None and at == following.first and not (following.side or following.place):
            # "right streaky basilar opacity": one phrase with words between.
            _give_side(following, phrase.side)
            following.first, following.both = phrase.first, phrase.both
        elif _is_compared(codes, phrase) and _is_said(phrase, kept):
            continue
        elif head in ("F", "K") or scope.opens_heading(codes, phrase.last + 1, start):
            kept.append(phrase)
        elif not _takes_level(codes, phrase, phrases[order + 1 :], end):
            _look_around(codes, phrase, kept, start, end)
        else:
            kept.append(phrase)
    _refine(codes, kept)
    _inherit_sides(kept)
    return kept


def _places_device(codes: str, phrase: Phrase, head: str, start: int) -> bool:
    """Say whether a phrase tells only where a device lies."""
    if scope.carries_device(codes, phrase.last + 1):
        return True
    return head != "F" and scope.holds_device(codes, phrase.first, start)


def _speaks_of_lungs(codes: str, phrase: Phrase) -> bool:
    """Say whether a phrase with a noun or a zone names a place of the lungs and not one of a hernia's."""
    if not (phrase.noun or phrase.side) and scope.stands_apart(codes, phrase.first, phrase.last):
        return False
    if phrase.side or phrase.plural or phrase.place or phrase.levelled:
        return True
    return scope.is_denied_subject(codes, phrase.first, phrase.last)


def narrow(codes: str, phrases: list[Phrase]) -> None:
    """Let "predominantly in the lower lobes" narrow the wider extent that the sentence named before."""
    for order, phrase in enumerate(phrases):
        if scope.is_mainly(codes, phrase.first):
            for earlier in phrases[max(0, order - 4) : order]:
                if earlier.mask & phrase.mask and not earlier.levelled:
                    earlier.mask &= phrase.mask


def leave_out_spared(codes: str, phrases: list[Phrase]) -> None:
    """Take what "sparing the apex" names out of the wider place that the sentence named before."""
    spared = 0
    for phrase in reversed(phrases):
        if phrase.negated:
            spared |= phrase.mask if scope.is_spared(codes, phrase.first, 0) else 0
        elif phrase.mask & ~spared:
            phrase.mask &= ~spared


def mark_filler(phrases: list[Phrase]) -> None:
    """In "Unilateral ..., left lung and middle right lung" the side without a zone names nothing."""
    precise = 0
    for phrase in phrases:
        if phrase.levelled or phrase.whole:
            precise |= phrase.side
    if not precise:
        return
    for phrase in phrases:
        vague = phrase.noun and not (phrase.levelled or phrase.whole or phrase.negated)
        if vague and phrase.side and not phrase.side & precise:
            phrase.filler = True
            phrase.mask = 0


def _takes_level(codes: str, phrase: Phrase, later: list[Phrase], end: int) -> bool:
    """Complete "more on the right" from "and less on the left basilar scarring"."""
    if phrase.last + 1 >= end or codes[phrase.last + 1] not in "&|>/":
        return False
    for other in later[:2]:
        if other.side and other.levelled and not other.bare and other.first - phrase.last < scope.REACH:
            phrase.sided[1:], phrase.unsided[1:] = other.sided[1:], other.unsided[1:]
            return True
    return False


def _look_around(codes: str, phrase: Phrase, kept: list[Phrase], start: int, end: int) -> None:
    """Settle a side that no noun follows: "atelectasis on the left", "right greater than left"."""
    begin, stop = scope.clause_bounds(codes, phrase.first, phrase.last, start, end)
    for earlier in reversed(kept):
        if earlier.first < begin:
            break
        can_take = not earlier.implies_side or scope.is_said_of(codes, earlier.last + 1, phrase.first)
        if earlier.lent or (can_take and not (earlier.side or earlier.place)):
            _give_side(earlier, phrase.side)
            earlier.lent = True
            return
        if _is_said(phrase, [earlier]):
            return
    before = range(phrase.first - 1, begin - 1, -1)
    after = range(phrase.last + 1, stop)
    for token in (*before, *after):
        if codes[token] in "XD":
            return
        if codes[token] == "F":
            kept.append(phrase)
            return


def _refine(codes: str, phrases: list[Phrase]) -> None:
    """Read "left lung opacity at the base" and "basilar opacity in the left lung" as one place."""
    for one, other in pairwise(phrases):
        if not (scope.is_placed_in(codes, one.last + 1, other.first) or _follows_finding(codes, one, other)):
            continue
        wide, narrow = (other, one) if other.side and not other.levelled else (one, other)
        is_side = wide.side and not (wide.levelled or wide.whole or wide.place)
        if is_side and narrow.levelled and not (narrow.side or narrow.place or narrow.implies_side):
            _give_side(narrow, wide.side)
            wide.sided[1:], wide.unsided[1:] = narrow.sided[1:], narrow.unsided[1:]


def _follows_finding(codes: str, one: Phrase, other: Phrase) -> bool:
    """Say whether `other` only says where the finding at `one` lies: "left lung mass, upper lobe"."""
    is_last = codes[other.last + 1 : other.last + 2] in ("", ",", ".", ";", ":", ")")
    return is_last and not other.side and other.levelled and scope.is_set_off(codes, one.last + 1, other.first)


def _is_compared(codes: str, phrase: Phrase) -> bool:
    return ">" in phrase.link or codes[phrase.last + 1 : phrase.last + 2] == ">"


def _is_said(phrase: Phrase, kept: list[Phrase]) -> bool:
    """Say whether "right greater than left" only repeats sides that "bibasilar" stated before."""
    return bool(kept) and (kept[-1].side & phrase.side == phrase.side or bool(kept[-1].place & phrase.side))


def _inherit_sides(phrases: list[Phrase]) -> None:
    """Give "in the right lung, probably within the middle lobe" one side: the one stated before."""
    side = 0
    for phrase in phrases:
        if phrase.side:
            side = phrase.side
        elif side and phrase.levelled and not (phrase.plural or phrase.place or phrase.implies_side):
            _give_side(phrase, side)


def _give_side(phrase: Phrase, side: int) -> None:
    for part in (phrase, *phrase.members):
        part.sided[0] |= side
        part.unsided[0] |= side
