"""A data set with a flip of its own: left and right are exchanged in the caption in the line after it."""

import random
from pathlib import Path
from types import ModuleType

import pytest
from torch.utils.data import DataLoader

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import AlignmentError
from tests.dropin.pages import before, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps

__all__ = ["folder"]


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("own-flip.md", "own_flip", folder)


@pytest.mark.parametrize("workers", [0, 2])
def test_captions_say_what_the_masks_show(loader: ModuleType, workers: int) -> None:
    steps = loader.train(0, workers)
    check_steps(steps, loader.PARSER)
    captions = {chest.text for chest in loader.CHESTS[:32]}
    assert sum(caption not in captions for step in steps for caption in step.texts) > 8


@pytest.mark.parametrize("workers", [0, 2])
def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(
    loader: ModuleType, workers: int
) -> None:
    check_repeats(lambda seed: loader.train(seed, workers))


def test_twice_is_the_caption_that_it_was(loader: ModuleType) -> None:
    for chest in loader.CHESTS:
        assert loader.PARSER.mirror(loader.PARSER.mirror(chest.text)) == chest.text


def alignment(module: ModuleType, **settings: float) -> float:
    random.seed(0)
    batch = next(iter(DataLoader(module.Chests(**settings), batch_size=128)))
    return CF.check_alignment(LUNG_ZONES, batch["mask"], PositionParser(LUNG_ZONES).encode(batch["caption"]))


def test_with_the_line_the_check_is_content(loader: ModuleType) -> None:
    assert alignment(loader) == 1.0


def test_a_flip_of_every_picture_without_the_line_is_named(folder: Path) -> None:
    with pytest.raises(AlignmentError, match="they look mirrored:"):
        alignment(before("own_flip", folder), flip_p=1.0)


def test_a_flip_of_half_of_the_pictures_without_the_line_is_named_too(folder: Path) -> None:
    """No reading of all masks is better than the one that is right for half of them; the samples say it one by one."""
    with pytest.raises(AlignmentError, match="they look mirrored in part:"):
        alignment(before("own_flip", folder))
