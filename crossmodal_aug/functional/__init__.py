"""The functions behind the ops and the loss: pure, on tensors, with randomness handed in."""

from crossmodal_aug.functional.affinity import position_affinity
from crossmodal_aug.functional.alignment import check_alignment
from crossmodal_aug.functional.calibration import Calibration, Fit, calibrate
from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.functional.cutting import cut_share
from crossmodal_aug.functional.following import follow
from crossmodal_aug.functional.mixing import (
    box_mask,
    boxes_around,
    boxes_inside,
    draw_donors,
    pick,
    pick_true,
    random_pixel,
    uniforms,
)
from crossmodal_aug.functional.pasting import paste, paste_regions
from crossmodal_aug.functional.pixels import matrices_from_pixels
from crossmodal_aug.functional.regions import (
    region_boxes,
    region_evidence,
    region_masks,
    union_mask,
)
from crossmodal_aug.functional.warping import warp

__all__ = [
    "Calibration",
    "Fit",
    "box_mask",
    "boxes_around",
    "boxes_inside",
    "calibrate",
    "check_alignment",
    "cut_share",
    "draw_donors",
    "follow",
    "itcl_loss",
    "matrices_from_pixels",
    "paste",
    "paste_regions",
    "pick",
    "pick_true",
    "position_affinity",
    "random_pixel",
    "region_boxes",
    "region_evidence",
    "region_masks",
    "uniforms",
    "union_mask",
    "warp",
]
