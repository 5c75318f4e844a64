"""HD95: how far apart two outlines lie."""

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS_AT_A_TIME = 2048
"""Outlines of noisy masks are long; this bounds the memory of their distances."""


def hd95(found: Tensor, mask: Tensor) -> float:
    """Return the 95th percentile of the Hausdorff distance, as MONAI defines it.

    Of each outline's pixels the distances to the other outline are taken, of these the 95th percentile (linearly
    interpolated), and of the two percentiles the larger one.

    Args:
        found: (H, W) bool.
        mask: (H, W) bool.

    Returns:
        The distance in pixels; NaN where either is empty, since an empty mask has no outline.

    Example:
        >>> found, mask = torch.zeros(2, 9, 9, dtype=torch.bool)
        >>> found[2:4, 2:4] = mask[2:4, 5:7] = True
        >>> hd95(found, mask)
        3.0
    """
    first, second = outline(found), outline(mask)
    if not len(first) or not len(second):
        return float("nan")
    return max(_percentile(first, second), _percentile(second, first))


def outline(mask: Tensor) -> Tensor:
    """Return the (K, 2) places of a mask's pixels with a direct neighbour outside it or outside the image."""
    padded = F.pad(mask, (1, 1, 1, 1))
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return (mask & ~inside).nonzero().float()


def _percentile(places: Tensor, others: Tensor) -> float:
    nearest = [
        # The faster mode is wrong by hundredths of a pixel.
        torch.cdist(part, others, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)
        for part in torch.split(places, ROWS_AT_A_TIME)
    ]
    return torch.quantile(torch.cat(nearest), 0.95).item()
