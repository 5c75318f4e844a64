"""CrossModalTransform in v2 pipelines: types, dtypes and words kept in step."""

import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from crossmodal_aug import CrossModalSequential, Focus, PosAug, Reword, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.samples import SampleKeys
from crossmodal_aug.integrations.torchvision import CrossModalTransform


def test_a_sample_in_a_v2_pipeline(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=1)
    image = tv_tensors.Image((phantom.images[0] * 100).byte())
    mask = tv_tensors.Mask(phantom.masks[0, 0])
    pipeline = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            CrossModalTransform(SyncFlip(lung_parser, p=1.0)),
            v2.Normalize([0.5], [0.5]),
        ]
    )
    out = pipeline({"image": image, "text": phantom.texts[0], "mask": mask, "name": "a"})
    assert type(out["image"]) is tv_tensors.Image
    assert type(out["mask"]) is tv_tensors.Mask
    assert out["mask"].dtype == torch.int64
    assert torch.equal(out["mask"], mask.flip(-1))
    expected = (image.float() / 255 - 0.5) / 0.5
    torch.testing.assert_close(out["image"].as_subclass(torch.Tensor), expected.as_subclass(torch.Tensor).flip(-1))
    assert lung_parser(out["text"]).bits == tuple(out["positions"].tolist())
    assert out["positions"].tolist() == phantom.positions[0, [3, 4, 5, 0, 1, 2]].tolist()
    assert out["accepted"].shape == ()
    assert out["name"] == "a"


OPS = {
    "TPatchMix": lambda p: TPatchMix(p, patch_size=12, where="donor", threshold=0.3),
    "ZoneMix": ZoneMix,
    "PosAug": PosAug,
    "Reword": Reword,
    "SyncFlip": SyncFlip,
    "Focus": lambda p: Focus(p, unit="region"),
    "sequence": lambda p: CrossModalSequential(ZoneMix(p), SyncFlip(p)),
}


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("mask_dtype", [torch.uint8, torch.int64, torch.bool])
def test_a_batch_is_what_the_op_makes_of_it(name, mask_dtype, phantoms, lung_parser) -> None:
    phantom = phantoms(batch=8)
    masks = phantom.masks.to(mask_dtype)
    batch = {
        "image": tv_tensors.Image(phantom.images),
        "text": phantom.texts,
        "mask": tv_tensors.Mask(masks),
        "extra": tv_tensors.Mask(masks),
    }
    generator = torch.Generator().manual_seed(2)
    out = CrossModalTransform(OPS[name](lung_parser), generator=generator)(batch)
    alone = OPS[name](lung_parser)(
        phantom.images, phantom.texts, masks, maps=[masks], generator=torch.Generator().manual_seed(2)
    )
    for key, tensor, kind in (
        ("image", alone.images, tv_tensors.Image),
        ("mask", alone.target, tv_tensors.Mask),
        ("extra", alone.maps[0], tv_tensors.Mask),
    ):
        assert type(out[key]) is kind
        assert torch.equal(out[key].as_subclass(torch.Tensor), tensor)
    assert out["mask"].dtype == mask_dtype
    assert out["text"] == alone.texts
    assert torch.equal(out["positions"], alone.positions)
    assert out["accepted"].any()
    assert type(batch["image"]) is tv_tensors.Image
    assert torch.equal(batch["image"].as_subclass(torch.Tensor), phantom.images)


@pytest.mark.parametrize("name", ["PosAug", "Reword", "SyncFlip", "Focus"])
def test_a_single_sample_is_a_batch_of_one(name, phantoms, lung_parser) -> None:
    phantom = phantoms(batch=1)
    out = CrossModalTransform(OPS[name](lung_parser), generator=torch.Generator().manual_seed(0))(
        {"image": phantom.images[0], "text": phantom.texts[0], "mask": phantom.masks[0, 0]}
    )
    alone = OPS[name](lung_parser)(
        phantom.images, phantom.texts, phantom.masks[:, 0], generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal(out["image"], alone.images[0])
    assert torch.equal(out["mask"], alone.target[0])
    assert type(out["mask"]) is torch.Tensor
    assert out["text"] == alone.texts[0]


def test_positions_serve_where_there_is_no_text(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=2)
    transform = CrossModalTransform(SyncFlip(lung_parser, p=1.0), keys=SampleKeys(text=None, mask=None))
    one = transform({"image": phantom.images[0], "positions": phantom.positions[0]})
    many = transform({"image": phantom.images, "positions": phantom.positions})
    assert torch.equal(one["positions"], phantom.positions[0, [3, 4, 5, 0, 1, 2]])
    assert torch.equal(one["positions"], many["positions"][0])
    assert torch.equal(one["image"], many["image"][0])


@pytest.mark.parametrize("name", ["TPatchMix", "ZoneMix", "sequence"])
def test_a_mixing_op_on_a_single_sample_says_where_it_belongs(name, phantoms, lung_parser) -> None:
    # A batch of one has no donors: it would silently never mix.
    phantom = phantoms(batch=1)
    with pytest.raises(InvalidValueError, match="CrossModalCollate"):
        CrossModalTransform(OPS[name](lung_parser))(
            {"image": phantom.images[0], "text": phantom.texts[0], "mask": phantom.masks[0]}
        )


def test_boxes_are_never_left_behind(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=1)
    sample = {
        "image": phantom.images[0],
        "text": phantom.texts[0],
        "mask": phantom.masks[0],
        "boxes": tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(48, 40)),
    }
    with pytest.raises(InvalidTypeError, match=r"SyncFlip cannot move, but got some under \['boxes'\]"):
        CrossModalTransform(SyncFlip(lung_parser))(sample)
    for op in (PosAug, Reword):
        out = CrossModalTransform(op(lung_parser))(sample)
        assert out["boxes"] is sample["boxes"]


def test_errors_name_the_argument(phantoms, lung_parser) -> None:
    transform = CrossModalTransform(SyncFlip(lung_parser))
    with pytest.raises(InvalidTypeError, match="dictionaries, but got Tensor"):
        transform(torch.rand(1, 4, 4))
    with pytest.raises(InvalidTypeError, match="one dictionary, but got 2"):
        transform({}, {})
    with pytest.raises(InvalidValueError, match="are not among"):
        transform({"image": torch.rand(1, 4, 4)})
    with pytest.raises(InvalidTypeError, match=r"`image` to be a torch\.Tensor"):
        transform({"image": "a.png", "text": "Clear.", "mask": torch.zeros(4, 4)})
    with pytest.raises(InvalidTypeError, match="`op`"):
        CrossModalTransform(v2.RandomHorizontalFlip())
    with pytest.raises(InvalidTypeError, match="`keys`"):
        CrossModalTransform(SyncFlip(lung_parser), keys={})
    with pytest.raises(InvalidTypeError, match="`generator`"):
        CrossModalTransform(SyncFlip(lung_parser), generator=3)


@pytest.mark.parametrize("wrap", [lambda mask: [mask], lambda mask: {"mask": mask}, lambda mask: (1, [mask])])
def test_a_nested_tv_tensor_is_never_left_behind(wrap, phantoms, lung_parser) -> None:
    batch = phantoms(batch=1)
    sample = {"image": batch.images[0], "text": batch.texts[0], "mask": batch.masks[0]}
    transform = CrossModalTransform(SyncFlip(lung_parser, p=1.0))
    transform({**sample, "more": wrap(batch.masks[0])})  # what is no tv_tensor is the caller's own business
    with pytest.raises(InvalidTypeError, match=r"'more' is a .* that holds one"):
        transform({**sample, "more": wrap(tv_tensors.Mask(batch.masks[0]))})
