"""Rows and columns exchanged: `width_axis`, and what MetaTensors of MONAI record."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, PILReader, set_track_meta
from monai.data.utils import list_data_collate
from monai.transforms import Compose, EnsureTyped, Flip, LoadImaged, Resized, Rotate90, SpatialPadd
from PIL import Image
from torch.utils.data import default_collate
from torch.utils.data._utils import collate

from crossmodal_aug import LUNG_ZONES, SyncFlip, SyncGeometry, TPatchMix, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import region_masks
from crossmodal_aug.integrations.axes import width_axis_of
from crossmodal_aug.integrations.batch import CrossModalBatch
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.kinds import affine_after
from crossmodal_aug.integrations.kornia import KorniaMix
from crossmodal_aug.integrations.monai import CrossModald, SyncFlipd
from crossmodal_aug.integrations.samples import SampleKeys
from crossmodal_aug.integrations.torchvision import CrossModalTransform
from tests.integrations.own_ops import WholeSwap

TEXT, MIRRORED = "Opacity in the lower left lung.", "Opacity in the lower right lung."


def batch_of(phantom, *, exchanged: bool) -> dict:
    turn = (lambda tensor: tensor.mT) if exchanged else (lambda tensor: tensor)
    return {"image": turn(phantom.images), "mask": turn(phantom.masks), "text": phantom.texts}


@pytest.mark.parametrize("build", [SyncFlip, ZoneMix, lambda p: TPatchMix(p, patch_size=(12, 9)), WholeSwap])
def test_a_batch_with_the_width_first_is_altered_as_one_with_it_last(build, phantoms, lung_parser) -> None:
    phantom, others = phantoms(batch=8), phantoms(batch=5, seed=3)
    op = build(lung_parser)
    for donors in (None, others) if op.mixes else (None,):
        outs = [
            CrossModalBatch(op, width_axis=axis)(
                batch_of(phantom, exchanged=axis == 0),
                None if donors is None else batch_of(donors, exchanged=axis == 0),
                generator=torch.Generator().manual_seed(4),
            )
            for axis in (1, 0)
        ]
        assert outs[0]["accepted"].any()
        assert torch.equal(outs[0]["image"], outs[1]["image"].mT)
        assert torch.equal(outs[0]["mask"], outs[1]["mask"].mT)
        assert outs[0]["text"] == outs[1]["text"]
        assert torch.equal(outs[0]["positions"], outs[1]["positions"])


def test_every_batch_adapter_takes_it(phantoms, lung_parser) -> None:
    phantom, op = phantoms(batch=4), SyncFlip(lung_parser, p=1.0)
    batch = batch_of(phantom, exchanged=True)
    samples = [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]
    mix = KorniaMix(op, width_axis=0)
    mix.feed(phantom.texts)
    expected = phantom.images.flip(-1).mT
    assert torch.equal(CrossModalCollate(op, width_axis=0)(samples)["image"], expected)
    assert torch.equal(CrossModalTransform(op, width_axis=0)(batch)["image"], expected)
    assert torch.equal(CrossModalTransform(op, width_axis=-2)(samples[0])["image"], expected[0])
    images, masks = mix(batch["image"], batch["mask"])
    assert torch.equal(images, expected)
    assert torch.equal(masks, phantom.masks.flip(-1).mT)


@pytest.mark.parametrize(
    "build",
    [
        lambda op, axis: SyncFlipd("image", op, width_axis=axis),
        lambda op, axis: CrossModald("image", op, roles="image", width_axis=axis),
        lambda op, axis: CrossModalCollate(op, width_axis=axis),
        lambda op, axis: CrossModalTransform(op, width_axis=axis),
        lambda op, axis: CrossModalBatch(op, width_axis=axis),
    ],
)
def test_an_axis_that_no_image_has_is_refused_by_name(build, lung_parser) -> None:
    with pytest.raises(InvalidValueError, match=r"`width_axis` to be 0 for images \(C, W, H\) or 1 for .*but got 3"):
        build(SyncFlip(lung_parser), 3)
    with pytest.raises(InvalidTypeError, match="`width_axis` to be an integer, but got str"):
        build(SyncFlip(lung_parser), "W")


def test_an_axis_of_volumes_is_refused_for_an_image(lung_parser) -> None:
    sample = {"image": torch.rand(1, 4, 4), "mask": torch.zeros(1, 4, 4), "text": TEXT}
    words = r"`width_axis` to be 0 for images \(C, W, H\) or 1 for \(C, H, W\), counted without .*, but got 2"
    with pytest.raises(InvalidValueError, match=words):
        SyncFlipd("image", SyncFlip(lung_parser), width_axis=2)(sample)
    with pytest.raises(InvalidValueError, match=words):
        CrossModalTransform(SyncFlip(lung_parser), width_axis=2)(sample)
    with pytest.raises(InvalidValueError, match="but got 2"):
        KorniaMix(SyncFlip(lung_parser), width_axis=2)


def loaded(folder, size=(30, 20), *, reverse=True, more=()):
    """The left lower zone, through MONAI's reader: rows and columns exchanged or not."""
    mask = region_masks(LUNG_ZONES, size)[LUNG_ZONES.index("left lower")]
    Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(folder / "mask.png")
    reader = LoadImaged("label", reader=PILReader, ensure_channel_first=True, reverse_indexing=reverse)
    return Compose([reader, *more])({"label": folder / "mask.png", "text": TEXT})


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("more", [(), (Resized("label", (16, 16), mode="nearest"),)], ids=["loaded", "made square"])
def test_what_pil_reader_did_is_read_from_its_record(reverse, more, tmp_path, lung_parser) -> None:
    axis = 0 if reverse else 1
    sample = loaded(tmp_path, reverse=reverse, more=more)
    flip = SyncFlip(lung_parser, p=1.0)
    out = SyncFlipd("label", flip)(sample)
    expected = sample["label"].as_tensor().flip(1 + axis)
    assert torch.equal(out["label"].as_tensor(), expected)
    assert not torch.equal(out["label"].as_tensor(), sample["label"].as_tensor())
    assert out["text"] == MIRRORED
    assert isinstance(out["label"], MetaTensor)
    assert out["label"].meta["width"] == 20
    # The record still tells after a flip of ours.
    assert torch.equal(SyncFlipd("label", flip)(out)["label"].as_tensor(), sample["label"].as_tensor())
    with pytest.raises(
        InvalidValueError, match=rf"`width_axis={axis}` for 'label'.*reverse_indexing=False.*width_axis"
    ):
        SyncFlipd("label", flip, width_axis=1 - axis)(sample)


