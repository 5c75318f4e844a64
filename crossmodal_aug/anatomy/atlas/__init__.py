"""Atlases: named regions, their words, and their place in the image."""

from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.atlas import Atlas, named_atlas

if TYPE_CHECKING:
    LUNG_ZONES: Atlas
    QUADRANTS: Atlas

__all__ = ["LUNG_ZONES", "QUADRANTS", "Atlas", "named_atlas"]


def __getattr__(name: str) -> Any:
    # Their files are read when they are first asked for.
    if name not in ("LUNG_ZONES", "QUADRANTS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return named_atlas(name.lower())
