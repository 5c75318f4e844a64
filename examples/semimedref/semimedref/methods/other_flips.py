"""Flips to compare with: left and right exchanged as words (Augment the Pairs, arXiv 2311.02536), or no word at all."""

import re
from collections.abc import Sequence

from crossmodal_aug import SyncFlip

_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left"}


class KeywordFlip(SyncFlip):
    """Horizontal flip of image and target; the words left and right change places wherever they stand.

    No text is read: what implies a side ("lingula", "RUL") stays, and a left that is no side is exchanged.
    """

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state ``params.positions``: only where all sides are said by those two words."""
        return False

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Exchange the two words in a text."""
        return exchanged(text)


class WordlessFlip(SyncFlip):
    """The horizontal flip of SyncFlip, of the same samples, under captions that stay as they were."""

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state ``params.positions``: they state what was there before."""
        return False

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Return the text."""
        return text


def exchanged(text: str) -> str:
    """Return a text with the words left and right exchanged, in their case.

    Example:
        >>> exchanged("Left base and the right apex; lingula.")
        'Right base and the left apex; lingula.'
    """

    def other(found: re.Match[str]) -> str:
        word = found.group()
        new = _OTHER[word.lower()]
        return new.upper() if word.isupper() else new.capitalize() if word[0].isupper() else new

    return _SIDE.sub(other, text)


FLIPS: dict[str, type[SyncFlip]] = {"report": SyncFlip, "keywords": KeywordFlip, "stay": WordlessFlip}
"""By the value of `--flip-words`."""
