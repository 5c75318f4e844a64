"""MONAI's dictionary transforms in its own Compose, readers and inversion."""

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, PILReader
from monai.transforms import Compose, EnsureTyped, Flipd, LoadImaged, ScaleIntensityd
from PIL import Image

from crossmodal_aug import LUNG_ZONES, PosAug, Reword, SyncFlip
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import region_masks
from crossmodal_aug.integrations.monai import PosAugd, Rewordd, SyncFlipd

MIRROR = list(LUNG_ZONES.mirror)


def samples_of(phantom) -> list[dict]:
    return [
        {"image": image, "label": mask, "text": text, "positions": bits}
        for image, mask, text, bits in zip(phantom.images, phantom.masks, phantom.texts, phantom.positions, strict=True)
    ]


def flip_of(parser, p: float = 0.5, **kwargs) -> SyncFlipd:
    return SyncFlipd(["image", "label"], SyncFlip(parser, p=p), width_axis=1, positions_key="positions", **kwargs)


def test_in_a_pipeline_array_text_and_positions_stay_together(phantoms, lung_parser) -> None:
    samples = samples_of(phantoms(batch=16))
    pipeline = Compose([EnsureTyped(["image", "label"]), ScaleIntensityd("image"), flip_of(lung_parser)])
    pipeline.set_random_state(seed=3)
    flips = []
    for sample in samples:
        plain = Compose([EnsureTyped(["image", "label"]), ScaleIntensityd("image")])(sample)
        out = pipeline(sample)
        flipped = not torch.equal(out["label"], plain["label"])
        flips.append(flipped)
        assert torch.equal(out["image"], plain["image"].flip(-1) if flipped else plain["image"])
        assert torch.equal(out["label"], plain["label"].flip(-1) if flipped else plain["label"])
        assert torch.equal(out["positions"], sample["positions"][MIRROR] if flipped else sample["positions"])
        assert lung_parser(out["text"]).bits == tuple(out["positions"].tolist())
        assert isinstance(out["image"], MetaTensor)
        assert out["label"].dtype == torch.int64
    assert any(flips)
    assert not all(flips)


def test_set_random_state_repeats_and_the_global_state_stays(phantoms, lung_parser) -> None:
    samples = samples_of(phantoms(batch=12))
    fuzz = PosAugd("text", PosAug(lung_parser, phrase_p=0.5), positions_key="positions")
    pipeline = Compose([flip_of(lung_parser), fuzz])
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    runs = []
    for _ in range(2):
        pipeline.set_random_state(seed=8)
        runs.append([pipeline(sample)["text"] for sample in samples])
    assert runs[0] == runs[1]
    assert runs[0] != [pipeline(sample)["text"] for sample in samples]
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_the_inverse_brings_everything_back_and_the_affine_follows(phantoms, lung_parser) -> None:
    flip = flip_of(lung_parser, p=1.0)
    for sample in map(EnsureTyped(["image", "label"]), samples_of(phantoms(batch=4))):
        out = flip(sample)
        by_monai = Flipd("image", spatial_axis=1)(sample)["image"]
        assert torch.equal(out["image"].affine, by_monai.affine)
        assert torch.equal(out["image"], by_monai)
        back = flip.inverse(out)
        assert torch.equal(back["image"], sample["image"])
        assert torch.equal(back["label"], sample["label"])
        assert torch.equal(back["image"].affine, sample["image"].affine)
        assert back["text"] == sample["text"]
        assert torch.equal(back["positions"], sample["positions"])
        still = flip_of(lung_parser, p=0.0)
        assert still.inverse(still(sample))["text"] == sample["text"]


def test_arrays_of_monais_reader_run_left_to_right_along_the_first_axis(tmp_path, lung_parser) -> None:
    mask = region_masks(LUNG_ZONES, (30, 20))[LUNG_ZONES.index("left lower")]
    Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(tmp_path / "mask.png")
    out = Compose(
        [
            LoadImaged("label", reader=PILReader, ensure_channel_first=True),
            SyncFlipd("label", SyncFlip(lung_parser, p=1.0), width_axis=0),
        ]
    )({"label": tmp_path / "mask.png", "text": "Opacity in the lower left lung."})
    assert out["label"].shape == (1, 20, 30)
    expected = region_masks(LUNG_ZONES, (30, 20))[LUNG_ZONES.index("right lower")]
    assert torch.equal(out["label"][0].T > 0, expected)
    assert out["text"] == "Opacity in the lower right lung."


