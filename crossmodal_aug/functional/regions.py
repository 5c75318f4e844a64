"""An atlas on the pixel grid: boxes, masks, and how much evidence lies in each region."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.checks import (
    check_choice,
    check_positions,
    check_probability,
    check_tensor,
)
from crossmodal_aug.functional.evidence import check_evidence, computable, evidence_values, reaches
from crossmodal_aug.functional.precision import full_precision


def region_boxes(atlas: Atlas, size: Sequence[int]) -> Tensor:
    """Box of each region on a grid of `size` (H, W).

    Args:
        atlas: K regions with their place in the image.
        size: (H, W) in pixels.

    Returns:
        (K, 4) int64: y0, y1, x0, x1, half open. A cut at share c of n pixels lies before pixel `round(c n)`.

    Raises:
        InvalidTypeError: `atlas` is not an Atlas.
        InvalidValueError: `size` is not two positive integers.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> region_boxes(LUNG_ZONES, (6, 4))[LUNG_ZONES.index("right lower")]
        tensor([4, 6, 2, 4])
    """
    return torch.tensor(grid.boxes(atlas, _check_size(atlas, size)), dtype=torch.int64)


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
        InvalidTypeError: `atlas` is not an Atlas.
        InvalidValueError: `size` is not two positive integers.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> region_masks(LUNG_ZONES, (6, 4)).sum(dim=(1, 2))
        tensor([4, 4, 4, 4, 4, 4])
    """
    owner = grid.labels(atlas, _check_size(atlas, size), torch.device(device or "cpu"))
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
        InvalidTypeError: `zones` is not a bool or integer tensor, or `atlas` is not an Atlas.
        InvalidValueError: `zones` is not (B, K).

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> left = torch.tensor([[True, True, True, False, False, False]])
        >>> union_mask(left, LUNG_ZONES, (3, 4))[0, 0]
        tensor([ True,  True, False, False])
    """
    check_tensor("zones", zones)
    *depth, height, width = spatial
    size, device = _check_size(atlas, (height, width)), zones.device
    zones = check_positions("zones", zones, (zones.shape[0], len(atlas)))
    # Between two cuts all rows are alike: look up one row of each band, then repeat it.
    plane = row_bands(zones, atlas, size).index_select(1, grid.bands_of_rows(atlas, height, device))
    return plane.view(-1, *[1] * len(depth), height, width).expand(-1, *spatial)


def row_bands(zones: Tensor, atlas: Atlas, size: tuple[int, int]) -> Tensor:
    """One row of `union_mask` for each band, the rows between two neighbouring cuts of the atlas.

    Args:
        zones: (B, K) bool: the set of each sample.
        atlas: K regions.
        size: (H, W) of the image.

    Returns:
        (B, bands, W) bool, the bands from the top.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> row_bands(torch.eye(6, dtype=torch.bool)[1:2], LUNG_ZONES, (6, 2)).int()
        tensor([[[0, 0],
                 [1, 0],
                 [0, 0]]], dtype=torch.int32)
    """
    labels = grid.band_labels(atlas, size, zones.device)
    outside = zones.new_zeros(zones.shape[0], 1)
    return torch.cat((zones, outside), dim=1).index_select(1, labels.flatten()).view(-1, *labels.shape)


def region_evidence(
    evidence: Tensor,
    atlas: Atlas,
    *,
    reduce: Literal["share", "count"] = "share",
    threshold: float | None = None,
) -> Tensor:
    """How much evidence lies in each region.

    Args:
        evidence: (B, 1, *spatial) or (B, *spatial) map in [0, 1], or an integer or bool mask of 0 and one value above,
            which counts 1. The last two axes are height and width; a volume (B, 1, D, H, W) is summed over its depth.
        atlas: K regions.
        reduce: "count" sums the evidence, in pixels; "share" divides that by the whole sample's evidence (a
            sample without any gives zeros).
        threshold: Count pixels whose evidence reaches it, instead of summing the evidence.

    Returns:
        (B, K) float32.

    Raises:
        InvalidTypeError: `evidence` is not a tensor, or `atlas` is not an Atlas.
        InvalidValueError: Its rank is below 3, or on the CPU it holds NaN, values outside [0, 1], or several labels.

    Examples:
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
    _check_size(atlas, tuple(evidence.shape[-2:]))
    evidence = check_evidence("evidence", evidence)
    if threshold is None:
        values = evidence_values(evidence)
    else:
        values = reaches(evidence, check_probability("threshold", threshold)).float()
    counts = sum_per_region(values, atlas)
    if reduce == "count":
        return counts
    return counts / counts.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def sum_per_region(values: Tensor, atlas: Atlas) -> Tensor:
    """Sum of a map in each region.

    Args:
        values: (B, ..., H, W) float; every axis between the first and the last two is summed.
        atlas: K regions.

    Returns:
        (B, K) float32.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> sum_per_region(torch.ones(1, 6, 4), LUNG_ZONES)
        tensor([[4., 4., 4., 4., 4., 4.]])
    """
    *_, height, width = values.shape
    # Between two cuts all rows are alike, so a column of a band lies in one region: sum those first.
    above = tuple(range(1, values.ndim - 1))
    columns = torch.stack([part.sum(dim=above) for part in _split_in_bands(values, atlas)], dim=1)
    with full_precision(values.device):
        return columns.flatten(1).float() @ grid.band_members(atlas, (height, width), values.device)


