"""PatchMix: the cells of a grid are dealt out among several images (arXiv 2306.12243)."""

import torch
from torch import Tensor

from semimedref.methods.pixel_mix import PixelMix

CELLS = 14
"""Cells along each side: patches of 16 px in images of 224."""
IMAGES = 3
"""Images that share out the cells of one, itself among them."""


class PatchMix(PixelMix):
    """An equal share of randomly drawn cells comes from each of three images; the caption stays.

    The m-th share comes from the image m steps further in the ring of donors.
    """

    columns = CELLS * CELLS

    def sources(self, draws: Tensor, donors: Tensor, spatial: tuple[int, ...]) -> Tensor:
        """Deal the cells out."""
        ranks = draws.argsort(dim=1).argsort(dim=1)
        share = (ranks * IMAGES // draws.shape[1]).view(-1, CELLS, CELLS)
        steps = [torch.arange(len(donors), device=donors.device)]
        for _ in range(1, IMAGES):
            steps.append(donors[steps[-1]])
        cells = torch.stack(steps, dim=1).gather(1, share.flatten(1)).view_as(share)
        rows, columns = (torch.arange(length, device=donors.device) * CELLS // length for length in spatial)
        return cells[:, rows][:, :, columns]
