"""A data set with a flip of its own."""

import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import SIDES, Segmenter, Step, draw_chests

CHESTS = draw_chests(128, seed=5)


class Chests(Dataset):
    """Returns {'image', 'mask', 'caption'}; half of the pictures are flipped."""

    def __init__(self, count: int = 128, flip_p: float = 0.5) -> None:
        self.count, self.flip_p = count, flip_p

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict:
        chest = CHESTS[index]
        image, mask, caption = chest.image, chest.mask, chest.text
        if random.random() < self.flip_p:
            image, mask = np.fliplr(image).copy(), np.fliplr(mask).copy()
        image = torch.from_numpy(image).float().div(255).unsqueeze(0)
        return {"image": image, "mask": torch.from_numpy(mask > 0).unsqueeze(0), "caption": caption}


def words(captions: list[str]) -> Tensor:
    return torch.tensor(
        [[float(word in caption) for word in (*SIDES, "upper", "middle", "lower")] for caption in captions]
    )


def train(seed: int, workers: int = 0) -> list[Step]:
    torch.manual_seed(seed)
    random.seed(seed)
    net = Segmenter(1, 5)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(2):
        for batch in DataLoader(Chests(32), batch_size=8, shuffle=True, num_workers=workers):
            logits = net(batch["image"], words(batch["caption"]))
            loss = nn.functional.binary_cross_entropy_with_logits(logits, batch["mask"].float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(batch["image"], batch["mask"], batch["caption"], words(batch["caption"]), loss.item()))
    return shown
