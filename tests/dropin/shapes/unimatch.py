"""UniMatch-like, semi-supervised: a weak and two strong views, whose boxes are filled from a second unlabelled loader.

Labels are class maps (B, H, W) with 255 where the loss ignores. The data set flips and shifts, so that borders are
padding, and draws the boxes.
"""

import random

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tests.dropin.phantoms import Segmenter, draw_chests

LESION, IGNORED = 1, 255
LABELLED, UNLABELLED = draw_chests(8, seed=2), draw_chests(32, seed=3)
WORDS = ("upper", "middle", "lower", "left", "right", "unilateral", "bilateral", "one", "two", "three")


class SemiDataset(Dataset):
    """Labelled: (image, mask, text). Unlabelled: (weak, strong 1, strong 2, ignore mask, box 1, box 2, text)."""

    def __init__(self, drawn: list, mode: str) -> None:
        self.drawn, self.mode = drawn, mode

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, item: int) -> tuple:
        chest = self.drawn[item]
        img = torch.from_numpy(chest.image).float().div(255).unsqueeze(0)
        mask, text = torch.from_numpy(chest.mask > 0).long(), chest.text
        if random.random() < 0.5:
            img, mask = img.flip(-1), mask.flip(-1)
        img, mask = shifted(img, mask)
        if self.mode == "train_l":
            return img, mask, text
        ignore_mask = torch.where(mask == IGNORED, IGNORED, 0)
        cutmix_box1, cutmix_box2 = obtain_cutmix_box(mask.shape), obtain_cutmix_box(mask.shape)
        return img, jittered(img), jittered(img), ignore_mask, cutmix_box1, cutmix_box2, text


def shifted(img: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Shift by one pixel either way; what comes in from outside is ignored."""
    down, across = random.randint(-1, 1), random.randint(-1, 1)
    moved, labels = torch.zeros_like(img), torch.full_like(mask, IGNORED)
    height, width = mask.shape
    to = slice(max(down, 0), height + min(down, 0)), slice(max(across, 0), width + min(across, 0))
    of = slice(max(-down, 0), height - max(down, 0)), slice(max(-across, 0), width - max(across, 0))
    moved[:, *to], labels[to] = img[:, *of], mask[of]
    return moved, labels


def jittered(img: Tensor) -> Tensor:
    return (img * (0.9 + 0.2 * torch.rand(())) + 0.02 * torch.randn(img.shape)).clamp(0, 1)


def obtain_cutmix_box(size: torch.Size) -> Tensor:
    box = torch.zeros(size)
    if random.random() < 0.5:
        top, left = random.randrange(size[0] // 2), random.randrange(size[1] // 2)
        box[top : top + size[0] // 2, left : left + size[1] // 2] = 1
    return box


def words(texts: list[str]) -> Tensor:
    return torch.tensor([[float(text.lower().count(word)) for word in WORDS] for text in texts])


class Net(Segmenter):
    """Two classes; it knows from the start that blobs are bright, so that its pseudo-masks are worth a test."""

    def __init__(self) -> None:
        super().__init__(1, len(WORDS), classes=2)

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        bright = 40 * (images - 0.5)
        return 0.01 * super().forward(images, text) + torch.cat((-bright, bright), dim=1)


def criterion_u(logits: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy over the pixels that are not ignored, weighted."""
    loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp_min(1)


def train(seed: int, epochs: int = 2) -> list[dict]:
    torch.manual_seed(seed)
    random.seed(seed)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    trainloader_l = DataLoader(SemiDataset(LABELLED * 4, "train_l"), 8, shuffle=True)
    trainloader_u = DataLoader(SemiDataset(UNLABELLED, "train_u"), 8, shuffle=True)
    trainloader_u_mix = DataLoader(SemiDataset(UNLABELLED, "train_u"), 8, shuffle=True)
    shown = []
    for _ in range(epochs):
        for (
            (img_x, mask_x, text_x),
            (img_u_w, img_u_s1, img_u_s2, ignore_mask, cutmix_box1, cutmix_box2, text_u),
            (img_u_w_mix, img_u_s1_mix, img_u_s2_mix, ignore_mask_mix, _, _, text_u_mix),
        ) in zip(trainloader_l, trainloader_u, trainloader_u_mix, strict=True):
            with torch.no_grad():
                prob_u_w = model(img_u_w, words(text_u)).softmax(dim=1)
                prob_u_w_mix = model(img_u_w_mix, words(text_u_mix)).softmax(dim=1)
            conf_u_w, mask_u_w = prob_u_w.max(dim=1)
            conf_u_w_mix, mask_u_w_mix = prob_u_w_mix.max(dim=1)

            views = []
            for img_s, img_s_mix, box in ((img_u_s1, img_u_s1_mix, cutmix_box1), (img_u_s2, img_u_s2_mix, cutmix_box2)):
                img = torch.where(box.unsqueeze(1) == 1, img_s_mix, img_s)
                mask = torch.where(box == 1, mask_u_w_mix, mask_u_w)
                conf = torch.where(box == 1, conf_u_w_mix, conf_u_w)
                ignore = torch.where(box == 1, ignore_mask_mix, ignore_mask)
                views.append((img, text_u, mask, conf, ignore))

            loss = criterion_u(model(img_x, words(text_x)), mask_x, (mask_x != IGNORED).float())
            for img, text, mask, conf, ignore in views:
                weight = ((conf >= 0.95) & (ignore != IGNORED)).float()
                loss = loss + 0.5 * criterion_u(model(img, words(text)), mask, weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            shown.append({"views": views, "loss": loss.item(), "known": (img_x, mask_x, text_x)})
    return shown
