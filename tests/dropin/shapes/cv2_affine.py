"""A data set that draws one matrix of pixels a picture and warps image and mask by it, as with cv2.warpAffine."""

import math
import random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import Segmenter, Step, draw_scenes

SCENES = draw_scenes(48, seed=4)
WORDS = ("left", "right", "top", "bottom", "center")


def warp_affine(picture: NDArray, matrix: NDArray, size: tuple[int, int]) -> NDArray:
    """As cv2.warpAffine with nearest neighbours: centres of pixels have whole coordinates; size is (width, height)."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    columns, rows = np.rint(np.tensordot(inverse[:2], np.stack([x, y, np.ones_like(x)]), axes=1) + 1e-9).astype(int)
    inside = (rows >= 0) & (rows < picture.shape[0]) & (columns >= 0) & (columns < picture.shape[1])
    out = np.zeros((height, width, *picture.shape[2:]), dtype=picture.dtype)
    out[inside] = picture[rows[inside], columns[inside]]
    return out


def random_matrix(height: int, width: int) -> NDArray[np.float64]:
    """(2, 3): a flip half of the time, a small turn, a zoom and a shift about the middle of the picture."""
    angle, scale = math.radians(random.uniform(-8, 8)), random.uniform(0.85, 1.25)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = turn @ np.diag([random.choice((-1.0, 1.0)), 1.0])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = np.array([random.uniform(-0.08, 0.08) * width, random.uniform(-0.08, 0.08) * height])
    return np.hstack([turn, (centre + shift - turn @ centre)[:, None]])


class Scenes(Dataset):
    """Returns (image, mask, text)."""

    def __len__(self) -> int:
        return len(SCENES)

    def __getitem__(self, index: int) -> tuple:
        image, mask, text = SCENES[index].image, SCENES[index].mask, SCENES[index].text
        height, width = mask.shape
        matrix = random_matrix(height, width)
        image = warp_affine(image, matrix, (width, height))
        mask = warp_affine(mask, matrix, (width, height))
        return torch.from_numpy(image.transpose(2, 0, 1)).float() / 255, torch.from_numpy(mask > 0), text


def words(texts: list[str]) -> Tensor:
    return torch.tensor([[float(word in text) for word in WORDS] for text in texts])


def train(seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    random.seed(seed)
    net = Segmenter(3, len(WORDS))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(epochs):
        for image, mask, texts in DataLoader(Scenes(), batch_size=16, shuffle=True):
            loss = nn.functional.binary_cross_entropy_with_logits(net(image, words(texts))[:, 0], mask.float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(image, mask, texts, words(texts), loss.item()))
    return shown