def band_maxima(values: Tensor, atlas: Atlas) -> Tensor:
    """Largest value in each column of each band, the rows between two neighbouring cuts of the atlas.

    Args:
        values: (B, ..., H, W); the maximum is taken over every axis between the first and the last two as well.
        atlas: The regions.

    Returns:
        (B, bands, W), the bands from the top.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> band_maxima(torch.arange(12).view(1, 6, 2), LUNG_ZONES)
        tensor([[[ 2,  3],
                 [ 6,  7],
                 [10, 11]]])
    """
    above = tuple(range(1, values.ndim - 1))
    if values.dtype == torch.bool:  # the maximum of bytes is the quicker one
        return band_maxima(values.view(torch.uint8), atlas).bool()
    return torch.stack([part.amax(dim=above) for part in _split_in_bands(values, atlas)], dim=1)


def lesion_columns(evidence: Tensor, atlas: Atlas, threshold: float) -> Tensor:
    """Which columns of each band hold lesion; values are not checked.

    Args:
        evidence: (B, *spatial), real: a map, or a mask (above 0 = lesion).
        atlas: The regions.
        threshold: Evidence that counts as lesion.

    Returns:
        (B, bands, W) bool, the bands from the top, as in `band_maxima`.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> lesion_columns(torch.tensor([[[0.2, 0.9], [0.0, 0.0], [0.0, 0.0]]]), LUNG_ZONES, 0.5)[0, 0]
        tensor([False,  True])
    """
    return reaches(band_maxima(computable(evidence.detach()), atlas), threshold)


def bands_per_region(columns: Tensor, atlas: Atlas, height: int) -> Tensor:
    """Sum of the columns of bands in each region.

    Args:
        columns: (B, bands, W) bool or float: one number for each column of a band, as `band_maxima` has them.
        atlas: K regions.
        height: Image rows that the bands are made of.

    Returns:
        (B, K) float32.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> bands_per_region(torch.tensor([[[True, False], [False, False], [True, True]]]), LUNG_ZONES, 6)
        tensor([[1., 0., 1., 0., 0., 1.]])
    """
    with full_precision(columns.device):
        return columns.flatten(1).float() @ grid.band_members(atlas, (height, columns.shape[-1]), columns.device)


def window_per_region(values: Tensor, start: Tensor, atlas: Atlas, size: tuple[int, int]) -> Tensor:
    """Sum in each region of what a window of each sample holds.

    Args:
        values: (B, ..., h, w) bool or float; every axis between the first and the last two is summed.
        start: (B, 2) int64: row and column of the image where the window begins.
        atlas: K regions.
        size: (H, W) of the image.

    Returns:
        (B, K) float32.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> window_per_region(torch.ones(1, 2, 2), torch.tensor([[1, 1]]), LUNG_ZONES, (6, 4))
        tensor([[1., 1., 0., 1., 1., 0.]])
    """
    plane = values.float()
    if values.ndim > 3:
        plane = plane.sum(dim=tuple(range(1, values.ndim - 2)))
    # Along either axis a window crosses a few bands: sum those first, then look up which region each pair is in.
    device = start.device
    row_of = grid.bands_of_rows(atlas, size[0], device)[start[:, :1] + torch.arange(plane.shape[1], device=device)]
    column_of = grid.bands_of_columns(atlas, size[1], device)[
        start[:, 1:] + torch.arange(plane.shape[2], device=device)
    ]
    members = grid.block_members(atlas, size, device)
    by_row = (row_of.unsqueeze(1) == torch.arange(members.shape[0], device=device).unsqueeze(1)).float()
    by_column = (column_of.unsqueeze(2) == torch.arange(members.shape[1], device=device)).float()
    with full_precision(device):
        return (by_row @ plane @ by_column).flatten(1) @ members.flatten(0, 1)


def _split_in_bands(values: Tensor, atlas: Atlas) -> tuple[Tensor, ...]:
    return torch.split(values, list(grid.heights(atlas, values.shape[-2])), dim=-2)


def _check_size(atlas: object, size: Sequence[int]) -> tuple[int, int]:
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    if not isinstance(size, Sequence):
        raise InvalidTypeError(f"Expected `size` to be (H, W), two positive integers, but got {type(size).__name__}.")
    if len(size) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in size):
        raise InvalidValueError(f"Expected `size` to be (H, W), two positive integers, but got {shown(size)}.")
    return size[0], size[1]
