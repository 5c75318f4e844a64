"""`--mask-values`: which values of a mask are lesion, where its files do not tell."""

import re
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crossmodal_aug.errors import InvalidValueError, shown

NUMBER = r"\d+(?:\.\d+)?"
RANGE = re.compile(rf"({NUMBER})(?:-({NUMBER}))?")
COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")

LOSSY_COLOURS = 64
"""How far a channel may lie from a listed colour in files that do not keep colours exactly, such as JPEG."""


@dataclass(frozen=True)
class MaskValues:
    """Values of lesion.

    Attributes:
        text: As they were given; empty where the files are to tell.
        ranges: Smallest and largest value of each number or range.
        colours: Red, green and blue of each colour.
    """

    text: str = ""
    ranges: tuple[tuple[float, float], ...] = ()
    colours: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read values, ranges of values and colours, with commas between them.

        Raises:
            InvalidValueError: One of them is something else.

        Example:
            >>> MaskValues.parse("1, 128-255").ranges
            ((1.0, 1.0), (128.0, 255.0))
            >>> MaskValues.parse("#ff0000").colours
            ((255, 0, 0),)
        """
        ranges, colours = [], []
        for part in text.split(",") if text else []:
            number, colour = RANGE.fullmatch(part.strip()), COLOUR.fullmatch(part.strip())
            if colour is not None:
                colours.append(tuple(int(channel, 16) for channel in colour.groups()))
            elif number is not None and float(number[1]) <= float(number[2] or number[1]):
                ranges.append((float(number[1]), float(number[2] or number[1])))
            else:
                raise InvalidValueError(
                    "Expected `mask_values` to be values, ranges or colours with commas between them, such as 1,2 or "
                    f"128-255 or #ff0000, but got {shown(text)}."
                )
        return cls(text, tuple(ranges), tuple(colours))

    def among(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where an array holds one of the numbers."""
        found = np.zeros(values.shape, dtype=bool)
        for low, high in self.ranges:
            found |= (values >= low) & (values <= high)
        return found

    def among_colours(self, colours: NDArray[np.uint8], *, lossy: bool) -> NDArray[np.bool_]:
        """Return where an array (H, W, 3) holds one of the colours, or in a lossy file one that is near it."""
        found = np.zeros(colours.shape[:2], dtype=bool)
        for colour in self.colours:
            apart = np.abs(colours.astype(np.int16) - np.array(colour, dtype=np.int16)).max(axis=2)
            found |= apart <= (LOSSY_COLOURS if lossy else 0)
        return found
