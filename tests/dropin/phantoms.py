"""Toy data and a toy network for the drop-in tests; nothing here is written by the library that is tested."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import crossmodal_aug.functional as CF
from crossmodal_aug import Atlas, PositionParser

ROWS, SIDES = ("upper", "middle", "lower"), ("left", "right")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
COUNTS = ("zero", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Drawn:
    """One drawn picture.

    Attributes:
        name: File name.
        image: (S, S) uint8 for a chest, (H, W, 3) uint8 for a scene.
        mask: Of the size of the image, uint8, 255 on the blobs that the text is about.
        text: Caption.
    """

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    text: str


def draw_chests(
    count: int, *, size: int = 48, seed: int = 0, cuts: tuple[float, float] = (1 / 3, 2 / 3)
) -> list[Drawn]:
    """Chests with bright blobs in one to three of the six zones, and captions in the style of QaTa-COV19.

    The left of the captions is the left of the image; each blob keeps clear of the borders of its zone. The rows of
    zones end at shares of the height, `cuts`.
    """
    rng = np.random.default_rng(seed)
    edges = (0.0, *cuts, 1.0)
    y, x = np.mgrid[:size, :size]
    drawn = []
    for index in range(count):
        zones = rng.permutation(6)[: rng.integers(1, 4)]
        mask = np.zeros((size, size), dtype=bool)
        for zone in zones:
            side, row = divmod(int(zone), 3)
            centre_y, centre_x = (edges[row] + edges[row + 1]) * size / 2, (side + 0.5) * size / 2
            centre_y, centre_x = centre_y + rng.uniform(-2, 2), centre_x + rng.uniform(-5, 5)
            mask |= np.hypot(y - centre_y, x - centre_x) <= 3
        image = 60 + 20 * y / size + 120 * mask + rng.normal(0, 8, mask.shape)
        drawn.append(
            Drawn(f"chest-{index:03d}.png", _bytes(image), _bytes(255 * mask), caption_of(sorted(zones.tolist())))
        )
    return drawn


def caption_of(zones: list[int]) -> str:
    """Name zones, numbered as in `LUNG_ZONES`, in the words of QaTa-COV19."""
    phrases = []
    for side, name in enumerate(SIDES):
        rows = [ROWS[zone % 3] for zone in zones if zone // 3 == side]
        if rows:
            phrases.append(" ".join([*rows, name, "lung"]))
    both = "Bilateral" if len(phrases) == 2 else "Unilateral"
    areas = f"{COUNTS[len(zones)]} infected area{'s' if len(zones) > 1 else ''}"
    return f"{both} pulmonary infection, {areas}, {' and '.join(phrases)}."


def draw_scenes(count: int, *, height: int = 48, width: int = 64, seed: int = 0) -> list[Drawn]:
    """Two balls of one colour in two corners of a picture; the sentence means one of them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    drawn = []
    for index in range(count):
        meant, other = (int(corner) for corner in rng.permutation(4)[:2])
        image = np.stack([40 + 30 * y / height, 50 + 30 * x / width, 60 + 0 * y], axis=2)
        for corner in (other, meant):
            row, column = divmod(corner, 2)
            centre_y = (0.13 + 0.74 * row + rng.uniform(-0.03, 0.03)) * height
            centre_x = (0.13 + 0.74 * column + rng.uniform(-0.03, 0.03)) * width
            ball = np.hypot(y - centre_y, x - centre_x) <= 4
            image[ball] = (200, 180, 40)
        sentence = ("the ball at the {}", "{} ball", "yellow ball in the {} corner")[index % 3].format(CORNERS[meant])
        drawn.append(
            Drawn(f"scene-{index:03d}", _bytes(image + rng.normal(0, 4, image.shape)), _bytes(255 * ball), sentence)
        )
    return drawn


def evident(masks: Tensor, atlas: Atlas) -> Tensor:
    """(B, K) bool: the regions that hold a pixel of masks (B, 1, H, W) or (B, H, W)."""
    return CF.region_evidence(torch.as_tensor(masks) > 0, atlas, reduce="count").cpu() > 0


class Step(NamedTuple):
    """What a network was shown in one step: images, masks, the texts that it read, and these as tokens or the like.

    The texts are read back from what went into the network, wherever that is tensors.
    """

    images: Tensor
    masks: Tensor
    texts: Sequence[str]
    tokens: Tensor
    loss: float


def check_steps(steps: Sequence[Step], parser: PositionParser) -> None:
    """Assert that texts name the regions of the masks, that these lie on what is bright, and that losses are finite."""
    for step in steps:
        placed = parser.placed(step.texts)
        assert torch.equal(parser.encode(step.texts)[placed], evident(step.masks, parser.atlas)[placed])
        lesion = (step.masks > 0).flatten(1).float()
        shown = step.images.mean(dim=1).flatten(1)
        inside = (shown * lesion).sum(dim=1) / lesion.sum(dim=1)
        assert (inside > shown.mean(dim=1) + shown.std(dim=1))[lesion.any(dim=1)].all()
        assert math.isfinite(step.loss)


def check_repeats(train: Callable[[int], list[Step]]) -> None:
    """Assert that two epochs repeat under the same seed, and differ from each other and from those of another seed."""
    one, again, other = train(1), train(1), train(2)
    for step, repeated in zip(one, again, strict=True):
        for before, after in zip(step, repeated, strict=True):
            assert torch.equal(before, after) if isinstance(before, Tensor) else before == after
    half = len(one) // 2
    texts, others = ([list(step.texts) for step in steps] for steps in (one, other))
    assert texts[:half] != texts[half:]
    assert texts != others


class Segmenter(nn.Module):
    """A network that is shown an image and one vector of its text: (B, classes, H, W) logits."""

    def __init__(self, channels: int, text: int, classes: int = 1) -> None:
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU())
        self.read = nn.Linear(text, 8)
        self.out = nn.Conv2d(8, classes, 3, padding=1)

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Images (B, C, H, W) and text vectors (B, D) to logits."""
        return self.out(self.see(images) * (1 + self.read(text).view(-1, 8, 1, 1)))


def _bytes(values: NDArray) -> NDArray[np.uint8]:
    return np.clip(values, 0, 255).round().astype(np.uint8)
