"""Batches whose captions and masks are known to agree, for every adapter."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.functional import region_masks


@dataclass
class Phantom:
    """Samples with one lesion in the middle of each region that their caption names."""

    images: torch.Tensor
    texts: list[str]
    masks: torch.Tensor
    positions: torch.Tensor


@pytest.fixture
def phantoms(lung_parser: PositionParser) -> Callable[..., Phantom]:
    def make(batch: int = 8, size: tuple[int, int] = (48, 40), seed: int = 0, channels: int = 1) -> Phantom:
        rng = torch.Generator().manual_seed(seed)
        positions = torch.rand(batch, 6, generator=rng) < 0.4
        positions[:, int(torch.randint(6, (1,), generator=rng))] |= ~positions.any(dim=1)
        masks = torch.zeros(batch, 1, *size, dtype=torch.int64)
        for region, box in enumerate(region_masks(LUNG_ZONES, size)):
            rows, columns = (int(n) for n in box.nonzero().float().mean(dim=0).round())
            masks[positions[:, region], :, rows - 3 : rows + 3, columns - 3 : columns + 3] = 1
        texts = [
            lung_parser("Opacity in the upper left lung.").with_regions(
                name for name, bit in zip(LUNG_ZONES.names, row, strict=True) if bit
            )
            for row in positions.tolist()
        ]
        assert torch.equal(lung_parser.encode(texts), positions)
        images = torch.rand(batch, channels, *size, generator=rng) * 0.1 + masks
        return Phantom(images, texts, masks, positions)

    return make
