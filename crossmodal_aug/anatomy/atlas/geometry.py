"""Places of regions in the image: cuts, cells between them, and boxes."""

from __future__ import annotations

import itertools
from typing import Literal, get_args

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

Laterality = Literal["viewer", "patient"]
Frame = Literal["body", "image"]
Box = tuple[float, float, float, float]
Cell = tuple[int, int] | Box


def are_rising(cuts: tuple[float, ...] | list[float]) -> bool:
    """Return whether cuts increase strictly inside (0, 1).

    Args:
        cuts: The cuts.

    Returns:
        Whether they do; none at all do.

    Examples:
        >>> are_rising([0.3, 0.6]), are_rising([0.6, 0.3]), are_rising([0.0])
        (True, False, False)
    """
    return all(a < b for a, b in itertools.pairwise((0.0, *cuts, 1.0)))


def check_cuts(name: str, cuts: object) -> tuple[float, ...]:
    """Check cuts of rows or columns.

    Args:
        name: What to call them in errors.
        cuts: What was given.

    Returns:
        The cuts.

    Raises:
        InvalidTypeError: They are not a tuple or a list of numbers.
        InvalidValueError: They do not increase strictly inside (0, 1).
    """
    if not isinstance(cuts, tuple | list):
        raise InvalidTypeError(f"Expected `{name}` to be a tuple of numbers, but got {shown(cuts)}.")
    for cut in cuts:
        if isinstance(cut, bool) or not isinstance(cut, int | float):
            raise InvalidTypeError(f"Expected `{name}` to be a tuple of numbers, but got {shown(cuts)}.")
    if not are_rising(cuts):
        raise InvalidValueError(f"Expected `{name}` to increase strictly inside (0, 1), but got {shown(cuts)}.")
    return tuple(float(cut) for cut in cuts)


def check_frame(frame: object) -> None:
    """Check a frame.

    Args:
        frame: What was given.

    Raises:
        InvalidValueError: It is neither "body" nor "image".
    """
    if frame not in get_args(Frame):
        raise InvalidValueError(f'Expected `frame` to be "body" or "image", but got {shown(frame)}.')


def check_laterality(laterality: object) -> None:
    """Check a laterality.

    Args:
        laterality: What was given.

    Raises:
        InvalidValueError: It is neither "viewer" nor "patient".
    """
    if laterality not in get_args(Laterality):
        raise InvalidValueError(f'Expected `laterality` to be "viewer" or "patient", but got {shown(laterality)}.')


def boxes_of(
    cells: tuple[Cell, ...], rows: tuple[float, ...], columns: tuple[float, ...], laterality: Laterality
) -> tuple[Box, ...]:
    """Return the boxes of cells in the image.

    Args:
        cells: For each region its (row band, column band) seen by a viewer, or a fixed box.
        rows: Inner row cuts.
        columns: Inner column cuts.
        laterality: "viewer" or "patient".

    Returns:
        For each cell its (y0, y1, x0, x1), fractions of the image.
    """
    return tuple(_box(cell, rows, columns, flip=laterality == "patient") for cell in cells)


def _box(cell: Cell, rows: tuple[float, ...], columns: tuple[float, ...], *, flip: bool) -> Box:
    if len(cell) == 4:
        y0, y1, x0, x1 = cell
        return (y0, y1, 1.0 - x1, 1.0 - x0) if flip else cell
    row, column = cell
    if flip:
        column = len(columns) - column
    bounded_rows, bounded_columns = (0.0, *rows, 1.0), (0.0, *columns, 1.0)
    return (bounded_rows[row], bounded_rows[row + 1], bounded_columns[column], bounded_columns[column + 1])
