"""LViT-like: the embedding moves out of the data set, behind the op, with a cache by sentence."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.dropin.pages import altered, before, counted, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, evident

__all__ = ["folder"]


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("lvit.md", "lvit", folder)


def test_captions_and_embeddings_say_what_the_masks_show(loader: ModuleType) -> None:
    with counted(loader.AUGMENT) as seen:
        steps = loader.main_loop(0)
    check_steps(steps, loader.PARSER)
    assert altered(seen) > 32
    for step in steps:
        assert step.masks.dtype == torch.int64
        for sentence in step.texts:
            assert sentence.endswith(" ."), "a rewritten sentence was cut"
            assert "?" not in sentence, "a word that no caption has"


def test_each_sentence_is_embedded_once(loader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, embed = [], loader.embed
    monkeypatch.setattr(loader, "embed", lambda sentence: asked.append(sentence) or embed(sentence))
    loader.embedded.cache_clear()
    loader.main_loop(0)
    assert len(asked) == len(set(asked)) < 64


def test_validation_alters_nothing(loader: ModuleType) -> None:
    captions = sorted(" ".join(loader.words_of(chest.text)) for chest in loader.CHESTS)
    with counted(loader.AUGMENT) as seen:
        steps = loader.main_loop(0, epochs=1, training=False)
    assert not seen
    assert sorted(text for step in steps for text in step.texts) == captions


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType) -> None:
    check_repeats(loader.main_loop)


def test_what_is_embedded_by_file_name_lies(folder: Path, loader: ModuleType) -> None:
    """The reason for the lines: the generator turns pictures under embeddings, which are cut as well."""
    steps = before("lvit", folder).main_loop(0, epochs=1)
    texts = [text for step in steps for text in step.texts]
    shown = evident(torch.cat([step.masks for step in steps]), loader.PARSER.atlas)
    assert (loader.PARSER.encode(texts) != shown).any(dim=1).sum() > 16
    assert sum(not text.endswith(" .") for text in texts) > 16
