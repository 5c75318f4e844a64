"""A plain PyTorch loop, with the lines of its guide."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.dropin.pages import altered, before, counted, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, evident

__all__ = ["folder"]


@pytest.fixture(scope="module")
def loop(folder: Path) -> ModuleType:
    return dropped_in("plain-loop.md", "plain_loop", folder)


def test_captions_say_what_the_masks_show(loop: ModuleType) -> None:
    with counted(loop.AUGMENT) as seen:
        steps = loop.train(0)
    check_steps(steps, loop.PARSER)
    assert altered(seen) > 64


def test_the_rows_are_those_of_the_data(loop: ModuleType) -> None:
    assert loop.FOUND.orientation == "upright"
    assert loop.PARSER.atlas.laterality == "viewer"
    first, second = loop.PARSER.atlas.rows
    # Anywhere between the blobs of two rows: zones of the drawn chests end at 0.25 and 0.5.
    assert 0.2 <= first <= 0.3
    assert 0.45 <= second <= 0.66
    assert loop.FOUND.after.macro_f1 > loop.FOUND.before.macro_f1


def test_without_the_lines_captions_lie(folder: Path, loop: ModuleType) -> None:
    shown = before("plain_loop", folder).train(0)
    texts = [text for step in shown for text in step.texts]
    masks = torch.cat([step.masks for step in shown])
    lies = (PositionParser(LUNG_ZONES).encode(texts) != evident(masks, loop.PARSER.atlas)).any(dim=1)
    assert lies.sum() > len(texts) / 3


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loop: ModuleType) -> None:
    check_repeats(loop.train)
