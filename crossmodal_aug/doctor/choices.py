"""Choices: the ops that the doctor tries, and those that it advises to begin with."""

from __future__ import annotations

from crossmodal_aug.anatomy.atlas import Atlas

_TRIED = (
    "TPatchMix(patch_size={patch}, p=0.5)",
    "ZoneMix(p=0.5)",
    "SyncFlip(p=0.5)",
    "SyncGeometry(p=0.5, degrees=8.0, crop=(0.85, 1.0))",
    "Focus(p=0.25)",
    "PosAug(phrase_p=0.25)",
    "Reword(p=0.5)",
)
_BODY = ("TPatchMix", "SyncFlip")
_IMAGE = ("TPatchMix", "SyncGeometry")  # what pastes looks for regions where the atlas has them


def patch_of(size: int) -> int:
    """Return the side of a patch that does for images of a size: 64 of 224 pixels, and the same part of any other."""
    return max(1, round(size * 2 / 7))


def tried(size: int) -> tuple[str, ...]:
    """Return the ops whose dose is measured where the user chose none, for images of a size."""
    return tuple(one.format(patch=patch_of(size)) for one in _TRIED)


def advised(atlas: Atlas, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ops to begin with, among those that can be used with the data."""
    wanted = _BODY if atlas.frame == "body" else _IMAGE
    return tuple(one for name in wanted for one in choices if one.startswith(f"{name}("))
