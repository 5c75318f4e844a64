"""Position phrases: which tokens belong together, and which regions they name together.

A phrase is made of conjuncts, "right middle" and "lower lobes", that may lend each other a side, a level
or a noun. What a conjunct names is set algebra: values of one axis add up, axes narrow each other.
"""

from __future__ import annotations

import re
from itertools import pairwise

from crossmodal_aug.anatomy.atlas.lexicon import Lexicon, Sense
from crossmodal_aug.anatomy.statement import Phrase, Scan

_POSITION = "[SBLZNPA]"
# What may stand between two position words of one phrase. Every part is bounded, so matching is linear.
_LINK = r"(?:[msd\-]{0,3}|[m\-]?[oi]-?t?|,?[&|]?/?[&|]?[id]?t?m?|:t?|-?,?>-?[it]?t?)"
GROUP = re.compile(f"{_POSITION}(?:{_LINK}{_POSITION})*+")
_LISTING = re.compile(r"[,&|/>:]")
_CLOSED = frozenset(",:).")


def find_phrases(scan: Scan, lexicon: Lexicon, start: int, end: int, *, eager: bool) -> list[Phrase]:
    """Find the position phrases among the tokens `start` to `end` and let their conjuncts lend to each other.

    Args:
        scan: The scanned text.
        lexicon: Its words.
        start: First token.
        end: One past the last token.
        eager: Whether conjuncts lend across a comma, and without a closing noun; true for reports, false
            for lists of image positions, where "top, right" is two positions.

    Returns:
        The phrases in text order.
    """
    phrases: list[Phrase] = []
    for group in GROUP.finditer(scan.codes, start, end):
        conjuncts = _conjuncts(scan, lexicon, group.start(), group.end())
        if len(conjuncts) > 1:
            conjuncts = _lend(conjuncts, eager=eager)
            if eager and (group.end() == end or scan.codes[group.end()] in _CLOSED):
                conjuncts = _closed(conjuncts)
        phrases.extend(conjuncts)
    return phrases


def _conjuncts(scan: Scan, lexicon: Lexicon, start: int, end: int) -> list[Phrase]:
    codes, senses, flipped = scan.codes, scan.senses, scan.flipped
    axes = len(lexicon.axes)
    phrase = Phrase(start, start, "", [0] * axes, [0] * axes)
    found = [phrase]
    is_part = False  # whether an "of" leads from a level to what it is a part of
    link_from = start
    axis = -1  # what the last word was a value of
    for token in range(start, end):
        code = codes[token]
        if code not in "SBLZNPA":
            continue
        link = codes[link_from:token]
        link_from = token + 1
        sense = senses[token]
        if (link and _LISTING.search(link) and not _is_compared_side(phrase, link, code)) or (
            (phrase.noun or phrase.sided[0]) and not (is_part and code == "L") and _is_full(phrase, code, sense, axis)
        ):
            phrase = Phrase(token, token, link, [0] * axes, [0] * axes)
            found.append(phrase)
            is_part = False
        elif link:
            if phrase.whole and "t" in link and phrase.last == phrase.first:
                phrase.first = token  # "throughout | the left lung"
            is_part |= "o" in link and phrase.levelled
        if not (code == "N" and "o" in link):
            # The image in "right of the image" tells that it is a position, but is no part of its name.
            phrase.last = token
        if is_part and code == "L":
            # "the basilar portion of the right middle lobe" lies in the middle lobe.
            phrase.sided[1:], phrase.unsided[1:] = [0] * (axes - 1), [0] * (axes - 1)
            is_part = False
        axis = sense.axis if code in "SBLZ" else -1
        phrase.take(code, sense, lexicon.mirrored_mask(sense.unsided) if token in flipped else sense.unsided)
    if codes[phrase.last + 1 : phrase.last + 3] == "-s":
        phrase.last += 2  # "left-sided"
    return found


def _is_full(phrase: Phrase, code: str, sense: Sense, axis: int) -> bool:
    """Say whether a word can only open the next phrase ("left lung | upper right lung", "left upper | right base").

    A side and a value of another axis never come back to an axis that they have left; `axis` is that of the
    word before.
    """
    if code == "A":
        return phrase.noun
    if code not in "SBLZ" or not phrase.sided[0] or not phrase.sided[sense.axis]:
        return False
    return phrase.noun or (axis not in (sense.axis, -1)) or (phrase.zone and code in "SB")


