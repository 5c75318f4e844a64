"""LAVT-like, referring segmentation of natural pictures: PIL images, tokens of a sentence, a class map (B, H, W).

Tokens of all sentences are made when the data set is, and the sentences are forgotten.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as F
from transformers import BertTokenizerFast

from tests.dropin.phantoms import Segmenter, Step, draw_scenes

SIZE, LENGTH = 48, 20
SCENES = draw_scenes(48)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "the", "yellow", "red", "ball", "at", "in"]
VOCABULARY += ["corner", "of", "and", "left", "right", "top", "bottom", "center", "image", "located"]
EVERY_SIXTH_SILENT = 6


def tokenizer_in(folder: Path) -> BertTokenizerFast:
    path = folder / "vocab.txt"
    path.write_text("\n".join(VOCABULARY), encoding="utf-8")
    return BertTokenizerFast(str(path))


class ReferDataset(Dataset):
    """Returns (image, class map, token ids (1, L), attention mask (1, L))."""

    def __init__(self, tokenizer: BertTokenizerFast) -> None:
        self.input_ids, self.attention_masks = [], []
        for index, scene in enumerate(SCENES):
            sentence_raw = scene.text if index % EVERY_SIXTH_SILENT else "the yellow ball"
            row = tokenizer(sentence_raw, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
            self.input_ids.append(row["input_ids"])
            self.attention_masks.append(row["attention_mask"])

    def __len__(self) -> int:
        return len(SCENES)

    def __getitem__(self, index: int) -> tuple:
        labels = np.zeros(SCENES[index].mask.shape, dtype=np.uint8)
        labels[SCENES[index].mask > 0] = 1
        img = F.normalize(F.to_tensor(F.resize(Image.fromarray(SCENES[index].image), [SIZE, SIZE])), [0.5], [0.25])
        annot = F.resize(Image.fromarray(labels), [SIZE, SIZE], F.InterpolationMode.NEAREST)
        target = torch.from_numpy(np.array(annot)).long()
        return img, target, self.input_ids[index], self.attention_masks[index]


class Net(nn.Module):
    """Logits of two classes of an image and its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(VOCABULARY), 16)
        self.net = Segmenter(3, 16, classes=2)

    def forward(self, image: Tensor, ids: Tensor, attention: Tensor) -> Tensor:
        seen = attention.unsqueeze(2)
        return self.net(image, (self.words(ids) * seen).sum(dim=1) / seen.sum(dim=1))


def train(tokenizer: BertTokenizerFast, seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    data_loader = DataLoader(ReferDataset(tokenizer), batch_size=16, shuffle=True)
    shown = []
    for _ in range(epochs):
        for data in data_loader:
            image, target, sentences, attentions = data
            sentences, attentions = sentences.squeeze(1), attentions.squeeze(1)
            output = net(image, sentences, attentions)
            loss = nn.functional.cross_entropy(output, target, weight=torch.tensor([0.9, 1.1]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            read = tokenizer.batch_decode(sentences, skip_special_tokens=True)
            shown.append(Step(image, target, read, sentences, loss.item()))
    return shown
