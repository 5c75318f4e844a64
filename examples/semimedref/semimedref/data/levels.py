"""Two levels of a mask: whether its values tell lesion from the rest, and where they change over.

A mask of two values tells by itself. One of more does where all others are noise of a format that does not keep values,
or a border that was smoothed: then no area holds a third value. An area that does is a class of its own, and which
classes are lesion is not for a reader to guess.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossmodal_aug.errors import InvalidValueError

FEW = 16
"""Distinct values up to which those of an exact format are taken for what somebody meant by each of them."""

NARROW = 64
"""Values of integer masks with noise that lie within this range may as well be numbers of classes."""

AREA = 4
"""Pixels of other values, at most, for each flat square of 2 x 2 among them, where they fill areas."""

SHOWN = 6
"""Values that are spelled out."""


class AmbiguousMaskError(InvalidValueError):
    """A mask does not tell which of its pixels are lesion."""


@dataclass(frozen=True)
class Levels:
    """What was found in one mask.

    Attributes:
        bright: (H, W) bool: where the brighter level is.
        values: The one or two levels, the darker first.
        soft: Whether there are other values, at borders or as noise.
    """

    bright: NDArray[np.bool_]
    values: tuple[float, ...]
    soft: bool


def two_levels(values: NDArray[Any], *, lossy: bool) -> Levels:
    """Find the two levels of a mask.

    Args:
        values: (H, W) grey levels of any depth, all finite.
        lossy: Whether the format may not keep values exactly.

    Returns:
        The levels. A mask of one value is bright throughout, unless that value is 0.

    Raises:
        AmbiguousMaskError: There is a third level, or the darker one is not clearly a background.
    """
    found, counts = distinct(values)
    low, high = float(found[0]), float(found[-1])
    if len(found) == 1:
        return Levels(values > 0, (low,), soft=False)
    told = f"its values are {spelled(found)}"
    noisy = lossy or len(found) > 2
    if noisy and np.issubdtype(values.dtype, np.integer) and high - low < NARROW:
        raise AmbiguousMaskError(told)
    middle = (low + high) / 2
    dark, bright = (float(found[side][counts[side].argmax()]) for side in (found < middle, found >= middle))
    if dark != 0 and dark >= bright / 4:
        raise AmbiguousMaskError(told)
    exact = not lossy and len(found) <= FEW
    span = bright - dark
    if len(found) > 2 and _third_level(values, (dark, bright), exact=exact, span=span):
        raise AmbiguousMaskError(f"{told}, and there are areas of more than two")
    # Of a small lesion with a soft border few pixels reach the level, and none need be the most frequent.
    return Levels(values > (dark + high) / 2, (dark, high), soft=len(found) > 2)


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct values of an array in rising order, and how often each occurs."""
    if values.dtype == np.uint8:
        every = np.bincount(values.ravel(), minlength=256)
        found = np.flatnonzero(every)
        return found, every[found]
    found, counts = np.unique(values, return_counts=True)
    return found, counts


def flat(values: NDArray[Any], side: int, within: float) -> NDArray[np.bool_]:
    """Return the squares of an array whose values lie close together, by the place of their first corner.

    Args:
        values: (H, W).
        side: Side S of the squares in pixels.
        within: How far the values of a square may lie apart.

    Returns:
        (H - S + 1, W - S + 1) bool; empty where the array is smaller than a square.
    """
    low = high = values
    for axis in (0, 1):
        length = max(0, values.shape[axis] - side + 1)
        low = np.minimum.reduce([low.take(range(i, i + length), axis) for i in range(side)])
        high = np.maximum.reduce([high.take(range(i, i + length), axis) for i in range(side)])
    close: NDArray[np.bool_] = high - low <= within
    return close


def spelled(values: NDArray[Any] | list[float] | tuple[float, ...]) -> str:
    """Return values as a message lists them.

    Example:
        >>> spelled([0, 1, 2]), spelled([0.0]), spelled(list(range(200)))
        ('0, 1 and 2', '0', '200 from 0 to 199')
    """
    shown = [f"{float(value):.6g}" for value in (values[0], values[-1])]
    if len(values) > SHOWN:
        return f"{len(values)} from {shown[0]} to {shown[1]}"
    *others, last = [f"{float(value):.6g}" for value in values]
    return f"{', '.join(others)} and {last}" if others else last


def _third_level(values: NDArray[Any], levels: tuple[float, float], *, exact: bool, span: float) -> bool:
    """Whether an area lies at neither of the levels. Borders change from pixel to pixel, so they hold no areas."""
    signed = values.astype(np.float64)
    if exact:
        areas, at = _squares(signed, 2, 0.0)
        # A smoothed border may have four equal pixels by chance; of a class they are the rule.
        third, squares = (~np.isin(pixels, levels) for pixels in (signed, at))
        return AREA * int((areas & squares).sum()) >= int(third.sum())
    areas, at = _squares(signed, 3, span / 16)
    away = np.minimum(np.abs(at - levels[0]), np.abs(at - levels[1])) > span / 8
    return bool((areas & away).any())


def _squares(values: NDArray[np.float64], side: int, within: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which squares are flat, and the value in their first corner."""
    areas = flat(values, side, within)
    return areas, values[: areas.shape[0], : areas.shape[1]]
