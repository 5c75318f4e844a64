"""CRIS-like: NumPy arrays (H, W, 3), a letterbox and a random affine as one matrix of pixels, word ids padded with 0.

The matrix is drawn in the data set, so `CF.follow` is asked there if the sentence survives it and what it must say.
Changed: 17 lines, many: a matrix of pixels has to be turned into shares of the image, a mirror exchanges words that are
no places too, and a sentence that names no place, or cannot be written, has to be refused by hand.
"""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

# --- crossmodal_aug
import crossmodal_aug.functional as CF
from crossmodal_aug import QUADRANTS, PositionParser
from crossmodal_aug.errors import CannotSay

# ---
from tests.dropin.phantoms import (
    Drawn,
    Segmenter,
    Step,
    changed_lines,
    check_repeats,
    check_steps,
    draw_scenes,
    evident,
)

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


def warp(picture: NDArray, matrix: NDArray, size: tuple[int, int], *, fill: float) -> NDArray:
    """As cv2.warpAffine with nearest neighbours: centres of pixels have whole coordinates."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    inverse = np.linalg.inv(matrix)
    columns, rows = np.rint(np.tensordot(inverse[:2], np.stack([x, y, np.ones_like(x)]), axes=1) + 1e-9).astype(int)
    inside = (rows >= 0) & (rows < picture.shape[0]) & (columns >= 0) & (columns < picture.shape[1])
    out = np.full((height, width, *picture.shape[2:]), fill, dtype=picture.dtype)
    out[inside] = picture[rows[inside], columns[inside]]
    return out


def letterbox(height: int, width: int) -> NDArray[np.float64]:
    """Into the middle of a square of `INPUT` pixels."""
    scale = min(INPUT / height, INPUT / width)
    return np.array(
        [
            [scale, 0, (INPUT - scale * width + scale - 1) / 2],
            [0, scale, (INPUT - scale * height + scale - 1) / 2],
            [0, 0, 1],
        ]
    )


def random_affine(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A flip half of the time, a small turn, a zoom and a shift, on pixels of the picture."""
    angle, scale = math.radians(rng.uniform(-8, 8)), rng.uniform(0.85, 1.25)
    flip = np.diag([-1.0 if rng.random() < 0.5 else 1.0, 1.0, 1.0])
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix[:2, 2] = rng.uniform(-0.08, 0.08, 2) * (width, height)
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = centre, -centre
    return to @ matrix @ flip @ back


# --- crossmodal_aug
PARSER = PositionParser(QUADRANTS)


def followed(matrix: NDArray, mask: NDArray, sentence: str) -> tuple[NDArray, str]:
    height, width = mask.shape
    shares = np.array([[1 / width, 0, 0.5 / width], [0, 1 / height, 0.5 / height], [0, 0, 1]])
    whole = torch.from_numpy(shares @ matrix @ np.linalg.inv(shares)).unsqueeze(0)
    positions, kept = CF.follow(whole, PARSER.encode([sentence]), QUADRANTS, torch.from_numpy(mask).unsqueeze(0))
    try:
        if kept and PARSER(sentence).placed:
            turned = PARSER.mirror(sentence) if np.linalg.det(matrix) < 0 else sentence
            return matrix, PARSER.rewrite(turned, positions[0].tolist())
    except CannotSay:
        pass
    return np.eye(3), sentence


# ---


class Refer(Dataset):
    """Returns (image, word ids, mask, and for the test: sentence, matrix)."""

    def __init__(self, scenes: list[Drawn], seed: int) -> None:
        self.scenes, self.seed, self.epoch = scenes, seed, 0

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple:
        scene, rng = self.scenes[index], np.random.default_rng((self.seed, self.epoch, index))
        image, mask, sentence = scene.image, scene.mask, scene.text
        height, width = mask.shape
        matrix = random_affine(height, width, rng)
        # --- crossmodal_aug
        matrix, sentence = followed(matrix, mask, sentence)
        # ---
        whole = letterbox(height, width) @ matrix
        image = warp(image, whole, (INPUT, INPUT), fill=114)
        mask = warp(mask, whole, (INPUT, INPUT), fill=0) / 255.0
        image = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)) / 255
        return image, torch.from_numpy(tokenize(sentence)), torch.from_numpy(mask.astype(np.float32)), sentence, matrix


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
    net, data = Net(), Refer(SCENES, seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    shown = []
    for epoch in range(epochs):
        data.epoch = epoch
        for image, ids, mask, sentences, matrices in DataLoader(data, batch_size=16, shuffle=True):
            loss = nn.functional.binary_cross_entropy_with_logits(net(image, ids)[:, 0], mask)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            moved = (matrices != torch.eye(3)).flatten(1).any(dim=1)
            shown.append(Step(in_picture(image), in_picture(mask), list(sentences), ids, loss.item(), int(moved.sum())))
    return shown


def in_picture(tensor: torch.Tensor) -> torch.Tensor:
    """What lies between the bars of the letterbox, where words speak of places."""
    height, width = SCENES[0].mask.shape
    bar = (INPUT - height * INPUT // width) // 2
    return tensor[..., bar:-bar, :]


def test_lines() -> None:
    assert changed_lines(__file__) == 17


def test_sentences_and_word_ids_say_where_the_mask_is() -> None:
    steps = train(0)
    check_steps(steps, PARSER)
    for step in steps:
        assert torch.equal(step.tokens, torch.stack([torch.from_numpy(tokenize(text)) for text in step.texts]))
        assert not (step.tokens == UNKNOWN).any()
        assert (step.tokens == END).any(dim=1).all(), "a rewritten sentence was cut"
    assert sum(step.altered for step in steps) > 48


def test_without_the_lines_sentences_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.followed", lambda matrix, _, sentence: (matrix, sentence))
    lies = sum(
        int((PARSER.encode(step.texts) != evident(step.masks, QUADRANTS)).any(dim=1).sum())
        for step in train(0, epochs=1)
    )
    assert lies > 16


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first() -> None:
    check_repeats(train)


@pytest.mark.parametrize("sentence", ["the yellow ball", "second ball from left", "man with his right arm up", ""])
def test_a_sentence_without_a_place_keeps_its_picture(sentence: str) -> None:
    """`kept` alone says yes: positions that are empty follow any matrix, and a flip would leave "from left" a lie."""
    mask, flip = SCENES[0].mask, np.diag([-1.0, 1.0, 1.0])
    flip[0, 2] = mask.shape[1] - 1
    matrix, same = followed(flip, mask, sentence)
    assert np.array_equal(matrix, np.eye(3))
    assert same == sentence


def test_words_beside_the_place_are_mirrored_too() -> None:
    mask, flip = np.zeros((48, 64), dtype=np.uint8), np.diag([-1.0, 1.0, 1.0])
    mask[4:10, 4:10] = 255
    flip[0, 2] = 63
    matrix, turned = followed(flip, mask, "ball at the top left, its right half in shadow")
    assert np.array_equal(matrix, flip)
    assert turned == "ball at the top right, its left half in shadow"