def test_the_batch_adapters_read_it_too(tmp_path, lung_parser) -> None:
    flip, keys = SyncFlip(lung_parser, p=1.0), SampleKeys(image="label", mask=None)
    for reverse in (True, False):
        sample = loaded(tmp_path, reverse=reverse)
        expected = sample["label"].as_tensor().flip(1 if reverse else 2)
        (batch,) = DataLoader(Dataset([sample, sample]), batch_size=2)
        for out in (
            CrossModalTransform(flip, keys=keys)(sample)["label"],
            CrossModalCollate(flip, keys=keys)([sample])["label"][0],
            CrossModalBatch(flip, keys=keys)(batch)["label"][1],
        ):
            assert isinstance(out, MetaTensor)
            assert torch.equal(out.as_tensor(), expected)
            assert torch.equal(out.affine, Flip(0 if reverse else 1)(sample["label"]).affine)
        with pytest.raises(InvalidValueError, match="reverse_indexing=False"):
            CrossModalBatch(flip, keys=keys, width_axis=1 if reverse else 0)(batch)
    mixed = [loaded(tmp_path, (20, 20)), loaded(tmp_path, (30, 20), more=(Resized("label", (20, 20)),))]
    with pytest.raises(InvalidValueError, match=r"width is the same axis.*reverse_indexing=False"):
        CrossModalCollate(flip, keys=keys)(mixed)


def test_a_square_picture_does_not_tell_and_is_refused_unless_told(tmp_path, lung_parser) -> None:
    flip, keys = SyncFlip(lung_parser, p=1.0), SampleKeys(image="label", mask=None)
    sample = loaded(tmp_path, (20, 20))
    words = r"Expected `width_axis`, since nothing in '(label|image)'.*reverse_indexing=False"
    for adapter in (SyncFlipd("label", flip), CrossModalTransform(flip, keys=keys)):
        with pytest.raises(InvalidValueError, match=words):
            adapter(sample)
    with pytest.raises(InvalidValueError, match=words):
        SyncFlipd("image", flip)({"image": torch.rand(1, 4, 4), "text": TEXT})
    assert torch.equal(CrossModalTransform(flip, keys=keys, width_axis=0)(sample)["label"], sample["label"].flip(1))


