"""Images and labels after a matrix, against plain loops."""

import numpy as np
import pytest
import torch

from crossmodal_aug.functional.warping import warp
from tests.functional.following_reference import on_a_border
from tests.functional.following_reference import warp as warp_reference


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def matrices(count=6, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        angle, scale = rng.uniform(-0.6, 0.6), rng.uniform(0.6, 1.7)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = 0.5 - linear @ [0.5, 0.5] + rng.uniform(-0.2, 0.2, 2)
        if not on_a_border(matrix, (7, 10), within=1e-4):
            found.append(matrix)
    return np.stack(found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.bool, torch.float16, torch.int64])
def test_the_nearest_pixel_by_loops(dtype: torch.dtype) -> None:
    turns = matrices()
    labels = torch.randint(0, 2 if dtype == torch.bool else 100, (6, 2, 7, 10), generator=seeded()).to(dtype)
    moved = warp(labels, torch.from_numpy(turns), nearest=True, fill=1)
    assert moved.dtype == dtype
    for b, matrix in enumerate(turns):
        shown = torch.from_numpy(warp_reference(np.arange(70).reshape(7, 10), matrix))
        for channel in range(2):
            wanted = torch.where(
                shown >= 0, labels[b, channel].flatten()[shown.clamp_min(0)], torch.ones((), dtype=dtype)
            )
            assert torch.equal(moved[b, channel], wanted)


def interpolated(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Between the four pixels around the source of each centre; 0 outside."""
    height, width = image.shape
    inverse, out = np.linalg.inv(matrix), np.zeros((height, width))
    for row, column in np.ndindex(height, width):
        x, y, scale = inverse @ [(column + 0.5) / width, (row + 0.5) / height, 1]
        x, y = x / scale * width - 0.5, y / scale * height - 0.5
        for i, j in ((int(np.floor(y)) + a, int(np.floor(x)) + b) for a in (0, 1) for b in (0, 1)):
            if 0 <= i < height and 0 <= j < width:
                out[row, column] += image[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
    return out


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3), (torch.uint8, 0.51)])
def test_images_are_interpolated_once(dtype: torch.dtype, tolerance: float) -> None:
    turns = matrices()
    images = torch.randint(0, 200, (6, 1, 7, 10), generator=seeded()).to(dtype)
    moved = warp(images, torch.from_numpy(turns))
    assert moved.dtype == dtype
    wanted = np.stack(
        [interpolated(image[0].double().numpy(), matrix) for image, matrix in zip(images, turns, strict=True)]
    )
    assert np.abs(moved[:, 0].double().numpy() - wanted).max() <= tolerance


def test_autocast_and_half_precision_change_no_place() -> None:
    turns = torch.from_numpy(matrices()).float()
    images = torch.rand(6, 1, 7, 10, generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(warp(images, turns), warp(images, turns).float())
        inside = warp(images, turns)
    assert torch.equal(inside, warp(images, turns))
    assert (warp(images.half(), turns).float() - inside).abs().max() < 2e-3
