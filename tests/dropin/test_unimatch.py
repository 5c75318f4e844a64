"""UniMatch-like, semi-supervised: two strong views, donors from a second loader, confidence and ignore maps."""

import math
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from crossmodal_aug import CrossModalSequential, SyncGeometry, TPatchMix
from crossmodal_aug.errors import InvalidValueError
from tests.dropin.pages import altered, before, counted, dropped_in, folder
from tests.dropin.phantoms import evident

__all__ = ["folder"]


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("unimatch.md", "unimatch", folder)


def bright(images: Tensor) -> Tensor:
    """Where lesions are in a strong view, whatever moved it: nothing else is bright."""
    return images > 0.5


def test_captions_say_what_is_in_the_pictures_of_both_views(loader: ModuleType) -> None:
    with counted(loader.AUGMENT) as seen:
        steps = loader.train(0)
    assert altered(seen) > 64
    differ = 0
    for step in steps:
        (one, *_), (other, *_) = step["views"]
        differ += not torch.equal(one > 0.5, other > 0.5)
        for images, texts, labels, _, ignored in step["views"]:
            shown = bright(images) & (ignored != loader.IGNORED).unsqueeze(1)
            assert torch.equal(loader.PARSER.encode(texts), evident(shown, loader.PARSER.atlas))
            assert torch.equal((labels == loader.LESION) & (ignored == 0), shown[:, 0])
        assert math.isfinite(step["loss"])
        _, mask, text = step["known"]
        assert torch.equal(loader.PARSER.encode(text), evident(mask == loader.LESION, loader.PARSER.atlas))
    assert differ == 8


def test_confidence_and_ignore_maps_are_moved_as_the_image_was(loader: ModuleType) -> None:
    ignored_inside = 0
    for step in loader.train(1):
        for images, _, labels, sure, ignored in step["views"]:
            # Padding is black in the picture that was pasted too, up to the noise of the strong view.
            assert (images[:, 0][ignored == loader.IGNORED] < 0.15).all()
            assert set(labels.unique().tolist()) <= {0, loader.LESION}
            assert (sure[bright(images[:, 0])] > 0.95).all()
            ignored_inside += int((ignored == loader.IGNORED).sum())
    assert ignored_inside > 0


def test_without_the_lines_captions_lie(folder: Path, loader: ModuleType) -> None:
    lies = 0
    for step in before("unimatch", folder).train(0):
        for images, texts, *_ in step["views"]:
            named = loader.PARSER.encode(texts)
            lies += int((named != evident(bright(images), loader.PARSER.atlas)).any(dim=1).sum())
    assert lies > 32


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType) -> None:
    one, again = loader.train(2), loader.train(2)
    for step, other in zip(one, again, strict=True):
        for view, repeated in zip(step["views"], other["views"], strict=True):
            assert view[1] == repeated[1]
            assert torch.equal(view[0], repeated[0])
            assert torch.equal(view[2], repeated[2])
        assert step["loss"] == other["loss"]
    texts = [[texts for _, texts, *_ in step["views"]] for step in one]
    assert texts[:4] != texts[4:]


def test_a_class_map_with_ignored_pixels_as_its_own_evidence_is_refused(loader: ModuleType) -> None:
    """Why the evidence is given apart: 255 is above 0, so padding would count as lesion."""
    data = [(chest.image, chest.mask, chest.text) for chest in loader.UNLABELLED]
    images, masks, texts = next(iter(DataLoader(data, 32)))
    images, masks = images.unsqueeze(1).float() / 255, (masks > 0).long()
    inside = torch.nn.functional.pad(torch.ones(42, 42), (3, 3, 3, 3)) > 0
    masks = torch.where(inside, masks, loader.IGNORED)
    small = TPatchMix(loader.PARSER, patch_size=6, p=1.0, where="donor", gate=None)
    with pytest.raises(InvalidValueError, match=r"`target` to be a mask.*\[0, 1, 255\]. Say where lesion is"):
        small(images, texts, masks, generator=torch.Generator().manual_seed(0))
    lesions = masks == loader.LESION
    out = small(images, texts, masks, evidence=lesions, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loader.PARSER.encode(out.texts), evident(out.target == loader.LESION, loader.PARSER.atlas))


def test_an_ignored_label_that_an_op_fills_in_is_no_evidence_for_the_next(loader: ModuleType) -> None:
    """A mask of 0 and 1 is its own evidence, until `target_fill` writes 255 into it half-way through a sequence."""
    masks = torch.stack([torch.from_numpy(chest.mask > 0).long() for chest in loader.UNLABELLED * 4])
    op = CrossModalSequential(
        SyncGeometry(loader.PARSER, p=1.0, degrees=6.0, translate=0.04, target_fill=loader.IGNORED),
        TPatchMix(loader.PARSER, patch_size=6, p=1.0, where="donor", gate=None),
    )
    texts = [chest.text for chest in loader.UNLABELLED * 4]
    out = op(torch.rand(128, 1, 48, 48), texts, masks, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loader.PARSER.encode(out.texts), evident(out.target == loader.LESION, loader.PARSER.atlas))
