"""The ops: each alters image, maps and caption together."""

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.describe import describe
from crossmodal_aug.augment.focus import Focus, FocusParams
from crossmodal_aug.augment.params import Gate, MixParams, Params, Reason
from crossmodal_aug.augment.pos_aug import PosAug, PosAugParams
from crossmodal_aug.augment.reword import Reword, RewordParams
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.augment.sync_flip import SyncFlip, SyncFlipParams
from crossmodal_aug.augment.sync_geometry import SyncGeometry, SyncGeometryParams
from crossmodal_aug.augment.t_patch_mix import TPatchMix, TPatchMixParams
from crossmodal_aug.augment.text_op import TextOp
from crossmodal_aug.augment.turned_texts import Turned
from crossmodal_aug.augment.zone_mix import ZoneMix, ZoneMixParams

__all__ = [
    "Augmented",
    "CrossModalOp",
    "CrossModalSequential",
    "Focus",
    "FocusParams",
    "Gate",
    "MixParams",
    "Params",
    "PosAug",
    "PosAugParams",
    "Reason",
    "Reword",
    "RewordParams",
    "SyncFlip",
    "SyncFlipParams",
    "SyncGeometry",
    "SyncGeometryParams",
    "TPatchMix",
    "TPatchMixParams",
    "TextOp",
    "Turned",
    "ZoneMix",
    "ZoneMixParams",
    "describe",
]