def _is_compared_side(phrase: Phrase, link: str, code: str) -> bool:
    """Say whether the comma of `link` only closes the aside of "left, greater than right, basilar"."""
    return link == "," and code in "LZ" and phrase.link.startswith(",>") and not (phrase.levelled or phrase.noun)


def _lend(conjuncts: list[Phrase], *, eager: bool) -> list[Phrase]:
    """Share side, level and noun between neighbours, and join those that share into one phrase."""
    joined = [False] * len(conjuncts)  # joined[i]: conjunct i belongs with i - 1
    own_noun = [not phrase.bare for phrase in conjuncts]
    # Words that still wait for their noun look ahead: right to left, so that a noun reaches all of a list.
    for index in range(len(conjuncts) - 2, -1, -1):
        here, ahead = conjuncts[index], conjuncts[index + 1]
        if own_noun[index] or here.whole or ahead.place or not (eager or _binds(ahead)):
            continue
        if here.levelled and not here.side:  # "upper and lower left lung", "upper and lower lobes"
            here.sided[0], here.unsided[0] = ahead.sided[0], ahead.unsided[0]
            joined[index + 1] = True
        elif here.side and not here.levelled and ahead.levelled and ahead.side:  # "left and right upper lobes"
            here.sided[1:], here.unsided[1:] = ahead.sided[1:], ahead.unsided[1:]
            joined[index + 1] = True
        if ahead.side or joined[index + 1] or (here.side and ahead.levelled and not ahead.spread):
            here.noun |= ahead.noun
            here.zone |= ahead.zone
    # What lacks a side, or follows one that lacked a noun, looks back: left to right.
    for index in range(1, len(conjuncts)):
        before, here = conjuncts[index - 1], conjuncts[index]
        if here.place or not before.side or not (eager or _binds(here)):
            continue
        only_side = before.noun and not (before.levelled or before.whole)
        is_part = here.link in (",", ":", ":t") and (only_side or (before.bare and ":" in here.link))
        if is_part and here.levelled and not (here.side or (here.plural and not before.both)):
            # "left lung, lower lobe": the second half says where in the first.
            here.sided[0] = here.unsided[0] = before.side
            before.sided[1:], before.unsided[1:] = here.sided[1:], here.unsided[1:]
            joined[index] = True
            continue
        if here.implies_side:  # the lingula is on the left, whatever stands before it
            continue
        if not here.side and here.levelled and not here.spread:  # "right middle and lower lobes"
            here.sided[0], here.unsided[0] = before.sided[0], before.unsided[0]
            before.noun |= here.noun
            joined[index] = True
        elif (
            here.side
            and here.noun
            and not (here.levelled or here.whole or own_noun[index - 1])
            and before.levelled
            and here.side != before.side
        ):  # "upper left and right lung"
            here.sided[1:], here.unsided[1:] = before.sided[1:], before.unsided[1:]
            joined[index] = True
    return _joined(conjuncts, joined)


def _closed(phrases: list[Phrase]) -> list[Phrase]:
    """Complete the last side of a list that nothing follows: "in the right base and to a lesser degree in the left"."""
    for before, last in pairwise(phrases[-2:]):
        if "&" in last.link and last.bare and last.side and not last.levelled:
            model = before.members[-1] if before.members else before
            if model.levelled and model.side and model.side != last.side and not model.bare:
                last.sided[1:], last.unsided[1:] = model.sided[1:], model.unsided[1:]
                last.noun = True
    return phrases


def _binds(phrase: Phrase) -> bool:
    return phrase.noun and "," not in phrase.link


def _joined(conjuncts: list[Phrase], joined: list[bool]) -> list[Phrase]:
    phrases: list[Phrase] = []
    for phrase, belongs in zip(conjuncts, joined, strict=True):
        if belongs:
            head = phrases[-1]
            if not head.members:
                head.members = []
            head.members.append(phrase)
            head.last = phrase.last
        else:
            phrases.append(phrase)
    return phrases
