"""LViT-like: the data set embeds the sentence that a table has for its file name, and cuts it to so many rows.

Its generator turns image and label by quarter turns and flips, or by some degrees, under the embedding that it got.
"""

import random
import re
import zlib

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import COUNTS, Segmenter, Step, draw_chests

ROWS = 10
CHESTS = draw_chests(32)
SENTENCES = {chest.name: chest.text for chest in CHESTS}  # the table, read from a spreadsheet


def words_of(sentence: str) -> list[str]:
    return re.findall(r"\w+|[.,]", sentence.lower())


def vector_of(word: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(word.encode())).normal(size=768).astype(np.float32)


VOCABULARY = {word for sentence in SENTENCES.values() for word in words_of(sentence)} | {*COUNTS, "no", "all"}
VECTORS = {vector_of(word).tobytes(): word for word in VOCABULARY}


def embed(sentence: str) -> np.ndarray:
    """(L, 768) float32: one row a word, as a frozen language model would give them."""
    return np.stack([vector_of(word) for word in words_of(sentence)])


def padded(text: np.ndarray) -> Tensor:
    """(ROWS, 768): further rows are cut."""
    rows = np.zeros((ROWS, 768), dtype=np.float32)
    rows[: len(text)] = text[:ROWS]
    return torch.from_numpy(rows)


def read_back(text: Tensor) -> list[str]:
    """The words that rows stand for; a word that is in no caption is '?'."""
    rows = [[row.numpy().tobytes() for row in one if row.any()] for one in text]
    return [" ".join(VECTORS.get(row, "?") for row in one) for one in rows]


class RandomGenerator:
    """Turns image and label, and makes tensors."""

    def __call__(self, sample: dict) -> dict:
        image, label = sample["image"], sample["label"]
        if random.random() > 0.5:
            quarters, axis = random.randrange(4), random.randrange(2)
            image = np.flip(np.rot90(image, quarters), axis).copy()
            label = np.flip(np.rot90(label, quarters), axis).copy()
        image = torch.from_numpy(image).float().div(255).unsqueeze(0)
        return {**sample, "image": image, "label": torch.from_numpy(label).long()}


class ImageToImage2D(Dataset):
    """Returns ({'image', 'label', 'text'}, name)."""

    def __init__(self, rowtext: dict[str, str], joint_transform: RandomGenerator) -> None:
        self.rowtext, self.joint_transform = rowtext, joint_transform

    def __len__(self) -> int:
        return len(CHESTS)

    def __getitem__(self, index: int) -> tuple[dict, str]:
        name = CHESTS[index].name
        image, mask = CHESTS[index].image, np.where(CHESTS[index].mask > 0, 1, 0)
        text = padded(embed(self.rowtext[name]))
        sample = {"image": image, "label": mask, "text": text}
        return self.joint_transform(sample), name


def train_one_epoch(loader: DataLoader, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> list[Step]:
    """Train, or validate where the model is in evaluation mode."""
    shown = []
    for sampled_batch, _names in loader:
        images, masks, text = sampled_batch["image"], sampled_batch["label"], sampled_batch["text"]
        preds = model(images, text.mean(dim=1))[:, 0]
        loss = dice_and_entropy(preds, masks)
        if model.training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        shown.append(Step(images, masks, read_back(text), text, loss.item()))
    return shown


def dice_and_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, masks.float())
    found = logits.sigmoid()
    return entropy + 1 - (2 * (found * masks).sum() + 1) / (found.sum() + masks.sum() + 1)


def main_loop(seed: int, epochs: int = 2, *, training: bool = True) -> list[Step]:
    torch.manual_seed(seed)
    random.seed(seed)
    model = Segmenter(1, 768).train(training)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(ImageToImage2D(SENTENCES, RandomGenerator()), batch_size=8, shuffle=True, drop_last=True)
    return [step for _ in range(epochs) for step in train_one_epoch(loader, model, optimizer)]
