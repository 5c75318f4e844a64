"""What a step of a pipeline cut off before the last one: the product of all matrices does not show it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.functional.geometry import normalised
from crossmodal_aug.functional.regions import region_evidence
from crossmodal_aug.functional.warping import inverse_of, warped

# Whether the pixels of a border came through is a matter of rounding.
_BORDER = 1


def cut_on_the_way(
    matrices: Tensor, shown: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None, frame: Frame
) -> Tensor:
    """Return which samples lost what their caption names to a step before the last one.

    A crop by 2 and a zoom by 1/2 are no motion at all by their product, and all but the middle is gone. In the body
    frame a named region is lost where nothing is shown of the lesion that should be in view. In the image frame, where
    evidence tells what is named, no lesion may be lost. Without evidence it is half of a named region's place.

    Args:
        matrices: (B, 3, 3) with a third coordinate of 1 at the centre of the image: the product of all steps.
        shown: (B, 1, H', W') floating: ones that went through the pipeline as a mask.
        named: (B, K) bool regions of the caption.
        atlas: K regions.
        lesion: (B, H, W) bool, or None.
        frame: "body" or "image".

    Returns:
        (B,) bool.
    """
    gone = F.max_pool2d(shown, 2 * _BORDER + 1, stride=1, padding=_BORDER) == 0
    size = shown.shape[-2:] if lesion is None else lesion.shape[-2:]
    ends = F.interpolate(torch.cat((gone, torch.ones_like(gone)), dim=1).float(), size) > 0
    # Of each pixel of the source: whether the place to which it is taken is empty, and whether that is in view.
    lost, in_view = warped(ends, normalised(inverse_of(matrices))[0], nearest=True, fill=0.0).unbind(dim=1)
    if lesion is None:
        places = region_evidence(torch.ones_like(lost), atlas, reduce="count")
        return (named & (2 * region_evidence(lost, atlas, reduce="count") > places)).any(dim=1)
    if frame == "image":
        return (lesion & lost).flatten(1).any(dim=1)
    due, there = (
        region_evidence(part, atlas, reduce="count") > 0 for part in (lesion & in_view, lesion & in_view & ~lost)
    )
    return (named & due & ~there).any(dim=1)
