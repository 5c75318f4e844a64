"""A plain PyTorch loop: dictionaries from a data set, a flip and a CutMix on the batch, a step."""

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import SIDES, Segmenter, Step, draw_chests

WORDS = (*SIDES, "upper", "middle", "lower")
DRAWN = draw_chests(64, seed=6, cuts=(0.25, 0.5))


class Chests(Dataset):
    """Returns {'image', 'mask', 'caption'}."""

    def __len__(self) -> int:
        return len(DRAWN)

    def __getitem__(self, index: int) -> dict:
        chest = DRAWN[index]
        image = torch.from_numpy(chest.image).float().div(255).unsqueeze(0)
        mask = torch.from_numpy(chest.mask > 0).long().unsqueeze(0)
        return {"image": image, "mask": mask, "caption": chest.text}


def flip(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    turned = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(turned, images.flip(-1), images), torch.where(turned, masks.flip(-1), masks)


def cutmix(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    donor = torch.randperm(len(images))
    top, left = torch.randint(0, 25, (2,)).tolist()
    box = torch.zeros_like(masks, dtype=torch.bool)
    box[..., top : top + 24, left : left + 24] = True
    return torch.where(box, images[donor], images), torch.where(box, masks[donor], masks)


def colour(images: Tensor) -> Tensor:
    return (images * (0.9 + 0.2 * torch.rand(len(images), 1, 1, 1))).clamp(0, 1)


class Net(nn.Module):
    """Logits of an image and its caption."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Segmenter(1, len(WORDS))

    def forward(self, images: Tensor, captions: list[str]) -> Tensor:
        return self.net(images, torch.tensor([[float(word in caption) for word in WORDS] for caption in captions]))


def train(seed: int, epochs: int = 2) -> list[Step]:
    torch.manual_seed(seed)
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    shown = []
    for _ in range(epochs):
        for batch in DataLoader(Chests(), batch_size=16, shuffle=True):
            images, masks, captions = batch["image"], batch["mask"], batch["caption"]
            images, masks = cutmix(*flip(images, masks))
            images = colour(images)
            loss = nn.functional.binary_cross_entropy_with_logits(net(images, captions), masks.float())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shown.append(Step(images, masks, captions, torch.zeros(0), loss.item()))
    return shown
