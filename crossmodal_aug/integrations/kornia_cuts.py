"""What a step of a pipeline cut off before the last one: the product of all matrices does not show it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.functional.geometry import map_points, normalised
from crossmodal_aug.functional.regions import region_evidence

# Whether the pixels of a border came through is a matter of rounding.
_BORDER = 1


def cut_on_the_way(
    steps: Sequence[Tensor],
    size: tuple[int, int],
    named: Tensor,
    atlas: Atlas,
    lesion: Tensor | None,
    frame: Frame,
) -> Tensor:
    """Return which samples lost what their caption names to a step before the last one.

    A crop by 2 and a zoom by 1/2 are no motion at all by their product, and all but the middle is gone. What a step
    takes out of its view is gone, however the step fills the place that a later one brings back into view. In the body
    frame a named region is lost where nothing is shown of the lesion that should be in view. In the image frame, where
    evidence tells what is named, no lesion may be lost. Without evidence it is half of a named region's place.

    Args:
        steps: (B, 3, 3) for each step, from source to what it returned, in shares of the image there: all steps up to
            this one. The last is the product of all.
        size: (H, W) of the source.
        named: (B, K) bool regions of the caption.
        atlas: K regions.
        lesion: (B, H, W) bool, or None.
        frame: "body" or "image".

    Returns:
        (B,) bool.
    """
    *before, whole = (_in_view(matrices, size) for matrices in steps)
    through = torch.ones_like(whole)
    for there in before:
        through = through & there
    near = F.max_pool2d(through.unsqueeze(1).float(), 2 * _BORDER + 1, stride=1, padding=_BORDER).squeeze(1)
    lost = whole & (near == 0)
    if lesion is None:
        places = region_evidence(torch.ones_like(lost), atlas, reduce="count")
        return (named & (2 * region_evidence(lost, atlas, reduce="count") > places)).any(dim=1)
    if frame == "image":
        return (lesion & lost).flatten(1).any(dim=1)
    due, there = (region_evidence(part, atlas, reduce="count") > 0 for part in (lesion & whole, lesion & whole & ~lost))
    return (named & due & ~there).any(dim=1)


def _in_view(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """Of each pixel of the source: whether its centre is taken to a place in view, (B, H, W) bool."""
    rows, columns = ((torch.arange(length, device=matrices.device) + 0.5) / length for length in size)
    centres = torch.cartesian_prod(rows, columns).flip(1)
    places, ahead = map_points(normalised(matrices)[0], centres)
    return (((places >= 0) & (places <= 1)).all(dim=2) & ahead).view(matrices.shape[0], *size)
