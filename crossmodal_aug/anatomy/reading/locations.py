"""Settling phrases in prompts on image positions: "located in top left, center of the image"."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading import scope
from crossmodal_aug.anatomy.statement import Phrase

_LISTED = frozenset(",&|/ti")


def settle(codes: str, phrases: list[Phrase], start: int, end: int) -> list[Phrase]:
    """Decide which phrases of a prompt's sentence are positions in the image.

    A bare "left" is one only where a preposition of place leads to it ("in left"), where it stands in a list
    behind one that is, or alone; "left ventricle" and "shape right foot" are not.

    Args:
        codes: Letters of the whole text.
        phrases: The position phrases of the sentence.
        start: First token of the sentence.
        end: One past its last token.

    Returns:
        The phrases that name regions.
    """
    kept: list[Phrase] = []
    previous: Phrase | None = None
    for phrase in phrases:
        if not (phrase.side or phrase.levelled or phrase.place):
            continue
        listed = previous is not None and _LISTED.issuperset(codes[previous.last + 1 : phrase.first])
        alone = phrase.first == start and (phrase.last + 1 == end or codes[phrase.last + 1] in ",&|")
        corner = bool(phrase.side) and phrase.levelled
        if phrase.noun or phrase.zone or corner or listed or alone or scope.is_located(codes, phrase.first):
            kept.append(phrase)
            previous = phrase
        else:
            previous = None
    return kept


def without_neighbours(codes: str, phrases: list[Phrase]) -> list[Phrase]:
    """Leave out what is only said to be near, where something else says the place.

    Args:
        codes: Letters of the whole text.
        phrases: Settled phrases of one sentence.

    Returns:
        Those that say where something is.
    """
    far = [phrase for phrase in phrases if phrase.negated or not scope.is_near(codes, phrase.first)]
    return far if any(not phrase.negated for phrase in far) else phrases
