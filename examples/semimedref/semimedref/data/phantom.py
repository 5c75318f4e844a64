"""Phantoms: drawn chests whose captions matter.

Every chest holds two to four opacities, each in its own lung zone, and the caption names only some of them. The
others look just the same, so a model that does not read cannot know which are meant.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal_aug import LUNG_ZONES
from semimedref.data.samples import DataSet, Samples
from semimedref.data.splits import labelled_names

Image = NDArray[np.float64]

COUNTS = {"train": 1000, "valid": 100, "test": 200}
ROWS = (0.39, 0.61)
"""Where the lungs' thirds lie on average, as shares of the image height."""

COUNT_WORDS = ("zero", "one", "two", "three", "four", "five", "six")


class Phantom(NamedTuple):
    """One drawn chest.

    Attributes:
        image: (S, S) uint8.
        mask: (S, S) bool: the opacities that the caption names.
        distractors: (S, S) bool: those that it does not name.
        caption: In the style of QaTa-COV19; left is the viewer's left.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    distractors: NDArray[np.bool_]
    caption: str


def load_phantoms(*, size: int, labels: float, total: int = 0, split: str = "auto", draw: int = 0) -> DataSet:
    """Draw the phantom data set: always the same one for the same size.

    Args:
        size: Side of the images in pixels.
        labels: Share of the training images whose masks are given.
        total: As in `labelled_names`.
        split: As in `labelled_names`.
        draw: As in `labelled_names`.

    Returns:
        The data set.

    Raises:
        InvalidValueError: ``labels`` gives no labelled sample.
    """
    parts = {}
    for number, (part, count) in enumerate(COUNTS.items()):
        drawn = [draw_phantom(size, (number, index)) for index in range(count)]
        masks = torch.from_numpy(np.stack([one.mask for one in drawn])).unsqueeze(1)
        parts[part] = Samples(
            images=torch.from_numpy(np.stack([one.image for one in drawn])).unsqueeze(1),
            texts=tuple(one.caption for one in drawn),
            names=tuple(f"phantom-{part}-{index:04d}" for index in range(count)),
            masks=masks,
            full_masks=() if part == "train" else tuple(masks[:, 0]),
        )
    train = parts["train"]
    chosen = set(labelled_names(train.names, labels, split=split, total=total, draw=draw))
    rest = train.take([index for index, name in enumerate(train.names) if name not in chosen])
    return DataSet(
        labelled=train.take([index for index, name in enumerate(train.names) if name in chosen]),
        unlabelled=rest.with_hidden_masks(),
        valid=parts["valid"],
        test=parts["test"],
        atlas=LUNG_ZONES.with_geometry(rows=ROWS, laterality="viewer"),
    )


def draw_phantom(size: int, key: tuple[int, ...], named: Sequence[int] | None = None) -> Phantom:
    """Draw one chest.

    Args:
        size: Side of the image in pixels.
        key: Non-negative numbers that the drawing follows from.
        named: Zones, in the order of `LUNG_ZONES`, that hold an opacity and are named, while no other does; None
            draws which zones hold one and which of them are named.

    Returns:
        The chest.

    Example:
        >>> draw_phantom(32, (0, 2)).caption
        'unilateral pulmonary infection, one infected area, middle left lung.'
    """
    rng = np.random.default_rng(key)
    y, x = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2, indexing="ij")
    # The patient stands a little aside, is larger or smaller, and leans.
    scale, lean = rng.uniform(0.92, 1.08), rng.uniform(-0.05, 0.05)
    v = (y - 0.5 - rng.uniform(-0.03, 0.03)) / scale + 0.5
    u = (x - 0.5 - rng.uniform(-0.03, 0.03) - lean * (y - 0.5)) / scale + 0.5

    lungs = [_lung(u, v, side, rng) for side in (0, 1)]
    image = _chest(u, v, np.maximum(*lungs), rng)
    zones = rng.permutation(6)[: rng.integers(2, 5)] if named is None else np.array(named, dtype=int)
    named = zones[: rng.integers(1, len(zones))].tolist() if named is None else list(named)
    mask, distractors = np.zeros((2, size, size), dtype=bool)
    veil = np.clip(1 + 0.12 * _clouds(size, 8, rng), 0.5, 1.4)
    for zone in zones:
        side, row = divmod(int(zone), 3)
        opacity = _opacity(u, v, side, row, rng) * lungs[side]
        # Opaque tissue hides what lies behind it rather than adding to it.
        image = image + rng.uniform(0.38, 0.52) * opacity * veil * (0.95 - image)
        (mask if zone in named else distractors)[opacity > 0.5] = True
    image = image + _clouds(size, 3, rng) * 0.03 + rng.normal(0, 0.025, image.shape)
    image = np.clip((image - 0.5) * rng.uniform(0.85, 1.15) + 0.5 + rng.uniform(-0.06, 0.06), 0, 1)
    return Phantom((255 * image).round().astype(np.uint8), mask, distractors & ~mask, caption_of(named))


def caption_of(zones: list[int]) -> str:
    """Name zones (numbers in the order of `LUNG_ZONES`) in the words of QaTa-COV19.

    Example:
        >>> caption_of([5, 0, 1])
        'bilateral pulmonary infection, three infected areas, upper middle left lung and lower right lung.'
        >>> caption_of([])
        'no pulmonary infection, zero infected areas.'
    """
    if not zones:
        return "no pulmonary infection, zero infected areas."
    words = ("upper", "middle", "lower")
    phrases = []
    for side, name in enumerate(("left", "right")):
        rows = sorted(zone % 3 for zone in zones if zone // 3 == side)
        if rows:
            phrases.append(" ".join([*(words[row] for row in rows), name, "lung"]))
    return (
        f"{'bilateral' if len(phrases) == 2 else 'unilateral'} pulmonary infection, "
        f"{COUNT_WORDS[len(zones)]} infected area{'' if len(zones) == 1 else 's'}, {' and '.join(phrases)}."
    )


def _lung(u: Image, v: Image, side: int, rng: np.random.Generator) -> Image:
    """A lung field, 1 inside and 0 outside: narrow at the top, cut off below by the dome of the diaphragm."""
    centre = (0.29, 0.71)[side] + rng.uniform(-0.01, 0.01)
    half_width = rng.uniform(0.155, 0.18) * np.clip(0.62 + 0.75 * (v - 0.15), 0.45, 1.0)
    apex, base = rng.uniform(0.15, 0.18), rng.uniform(0.80, 0.86)
    dome = base - 0.06 * np.cos(np.clip((u - centre) / 0.2, -1, 1) * np.pi / 2)
    across = np.abs(u - centre) / half_width
    down = np.clip((apex + 0.12 - v) / 0.12, 0, None)
    inside: Image = _edge(1 - np.hypot(across, down), 0.06) * _edge(dome - v, 0.012)
    return inside


def _chest(u: Image, v: Image, lungs: Image, rng: np.random.Generator) -> Image:
    """Everything but the opacities: body, lungs, heart and spine, ribs, collar bones."""
    body = _edge(1 - np.hypot((u - 0.5) / 0.49, (v - 0.62) / 0.62), 0.05)
    heart = np.hypot((u - rng.uniform(0.55, 0.58)) / rng.uniform(0.13, 0.17), (v - 0.68) / 0.15)
    spine = np.exp(-(((u - 0.5) / 0.05) ** 2))
    image = 0.05 + 0.53 * body - 0.34 * lungs + 0.12 * spine * body
    image = image + 0.30 * _edge(1 - heart, 0.08) * lungs
    ribs = np.zeros_like(image)
    gap, start = rng.uniform(0.082, 0.096), rng.uniform(0.14, 0.18)
    outward = np.abs(u - 0.5)
    for number in range(9):
        # A rib leaves the spine, rises a little and falls off towards the flank.
        line = start + gap * number + 0.9 * (outward - 0.16) ** 2 * (2 + 0.25 * number)
        ribs = np.maximum(ribs, np.exp(-(((v - line) / 0.014) ** 2)))
    image = image + 0.085 * ribs * body * (outward > 0.05)
    collar = np.exp(-(((v - 0.145 + 0.18 * (outward - 0.2)) / 0.012) ** 2)) * (outward < 0.36) * (outward > 0.07)
    image = image + 0.10 * collar * body
    vessels = np.exp(-((np.abs(outward - 0.12) / 0.07) ** 2) - ((v - 0.5) / 0.16) ** 2)
    return image + 0.10 * vessels * lungs


def _opacity(u: Image, v: Image, side: int, row: int, rng: np.random.Generator) -> Image:
    """A ragged blob in one zone, 1 at its heart, 0.5 at its rim."""
    centre_u = (0.29, 0.71)[side] + rng.uniform(-0.055, 0.055)
    centre_v = (0.28, 0.50, 0.71)[row] + rng.uniform(-0.025, 0.025)
    radius_u, radius_v = rng.uniform(0.075, 0.12), rng.uniform(0.065, 0.095)
    angle = np.arctan2(v - centre_v, u - centre_u)
    ragged = 1 + sum(
        rng.uniform(0, 0.22 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi)) for wave in (2, 3, 5)
    )
    distance = np.hypot((u - centre_u) / radius_u, (v - centre_v) / radius_v) / ragged
    return _edge(1 - distance, 0.6)


def _clouds(size: int, coarse: int, rng: np.random.Generator) -> Image:
    """Smooth noise, by stretching small grids of random numbers."""
    clouds = np.zeros((size, size))
    for octave in (1, 2, 4):
        grid = torch.from_numpy(rng.normal(size=(1, 1, coarse * octave + 1, coarse * octave + 1)))
        stretched = torch.nn.functional.interpolate(grid, size=(size, size), mode="bilinear", align_corners=True)
        clouds += stretched[0, 0].numpy() / octave
    return clouds


def _edge(distance: Image, softness: float) -> Image:
    """1 where a signed distance is positive, 0 where negative, with a soft step between."""
    step: Image = 1 / (1 + np.exp(-np.clip(4 * distance / softness, -50, 50)))
    return step
