"""Symmetry of an atlas: regions, their places and their sides under a horizontal flip."""

from __future__ import annotations

import math

from crossmodal_aug.anatomy.atlas.geometry import Box
from crossmodal_aug.errors import AtlasError, shown

_TOLERANCE = 1e-6  # cuts are written with a limited number of digits


def check_pairs(names: tuple[str, ...], mirror: tuple[int, ...]) -> None:
    """Refuse mirrors that do not lead back.

    Args:
        names: The region names.
        mirror: For each region the index of its mirror.

    Raises:
        AtlasError: The mirror of a mirror is another region.
    """
    for index, other in enumerate(mirror):
        if mirror[other] != index:
            raise AtlasError(
                f"Expected `mirror` to pair regions, but {shown(names[index])} goes to {shown(names[other])} and "
                f"that to {shown(names[mirror[other]])}."
            )


def check_sides(names: tuple[str, ...], mirror: tuple[int, ...], sides: tuple[str | None, ...]) -> None:
    """Refuse sides that a flip does not exchange.

    Args:
        names: The region names.
        mirror: For each region the index of its mirror.
        sides: For each region the name of its side, None for a region of no side.

    Raises:
        AtlasError: A region and its mirror are of one side, only one of them has a side, or the regions of one
            side mirror into two.
    """
    partner: dict[str, tuple[str, int]] = {}
    for index, other in enumerate(mirror):
        side, opposite = sides[index], sides[other]
        if side is None and opposite is None:
            continue
        if side is None or opposite is None or side == opposite:
            raise AtlasError(
                f"Expected {shown(names[index])} and its mirror {shown(names[other])} to be of two `side`s that a flip "
                f"exchanges, or of none, but got {side or 'none'} and {opposite or 'none'}."
            )
        known, first = partner.setdefault(side, (opposite, index))
        if known != opposite:
            raise AtlasError(
                f"Expected the regions of side {shown(side)} to mirror into one side, but {shown(names[first])} "
                f"mirrors into {shown(known)} and {shown(names[index])} into {shown(opposite)}."
            )


def check_places(
    names: tuple[str, ...], mirror: tuple[int, ...], columns: tuple[float, ...], boxes: tuple[Box, ...]
) -> None:
    """Refuse regions whose places do not mirror each other.

    Args:
        names: The region names.
        mirror: For each region the index of its mirror.
        columns: Inner column cuts.
        boxes: For each region its place in the image.

    Raises:
        AtlasError: Columns are not symmetric, or the box of a region is not where a flip puts its mirror's.
    """
    flipped = tuple(1 - cut for cut in reversed(columns))
    if not _close(columns, flipped):
        raise AtlasError(
            f"Expected `columns` to be symmetric about 0.5, since regions mirror each other, but got "
            f"{list(columns)}; where the middle of a patient lies elsewhere in your images, say so with "
            "Atlas.with_geometry(columns=...)."
        )
    for index, other in enumerate(mirror):
        y0, y1, x0, x1 = boxes[index]
        wanted = (y0, y1, 1 - x1, 1 - x0)
        if _close(boxes[other], wanted):
            continue
        if other == index:
            raise AtlasError(
                f"Expected {shown(names[index])}, which is its own mirror, to lie about the middle of the image, but "
                f"got {_written(boxes[index])}; if a flip makes another region of it, name that as its `mirror`."
            )
        raise AtlasError(
            f"Expected {shown(names[other])}, the mirror of {shown(names[index])}, at {_written(wanted)}, but got "
            f"{_written(boxes[other])}."
        )


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(math.isclose(a, b, abs_tol=_TOLERANCE) for a, b in zip(one, other, strict=True))


def _written(box: Box) -> str:
    y0, y1, x0, x1 = (f"{value:.3g}" for value in box)
    return f"[{y0}, {y1}, {x0}, {x1}] (y0, y1, x0, x1)"
