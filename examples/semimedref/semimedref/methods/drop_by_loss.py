"""Samples left out for their loss: where words and regions of a mix go together badly, it is large."""

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def with_small_loss(logits: Tensor, target: Tensor, weight: Tensor, share: float) -> Tensor:
    """Return (B,) bool: all samples but the given share with the largest mean cross-entropy.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) in {0, 1}.
        weight: (B, 1, H, W): what each pixel counts.
        share: Of the samples, rounded down.

    Example:
        >>> logits = torch.tensor([0.0, 3.0, -3.0, 5.0]).view(4, 1, 1, 1)
        >>> with_small_loss(logits, torch.ones(4, 1, 1, 1), torch.ones(4, 1, 1, 1), 0.25)
        tensor([ True,  True, False,  True])
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none")
    loss = (entropy * weight).flatten(1).mean(dim=1)
    ranks = loss.argsort(descending=True).argsort()
    return ranks >= int(share * len(loss))
