"""An atlas laid on a pixel grid, as tensors that are made once for each atlas, size and device.

All of them are read-only and shared between calls; under `torch.compile` they are made anew and become part of the
graph. A *band* is the stretch of rows (or of columns) between two neighbouring cuts of the atlas: within one all rows
are alike, which is what makes sums over regions cheap.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.functional.constants import constant

_Boxes = tuple[tuple[int, int, int, int], ...]
_Size = tuple[int, int]


def boxes(atlas: Atlas, size: _Size) -> _Boxes:
    """Box of each region: y0, y1, x0, x1, half open. A cut at share c of n pixels lies before pixel `round(c n)`."""
    height, width = size
    return tuple(
        (round(y0 * height), round(y1 * height), round(x0 * width), round(x1 * width)) for y0, y1, x0, x1 in atlas.boxes
    )


def bounds(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """The boxes as (K, 2, 2): start and stop along height and width."""
    return constant(tuple(((y0, y1), (x0, x1)) for y0, y1, x0, x1 in boxes(atlas, size)), torch.int64, device)


def side_members(atlas: Atlas, device: torch.device) -> Tensor:
    """Which regions each side of the atlas holds: (sides, K) bool."""
    members = tuple(tuple(region in side for region in range(len(atlas))) for side in atlas.sides)
    # Of no sides, nested tuples cannot tell K.
    return constant(members, torch.bool, device).view(len(members), len(atlas))


def labels(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """Index of the region that each pixel belongs to, K where it belongs to none: (H, W) int64."""
    return _made(_paint, boxes(atlas, size), size, device)


def shares(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """Share of the image that each region takes: (K,) float32."""
    return _made(_count_shares, boxes(atlas, size), size, device)


def first_rows(atlas: Atlas, height: int) -> tuple[int, ...]:
    """First row of each band of rows."""
    return _firsts(tuple(y for y0, y1, *_ in atlas.boxes for y in (round(y0 * height), round(y1 * height))), height)


def heights(atlas: Atlas, height: int) -> tuple[int, ...]:
    """Rows of each band of rows."""
    return _lengths(first_rows(atlas, height), height)


def widths(atlas: Atlas, width: int) -> tuple[int, ...]:
    """Columns of each band of columns."""
    return _lengths(first_columns(atlas, width), width)


def first_columns(atlas: Atlas, width: int) -> tuple[int, ...]:
    """First column of each band of columns."""
    return _first_columns(boxes(atlas, (1, width)), width)


def axes_of_borders(atlas: Atlas, size: _Size, among: Sequence[Sequence[int]] | None = None) -> tuple[bool, bool]:
    """Whether a border of regions can lie between two rows, and between two columns.

    Args:
        atlas: The regions.
        size: (H, W) of the image.
        among: The only sets of regions whose borders count; None counts those of any set.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> axes_of_borders(LUNG_ZONES, (6, 4)), axes_of_borders(LUNG_ZONES, (6, 4), LUNG_ZONES.sides)
        ((True, True), (False, True))
    """
    return _axes_of_borders(boxes(atlas, size), size, None if among is None else tuple(map(tuple, among)))


def bands_of_rows(atlas: Atlas, height: int, device: torch.device) -> Tensor:
    """Band of each row: (H,) int64."""
    return _made(_row_bands, boxes(atlas, (height, 1)), (height, 1), device)


def bands_of_columns(atlas: Atlas, width: int, device: torch.device) -> Tensor:
    """Band of each column: (W,) int64."""
    return _made(_column_bands, boxes(atlas, (1, width)), (1, width), device)


def band_labels(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """One row of `labels` for each band of rows: (bands, W) int64."""
    return _made(_band_labels, boxes(atlas, size), size, device)


def band_members(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """Which region each column of each band of rows lies in: (bands * W, K) float32, one-hot."""
    return _made(_band_members, boxes(atlas, size), size, device)


def block_labels(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """Region of each pair of a band of rows and a band of columns, K where there is none: (bands, bands) int64."""
    return _made(_block_labels, boxes(atlas, size), size, device)


def block_members(atlas: Atlas, size: _Size, device: torch.device) -> Tensor:
    """Which region each pair of a band of rows and a band of columns is: (bands, bands, K) float32, one-hot."""
    return _made(_block_members, boxes(atlas, size), size, device)


def common_stretch(atlas: Atlas, width: int) -> int:
    """Longest stretch of a line such that no border of the atlas falls inside one, and that divides the width.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> common_stretch(LUNG_ZONES, 224)
        112
    """
    return gcd(width, *(x for *_, x0, x1 in boxes(atlas, (1, width)) for x in (x0, x1)))


def _made(make: Callable[[_Boxes, _Size, torch.device], Tensor], *about: object) -> Tensor:
    made: Tensor = make(*about) if torch.compiler.is_compiling() else _cached(make, *about)  # type: ignore[arg-type]
    return made


@lru_cache(maxsize=128)
def _cached(
    make: Callable[[_Boxes, _Size, torch.device], Tensor], boxes: _Boxes, size: _Size, device: torch.device
) -> Tensor:
    # A tensor made in inference mode could never take part in training later.
    with torch.inference_mode(False):
        return make(boxes, size, device)


def _paint(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    owner = torch.full(size, len(boxes), dtype=torch.int64, device=device)
    for region, (y0, y1, x0, x1) in enumerate(boxes):
        owner[y0:y1, x0:x1] = region
    return owner


def _one_hot(labels: Tensor, count: int) -> Tensor:
    return (labels.unsqueeze(-1) == torch.arange(count, device=labels.device)).float()


def _count_shares(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _one_hot(_paint(boxes, size, device).flatten(), len(boxes)).mean(dim=0)


def _band_labels(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _paint(boxes, size, device)[list(_firsts(tuple(y for box in boxes for y in box[:2]), size[0]))]


def _band_members(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _one_hot(_band_labels(boxes, size, device).flatten(), len(boxes))


def _block_labels(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _band_labels(boxes, size, device)[:, list(_first_columns(boxes, size[1]))]


def _block_members(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _one_hot(_block_labels(boxes, size, device), len(boxes))


@lru_cache(maxsize=128)
def _axes_of_borders(boxes: _Boxes, size: _Size, among: tuple[tuple[int, ...], ...] | None) -> tuple[bool, bool]:
    columns = _first_columns(boxes, size[1])
    owners = [
        [_owner(boxes, y, x) for x in columns] for y in _firsts(tuple(y for box in boxes for y in box[:2]), size[0])
    ]
    sets = [(region,) for region in range(len(boxes))] if among is None else among
    between_rows = between_columns = False
    for regions in sets:
        inside = [[owner in regions for owner in row] for row in owners]
        for row in range(len(inside)):
            between_rows |= row > 0 and inside[row] != inside[row - 1]
            for column in range(1, len(columns)):
                between_columns |= inside[row][column] != inside[row][column - 1]
    return between_rows, between_columns


def _owner(boxes: _Boxes, y: int, x: int) -> int:
    owner = len(boxes)
    for region, (y0, y1, x0, x1) in enumerate(boxes):
        owner = region if y0 <= y < y1 and x0 <= x < x1 else owner
    return owner


def _first_columns(boxes: _Boxes, width: int) -> tuple[int, ...]:
    return _firsts(tuple(x for box in boxes for x in box[2:]), width)


def _firsts(edges: tuple[int, ...], length: int) -> tuple[int, ...]:
    # No set, no sorting: the compiler of torch 2.5 can follow neither where the size is a symbol.
    firsts = [0]
    for _ in edges:
        after = length
        for edge in edges:
            if firsts[-1] < edge < after:
                after = edge
        if after < length:
            firsts.append(after)
    return tuple(firsts)


def _lengths(first: tuple[int, ...], length: int) -> tuple[int, ...]:
    stops = (*first[1:], length)
    return tuple([stops[band] - first[band] for band in range(len(first))])


def _row_bands(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _band_numbers(_firsts(tuple(y for box in boxes for y in box[:2]), size[0]), size[0], device)


def _column_bands(boxes: _Boxes, size: _Size, device: torch.device) -> Tensor:
    return _band_numbers(_first_columns(boxes, size[1]), size[1], device)


def _band_numbers(first: tuple[int, ...], length: int, device: torch.device) -> Tensor:
    lengths = _lengths(first, length)
    numbers = [band for band in range(len(first)) for _ in range(lengths[band])]
    return torch.tensor(numbers, dtype=torch.int64, device=device)
