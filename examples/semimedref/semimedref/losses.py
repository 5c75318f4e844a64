"""Segmentation losses on logits: Dice and binary cross-entropy, and what other methods take instead."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal_aug.functional.distributed import sum_over_ranks, world_size

FOCUSING = 1.5
"""Exponent of the focal loss."""


def segmentation_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return Dice loss + binary cross-entropy, as in Semi-MedRef (arXiv 2605.15720).

    The soft Dice (V-Net, arXiv 1606.04797) is taken over all pixels of the batch, so that an empty mask is no
    special case, and has the squared denominator of that paper. Where several ranks train together, the batch is that
    of all of them; the cross-entropy is the mean of each rank's own pixels, which the ranks' gradients average.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) in {0, 1}.
        weight: (B, 1, H, W) in [0, 1], how far each pixel of the target is trusted; None trusts all. The mean is
            over all pixels, so doubtful ones shrink the loss and do not lend their weight to the others.

    Returns:
        A scalar.

    Example:
        >>> target = torch.tensor([[[[0.0, 1.0]]]])
        >>> round(segmentation_loss(200 * target - 100, target).item(), 4)
        0.0
        >>> segmentation_loss(torch.zeros(1, 1, 1, 2), target, torch.zeros(1, 1, 1, 2)).item()
        0.0
    """
    logits, target, trust = _as_numbers(logits, target, weight)
    entropy = (trust * F.binary_cross_entropy_with_logits(logits, target, reduction="none")).mean()
    return entropy + dice_loss(logits, target, trust)


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the Dice part of `segmentation_loss` alone; the arguments are the same."""
    logits, target, trust = _as_numbers(logits, target, weight)
    p = logits.sigmoid()
    overlap = (trust * p * target).sum()
    size = (trust * (p.square() + target.square())).sum()
    if world_size() > 1:
        overlap, size = sum_over_ranks(torch.stack((overlap, size))).unbind()
    # With nothing trusted both sums vanish and so does the loss; one pixel steadies batches that are almost empty.
    return 1 - (2 * overlap + 1) / (size + 1)


def focal_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean focal loss (arXiv 1708.02002), by which Unbiased Teacher (arXiv 2102.09480) tells classes.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) in {0, 1}.
        weight: (B, 1, H, W) in [0, 1]; None trusts all.

    Returns:
        A scalar.

    Example:
        >>> logits, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.0, 1.0]]]])
        >>> round(focal_loss(logits, target).item(), 4)  # (1 - 0.5)^1.5 log 2
        0.2451
    """
    logits, target, trust = _as_numbers(logits, target, weight)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (trust * (1 - torch.exp(-entropy)) ** FOCUSING * entropy).mean()


def _as_numbers(logits: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    logits = logits.float()
    trust = torch.ones_like(logits) if weight is None else weight.to(logits.dtype)
    return logits, target.to(logits.dtype), trust


OTHER_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {"dice": dice_loss, "focal": focal_loss}
"""What masks may be compared by instead of `segmentation_loss`."""
