"""Places of an image that a caption can be narrowed to: its sides, its zones and its regions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import Atlas, Report
from crossmodal_aug.errors import CannotSay

UNITS = ("side", "zone", "region")
WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Place:
    """Regions that a caption is narrowed to, and the part of the image that they span.

    Attributes:
        unit: "side" (all regions of a side; whole columns of the image), "zone" (all regions between the same two
            heights, on whichever side; whole rows of the image) or "region" (one region; its box).
        name: The word for it, such as "left", "upper" or "left upper".
        regions: Names of the regions.
        atlas: Where they lie.
    """

    unit: str
    name: str
    regions: tuple[str, ...]
    atlas: Atlas

    @property
    def key(self) -> str:
        """Unit and name in one."""
        return f"{self.unit} {self.name}"

    def cut(self, mask: Tensor) -> Tensor:
        """Return an (H, W) bool mask, emptied outside the place."""
        height, width = mask.shape
        boxes = CF.region_boxes(self.atlas, (height, width))[[self.atlas.index(name) for name in self.regions]]
        top, bottom = int(boxes[:, 0].min()), int(boxes[:, 1].max())
        left, right = int(boxes[:, 2].min()), int(boxes[:, 3].max())
        rows = slice(None) if self.unit == "side" else slice(top, bottom)
        columns = slice(None) if self.unit == "zone" else slice(left, right)
        inside = mask.new_zeros(mask.shape)
        inside[rows, columns] = mask[rows, columns]
        return inside


def places(atlas: Atlas, units: Sequence[str] = UNITS) -> list[Place]:
    """Return the places of an atlas.

    Args:
        atlas: The regions.
        units: Kinds of places, of `UNITS`.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> [place.name for place in places(LUNG_ZONES, ("side", "zone"))]
        ['left', 'right', 'upper', 'middle', 'lower']
    """
    found = []
    if "side" in units:
        for word, side in zip(atlas.phrasing.sides, atlas.sides, strict=True):
            found.append(Place("side", word, tuple(atlas.names[index] for index in side), atlas))
    if "zone" in units:
        rows: dict[tuple[float, float], list[str]] = {}
        for name, box in zip(atlas.names, atlas.boxes, strict=True):
            rows.setdefault((box[0], box[1]), []).append(name)
        for regions in rows.values():
            # One region alone is no zone but itself.
            if len(regions) > 1:
                found.append(Place("zone", _common(regions), tuple(regions), atlas))
    if "region" in units:
        found += [Place("region", name, (name,), atlas) for name in atlas.names]
    return found


def narrowed(reports: Sequence[Report], place: Place, atlas: Atlas) -> tuple[list[int], list[str]]:
    """Narrow captions to a place.

    Args:
        reports: N captions, read.
        place: The place.
        atlas: The regions of the captions.

    Returns:
        Indices of the captions that can be narrowed, and these captions. Those are captions that name a region of the
        place and one of another place: for a side, of the other side. One that cannot be rewritten well is left out.
    """
    inside = set(place.regions)
    others = set(atlas.names) - inside
    if place.unit == "side":
        others = {atlas.names[index] for side in atlas.sides for index in side} - inside
    indices, texts = [], []
    for index, report in enumerate(reports):
        named = set(report.regions)
        if not named & inside or not named & others:
            continue
        try:
            text = report.with_regions([name for name in report.regions if name in inside])
        except CannotSay:
            continue
        indices.append(index)
        texts.append(text)
    return indices, texts


def _common(regions: Sequence[str]) -> str:
    """Return the words that the names of some regions share, or all of their names."""
    first, *rest = (WORDS.findall(name) for name in regions)
    shared = [word for word in first if all(word in other for other in rest)]
    return " ".join(shared) or ", ".join(regions)
