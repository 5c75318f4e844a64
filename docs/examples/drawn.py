"""Drawn chests for the examples: bright blobs in lung zones, with masks and captions. No data is downloaded."""

from dataclasses import dataclass

import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import PositionParser

# Blobs keep clear of the borders of their zone, so that a small turn or shift leaves each in its zone.
RADIUS, MARGIN = 3, 3


@dataclass(frozen=True)
class Chests:
    """N drawn chests.

    Attributes:
        images: (N, 1, S, S) float32.
        masks: (N, 1, S, S) int64, 1 on the blobs.
        captions: What a data set's template would say.
        reports: The same findings in other words.
    """

    images: Tensor
    masks: Tensor
    captions: list[str]
    reports: list[str]

    def samples(self) -> list[dict[str, object]]:
        """The same as a data set that a DataLoader takes: one dictionary a chest."""
        keys = ("image", "mask", "text", "report")
        rows = zip(self.images, self.masks, self.captions, self.reports, strict=True)
        return [dict(zip(keys, row, strict=True)) for row in rows]


def draw_chests(count: int, parser: PositionParser, *, seed: int, size: int = 48) -> Chests:
    """Draw chests with a blob in each of one to three zones.

    Args:
        count: Number of chests N.
        parser: Its atlas says where the zones are; it also writes the captions.
        seed: The same seed draws the same chests.
        size: Side of the images in pixels, S.

    Returns:
        The chests. Each caption names exactly the zones that hold a blob.
    """
    generator = torch.Generator().manual_seed(seed)
    boxes = CF.region_boxes(parser.atlas, (size, size)).tolist()
    rows, columns = torch.arange(size).view(-1, 1), torch.arange(size).view(1, -1)
    masks = torch.zeros(count, 1, size, size, dtype=torch.int64)
    positions = torch.zeros(count, len(parser.atlas), dtype=torch.bool)
    for sample in range(count):
        some = int(torch.randint(1, 4, (), generator=generator))
        for zone in torch.randperm(len(boxes), generator=generator)[:some].tolist():
            y0, y1, x0, x1 = boxes[zone]
            keep = RADIUS + MARGIN
            y = int(torch.randint(y0 + keep, y1 - keep, (), generator=generator))
            x = int(torch.randint(x0 + keep, x1 - keep, (), generator=generator))
            masks[sample, 0] |= ((rows - y) ** 2 + (columns - x) ** 2 <= RADIUS**2).long()
            positions[sample, zone] = True
    images = 0.3 + 0.4 * masks + 0.1 * torch.randn(masks.shape, generator=generator)
    return Chests(
        images=images.clamp(0, 1),
        masks=masks,
        captions=_written("Unilateral pulmonary infection, one infected area, upper left lung.", positions, parser),
        reports=_written("Opacity in the upper left lung. The heart is normal.", positions, parser),
    )


def _written(template: str, positions: Tensor, parser: PositionParser) -> list[str]:
    return [parser.rewrite(template, bits) for bits in positions.tolist()]
