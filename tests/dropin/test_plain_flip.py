"""A data set with a flip of its own: left and right are exchanged in the caption in the line after it.

Changed: 3 lines: the import, the parser, and `parser.mirror`.
"""

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import crossmodal_aug.functional as CF

# --- crossmodal_aug
from crossmodal_aug import LUNG_ZONES, PositionParser

# ---
from crossmodal_aug.errors import AlignmentError
from tests.dropin.phantoms import SIDES, Segmenter, Step, changed_lines, check_repeats, check_steps, draw_chests

CHESTS = draw_chests(128, seed=5)
# --- crossmodal_aug
PARSER = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
# ---


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
            # --- crossmodal_aug
            caption = PARSER.mirror(caption)
            # ---
        image = torch.from_numpy(image).float().div(255).unsqueeze(0)
        return {"image": image, "mask": torch.from_numpy(mask > 0).unsqueeze(0), "caption": caption}


class Unsynced(Chests):
    """The same without the line."""

    def __getitem__(self, index: int) -> dict:
        return {**super().__getitem__(index), "caption": CHESTS[index].text}


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


def test_lines() -> None:
    assert changed_lines(__file__) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_captions_say_what_the_masks_show(workers: int) -> None:
    steps = train(0, workers)
    check_steps(steps, PARSER)
    captions = {chest.text for chest in CHESTS[:32]}
    assert sum(caption not in captions for step in steps for caption in step.texts) > 8


@pytest.mark.parametrize("workers", [0, 2])
def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(workers: int) -> None:
    check_repeats(lambda seed: train(seed, workers))


def test_twice_is_the_caption_that_it_was() -> None:
    for chest in CHESTS:
        assert PARSER.mirror(PARSER.mirror(chest.text)) == chest.text


def alignment(data: Dataset, seed: int = 0) -> float:
    random.seed(seed)
    batch = next(iter(DataLoader(data, batch_size=128)))
    return CF.check_alignment(PARSER.atlas, batch["mask"], PARSER.encode(batch["caption"]))


def test_with_the_line_the_check_is_content() -> None:
    assert alignment(Chests()) == 1.0


def test_a_flip_of_every_picture_without_the_line_is_named() -> None:
    with pytest.raises(AlignmentError, match="they look mirrored:"):
        alignment(Unsynced(flip_p=1.0))


def test_a_flip_of_half_of_the_pictures_without_the_line_is_named_too() -> None:
    """No reading of all masks is better than the one that is right for half of them; the samples say it one by one."""
    with pytest.raises(AlignmentError, match="they look mirrored in part:"):
        alignment(Unsynced())
