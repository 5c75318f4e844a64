"""Where the zones that captions name lie: masks of the atlas."""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossmodal_aug import PositionParser
from crossmodal_aug.functional.regions import union_mask


def bits_of(parser: PositionParser, texts: Sequence[str], device: torch.device) -> Tensor:
    """Return (B, K) bool: the regions that captions name, whatever the parser's own `encode` is made to read."""
    bits = [report.bits for report in parser.parse_many(texts)]
    return torch.tensor(bits, dtype=torch.bool, device=device).view(len(bits), len(parser.atlas))


def named_zones(bits: Tensor, parser: PositionParser, size: Sequence[int]) -> Tensor:
    """Return (B, 1, H, W) bool: the pixels of regions.

    Args:
        bits: (B, K) bool.
        parser: Knows where the regions lie.
        size: (H, W).

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> parser = PositionParser(LUNG_ZONES)
        >>> named_zones(bits_of(parser, ["Upper left lung."], torch.device("cpu")), parser, (3, 2)).int().tolist()
        [[[[1, 0], [0, 0], [0, 0]]]]
    """
    return union_mask(bits, parser.atlas, size).unsqueeze(1)


def widened(bits: Tensor, parser: PositionParser) -> Tensor:
    """Return (B, K) bool: all regions of the sides of which a row holds one.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> widened(torch.tensor([[False, True, False, False, False, False]]), PositionParser(LUNG_ZONES)).int()
        tensor([[1, 1, 1, 0, 0, 0]], dtype=torch.int32)
    """
    out = bits.clone()
    for side in parser.atlas.sides:
        out[:, list(side)] |= bits[:, list(side)].any(dim=1, keepdim=True)
    return out
