"""Which values of a mask are lesion, where the files do not tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

_RANGE = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class MaskValues:
    """Values of lesion.

    Attributes:
        text: As they were given; empty where the files are to tell.
        ranges: Smallest and largest value of each number or range.
    """

    text: str = ""
    ranges: tuple[tuple[float, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> MaskValues:
        """Read values and ranges of values, with commas between them.

        Raises:
            InvalidTypeError: It is not a string.
            InvalidValueError: One of them is something else.

        Examples:
            >>> MaskValues.parse("1, 128-255").ranges
            ((1.0, 1.0), (128.0, 255.0))
        """
        if not isinstance(text, str):
            raise InvalidTypeError(f"Expected `mask_values` to be a string, but got {type(text).__name__}.")
        ranges = []
        for part in text.split(",") if text else []:
            found = _RANGE.fullmatch(part.strip())
            if found is None or float(found[1]) > float(found[2] or found[1]):
                raise InvalidValueError(
                    "Expected `mask_values` to be values or ranges with commas between them, such as 1,2 or 128-255, "
                    f"but got {shown(text)}."
                )
            ranges.append((float(found[1]), float(found[2] or found[1])))
        return cls(text, tuple(ranges))

    def among(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where an array holds one of them."""
        found = np.zeros(values.shape, dtype=bool)
        for low, high in self.ranges:
            found |= (values >= low) & (values <= high)
        return found
