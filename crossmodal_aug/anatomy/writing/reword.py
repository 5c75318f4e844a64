"""Rewording: the same statement in the words of a frame, a sentence of the atlas with a slot for the positions."""

from __future__ import annotations

from collections.abc import Callable

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.writing.wording import Style, position_phrases
from crossmodal_aug.errors import CannotSay, InvalidTypeError, InvalidValueError, shown

_ARTICLE = "the "
_SLOT_BEHIND_ARTICLE = _ARTICLE + "{positions}"


def frame_of(atlas: Atlas, name: str) -> str:
    """Return a frame of an atlas by its name.

    Args:
        atlas: The atlas.
        name: The name.

    Returns:
        The frame, with a slot "{positions}" or "{Positions}".

    Raises:
        InvalidTypeError: `name` is not a string.
        InvalidValueError: The atlas has no frame of that name.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> frame_of(LUNG_ZONES, "sentence")
        'There is consolidation in the {positions}.'
    """
    if not isinstance(name, str):
        raise InvalidTypeError(f"Expected the name of a frame, but got {shown(name)}.")
    frames = dict(atlas.phrasing.frames)
    if name not in frames:
        there = f"one of {', '.join(frames)}" if frames else "an atlas with [[frames]], of which it has none"
        raise InvalidValueError(f"Expected a frame of atlas {shown(atlas.name)}, {there}, but got {shown(name)}.")
    return frames[name]


def reworded(statement: Statement, atlas: Atlas, frame: str, read: Callable[[str], Statement | None]) -> str:
    """Say in the words of a frame what a text says of the regions of an atlas.

    Args:
        statement: What the text says.
        atlas: The atlas.
        frame: A sentence with a slot "{positions}" or "{Positions}".
        read: Reads a text, and returns None for one that contradicts itself.

    Returns:
        The frame with the regions where the text places something, or the atlas's `absent` for a text that says that
        nothing is there. What a caption calls clear beside them is left out, since it names all that is there.

    Raises:
        CannotSay: The text does not say where, was not read whole, or calls regions clear, which no frame says.
    """
    check_read(statement, atlas)
    if statement.affirmed and statement.negated and statement.header is None:
        raise CannotSay(
            "Expected a text that calls nothing clear beside what it places, since no frame says that, but "
            f"{shown(statement.text)} calls {_named(atlas, statement.negated)} clear."
        )
    for text in framed(atlas, statement.affirmed, frame):
        said = read(text)
        if said is not None and said.placed and said.affirmed == statement.affirmed and not said.negated:
            return text
    raise CannotSay(
        f"Expected a frame that names {_named(atlas, statement.affirmed) or 'no region'}, but {shown(frame)} does not "
        "read so with it."
    )


def check_read(statement: Statement, atlas: Atlas) -> None:
    """Raise unless the regions of a text are known for certain.

    Args:
        statement: What the text says.
        atlas: The atlas.

    Raises:
        CannotSay: The text does not say where, holds words in the place of a finding that are not known, or only
            calls some regions clear; the message says which.
    """
    if not statement.placed:
        raise CannotSay(f"Expected a text that says where, but got {shown(statement.text)}.")
    if statement.unread:
        words = ", ".join(shown(statement.said(*span)) for span in statement.unread)
        raise CannotSay(f"Expected a text in words that are known, but got {words} in {shown(statement.text)}.")
    everything = (1 << len(atlas)) - 1
    if not statement.affirmed and statement.denial is None and statement.negated != everything:
        raise CannotSay(
            f"Expected a text that tells of every region, but {shown(statement.text)} only calls "
            f"{_named(atlas, statement.negated)} clear."
        )


def framed(atlas: Atlas, mask: int, frame: str) -> list[str]:
    """Return a frame with some regions: listed as English does, and as the atlas does.

    Args:
        atlas: The atlas.
        mask: Bits of the regions; 0 gives the atlas's `absent`.
        frame: A sentence with a slot.

    Returns:
        One text or two, the better first.
    """
    if not mask:
        return [atlas.phrasing.absent]
    phrases = position_phrases(atlas, mask, Style(stacked=False, whole=False))
    lists = [listed(phrases, article=_SLOT_BEHIND_ARTICLE in frame), atlas.phrasing.join.join(phrases)]
    return [frame.format(positions=words, Positions=capitalised(words)) for words in lists]


def listed(phrases: list[str], *, article: bool) -> str:
    """Join position phrases to a list.

    Args:
        phrases: At least one.
        article: Whether "the" stands before the list.

    Returns:
        The list. A phrase that is a list itself is set off, by an article of its own or by commas alone.

    Examples:
        >>> listed(["top left", "top right", "center"], article=True)
        'top left, top right and center'
        >>> listed(["upper and middle left lung", "lower right lung"], article=True)
        'upper and middle left lung and the lower right lung'
        >>> listed(["upper and middle left lung", "lower right lung"], article=False)
        'upper and middle left lung, lower right lung'
    """
    nested = any(" and " in phrase for phrase in phrases)
    if article and (nested or len(phrases) == 2):
        phrases = [phrases[0], *(_ARTICLE + phrase for phrase in phrases[1:])]
    elif nested:
        return ", ".join(phrases)
    return " and ".join(filter(None, (", ".join(phrases[:-1]), phrases[-1])))


def _named(atlas: Atlas, mask: int) -> str:
    return ", ".join(name for index, name in enumerate(atlas.names) if mask >> index & 1)
