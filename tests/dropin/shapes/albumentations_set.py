"""A data set that hands image and mask to a pipeline of albumentations."""

import albumentations as A
import torch
from torch.utils.data import Dataset

from tests.dropin.phantoms import draw_chests

CHESTS = draw_chests(48, seed=7)
PIPELINE = [
    A.HorizontalFlip(p=0.5),
    A.Affine(rotate=(-8, 8), scale=(0.95, 1.1), p=0.8, mask_interpolation=0),
    A.RandomBrightnessContrast(p=0.5),
]
transform = A.Compose(PIPELINE)


class Chests(Dataset):
    """Returns (image, mask, text)."""

    def __len__(self) -> int:
        return len(CHESTS)

    def __getitem__(self, index: int) -> tuple:
        image, mask, text = CHESTS[index].image, CHESTS[index].mask, CHESTS[index].text
        out = transform(image=image, mask=mask)
        image, mask = out["image"], out["mask"]
        return torch.from_numpy(image).float().div(255).unsqueeze(0), torch.from_numpy(mask > 0), text


def all_of(seed: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Every sample once."""
    transform.set_random_seed(seed)
    images, masks, texts = zip(*(Chests()[index] for index in range(len(CHESTS))), strict=True)
    return torch.stack(images), torch.stack(masks), list(texts)
