"""The body frame, where words travel with the tissue: which regions hold after a geometry."""

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.geometry import sources_of, turn_of
from crossmodal_aug.functional.places import landing

_UPRIGHT = 45.0 + 1e-3  # degrees


def in_body(matrices: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None) -> tuple[Tensor, Tensor]:
    """Do what `follow` does in the body frame.

    Args:
        matrices: (B, 3, 3) with a third coordinate of 1 at the centre of the image.
        named: (B, K) bool.
        atlas: K regions.
        lesion: (B, H, W) bool, or None.

    Returns:
        positions: (B, K) bool.
        kept: (B,) bool.
    """
    height, width = (1, 1) if lesion is None else (lesion.shape[1], lesion.shape[2])
    mirrored, degrees = turn_of(matrices, width / height)
    known = degrees <= _UPRIGHT
    unseen, stays = named & ~landing(matrices, atlas)[1].any(dim=2), named
    if lesion is not None:
        # Each pixel of evidence as the number of its region, from 1; the last number is for those in none.
        numbers = ((grid.labels(atlas, (height, width), lesion.device) + 1).short() * lesion).flatten(1)
        source, inside = sources_of(matrices, (height, width))
        shown = numbers.gather(1, source) * inside
        held, remains = (
            torch.stack([(pixels == region + 1).any(dim=1) for region in range(len(atlas))], dim=1)
            for pixels in (numbers, shown)
        )
        unseen, stays = unseen & ~held, named & (remains | ~held)
        known = known & (shown.any(dim=1) | ~numbers.any(dim=1)) & (stays.any(dim=1) | ~named.any(dim=1))
    exchanged = stays.index_select(1, constant(atlas.mirror, torch.int64, named.device))
    return torch.where(mirrored.unsqueeze(1), exchanged, stays), known & ~unseen.any(dim=1)
