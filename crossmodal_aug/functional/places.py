"""Places of regions in the image: which region a point lies in, and where the places of regions come to lie."""

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.geometry import map_points
from crossmodal_aug.functional.regions import band_maxima, bands_per_region

_POINTS = 32  # along either side of a region's box, where there is no evidence


def landing(matrices: Tensor, atlas: Atlas) -> tuple[Tensor, Tensor, Tensor]:
    """Where N points of each region's box come to lie.

    Returns:
        landed: (B, K, N) int64: region, K for none.
        seen: (B, K, N) bool: in the view.
        own: (K, N) bool: no later region covers the point in the source.
    """
    steps = (torch.arange(_POINTS, dtype=matrices.dtype, device=matrices.device) + 0.5) / _POINTS
    y0, y1, x0, x1 = constant(atlas.boxes, matrices.dtype, matrices.device).unsqueeze(2).unbind(dim=1)
    down = (y0 + (y1 - y0) * steps).unsqueeze(2).expand(-1, -1, _POINTS)
    across = (x0 + (x1 - x0) * steps).unsqueeze(1).expand(-1, _POINTS, -1)
    points = torch.stack((across, down), dim=3).flatten(0, 2)
    mapped, ahead = map_points(matrices, points)
    seen = ((mapped >= 0) & (mapped < 1)).all(dim=2) & ahead
    own = region_of(points.unsqueeze(0), atlas).view(len(atlas), -1)
    own = own == torch.arange(len(atlas), device=own.device).unsqueeze(1)
    return region_of(mapped, atlas).view(-1, *own.shape), seen.view(-1, *own.shape), own


def region_of(points: Tensor, atlas: Atlas) -> Tensor:
    """Index of the region painted last at points (B, N, 2), K for none: (B, N) int64."""
    x, y = points.unbind(dim=2)
    owner = torch.full_like(x, len(atlas), dtype=torch.int64)
    for region, (y0, y1, x0, x1) in enumerate(atlas.boxes):
        owner = torch.where((y >= y0) & (y < y1) & (x >= x0) & (x < x1), region, owner)
    return owner


def in_boxes(points: Tensor, atlas: Atlas) -> Tensor:
    """Whether points (B, 2) lie in the box of each region, whatever is painted over it: (B, K) bool."""
    y0, y1, x0, x1 = constant(atlas.boxes, points.dtype, points.device).unbind(dim=1)
    x, y = (one.unsqueeze(1) for one in points.unbind(dim=1))
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)


def regions_touched(lesion: Tensor, atlas: Atlas) -> Tensor:
    """Regions that hold a pixel of (B, H, W) bool: (B, K) bool."""
    return bands_per_region(band_maxima(lesion, atlas), atlas, lesion.shape[1]) > 0
