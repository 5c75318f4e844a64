"""Whether probabilities mean what they say: of the pixels given 0.7, seven in ten should be lesion."""

import torch
from torch import Tensor

BINS = 15
"""Bins of equal width between 0 and 1, as in "On Calibration of Modern Neural Networks" (arXiv 1706.04599)."""


def bin_totals(probabilities: Tensor, mask: Tensor, bins: int = BINS) -> Tensor:
    """Sort the pixels of an image by their probability.

    Args:
        probabilities: (H, W) in [0, 1].
        mask: (H, W) bool.
        bins: Number of bins of equal width; a probability on a border counts in the upper one.

    Returns:
        (bins, 3) float64 on the CPU: pixels, sum of their probabilities, and how many of them are lesion.

    Example:
        >>> bin_totals(torch.tensor([[0.1, 0.5, 1.0]]), torch.tensor([[False, False, True]]), bins=2)[:, [0, 2]]
        tensor([[1., 0.],
                [2., 1.]], dtype=torch.float64)
    """
    values, lesion = probabilities.cpu().double().flatten(), mask.cpu().double().flatten()
    place = (values * bins).long().clamp_max(bins - 1)
    return torch.stack(
        [torch.bincount(place, weights=one, minlength=bins) for one in (torch.ones_like(values), values, lesion)], dim=1
    )


def expected_calibration_error(totals: Tensor) -> Tensor:
    """Return the mean over pixels of the gap between stated and observed share of lesion in their bin, in percent.

    Args:
        totals: (..., bins, 3) as `bin_totals` returns them, or sums of such.

    Returns:
        (...) float64. Most pixels are clear background, which a model calibrates easily: compare models, not data sets.
    """
    pixels, stated, observed = totals.unbind(dim=-1)
    return 100 * (stated - observed).abs().sum(dim=-1) / pixels.sum(dim=-1)


def reliability(totals: Tensor) -> list[dict[str, float]]:
    """Return the reliability curve: the bins that hold pixels, with their mean probability and share of lesion.

    Args:
        totals: (bins, 3) as `bin_totals` returns them, or a sum of such.
    """
    return [
        {"pixels": pixels, "probability": stated / pixels, "lesion": observed / pixels}
        for pixels, stated, observed in totals.tolist()
        if pixels
    ]
