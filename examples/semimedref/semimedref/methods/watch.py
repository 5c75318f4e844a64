"""What the log says of a batch beside its losses: dose, agreement of words and pixels, worth of the pseudo-masks."""

from collections.abc import Sequence

import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import Atlas, PositionParser
from semimedref.methods.ops import Altered

MIN_SHARE = 0.03
"""Share of an image's lesion that a region must hold to count as one that it is in."""


def dose(batch: Altered, branch: str) -> dict[str, Tensor]:
    """Return which share of the samples each op altered, and which share of their pixels is another's."""
    parts = {f"{branch} {name} accepted": one.accepted.float().mean() for name, one in batch.params.items()}
    moved = [one.mixed_share.mean() for one in batch.params.values() if hasattr(one, "mixed_share")]
    return parts | ({f"{branch} mixed pixels": torch.stack(moved).sum()} if moved else {})


def agreement(parser: PositionParser, texts: Sequence[str], target: Tensor) -> Tensor:
    """Return how well captions and masks agree: the mean Jaccard index of the regions that they name and hold.

    Args:
        parser: Reads the captions, and knows where the regions lie.
        texts: B captions.
        target: (B, 1, H, W) masks, or probabilities that count from 0.5.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> mask = torch.zeros(1, 1, 6, 4)
        >>> mask[:, :, :, :2] = 1
        >>> agreement(PositionParser(LUNG_ZONES), ["Upper left lung."], mask)
        tensor(0.3333)
    """
    # Not `parser.encode`, which may be made to read less than the text says.
    named = torch.tensor([report.bits for report in parser.parse_many(texts)], device=target.device)
    held = occupied(target >= 0.5, parser.atlas)
    both, either = (named & held).sum(dim=1), (named | held).sum(dim=1)
    return torch.where(either > 0, both / either.clamp_min(1), 1.0).mean()


def occupied(masks: Tensor, atlas: Atlas) -> Tensor:
    """Return (B, K) bool: the regions that hold a fair share of each mask's lesion, of (B, 1, H, W) bool masks."""
    return CF.region_evidence(masks, atlas) >= MIN_SHARE


def dice(found: Tensor, true: Tensor) -> Tensor:
    """Return the Dice coefficient of two bool tensors over all their pixels; 1 where both are empty."""
    size = found.sum() + true.sum()
    return torch.where(size > 0, 2 * (found & true).sum() / size.clamp_min(1), 1.0)
