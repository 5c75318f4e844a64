"""SGSeg-like: captions as strings, and the labels of the localizer that writes the missing ones."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils.data import DataLoader

from crossmodal_aug import CrossModalSequential, PosAug, SyncFlip, TPatchMix
from tests.dropin.pages import altered, before, counted, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, evident

__all__ = ["folder"]


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("sgseg.md", "sgseg", folder)


def test_reports_and_labels_say_what_the_masks_show(loader: ModuleType) -> None:
    with counted(loader.AUGMENT) as seen:
        steps = loader.train(0)
    check_steps(steps, loader.PARSER)
    assert altered(seen) > 32
    for step in steps:
        assert step.tokens.dtype == torch.float32
        assert torch.equal(step.tokens > 0, evident(step.masks, loader.PARSER.atlas)), "labels of the localizer"


def test_the_labels_of_the_shape_are_the_zones_of_the_atlas_in_order(folder: Path, loader: ModuleType) -> None:
    for step in before("sgseg", folder).train(0):
        assert torch.equal(step.tokens > 0, evident(step.masks, loader.PARSER.atlas))


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType) -> None:
    check_repeats(loader.train)


def test_counts_in_words_and_digits_are_kept_true(loader: ModuleType) -> None:
    digits = 0
    for step in loader.train(0):
        for text, shown in zip(step.texts, evident(step.masks, loader.PARSER.atlas), strict=True):
            report = loader.PARSER(text)
            assert not report.conflicts, text
            assert report.count == shown.sum(), text
            digits += any(letter.isdigit() for letter in text)
    assert digits > 8


def test_an_empty_caption_is_silent_and_its_picture_is_not_mixed(loader: ModuleType) -> None:
    """Whoever calls the op before the captions are written: an empty string is not "nothing there"."""
    (image, text, _), mask = next(iter(DataLoader(loader.QaTa(), batch_size=32)))
    op = TPatchMix(loader.PARSER, patch_size=14, p=1.0, where="donor")
    out = op(image, text, mask, generator=torch.Generator().manual_seed(0))
    empty = torch.tensor([not caption for caption in text])
    assert empty.any()
    assert not out.accepted[empty].any()
    assert torch.equal(out.images[empty], image[empty])
    assert all(text == "" for text, none in zip(out.texts, empty.tolist(), strict=True) if none)
    # A silent donor gives nothing either: what it would bring cannot be named.
    filled = ~empty
    assert torch.equal(loader.PARSER.encode(out.texts)[filled], evident(out.target, loader.PARSER.atlas)[filled])


def test_a_report_taken_apart_after_the_ops_still_has_its_words(loader: ModuleType) -> None:
    """PosAug masks words of the written list only; the mask stays true to the positions before it."""
    (image, text, label), mask = next(iter(DataLoader(loader.QaTa(), batch_size=16)))
    texts = [caption or loader.gen(some) for caption, some in zip(text, label, strict=True)]
    op = CrossModalSequential(SyncFlip(loader.PARSER, p=0.5), PosAug(loader.PARSER, phrase_p=0.5, mode="coarsen"))
    out = op(image, texts, mask, generator=torch.Generator().manual_seed(0))
    shown = evident(out.target, loader.PARSER.atlas)
    assert (loader.PARSER.encode(out.texts) | ~shown).all(), "a coarser word covers less than it did"
    assert (loader.PARSER.encode(out.texts) != shown).any()
