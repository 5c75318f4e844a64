"""Which captions belong to an image in the contrastive loss, beside the overlap of regions that ITCL takes."""

from collections.abc import Callable

import torch
from torch import Tensor

from crossmodal_aug.functional import position_affinity

Affinity = Callable[[Tensor, Tensor], Tensor]


def numbered(positions: Tensor, first: int) -> Tensor:
    """Return (N, 1 + K) int64 labels: the number of each pair, from ``first`` on, before its regions."""
    numbers = torch.arange(first, first + len(positions), device=positions.device)
    return torch.cat((numbers.unsqueeze(1), positions.long()), dim=1)


def identity(labels: Tensor, others: Tensor) -> Tensor:
    """Return (N, M): 1 for the own caption and else 0, as in CLIP (arXiv 2103.00020).

    Example:
        >>> identity(numbered(torch.ones(2, 3), 0), numbered(torch.ones(3, 3), 1))
        tensor([[0., 0., 0.],
                [1., 0., 0.]])
    """
    return (labels[:, :1] == others[:, 0]).float()


def placed(labels: Tensor, others: Tensor) -> Tensor:
    """Return (N, M): the overlap of regions, but without any a caption belongs to its own image alone.

    Example:
        >>> labels = numbered(torch.tensor([[0, 0], [0, 0], [1, 0]]), 0)
        >>> placed(labels, labels)
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])
    """
    regions, theirs = labels[:, 1:].bool(), others[:, 1:].bool()
    neither = ~regions.any(dim=1).unsqueeze(1) & ~theirs.any(dim=1)
    return torch.where(neither, identity(labels, others), position_affinity(regions, theirs))


AFFINITIES: dict[str, Affinity] = {"identity": identity, "placed": placed}
