"""Images of a set, sorted by what their caption names or by how large their lesion is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug import PositionParser

RARE_SHARE, RARE_COUNT = 0.02, 5
"""A pattern that fewer images than these have says too little on its own."""


class Group(NamedTuple):
    """Some images of a set.

    Attributes:
        name: What they have in common.
        indices: (n,) int64, rising.
    """

    name: str
    indices: Tensor


def rare_below(images: int) -> int:
    """Return how many images a position pattern must have, so as not to be pooled as "other"."""
    return max(RARE_COUNT, math.ceil(RARE_SHARE * images))


def by_position(texts: Sequence[str], parser: PositionParser) -> list[Group]:
    """Sort images by the set of regions that their caption names, the most frequent set first.

    Args:
        texts: N captions.
        parser: Reads them.

    Returns:
        Groups that cover every image once; sets of fewer than `rare_below` images are pooled as "other", which comes
        last.
    """
    patterns: dict[tuple[str, ...], list[int]] = {}
    for index, report in enumerate(parser.parse_many(texts)):
        patterns.setdefault(report.regions, []).append(index)
    least = rare_below(len(texts))
    common = {regions: found for regions, found in patterns.items() if len(found) >= least}
    ordered = sorted(common.items(), key=lambda item: (-len(item[1]), item[0]))
    groups = [Group(_pattern_name(regions, parser), torch.tensor(found)) for regions, found in ordered]
    rare = {regions: found for regions, found in patterns.items() if regions not in common}
    if rare:
        rest = sorted(index for found in rare.values() for index in found)
        groups.append(Group(f"other ({len(rare)} patterns)", torch.tensor(rest)))
    return groups


def by_size(area: Tensor) -> list[Group]:
    """Sort images into thirds by the size of their lesion.

    Args:
        area: (N,) the mask's share of the image, in percent.

    Returns:
        The small, the medium and the large ones, with their limits in the name; a group without an image is left out,
        as happens where many areas are equal.
    """
    low, high = size_limits(area)
    kinds = {
        f"small: up to {low:.2f} %": area <= low,
        f"medium: up to {high:.2f} %": (area > low) & (area <= high),
        f"large: above {high:.2f} %": area > high,
    }
    return [Group(name, inside.nonzero()[:, 0]) for name, inside in kinds.items() if inside.any()]


def size_limits(area: Tensor) -> tuple[float, float]:
    """Return the two areas that part the thirds: each is that of an image."""
    low, high = torch.quantile(
        area.double(), torch.tensor([1 / 3, 2 / 3], dtype=torch.float64), interpolation="lower"
    ).tolist()
    return low, high


def _pattern_name(regions: tuple[str, ...], parser: PositionParser) -> str:
    if len(regions) == len(parser.atlas):
        return "all regions"
    return ", ".join(regions) or "no region"
