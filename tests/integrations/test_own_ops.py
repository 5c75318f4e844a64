"""An op of one's own works in every adapter, by what its class says of itself."""

import copy

import kornia.augmentation as K
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import tv_tensors

from crossmodal_aug import CrossModalSequential, Focus, SyncFlip, SyncGeometry, TPatchMix, ZoneMix
from crossmodal_aug.augment import Params
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.batch import CrossModalBatch
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.kornia import KorniaMix
from crossmodal_aug.integrations.monai import CrossModald, TextOpd
from crossmodal_aug.integrations.torchvision import CrossModalTransform
from tests.integrations.own_ops import Shout, UpsideDown, UpsideDownParams, WholeSwap
from tests.ops import EVERY, SINGLE


def samples_of(phantom) -> list[dict]:
    rows = zip(phantom.images, phantom.masks, phantom.texts, strict=True)
    return [dict(zip(("image", "mask", "text"), row, strict=True)) for row in rows]


def test_every_op_says_whether_it_mixes_and_moves_pixels(lung_parser) -> None:
    for name, build in EVERY.items():
        op = build(lung_parser)
        assert op.mixes == any(word in name for word in ("TPatchMix", "ZoneMix")), name
        still = all(word.split()[0] in ("PosAug", "Reword", "Focus") for word in name.split(", "))
        assert op.moves_pixels == (not still), name


@pytest.mark.parametrize("op_type", [UpsideDown, WholeSwap, Shout])
def test_in_kornias_container_with_its_replay(op_type, phantoms, lung_parser) -> None:
    batch, op = phantoms(batch=4), op_type(lung_parser)
    alone = op(batch.images, batch.texts, batch.masks)
    mix = KorniaMix(op)
    pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
    mix.feed(batch.texts)
    images, masks = pipeline(batch.images, batch.masks)
    assert torch.equal(images, alone.images)
    assert torch.equal(masks, alone.target)
    assert mix.texts == alone.texts
    again = pipeline(batch.images, batch.masks, params=copy.deepcopy(pipeline._params))
    assert torch.equal(again[0], images)
    assert torch.equal(again[1], masks)


@pytest.mark.parametrize("op_type", [UpsideDown, WholeSwap, Shout])
def test_in_torchvision_and_collate(op_type, phantoms, lung_parser) -> None:
    batch, op = phantoms(batch=4), op_type(lung_parser)
    alone = op(batch.images, batch.texts, batch.masks)
    whole = {"image": tv_tensors.Image(batch.images), "mask": batch.masks, "text": batch.texts}
    (collated,) = DataLoader(samples_of(batch), batch_size=4, collate_fn=CrossModalCollate(op))
    for out in (CrossModalTransform(op)(whole), collated, CrossModalBatch(op)(whole)):
        assert torch.equal(torch.as_tensor(out["image"]), alone.images)
        assert torch.equal(out["mask"], alone.target)
        assert out["text"] == alone.texts
        assert torch.equal(out["positions"], alone.positions)


