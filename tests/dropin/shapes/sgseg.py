"""SGSeg-like: captions are strings in the batch, beside six labels of a localizer that writes the missing ones.

A batch is `([image, text, label], mask)`. The step (Lightning) tokenizes inside the network.
"""

import warnings

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import Segmenter, Step, draw_chests

CHESTS = draw_chests(32, seed=1)
WORDS = sorted({word for chest in CHESTS for word in chest.text.replace(",", "").replace(".", "").lower().split()})
LEVELS = ("upper", "middle", "lower")


class QaTa(Dataset):
    """Returns ([image, text, label], mask); the text is empty where there is no report."""

    def __len__(self) -> int:
        return len(CHESTS)

    def __getitem__(self, index: int) -> tuple[list, Tensor]:
        chest = CHESTS[index]
        image = torch.from_numpy(chest.image).float().div(255).unsqueeze(0)
        mask = torch.from_numpy(chest.mask > 0).long().unsqueeze(0)
        return [image, chest.text if index % 3 else "", cells(mask[0])], mask


def cells(mask: Tensor) -> Tensor:
    """(6,) float: which of the cells of two sides and three levels hold something, as a localizer labels them."""
    size = len(mask)
    parts = mask.view(3, size // 3, 2, size // 2).sum(dim=(1, 3))
    return (parts.T > 0).flatten().float()


def gen(label: Tensor) -> str:
    """The report that the localizer writes from its labels."""
    sides = {name: label[3 * index : 3 * index + 3].tolist() for index, name in enumerate(("left", "right"))}
    phrases = [
        " ".join([level for level, found in zip(LEVELS, side, strict=True) if found] + [name, "lung"])
        for name, side in sides.items()
        if any(side)
    ]
    count = int(label.sum())
    counted = f"{count} infected area{'' if count == 1 else 's'}"
    both = "bilateral" if len(phrases) == 2 else "unilateral"
    return f"{both} pulmonary infection, {counted}, {' and '.join(phrases)}."


class Wrapper(lightning.LightningModule):
    """The network, its localizer, and its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(len(WORDS) + 1, 16)
        self.net = Segmenter(1, 16)
        self.localizer = nn.Sequential(nn.AdaptiveAvgPool2d((3, 2)), nn.Flatten(), nn.Linear(6, 6))
        self.shown: list[Step] = []

    def forward(self, image: Tensor, texts: list[str]) -> Tensor:
        ids = [
            [WORDS.index(word) + 1 if word in WORDS else 0 for word in text.lower().replace(",", "").strip(".").split()]
            for text in texts
        ]
        starts = torch.tensor([0, *(len(row) for row in ids[:-1])]).cumsum(0)
        return self.net(image, self.words(torch.tensor([word for row in ids for word in row]), starts))

    def training_step(self, batch: list, _: int) -> Tensor:
        (image, text, label), gt = batch
        text = [one or gen(some) for one, some in zip(text, label, strict=True)]
        loss = nn.functional.binary_cross_entropy_with_logits(self(image, text), gt.float())
        loss = loss + nn.functional.binary_cross_entropy_with_logits(self.localizer(image), label)
        self.shown.append(Step(image, gt, text, label, loss.item()))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def train(seed: int) -> list[Step]:
    """Two epochs; what the network was shown in each step."""
    lightning.seed_everything(seed, verbose=False)
    module = Wrapper()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module, DataLoader(QaTa(), batch_size=8, shuffle=True))
    return module.shown
