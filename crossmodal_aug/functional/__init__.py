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
    cyclic_donors,
    draw_donors,
    pick,
    pick_true,
    random_pixel,
    uniforms,
)
from crossmodal_aug.functional.pasting import paste, paste_boxes, paste_regions, paste_windows
from crossmodal_aug.functional.regions import (
    band_maxima,
    bands_per_region,
    region_boxes,
    region_evidence,
    region_masks,
    sum_per_region,
    union_mask,
    window_per_region,
)
from crossmodal_aug.functional.windows import Windows, windows_of_boxes

__all__ = [
    "Calibration",
    "Fit",
    "Windows",
    "band_maxima",
    "bands_per_region",
    "box_mask",
    "boxes_around",
    "boxes_inside",
    "calibrate",
    "check_alignment",
    "cut_share",
    "cyclic_donors",
    "draw_donors",
    "follow",
    "itcl_loss",
    "paste",
    "paste_boxes",
    "paste_regions",
    "paste_windows",
    "pick",
    "pick_true",
    "position_affinity",
    "random_pixel",
    "region_boxes",
    "region_evidence",
    "region_masks",
    "sum_per_region",
    "uniforms",
    "union_mask",
    "window_per_region",
    "windows_of_boxes",
]
