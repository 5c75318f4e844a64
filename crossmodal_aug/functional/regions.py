"""An atlas on the pixel grid: boxes, masks, and how much evidence lies in each region."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import gcd
from typing import Literal

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.checks import (
    as_evidence,
    check_choice,
    check_positions,
    check_probability,
    check_tensor,
)
from crossmodal_aug.functional.constants import constant

_Boxes = tuple[tuple[int, int, int, int], ...]


def region_boxes(atlas: Atlas, size: Sequence[int]) -> Tensor:
    """Box of each region on a grid of ``size`` (H, W).

    Args:
        atlas: K regions with their place in the image.
        size: (H, W) in pixels.

    Returns:
        (K, 4) int64: y0, y1, x0, x1, half open. A cut at share c of n pixels lies before pixel ``round(c n)``.

    Raises:
        InvalidTypeError: ``atlas`` is no Atlas.
        InvalidValueError: ``size`` is not two positive integers.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> region_boxes(LUNG_ZONES, (6, 4))[LUNG_ZONES.index("right lower")]
        tensor([4, 6, 2, 4])
    """
    return torch.tensor(_boxes(atlas, _check_size(atlas, size)), dtype=torch.int64)


def region_masks(atlas: Atlas, size: Sequence[int], *, device: torch.device | str | None = None) -> Tensor:
    """Pixels of each region; no pixel belongs to two.

    Where boxes of the atlas overlap, the region that comes later in it covers the earlier one.

    Args:
        atlas: K regions with their place in the image.
        size: (H, W) in pixels.
        device: Where to put the result.

    Returns:
        (K, H, W) bool.

    Raises:
        InvalidTypeError: ``atlas`` is no Atlas.
        InvalidValueError: ``size`` is not two positive integers.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> region_masks(LUNG_ZONES, (6, 4)).sum(dim=(1, 2))
        tensor([4, 4, 4, 4, 4, 4])
    """
    owner = region_labels(atlas, _check_size(atlas, size), torch.device(device or "cpu"))
    return owner == torch.arange(len(atlas), device=owner.device).view(-1, 1, 1)


def union_mask(zones: Tensor, atlas: Atlas, spatial: Sequence[int]) -> Tensor:
    """Pixels of each sample's set of regions.

    Args:
        zones: (B, K) bool: the set of each sample.
        atlas: K regions.
        spatial: (H, W), or (D, H, W) for volumes, through whose depth the regions extend.

    Returns:
        (B, *spatial) bool.

    Raises:
        InvalidTypeError: ``zones`` is no bool or integer tensor, or ``atlas`` no Atlas.
        InvalidValueError: ``zones`` is not (B, K).

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> left = torch.tensor([[True, True, True, False, False, False]])
        >>> union_mask(left, LUNG_ZONES, (3, 4))[0, 0]
        tensor([ True,  True, False, False])
    """
    check_tensor("zones", zones)
    *depth, height, width = spatial
    labels = region_labels(atlas, _check_size(atlas, (height, width)), zones.device)
    zones = check_positions("zones", zones, (zones.shape[0], len(atlas)))
    outside = zones.new_zeros(zones.shape[0], 1)
    # Between two cuts all rows are alike: look up one row of each band, then repeat it.
    first, band = _bands(atlas, height)
    rows = constant(first, torch.int64, zones.device)
    some = torch.cat((zones, outside), dim=1).index_select(1, labels.index_select(0, rows).flatten())
    plane = some.view(-1, len(first), width).index_select(1, constant(band, torch.int64, zones.device))
    return plane.view(-1, *[1] * len(depth), height, width).expand(-1, *spatial)


def region_evidence(
    evidence: Tensor,
    atlas: Atlas,
    *,
    reduce: Literal["share", "count"] = "share",
    threshold: float | None = None,
) -> Tensor:
    """How much evidence lies in each region.

    Args:
        evidence: (B, 1, *spatial) or (B, *spatial) map in [0, 1], or an integer or bool mask (non-zero = 1). The
            last two axes are height and width; a volume (B, 1, D, H, W) is summed over its depth.
        atlas: K regions.
        reduce: "count" sums the evidence, in pixels; "share" divides that by the whole sample's evidence (a
            sample without any gives zeros).
        threshold: Count pixels whose evidence reaches it, instead of summing the evidence.

    Returns:
        (B, K) float32.

    Raises:
        InvalidTypeError: ``evidence`` is no tensor, or ``atlas`` no Atlas.
        InvalidValueError: Its rank is below 3, or it holds NaN or values outside [0, 1].

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> mask = torch.zeros(1, 1, 6, 4, dtype=torch.int64)
        >>> mask[0, 0, 5, 0:3] = 1
        >>> region_evidence(mask, LUNG_ZONES, reduce="count")
        tensor([[0., 0., 2., 0., 0., 1.]])
    """
    check_tensor("evidence", evidence)
    check_choice("reduce", reduce, ("share", "count"))
    if evidence.ndim < 3:
        raise InvalidValueError(
            f"Expected `evidence` of shape (B, 1, *spatial), but got {tuple(evidence.shape)}, which has no height "
            "and width beside the batch."
        )
    values = as_evidence("evidence", evidence)
    if threshold is not None:
        values = (values >= check_probability("threshold", threshold)).float()
    counts = sum_per_region(values, atlas)
    if reduce == "count":
        return counts
    return counts / counts.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def sum_per_region(values: Tensor, atlas: Atlas, *, step: int = 1) -> Tensor:
    """Sum of a map in each region.

    Args:
        values: (B, ..., H, W) float; every axis between the first and the last two is summed.
        atlas: K regions.
        step: How many image columns one column of ``values`` stands for; no border of the atlas may fall inside one.

    Returns:
        (B, K) float32.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> sum_per_region(torch.ones(1, 6, 4), LUNG_ZONES)
        tensor([[4., 4., 4., 4., 4., 4.]])
    """
    *_, height, width = values.shape
    # Between two cuts all rows are alike, so a column of a band lies in one region: sum those first.
    first, _ = _bands(atlas, height)
    heights = [stop - start for start, stop in pairwise((*first, height))]
    above = tuple(range(1, values.ndim - 1))
    columns = torch.stack([part.sum(dim=above) for part in torch.split(values, heights, dim=-2)], dim=1)
    return columns.flatten(1).float() @ _members(atlas, (height, width * step), values.device, step)


def _members(atlas: Atlas, size: tuple[int, int], device: torch.device, step: int = 1) -> Tensor:
    """Which region the columns of each band of rows lie in: (bands * W / step, K) float32, one-hot."""
    rows = constant(_bands(atlas, size[0])[0], torch.int64, device)
    label = region_labels(atlas, size, device).index_select(0, rows)[:, ::step].flatten()
    return (label.unsqueeze(1) == torch.arange(len(atlas), device=device)).float()


def common_stretch(atlas: Atlas, width: int) -> int:
    """Longest stretch of a line such that no border of the atlas falls inside one, and that divides the width.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> common_stretch(LUNG_ZONES, 224)
        112
    """
    edges = [round(x * width) for *_, x0, x1 in atlas.boxes for x in (x0, x1)]
    return gcd(width, *edges)


def lines_per_region(lines: Tensor, index: Tensor, atlas: Atlas, height: int) -> Tensor:
    """Sum of some lines of an image in each region.

    Args:
        lines: (B, L, W) bool or float32.
        index: (B, L) int64 number of each line; in a volume they count on from slice to slice.
        atlas: K regions.
        height: Number of lines of a slice.

    Returns:
        (B, K) float32.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> lines_per_region(torch.ones(1, 2, 4), torch.tensor([[0, 5]]), LUNG_ZONES, 6)
        tensor([[2., 0., 2., 2., 0., 2.]])
    """
    first, band = _bands(atlas, height)
    of_line = constant(band, torch.int64, lines.device)[index % height]
    belongs = of_line.unsqueeze(1) == torch.arange(len(first), device=lines.device).unsqueeze(1)
    # As floats a few samples at a time: they may take four times the memory of the lines.
    some = max(1, lines.shape[0] // 8)
    parts = zip(torch.split(belongs, some), torch.split(lines, some), strict=True)
    bands = torch.cat([one.float() @ part.float() for one, part in parts])
    return bands.flatten(1) @ _members(atlas, (height, lines.shape[-1]), lines.device)


def _check_size(atlas: object, size: Sequence[int]) -> tuple[int, int]:
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    if len(size) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size):
        raise InvalidValueError(f"Expected `size` to be (H, W), two positive integers, but got {tuple(size)!r}.")
    return size[0], size[1]


def _boxes(atlas: Atlas, size: tuple[int, int]) -> _Boxes:
    height, width = size
    return tuple(
        (round(y0 * height), round(y1 * height), round(x0 * width), round(x1 * width)) for y0, y1, x0, x1 in atlas.boxes
    )


def region_bounds(atlas: Atlas, size: tuple[int, int], device: torch.device) -> Tensor:
    """`region_boxes` as (K, 2, 2): start and stop along height and width, read-only and shared between calls."""
    boxes = _boxes(atlas, size)
    return constant(tuple(((y0, y1), (x0, x1)) for y0, y1, x0, x1 in boxes), torch.int64, device)


def side_members(atlas: Atlas, device: torch.device) -> Tensor:
    """Which regions each side of the atlas holds: (sides, K) bool, read-only and shared between calls."""
    members = tuple(tuple(region in side for region in range(len(atlas))) for side in atlas.sides)
    return constant(members, torch.bool, device)


def region_labels(atlas: Atlas, size: tuple[int, int], device: torch.device) -> Tensor:
    """Index of the region that each pixel belongs to, K where it belongs to none: (H, W) int64, read-only."""
    boxes = _boxes(atlas, size)
    return _paint(boxes, size, device) if torch.compiler.is_compiling() else _painted(boxes, size, device)


def _paint(boxes: _Boxes, size: tuple[int, int], device: torch.device) -> Tensor:
    owner = torch.full(size, len(boxes), dtype=torch.int64, device=device)
    for region, (y0, y1, x0, x1) in enumerate(boxes):
        owner[y0:y1, x0:x1] = region
    return owner


def _bands(atlas: Atlas, height: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First row of each band between two borders, and the band of each row."""
    edges = {0, *(round(y * height) for y0, y1, *_ in atlas.boxes for y in (y0, y1))}
    first = tuple(sorted(edge for edge in edges if edge < height))
    return first, tuple(sum(edge <= row for edge in first) - 1 for row in range(height))


def region_shares(atlas: Atlas, size: tuple[int, int], device: torch.device) -> Tensor:
    """Share of the image that each region takes: (K,) float32, read-only and shared between calls."""
    boxes = _boxes(atlas, size)
    if torch.compiler.is_compiling():
        return _count_shares(_paint(boxes, size, device), len(atlas))
    return _counted_shares(boxes, size, device)


def _count_shares(labels: Tensor, regions: int) -> Tensor:
    return (labels.flatten() == torch.arange(regions, device=labels.device).unsqueeze(1)).float().mean(dim=1)


@lru_cache(maxsize=32)
def _counted_shares(boxes: _Boxes, size: tuple[int, int], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return _count_shares(_paint(boxes, size, device), len(boxes))


@lru_cache(maxsize=32)
def _painted(boxes: _Boxes, size: tuple[int, int], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return _paint(boxes, size, device)
