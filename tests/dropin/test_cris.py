"""CRIS-like: a flip with words in a data set that had none, before the letterbox."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from crossmodal_aug import QUADRANTS, PositionParser
from tests.dropin.pages import before, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, evident

__all__ = ["folder"]

PARSER = PositionParser(QUADRANTS)


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("natural-images.md", "cris", folder, section="CRIS")


def test_sentences_and_word_ids_say_where_the_mask_is(folder: Path, loader: ModuleType) -> None:
    steps = loader.train(0)
    check_steps(steps, PARSER)
    for step in steps:
        assert not (step.tokens == loader.UNKNOWN).any()
        assert (step.tokens == loader.END).any(dim=1).all(), "a turned sentence was cut"
    # The same draws without the lines name other sides: the flip did happen.
    sides = [PARSER.encode(step.texts).sum(dim=0) for step in (*steps, *before("cris", folder).train(0))]
    half = len(sides) // 2
    assert not torch.equal(torch.stack(sides[:half]).sum(dim=0), torch.stack(sides[half:]).sum(dim=0))


def test_without_words_a_flip_lies(loader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader.PARSER, "mirror", lambda sentence: sentence)
    lies = sum(
        int((PARSER.encode(step.texts) != evident(step.masks, QUADRANTS)).any(dim=1).sum())
        for step in loader.train(0, epochs=1)
    )
    assert lies > 16


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType) -> None:
    check_repeats(loader.train)


@pytest.mark.parametrize("sentence", ["the yellow ball", "second ball from left", "man with his right arm up", ""])
def test_a_flipped_sentence_has_as_many_words(sentence: str) -> None:
    turned = PARSER.mirror(sentence)
    assert len(turned.split()) == len(sentence.split())
    assert PARSER.mirror(turned) == sentence
    assert (turned != sentence) == ("left" in sentence or "right" in sentence)
