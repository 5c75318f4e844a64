"""CRIS-like: NumPy arrays (H, W, 3) in a letterbox, word ids padded with 0, and no random geometry at all."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import Segmenter, Step, draw_scenes

INPUT, LENGTH = 96, 17
SCENES = draw_scenes(48, seed=4)
WORDS = ("the", "yellow", "ball", "at", "in", "corner", "left", "right", "top", "bottom", "center", "of", "image")
IDS = {word: number for number, word in enumerate(WORDS, start=3)}
START, END, UNKNOWN = 1, 2, 99


def tokenize(sentence: str) -> NDArray[np.int64]:
    """Word ids between a start and an end, padded with 0 to a fixed length."""
    ids = [START, *(IDS.get(word, UNKNOWN) for word in sentence.replace(",", " ").strip(".").lower().split()), END]
    row = np.zeros(LENGTH, dtype=np.int64)
    row[: len(ids)] = ids[:LENGTH]
    return row


def read_back(ids: torch.Tensor) -> list[str]:
    """The sentences that rows of word ids stand for."""
    words = {number: word for word, number in IDS.items()} | {UNKNOWN: "?"}
    return [" ".join(words[number] for number in row if number not in (0, START, END)) for row in ids.tolist()]


def letterboxed(picture: NDArray, *, fill: float) -> NDArray:
    """Into the middle of a square of `INPUT` pixels, nearest neighbours."""
    height, width = picture.shape[:2]
    scale = min(INPUT / height, INPUT / width)
    rows, columns = (np.arange(round(scale * side)) / scale for side in (height, width))
    grown = picture[rows.astype(int)][:, columns.astype(int)]
    out = np.full((INPUT, INPUT, *picture.shape[2:]), fill, dtype=picture.dtype)
    top, left = (INPUT - grown.shape[0]) // 2, (INPUT - grown.shape[1]) // 2
    out[top : top + grown.shape[0], left : left + grown.shape[1]] = grown
    return out


def in_picture(tensor: torch.Tensor) -> torch.Tensor:
    """What lies between the bars of the letterbox, where words speak of places."""
    height, width = SCENES[0].mask.shape
    bar = (INPUT - height * INPUT // width) // 2
    return tensor[..., bar:-bar, :]


class RefDataset(Dataset):
    """Returns (image, word ids, mask)."""

    def __len__(self) -> int:
        return len(SCENES)

    def __getitem__(self, index: int) -> tuple:
        img, mask, sent = SCENES[index].image, SCENES[index].mask, SCENES[index].text
        img = letterboxed(img, fill=114)
        mask = letterboxed(mask, fill=0) / 255.0
        word_vec = torch.from_numpy(tokenize(sent))
        img = torch.from_numpy(img.transpose(2, 0, 1).astype(np.float32)) / 255
        return img, word_vec, torch.from_numpy(mask.astype(np.float32))


class Net(nn.Module):
    """Logits of an image and its word ids."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 16, padding_idx=0)
        self.net = Segmenter(3, 16)

    def forward(self, image: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return self.net(image, self.words(ids).sum(dim=1) / (ids != 0).sum(dim=1, keepdim=True))


def train(seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(epochs):
        for image, text, target in DataLoader(RefDataset(), batch_size=16, shuffle=True):
            loss = nn.functional.binary_cross_entropy_with_logits(net(image, text)[:, 0], target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(in_picture(image), in_picture(target), read_back(text), text, loss.item()))
    return shown
