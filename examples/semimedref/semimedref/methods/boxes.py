"""CutMix with random boxes, as for semi-supervised segmentation (arXiv 1906.01916)."""

import torch
from torch import Tensor

from crossmodal_aug.functional.mixing import box_mask
from semimedref.methods.pixel_mix import PixelMix, own_pixels

SHARE = 0.5
"""Of the image's area, which every box takes."""


class RandomBoxes(PixelMix):
    """A box of half of the image's area, of any shape and anywhere in it, comes from the donor; the caption stays.

    Height and width are shares h and SHARE / h of the image with log h uniform in [log SHARE, 0].
    """

    columns = 3

    def sources(self, draws: Tensor, donors: Tensor, spatial: tuple[int, ...]) -> Tensor:
        """Put the donor where the box is."""
        tall = SHARE ** draws[:, 0]
        sides = []
        for draw, share, length in zip(draws[:, 1:].unbind(1), (tall, SHARE / tall), spatial, strict=True):
            size = (share * length).round()
            start = (draw * (length - size + 1)).floor()
            sides.append(torch.stack((start, start + size), dim=1).long())
        inside = box_mask(torch.stack(sides, dim=1), spatial)
        return torch.where(inside, donors.view(-1, 1, 1), own_pixels(len(donors), spatial, donors.device))