@pytest.mark.parametrize("wrap", [lambda op: op, CrossModalSequential], ids=["alone", "in a sequence"])
def test_one_that_mixes_is_refused_on_a_single_sample(wrap, phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    op = wrap(WholeSwap(lung_parser))
    with pytest.raises(InvalidValueError, match="from which WholeSwap can take donors"):
        CrossModalTransform(op)(sample)
    with pytest.raises(InvalidValueError, match=r"WholeSwap takes pixels from others.*CrossModalBatch"):
        CrossModald("image", op, roles="image", width_axis=1)


def test_boxes_stay_beside_what_moves_no_pixels(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    sample["boxes"] = tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(48, 40))
    for op in (Shout(lung_parser), Focus(lung_parser)):
        assert CrossModalTransform(op)(sample)["boxes"] is sample["boxes"]
    with pytest.raises(InvalidTypeError, match=r"UpsideDown cannot move, but got some under \['boxes'\]"):
        CrossModalTransform(UpsideDown(lung_parser))(sample)


def test_in_monais_dictionaries(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    keys = ["image", "mask"]
    out = CrossModald(keys, UpsideDown(lung_parser), roles=["image", "target"], width_axis=1)(sample)
    assert torch.equal(torch.as_tensor(out["image"]), sample["image"].flip(-2))
    assert torch.equal(torch.as_tensor(out["mask"]), sample["mask"].flip(-2))
    assert out["text"] == sample["text"]
    assert TextOpd("text", Shout(lung_parser))(sample)["text"] == sample["text"].upper()
    loud = CrossModald(keys, Shout(lung_parser), roles="map", width_axis=1, text_keys=["text", "more"])
    out = loud({**sample, "more": "clear."})
    assert (out["text"], out["more"]) == (sample["text"].upper(), "CLEAR.")
    with pytest.raises(InvalidValueError, match="words alone, but UpsideDown moves pixels"):
        TextOpd("text", UpsideDown(lung_parser))


@pytest.mark.parametrize("name", SINGLE)
def test_parameters_travel_as_tensors_and_come_back(name, phantoms, lung_parser) -> None:
    batch = phantoms(batch=6, size=(12, 12), channels=2)
    op = SINGLE[name](lung_parser)
    out = op(batch.images, batch.texts, batch.masks.float().clamp(0, 1), generator=torch.Generator().manual_seed(1))
    entries = out.params.to_tensors()
    assert all(isinstance(one, torch.Tensor) for one in entries.values())
    back = type(out.params).from_tensors(entries)
    assert back.spatial == out.params.spatial
    assert torch.equal(op.replay(batch.images, back), out.images)
    assert op.rewrite(batch.texts, back) == op.rewrite(batch.texts, out.params)


def test_what_cannot_travel_is_named(lung_parser) -> None:
    none = torch.zeros(0)
    with pytest.raises(InvalidTypeError, match="`spatial` of Params to be a tensor, a number"):
        Params(none, none, none, none, "wide").to_tensors()
    with pytest.raises(
        InvalidValueError, match=r"every field of UpsideDownParams, but they lack \['axes', 'reach', 'st"
    ):
        UpsideDownParams.from_tensors(Params(none, none, none, none, (2, 3)).to_tensors())


@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    "build",
    [
        SyncFlip,
        ZoneMix,
        WholeSwap,
        lambda p: TPatchMix(p, patch_size=12, gate=None),
        lambda p: SyncGeometry(p, crop=0.8),
    ],
    ids=["SyncFlip", "ZoneMix", "WholeSwap", "TPatchMix", "SyncGeometry"],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_memory_formats_are_kept(build, memory, axis, phantoms, lung_parser) -> None:
    batch = phantoms(batch=4, size=(48, 48), channels=3)
    images = batch.images.transpose(-1, -2) if axis == 0 else batch.images
    images = images.contiguous(memory_format=memory)
    whole = {"image": images, "mask": batch.masks if axis else batch.masks.mT, "text": batch.texts}
    mix = KorniaMix(build(lung_parser), width_axis=axis)
    mix.feed(batch.texts)
    for out in (
        CrossModalTransform(build(lung_parser), width_axis=axis)(whole)["image"],
        CrossModalBatch(build(lung_parser), width_axis=axis)(whole)["image"],
        mix(images, whole["mask"].float().contiguous())[0],
    ):
        assert out.is_contiguous(memory_format=memory)
    if not build(lung_parser).mixes:
        one = {key: value[0] for key, value in whole.items()}
        out = CrossModalTransform(build(lung_parser), width_axis=axis)(one)["image"]
        assert out.stride() == one["image"].stride()
        op = build(lung_parser)
        done = CrossModald(["image", "mask"], op, roles=["image", "target"], width_axis=axis)(one)
        assert done["image"].stride() == one["image"].stride()
