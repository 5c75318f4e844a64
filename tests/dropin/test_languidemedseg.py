"""LanGuideMedSeg- and MMI-UNet-like: MONAI, tokens made in the data set, Lightning."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from monai.data import PILReader
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
from torch import Tensor
from torch.utils.data import DataLoader

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip, ZoneMix
from crossmodal_aug.errors import AlignmentError
from crossmodal_aug.integrations.batch import CrossModalBatch
from crossmodal_aug.integrations.samples import SampleKeys
from tests.dropin.pages import altered, before, counted, dropped_in, folder
from tests.dropin.phantoms import check_repeats, check_steps, draw_chests

__all__ = ["folder"]

PARSER = PositionParser(LUNG_ZONES)


@pytest.fixture(scope="module")
def loader(folder: Path) -> ModuleType:
    return dropped_in("languidemedseg.md", "languidemedseg", folder)


@pytest.fixture(scope="module")
def files(folder: Path, loader: ModuleType):
    return loader.Folder(folder, draw_chests(128, size=48))


def test_captions_and_tokens_say_what_the_masks_show(loader: ModuleType, files) -> None:
    with counted(loader.AUGMENT) as seen:
        steps = loader.train(files, 0)
    check_steps(steps, PARSER)
    assert altered(seen) > 24
    for step in steps:
        # What is written needs no word that captions of this data set do not have.
        assert not (step.tokens == loader.VOCABULARY.index("[UNK]")).any()
        assert all(text.endswith(".") for text in step.texts), "a rewritten caption was cut"


def test_the_second_epoch_repeats_under_the_same_seed_and_differs_from_the_first(loader: ModuleType, files) -> None:
    check_repeats(lambda seed: loader.train(files, seed))


def test_tokens_read_back_say_the_same_as_the_sentence(loader: ModuleType, files) -> None:
    """Where the data set must not change, the sentence can be had from its tokens, in lower case."""
    (_, text), _ = next(iter(DataLoader(loader.QaTa(files, 32, "test"), batch_size=32)))
    decoded = files.tokenizer.batch_decode(text["input_ids"], skip_special_tokens=True)
    assert torch.equal(PARSER.encode(decoded), PARSER.encode(text["caption"]))


def masks_of(module: ModuleType, files) -> Tensor:
    return next(iter(DataLoader(module.QaTa(files, 128, "test"), batch_size=128)))[1]


def test_the_reader_of_the_guide_loads_upright(loader: ModuleType, files) -> None:
    assert CF.check_alignment(PARSER.atlas, masks_of(loader, files), PARSER.encode(files.captions)) == 1.0


def test_the_reader_that_was_there_is_named(folder: Path, files) -> None:
    masks = masks_of(before("languidemedseg", folder), files)
    with pytest.raises(AlignmentError, match="they look transposed:"):
        CF.check_alignment(PARSER.atlas, masks, PARSER.encode(files.captions))


def test_weights_of_exchanged_axes_are_served_with_a_width_axis(folder: Path, files) -> None:
    masks = masks_of(before("languidemedseg", folder), files)
    keys = SampleKeys(image="image", mask="mask", text="text")
    batch = {"image": masks.float(), "mask": masks, "text": files.captions}
    op = CrossModalBatch(ZoneMix(PARSER, p=1.0), keys=keys, width_axis=0)
    out = op(batch, generator=torch.Generator().manual_seed(0))
    assert out["accepted"].sum() > 64
    assert torch.equal(CF.region_evidence(out["mask"].mT > 0, PARSER.atlas, reduce="count") > 0, out["positions"])


def loaded(files, reader: object, turn) -> tuple[Tensor, Tensor]:
    both = ["image", "gt"]
    load = Compose([LoadImaged(both, reader=reader), EnsureChannelFirstd(both)])
    samples = [load({"image": image, "gt": mask}) for image, mask in zip(files.images, files.masks, strict=True)]
    images, masks = (torch.stack([sample[key].as_tensor() for sample in samples]) for key in both)
    return turn(images), turn(masks) > 127


@pytest.mark.parametrize(
    ("reader", "turn", "name"),
    [
        (None, lambda picture: picture, "transposed"),
        (PILReader(), lambda picture: picture, "transposed"),
        (PILReader(), lambda picture: picture.flip(-1), "transposed and upside down"),
        (PILReader(reverse_indexing=False), lambda picture: picture.mT, "transposed"),
        (PILReader(), lambda picture: picture.rot90(1, (-2, -1)), "upside down"),
    ],
)
def test_data_that_is_loaded_on_its_side_is_named(files, reader: object, turn, name: str) -> None:
    _, masks = loaded(files, reader, turn)
    with pytest.raises(AlignmentError, match=f"they look {name}:"):
        CF.check_alignment(PARSER.atlas, masks, PARSER.encode(files.captions))


def test_one_batch_of_exchanged_axes_is_enough(files) -> None:
    _, masks = loaded(files, "PILReader", lambda picture: picture)
    raised = 0
    for start in range(0, 128, 32):
        some = slice(start, start + 32)
        try:
            CF.check_alignment(PARSER.atlas, masks[some], PARSER.encode(files.captions[some]))
        except AlignmentError as error:
            raised += "transposed" in str(error)
    assert raised == 4


def test_after_the_ops_exchanged_axes_are_still_named(files) -> None:
    """Whoever checks what the network is shown, and not what was loaded, learns it too."""
    images, masks = loaded(files, "PILReader", lambda picture: picture)
    out = ZoneMix(PARSER, p=0.5)(images, files.captions, masks, generator=torch.Generator().manual_seed(0))
    with pytest.raises(AlignmentError, match="transposed"):
        CF.check_alignment(PARSER.atlas, out.target, out.positions)


def test_strict_ops_name_exchanged_axes(files) -> None:
    images, masks = loaded(files, "PILReader", lambda picture: picture)
    with pytest.raises(AlignmentError, match="transposed"):
        SyncFlip(PARSER, p=0.5, strict=True)(images, files.captions, masks)
