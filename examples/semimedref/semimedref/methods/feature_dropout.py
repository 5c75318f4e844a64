"""A view in feature space: channels of the encoder left out (UniMatch, arXiv 2208.09910)."""

import torch
from torch import Tensor


class FeatureDropout:
    """Drops whole channels of feature maps, as `torch.nn.functional.dropout2d` does, from a generator of its own.

    Args:
        share: Probability that a channel is dropped; the others are scaled up by 1 / (1 - share).
        generator: Source of randomness, on the CPU.

    Example:
        >>> drop = FeatureDropout(0.5, torch.Generator().manual_seed(0))
        >>> drop(torch.ones(1, 4, 1, 1)).flatten().tolist()
        [0.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        self.share, self.generator = share, generator

    def __call__(self, features: Tensor) -> Tensor:
        """Return a (B, C, H, W) map without some of its channels."""
        kept = torch.rand(features.shape[:2], generator=self.generator) >= self.share
        scale = (kept / (1 - self.share)).to(features.device, features.dtype)
        return features * scale[:, :, None, None]
