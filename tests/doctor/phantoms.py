"""Small data sets of drawn chests on disk, clean until a test plants a fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROWS, SIDES = ("upper", "middle", "lower"), ("left", "right")
COUNTS = ("zero", "one", "two", "three", "four", "five", "six")
SIZE = 48

Pixels = NDArray[np.uint8]


def caption_of(zones: Sequence[int]) -> str:
    """Name zones, in the order of LUNG_ZONES, in a sentence that counts them and says on how many sides they lie."""
    phrases = [f"{ROWS[zone % 3]} {SIDES[zone // 3]} lung" for zone in sorted(zones)]
    head = "bilateral" if len({zone // 3 for zone in zones}) == 2 else "unilateral"
    area = "area" if len(zones) == 1 else "areas"
    said = ", ".join(phrases[:-1]) + (" and " if len(phrases) > 1 else "") + phrases[-1]
    return f"{head} pulmonary infection, {COUNTS[len(zones)]} infected {area}, {said}."


Zones = Sequence[int]


def draw(seed: int, zones: Zones | None = None) -> tuple[Pixels, Pixels, tuple[int, ...]]:
    """One chest: image, mask of 0 and 255, and the zones that hold lesion; the left of the caption is the image's."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    drawn = rng.permutation(6)[: rng.integers(1, 4)].tolist()
    zones = tuple(sorted(drawn if zones is None else zones))
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    for zone in zones:
        side, row = divmod(zone, 3)
        middle_y, middle_x = (row + 0.5) / 3 + rng.uniform(-0.04, 0.04), (side + 0.5) / 2 + rng.uniform(-0.1, 0.1)
        mask |= np.hypot((y - middle_y) / 0.09, (x - middle_x) / 0.11) <= 1
    clouds = np.asarray(Image.fromarray(rng.uniform(0, 90, (6, 6)).astype(np.uint8)).resize((SIZE, SIZE)), float)
    image = 40 + clouds + 80 * mask + rng.normal(0, 6, mask.shape)
    return image.clip(0, 255).astype(np.uint8), (255 * mask).astype(np.uint8), zones


@dataclass
class Drawn:
    """A data set on disk, in the layout with `annotation.json`.

    Attributes:
        root: Its folder.
        rows: The rows of each part, as the list has them.
    """

    root: Path
    rows: dict[str, list[dict[str, str]]]

    def save(self) -> None:
        """Write the list of captions."""
        (self.root / "annotation.json").write_text(json.dumps(self.rows))

    def image(self, part: str, index: int) -> Path:
        """The file of an image."""
        return self.root / part / "images" / self.rows[part][index]["image"]

    def mask(self, part: str, index: int) -> Path:
        """The file of a mask."""
        return self.root / part / "masks" / f"mask_{self.rows[part][index]['image']}"

    def recaption(self, part: str, index: int, caption: str) -> str:
        """Give a row another caption; returns the name of its image."""
        self.rows[part][index]["caption"] = caption
        self.save()
        return self.rows[part][index]["image"]

    def alter(
        self, alter: Callable[[Pixels], Pixels], *, parts: Sequence[str] = ("train", "test"), every: int = 1
    ) -> None:
        """Alter images and masks of some parts, or of every second or third row of theirs."""
        for part in parts:
            for index in range(0, len(self.rows[part]), every):
                for file in (self.image(part, index), self.mask(part, index)):
                    save(file, alter(load(file)))


def draw_set(root: Path, *, train: int = 80, test: int = 40, kinds: Sequence[Zones] = ()) -> Drawn:
    """Draw a clean data set: two parts, a patient to each image; lesion in the zones of `kinds` in turn, or in any."""
    rows: dict[str, list[dict[str, str]]] = {}
    for part, count, first in (("train", train, 0), ("test", test, 1000)):
        for folder in ("images", "masks"):
            (root / part / folder).mkdir(parents=True)
        rows[part] = []
        for seed in range(first, first + count):
            image, mask, zones = draw(seed, kinds[seed % len(kinds)] if kinds else None)
            name = f"sub-{seed:04d}_chest.png"
            save(root / part / "images" / name, image)
            save(root / part / "masks" / f"mask_{name}", mask)
            rows[part].append({"image": name, "caption": caption_of(zones)})
    drawn = Drawn(root, rows)
    drawn.save()
    return drawn


def load(path: Path) -> Pixels:
    """Read a picture."""
    return np.asarray(Image.open(path)).copy()


def save(path: Path, pixels: NDArray[np.generic]) -> None:
    """Write a picture."""
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