LPS = torch.diag(torch.tensor([-0.7, -0.7, 1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize(
    ("affine", "axis"),
    [
        (LPS, 0),
        (LPS[[1, 0, 2, 3]][:, [0, 1, 2, 3]], 1),
        (LPS[[2, 1, 0, 3]], None),  # sagittal: no axis of the picture runs from side to side
        (torch.eye(4, dtype=torch.float64), None),  # nobody wrote one
    ],
)
def test_the_affine_of_a_scan_tells(affine, axis) -> None:
    scan = MetaTensor(torch.rand(1, 6, 5), affine=affine, meta={"original_affine": affine.numpy(), "space": "RAS"})
    assert width_axis_of("image", scan, None, axes=2) == axis
    if axis is not None:
        assert width_axis_of("image", Rotate90(1)(scan), None, axes=2) == 1 - axis
        with pytest.raises(InvalidValueError, match=f"`width_axis={axis}` for 'image'"):
            width_axis_of("image", scan, 1 - axis, axes=2)


def test_volumes_need_their_width_last_unless_they_are_only_flipped(lung_parser) -> None:
    affine = torch.diag(torch.tensor([0.7, 0.7, 1.0, 1.0], dtype=torch.float64))  # "RAS"
    volume = MetaTensor(torch.rand(1, 6, 5, 4), affine=affine, meta={"original_affine": LPS.numpy()})
    out = SyncFlipd("image", SyncFlip(lung_parser, p=1.0))({"image": volume, "text": TEXT})
    assert torch.equal(out["image"].as_tensor(), volume.as_tensor().flip(1))
    assert torch.equal(out["image"].affine, Flip(0)(volume).affine)
    move = SyncGeometry(lung_parser, p=1.0)
    with pytest.raises(InvalidValueError, match=r"volume \(C, D, H, W\), whose width is the last axis"):
        CrossModald("image", move, roles="image")({"image": volume, "text": TEXT})
    with pytest.raises(InvalidValueError, match=r"volumes \(B, C, D, H, W\), whose width is the last axis"):
        CrossModalTransform(move)({"image": volume, "mask": volume, "text": TEXT})


@pytest.mark.parametrize("axis", [0, 1])
def test_the_affine_follows_any_geometry(axis, lung_parser) -> None:
    # A bright pixel lies in the world where it lay before.
    op = SyncGeometry(lung_parser, p=1.0, degrees=10.0, translate=0.05, scale=(0.9, 1.1))
    image = torch.zeros(1, 64, 48)
    image[0, 20:24, 30:34] = 1.0
    start = torch.tensor([[0.0, 2.0, 0, 5], [3.0, 0, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)
    sample = {"image": MetaTensor(image, affine=start), "text": TEXT}
    for seed in range(4):
        move = CrossModald("image", op, roles="image", width_axis=axis).set_random_state(seed=seed)
        out = move(sample)["image"]
        places = []
        for one in (sample["image"], out):
            weights = one.as_tensor()[0].double()
            rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
            at = [float((weights * grid).sum() / weights.sum()) for grid in (rows, columns)]
            places.append(one.affine @ torch.tensor([*at, 0.0, 1.0], dtype=torch.float64))
        assert not torch.equal(out.affine, start)
        torch.testing.assert_close(places[0], places[1], atol=0.3, rtol=0)  # a tenth of a pixel


def test_affines_of_a_batch_follow_sample_by_sample(phantoms, lung_parser) -> None:
    matrices = torch.stack([torch.eye(3), torch.tensor([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])])
    affines = torch.stack([LPS, LPS])
    after = affine_after(affines, matrices, (6, 5))
    assert torch.equal(after[0], LPS)
    assert torch.equal(after[1], Flip(1)(MetaTensor(torch.rand(1, 6, 5), affine=LPS)).affine)


def test_without_meta_data_the_words_still_follow(lung_parser) -> None:
    set_track_meta(False)
    try:
        image = torch.arange(4.0).view(1, 2, 2)
        out = SyncFlipd("image", SyncFlip(lung_parser, p=1.0), width_axis=1)({"image": image, "text": TEXT})
        assert type(out["image"]) is torch.Tensor
        assert torch.equal(out["image"], image.flip(-1))
        assert out["text"] == MIRRORED
    finally:
        set_track_meta(True)


def test_padding_after_loading_is_seen_through(tmp_path) -> None:
    sample = loaded(tmp_path, more=(SpatialPadd("label", (40, 40)), EnsureTyped("label")))
    assert width_axis_of("label", sample["label"], None, axes=2) == 0


SPACED = torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0], dtype=torch.float64))


@pytest.fixture
def without_monai_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """MONAI's own collate teaches torch's what a MetaTensor is, for as long as the process runs."""
    known = {kind: done for kind, done in collate.default_collate_fn_map.items() if kind is not MetaTensor}
    monkeypatch.setattr(collate, "default_collate_fn_map", known)


def spaced(count: int) -> list[dict]:
    """Samples with an affine each."""
    affines = [SPACED.clone() for _ in range(count)]
    for index, affine in enumerate(affines):
        affine[0, 3] = 10.0 * index
    return [
        {"image": MetaTensor(torch.rand(1, 12, 20), affine=one), "mask": torch.zeros(1, 12, 20), "text": TEXT}
        for one in affines
    ]


@pytest.mark.usefixtures("without_monai_in_torch")
@pytest.mark.parametrize("size", [1, 3])
def test_a_collated_batch_has_an_affine_for_each_sample(size: int, lung_parser) -> None:
    samples = spaced(size)
    for op in (SyncFlip(lung_parser, p=0.5), SyncGeometry(lung_parser, p=0.5), ZoneMix(lung_parser, p=1.0)):
        for how in ({}, {"collate": default_collate}):
            torch.manual_seed(3)
            out = CrossModalCollate(op, width_axis=1, **how)([dict(one) for one in samples])
            assert isinstance(out["image"], MetaTensor)
            assert out["image"].affine.shape == (size, 4, 4)
            for moved, image, affine, sample in zip(
                out["accepted"], out["image"], out["image"].affine, samples, strict=True
            ):
                wanted = Flip(1)(sample["image"]) if moved and not op.mixes else sample["image"]
                assert torch.equal(affine, wanted.affine)
                assert torch.equal(image.affine, affine)
    assert default_collate(samples)["image"].affine.shape == (4, 4)  # torch's own is as it was
    torch.manual_seed(3)
    own = CrossModalCollate(op, width_axis=1, collate=list_data_collate)(samples)["image"]
    assert torch.equal(own.affine, out["image"].affine)
    assert own.meta.keys() == out["image"].meta.keys()


@pytest.mark.usefixtures("without_monai_in_torch")
def test_samples_in_tuples_keep_their_affines_too(lung_parser) -> None:
    keys = SampleKeys(image=0, mask=(1, "mask"), text=(1, "text"), positions=None, accepted=None)
    samples = [(one["image"], {"mask": one["mask"], "text": one["text"]}) for one in spaced(2)]
    out = CrossModalCollate(SyncFlip(lung_parser, p=1.0), keys=keys, width_axis=1)(samples)
    assert out[0].affine[:, 1].tolist() == [[0.0, -3.0, 0.0, 57.0]] * 2


@pytest.mark.usefixtures("without_monai_in_torch")
def test_one_affine_does_not_serve_samples_that_move_apart(lung_parser) -> None:
    batch = default_collate(spaced(2))
    assert batch["image"].affine.shape == (4, 4)
    words = r"one affine for each of the 2 samples.*list_data_collate.*but got one of shape \(4, 4\)"
    for op in (SyncFlip(lung_parser, p=0.0), SyncGeometry(lung_parser)):
        with pytest.raises(InvalidValueError, match=words):
            CrossModalBatch(op, width_axis=1)(batch)
    kept = CrossModalBatch(ZoneMix(lung_parser, p=1.0), width_axis=1)(batch)["image"]  # moves no image as a whole
    assert torch.equal(kept.affine, batch["image"].affine)
    alone = CrossModalBatch(SyncFlip(lung_parser, p=1.0), width_axis=1)(default_collate(spaced(1)))["image"]
    assert alone.affine[1].tolist() == [0.0, -3.0, 0.0, 57.0]
    nobodys = CrossModalBatch(SyncFlip(lung_parser, p=1.0))(
        {"image": MetaTensor(torch.rand(2, 1, 4, 6)), "mask": torch.zeros(2, 1, 4, 6), "text": [TEXT] * 2}
    )["image"]
    assert torch.equal(nobodys.affine, torch.eye(4, dtype=torch.float64))  # nobody wrote one


def test_the_affine_of_a_mask_without_channel_follows(lung_parser) -> None:
    samples = [{**one, "mask": MetaTensor(torch.zeros(12, 20), affine=SPACED)} for one in spaced(2)]
    op = SyncFlip(lung_parser, p=1.0)
    single = CrossModalTransform(op, width_axis=1)(samples[0])
    batch = CrossModalCollate(op, width_axis=1)(samples)
    for affine in (single["mask"].affine, *batch["mask"].affine):
        assert affine[1].tolist() == [0.0, -3.0, 0.0, 57.0]
