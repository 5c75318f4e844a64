"""Words to regions and back. Importing this package imports neither torch nor spaCy."""

from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas import Atlas, named_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Mention, Report

if TYPE_CHECKING:
    LUNG_ZONES: Atlas
    QUADRANTS: Atlas

__all__ = ["LUNG_ZONES", "QUADRANTS", "Atlas", "Mention", "PositionParser", "Report"]


def __getattr__(name: str) -> Any:
    if name not in ("LUNG_ZONES", "QUADRANTS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return named_atlas(name.lower())
