"""Pseudo-masks aligned to how much lesion labelled masks hold, as ReMixMatch aligns classes (arXiv 1911.09785)."""

import torch
from torch import Tensor, nn

MEMORY = 128
"""Batches whose shares of lesion are averaged, as in the source."""

LEAST = 1e-6
"""Shares of lesion are kept this far from 0 and 1."""


class CaptionPrior(nn.Module):
    """Scales probabilities by the share of lesion among labelled pixels over that among pseudo-masks.

        p' = Normalize(p * labelled share / pseudo share)

    over lesion and background. Both shares are counted over the last 128 batches, apart for pixels in regions that the
    caption names and for all others: that is the prior which a caption gives.
    """

    counts: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Batch, labelled or pseudo, in a named region or not, lesion or all.
        self.register_buffer("counts", torch.zeros(MEMORY, 2, 2, 2))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, pseudo: Tensor, zones: Tensor, masks: Tensor, labelled_zones: Tensor) -> Tensor:
        """Return aligned probabilities, after counting this batch.

        Args:
            pseudo: (B, 1, H, W) probabilities.
            zones: (B, 1, H, W) bool: the regions that their captions name.
            masks: (N, 1, H, W) labelled masks.
            labelled_zones: (N, 1, H, W) bool.
        """
        row = (self.batches % MEMORY).view(1)
        new = torch.stack((counted(masks, labelled_zones), counted(pseudo, zones)))
        self.counts.index_copy_(0, row, new.unsqueeze(0))
        self.batches += 1
        lesion, pixels = self.counts.sum(dim=0).unbind(dim=2)
        # Half a pixel of each kind stands for what nothing was seen of; nothing is divided by 0.
        shares = ((lesion + 0.5) / (pixels + 1)).clamp(LEAST, 1 - LEAST)
        (wanted_in, wanted_out), (found_in, found_out) = shares
        wanted, found = torch.where(zones, wanted_in, wanted_out), torch.where(zones, found_in, found_out)
        yes, no = pseudo * wanted / found, (1 - pseudo) * (1 - wanted) / (1 - found)
        return yes / (yes + no)


def counted(masks: Tensor, zones: Tensor) -> Tensor:
    """Return (2, 2): lesion and all pixels in the named regions, and in the others.

    Example:
        >>> counted(torch.tensor([[[[1.0, 0.0, 0.5]]]]), torch.tensor([[[[True, True, False]]]])).tolist()
        [[1.0, 2.0], [0.5, 1.0]]
    """
    lesion = masks.float()
    parts = [torch.stack(((lesion * part).sum(), part.sum().float())) for part in (zones, ~zones)]
    return torch.stack(parts)