def test_rewordd_keeps_the_positions(phantoms, lung_parser) -> None:
    transform = Rewordd("text", Reword(lung_parser, p=1.0), positions_key="positions").set_random_state(seed=0)
    for sample in samples_of(phantoms(batch=6)):
        out = transform(sample)
        assert out["text"] != sample["text"]
        assert torch.equal(out["positions"], sample["positions"])
        assert lung_parser(out["text"]).bits == tuple(out["positions"].tolist())
        assert out["image"] is sample["image"]


@pytest.mark.parametrize("mode", ["mask", "fuzz", "coarsen", "mix"])
def test_pos_augd_writes_the_positions_that_hold(mode, phantoms, lung_parser) -> None:
    transform = PosAugd("text", PosAug(lung_parser, phrase_p=1.0, mode=mode), positions_key="positions")
    for sample in samples_of(phantoms(batch=6)):
        out = transform(sample)
        assert out["text"] != sample["text"]
        if mode == "mask":
            assert torch.equal(out["positions"], sample["positions"])
        else:
            assert lung_parser(out["text"]).bits == tuple(out["positions"].tolist())
        assert out["image"] is sample["image"]
        alone = transform({"text": sample["text"]})
        assert alone["positions"].shape == (6,)


def test_several_texts_of_a_sample_and_missing_arrays(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    del sample["label"]
    sample["report"] = "The right lung is clear."
    out = flip_of(lung_parser, p=1.0, text_keys=["text", "report"], allow_missing_keys=True)(sample)
    assert out["report"] == "The left lung is clear."
    assert "label" not in out
    both = PosAugd(["text", "report"], PosAug(lung_parser, phrase_p=1.0, mode="mask"))(sample)
    assert "[MASK]" in both["text"]


def test_in_monais_data_loader(phantoms, lung_parser) -> None:
    samples = samples_of(phantoms(batch=8))
    data = Dataset(samples, Compose([flip_of(lung_parser), EnsureTyped(["image", "label"])]))
    (batch,) = DataLoader(data, batch_size=8)
    assert torch.equal(lung_parser.encode(batch["text"]), batch["positions"])
    assert batch["image"].shape == (8, 1, 48, 40)


def test_errors_name_the_argument(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    with pytest.raises(InvalidTypeError, match="`op` to be a SyncFlip"):
        SyncFlipd("image", lung_parser, width_axis=1)
    with pytest.raises(InvalidTypeError, match="`width_axis`"):
        SyncFlipd("image", SyncFlip(lung_parser), width_axis="W")
    with pytest.raises(InvalidTypeError, match="`op` to be a PosAug"):
        PosAugd("text", SyncFlip(lung_parser))
    with pytest.raises(InvalidTypeError, match="`op` to be a Reword"):
        Rewordd("text", PosAug(lung_parser))
    with pytest.raises(InvalidValueError, match="one text key"):
        PosAugd(["text", "report"], PosAug(lung_parser), positions_key="positions")
    with pytest.raises(InvalidTypeError, match="'text' to be a string"):
        flip_of(lung_parser)({**sample, "text": ["Clear."]})
    with pytest.raises(InvalidValueError, match="text key 'text'"):
        flip_of(lung_parser)({key: value for key, value in sample.items() if key != "text"})
    with pytest.raises(InvalidValueError, match="positions key 'positions'"):
        flip_of(lung_parser)({key: value for key, value in sample.items() if key != "positions"})
    with pytest.raises(InvalidValueError, match=r"`positions` of shape \(1, 6\)"):
        flip_of(lung_parser)({**sample, "positions": torch.zeros(5, dtype=torch.bool)})


def test_a_flip_beyond_the_budget_or_without_an_array_is_not_made(lung_parser) -> None:
    image, text = torch.arange(4.0).view(1, 2, 2), "Lingula opacity."
    tight = SyncFlip(lung_parser, p=1.0, max_tokens=2, tokenizer=str.split)
    out = SyncFlipd("image", tight, width_axis=1)({"image": image, "text": text})
    assert out["text"] == text
    assert torch.equal(torch.as_tensor(out["image"]), image)
    free = SyncFlip(lung_parser, p=1.0)
    assert SyncFlipd("image", free, width_axis=1)({"image": image, "text": text})["text"] != text
    alone = SyncFlipd("image", free, width_axis=1, allow_missing_keys=True)({"text": text})
    assert alone["text"] == text
