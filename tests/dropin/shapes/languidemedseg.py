"""LanGuideMedSeg- and MMI-UNet-like: MONAI loads and zooms in the data set, tokens are made there, Lightning trains.

A batch is `([image, {"input_ids", "attention_mask"}], mask)`. MONAI's reader exchanges rows and columns.
"""

import warnings
from pathlib import Path

import lightning
import torch
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    NormalizeIntensityd,
    RandZoomd,
    Resized,
    ToTensord,
)
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import BertTokenizerFast

from tests.dropin.phantoms import COUNTS, Drawn, Segmenter, Step

LENGTH, SIZE = 24, 40
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", *COUNTS, "bilateral", "unilateral", "pulmonary"]
VOCABULARY += ["infection", "infected", "area", "areas", "upper", "middle", "lower", "all", "left", "right", "lung"]
VOCABULARY += ["and", "no"]


class Folder:
    """PNG files of images and masks, and the captions that a table would hold."""

    def __init__(self, root: Path, drawn: list[Drawn]) -> None:
        self.images, self.masks, self.captions = [], [], [one.text for one in drawn]
        for one in drawn:
            for kind, array, paths in (("image", one.image, self.images), ("mask", one.mask, self.masks)):
                path = root / f"{kind}-{one.name}"
                Image.fromarray(array).save(path)
                paths.append(str(path))
        vocabulary = root / "vocab.txt"
        vocabulary.write_text("\n".join(VOCABULARY), encoding="utf-8")
        self.tokenizer = BertTokenizerFast(str(vocabulary))


class QaTa(Dataset):
    """Returns ([image, tokens], mask)."""

    def __init__(self, folder: Folder, count: int, mode: str = "train") -> None:
        self.folder, self.count, self.mode = folder, count, mode

    def __len__(self) -> int:
        return self.count

    def transform(self) -> Compose:
        both, zoom = ["image", "gt"], []
        if self.mode == "train":
            zoom = [RandZoomd(both, min_zoom=0.95, max_zoom=1.2, mode=["bicubic", "nearest"], prob=0.1)]
        return Compose(
            [
                LoadImaged(both, reader="PILReader"),
                EnsureChannelFirstd(both),
                *zoom,
                Resized(["image"], (SIZE, SIZE), mode="bicubic"),
                Resized(["gt"], (SIZE, SIZE), mode="nearest"),
                NormalizeIntensityd("image", channel_wise=True),
                ToTensord(both),
            ]
        )

    def __getitem__(self, index: int) -> tuple[list, Tensor]:
        caption = self.folder.captions[index]
        row = self.folder.tokenizer(
            caption, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
        )
        data = self.transform()({"image": self.folder.images[index], "gt": self.folder.masks[index]})
        text = {"input_ids": row["input_ids"].squeeze(0), "attention_mask": row["attention_mask"].squeeze(0)}
        return [data["image"], text], torch.where(data["gt"] > 127, 1, 0)


class Wrapper(lightning.LightningModule):
    """The network and its steps."""

    def __init__(self, tokenizer: BertTokenizerFast) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.words = nn.Embedding(len(VOCABULARY), 16)
        self.net = Segmenter(1, 16)
        self.shown: list[Step] = []

    def forward(self, data: list) -> Tensor:
        image, text = data
        seen = text["attention_mask"].unsqueeze(2)
        return self.net(image, (self.words(text["input_ids"]) * seen).sum(dim=1) / seen.sum(dim=1))

    def shared_step(self, batch: list) -> Tensor:
        (image, text), gt = batch
        loss = nn.functional.binary_cross_entropy_with_logits(self([image, text]), gt.float())
        read = self.tokenizer.batch_decode(text["input_ids"], skip_special_tokens=True)
        self.shown.append(Step(image, gt, read, text["input_ids"], loss.item()))
        return loss

    def training_step(self, batch: list, _: int) -> Tensor:
        return self.shared_step(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def train(folder: Folder, seed: int) -> list[Step]:
    """Two epochs; what the network was shown in each step."""
    lightning.seed_everything(seed, verbose=False)
    module = Wrapper(folder.tokenizer)
    data = QaTa(folder, 24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module, DataLoader(data, batch_size=8, shuffle=True))
    return module.shown
