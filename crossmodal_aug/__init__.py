"""Augmentations and a loss that keep image, maps and caption in step.

The public names are loaded on first use, so `import crossmodal_aug` costs neither torch nor spaCy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.atlas import LUNG_ZONES, QUADRANTS, Atlas
    from crossmodal_aug.anatomy.parser import PositionParser
    from crossmodal_aug.anatomy.report import Mention, Report
    from crossmodal_aug.augment.batch import Augmented
    from crossmodal_aug.augment.describe import describe
    from crossmodal_aug.augment.focus import Focus
    from crossmodal_aug.augment.pos_aug import PosAug
    from crossmodal_aug.augment.reword import Reword
    from crossmodal_aug.augment.sequential import CrossModalSequential
    from crossmodal_aug.augment.sync_flip import SyncFlip
    from crossmodal_aug.augment.sync_geometry import SyncGeometry
    from crossmodal_aug.augment.t_patch_mix import TPatchMix
    from crossmodal_aug.augment.zone_mix import ZoneMix
    from crossmodal_aug.losses.itcl import ITCLoss

__version__ = "0.1.0"

_HOME = {
    "Atlas": "anatomy.atlas",
    "LUNG_ZONES": "anatomy.atlas",
    "QUADRANTS": "anatomy.atlas",
    "PositionParser": "anatomy.parser",
    "Mention": "anatomy.report",
    "Report": "anatomy.report",
    "Augmented": "augment.batch",
    "describe": "augment.describe",
    "Focus": "augment.focus",
    "PosAug": "augment.pos_aug",
    "Reword": "augment.reword",
    "CrossModalSequential": "augment.sequential",
    "SyncFlip": "augment.sync_flip",
    "SyncGeometry": "augment.sync_geometry",
    "TPatchMix": "augment.t_patch_mix",
    "ZoneMix": "augment.zone_mix",
    "ITCLoss": "losses.itcl",
}

__all__ = [
    "LUNG_ZONES",
    "QUADRANTS",
    "Atlas",
    "Augmented",
    "CrossModalSequential",
    "Focus",
    "ITCLoss",
    "Mention",
    "PosAug",
    "PositionParser",
    "Report",
    "Reword",
    "SyncFlip",
    "SyncGeometry",
    "TPatchMix",
    "ZoneMix",
    "describe",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
