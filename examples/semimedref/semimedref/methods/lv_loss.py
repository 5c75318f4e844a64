"""LViT's language-vision loss (arXiv 2206.14718), against what the caption names instead of another image's mask."""

import torch
from torch import Tensor
from torch.nn import functional as F


def lv_loss(logits: Tensor, zones: Tensor) -> Tensor:
    """Return 1 less the cosine of what was found and of the named regions, as the mean over samples that name any.

    Args:
        logits: (B, 1, H, W).
        zones: (B, 1, H, W) bool: the regions that the captions name.

    Returns:
        A scalar; 0 where no caption names a region.

    Example:
        >>> zones = torch.tensor([[[[True, False]]], [[[False, False]]]])
        >>> round(lv_loss(torch.tensor([[[[50.0, 50.0]]], [[[0.0, 0.0]]]]), zones).item(), 4)  # 1 - 1 / sqrt(2)
        0.2929
    """
    found, named = logits.float().sigmoid().flatten(1), zones.float().flatten(1)
    names = zones.flatten(1).any(dim=1)
    apart = torch.where(names, 1 - F.cosine_similarity(found, named, dim=1), 0.0)
    return apart.sum() / names.sum().clamp_min(1)
