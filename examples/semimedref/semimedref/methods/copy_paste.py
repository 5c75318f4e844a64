"""BCP: a box of each labelled image changes places with that of an unlabelled one (arXiv 2305.00673)."""

from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug.functional.mixing import box_mask, boxes_inside, uniforms
from semimedref.methods.ops import Altered
from semimedref.methods.pixel_mix import gathered, own_pixels

SHARE = 2 / 3
"""Of each side of the image, which the box takes."""


class Pasted(NamedTuple):
    """Labelled and unlabelled samples that hold a box of each other.

    Attributes:
        images: (2B, 1, H, W): B images with labelled surroundings, then B with unlabelled ones.
        target: (2B, 1, H, W) masks and pseudo-masks, cut and put together as the images are.
        weight: (2B, 1, H, W): what each pixel counts.
    """

    images: Tensor
    target: Tensor
    weight: Tensor


def copy_paste(
    labelled: Altered, unlabelled: Altered, weight: Tensor, generator: torch.Generator | None = None
) -> Pasted:
    """Exchange a box between the i-th labelled and the i-th unlabelled image of a batch.

    Args:
        labelled: B samples with masks; each of their pixels counts 1, wherever it comes to lie.
        unlabelled: B samples with probabilities, of which 0.5 and more is lesion.
        weight: (B, 1, H, W): what the unlabelled pixels count.
        generator: Draws the place of each box.

    Returns:
        The mixed images. Of words the source knows none: the captions are those of the surroundings.
    """
    count, spatial = len(labelled.texts), tuple(labelled.images.shape[2:])
    device = labelled.images.device
    whole = torch.tensor([[0, length] for length in spatial], device=device).expand(count, 2, 2)
    size = [max(1, int(length * SHARE)) for length in spatial]
    boxes = boxes_inside(uniforms(count, 2, generator=generator, device=device), whole, size)
    inside = box_mask(boxes, spatial).repeat(2, 1, 1)
    own = own_pixels(2 * count, spatial, device)
    source = torch.where(inside, (own + count) % (2 * count), own)
    pairs = (
        (labelled.images, unlabelled.images),
        (labelled.target >= 0.5, unlabelled.target >= 0.5),
        (torch.ones_like(weight), weight),
    )
    return Pasted(*(gathered(torch.cat(pair), source) for pair in pairs))
