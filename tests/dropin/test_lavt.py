"""LAVT-like, referring segmentation of natural pictures: tokens of a sentence, a class map, places in the picture."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.data import DataLoader

from crossmodal_aug import QUADRANTS, PositionParser, SyncFlip, SyncGeometry
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import CannotSay
from tests.dropin.pages import altered, counted, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps

__all__ = ["folder"]

PARSER = PositionParser(QUADRANTS)


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("natural-images.md", "lavt", folder, section="LAVT")


@pytest.fixture(scope="module")
def tokenizer(folder: Path, loader: ModuleType):
    return loader.tokenizer_in(folder)


def test_sentences_and_tokens_say_where_the_target_is(loader: ModuleType, tokenizer) -> None:
    with counted(loader.AUGMENT) as seen:
        steps = loader.train(tokenizer, 0)
    check_steps(steps, PARSER)
    assert altered(seen) > 32
    for step in steps:
        assert step.masks.dtype == torch.int64
        assert set(step.masks.unique().tolist()) <= {0, 1}
        assert not (step.tokens == loader.VOCABULARY.index("[UNK]")).any()
    assert len({text for step in steps for text in step.texts}) > 8


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType, tokenizer) -> None:
    check_repeats(lambda seed: loader.train(tokenizer, seed))


def test_a_sentence_without_a_place_is_flipped_and_not_cropped(loader: ModuleType, tokenizer) -> None:
    image, target, _, _, sentences = next(iter(DataLoader(loader.ReferDataset(tokenizer), batch_size=48)))
    silent = ~PARSER.placed(sentences)
    assert silent.sum() == 8
    flipped = SyncFlip(PARSER, p=1.0)(image, sentences, target)
    assert flipped.accepted.all()
    crop = SyncGeometry(PARSER, p=1.0, horizontal=False, crop=0.85)
    out = crop(image, sentences, target, generator=torch.Generator().manual_seed(0))
    assert not out.accepted[silent].any()
    assert (out.params.reason[silent] == Reason.SILENT).all()
    assert torch.equal(out.images[silent], image[silent])
    assert out.accepted.sum() > 24


@pytest.mark.parametrize("sentence", ["tree right", "table left bottom"])
def test_the_thing_that_is_meant_stays_in_its_sentence(sentence: str) -> None:
    thing, _ = sentence.split(maxsplit=1)
    try:
        turned = PARSER.rewrite(sentence, [False, True, False, False, False])
    except CannotSay:
        return  # left alone
    assert thing in turned


def test_a_whole_side_is_written_as_a_side() -> None:
    op = SyncGeometry(PARSER, p=1.0, horizontal=False, vertical=True)
    sentences = ["the bottom ball"] * 8
    out = op(torch.rand(8, 3, 8, 8), sentences, generator=torch.Generator().manual_seed(0))
    assert out.accepted.any()
    assert set(out.texts) == {"the bottom ball", "the top ball"}


def test_turns_of_pictures_from_above_are_followed_too(loader: ModuleType, tokenizer) -> None:
    op = SyncGeometry(PARSER, p=1.0, vertical=True, quarter_turns=True, crop=0.85)
    image, target, _, _, sentences = next(iter(DataLoader(loader.ReferDataset(tokenizer), batch_size=48)))
    out = op(image, sentences, target, generator=torch.Generator().manual_seed(0))
    assert out.accepted.sum() > 24
    placed = PARSER.placed(out.texts)
    from tests.dropin.phantoms import evident

    assert torch.equal(PARSER.encode(out.texts)[placed], evident(out.target, QUADRANTS)[placed])
