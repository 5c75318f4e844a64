"""MONAI's dictionary transforms of arrays that are told apart: images, targets, evidence and maps."""

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, EnsureTyped, Flipd

from crossmodal_aug import CrossModalSequential, Focus, PosAug, SyncFlip, SyncGeometry
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.monai import CrossModald, Focusd, SyncFlipd, SyncGeometryd

KEYS = ["image", "label", "extra"]
ROLES = ["image", "target", "map"]
BENT = {"degrees": 8.0, "scale": (0.9, 1.1), "crop": 0.8}


def samples_of(phantom) -> list[dict]:
    rows = zip(phantom.images, phantom.masks, phantom.images * 2, phantom.texts, phantom.positions, strict=True)
    return [dict(zip((*KEYS, "text", "positions"), row, strict=True)) for row in rows]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("adapter", "build"),
    [
        (Focusd, lambda p: Focus(p, unit="region", p=0.8)),
        (SyncGeometryd, lambda p: SyncGeometry(p, p=0.8, **BENT)),
        (CrossModald, lambda p: CrossModalSequential(SyncGeometry(p, **BENT), Focus(p, unit="region"), PosAug(p))),
    ],
    ids=["Focusd", "SyncGeometryd", "a sequence"],
)
def test_a_sample_is_what_the_op_makes_of_a_batch_of_one(axis, adapter, build, phantoms, lung_parser) -> None:
    op = build(lung_parser)
    transform = adapter(KEYS, op, roles=ROLES, width_axis=axis, positions_key="positions").set_random_state(seed=1)
    altered = 0
    for sample in samples_of(phantoms(batch=12)):
        given = {key: one.mT if axis == 0 and key in KEYS else one for key, one in sample.items()}
        out = transform(given)
        image, label, extra = (sample[key].unsqueeze(0) for key in KEYS)
        alone = op(
            image,
            [sample["text"]],
            label,
            positions=sample["positions"].unsqueeze(0),
            maps=[extra],
            generator=torch.Generator().manual_seed(transform._seed),
        )
        for key, expected in zip(KEYS, (alone.images, alone.target, alone.maps[0]), strict=True):
            back = out[key].as_tensor().mT if axis == 0 else out[key].as_tensor()
            assert torch.equal(back, expected[0])
            assert isinstance(out[key], MetaTensor)
            assert out[key].dtype == sample[key].dtype
        assert out["text"] == alone.texts[0]
        assert torch.equal(out["positions"], alone.positions[0])
        altered += bool(alone.accepted[0])
    assert altered > 2


def test_labels_stay_labels_and_images_are_interpolated(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    move = SyncGeometryd(KEYS, SyncGeometry(lung_parser, p=1.0, **BENT), roles=ROLES, width_axis=1)
    out = move.set_random_state(seed=0)(sample)
    assert set(out["label"].unique().tolist()) <= {0, 1}
    assert out["label"].dtype == torch.int64
    assert len(out["image"].unique()) > len(sample["image"].unique()) / 2


def test_the_inverse_of_a_geometry(phantoms, quadrant_parser) -> None:
    turn = SyncGeometry(quadrant_parser, p=1.0, vertical=True, quarter_turns=True)
    move = SyncGeometryd(["image", "label"], turn, roles=["image", "target"], width_axis=1, positions_key="positions")
    text = "Polyp at the top left."
    bits = quadrant_parser.encode([text])[0]
    image, label = torch.rand(1, 8, 8), torch.arange(64).view(1, 8, 8)
    sample = EnsureTyped(["image", "label"])({"image": image, "label": label, "text": text, "positions": bits})
    seen = set()
    for seed in range(8):
        out = move.set_random_state(seed=seed)(sample)
        seen.add(out["text"])
        back = move.inverse(out)
        assert torch.equal(back["image"].as_tensor(), image)
        assert torch.equal(back["label"].as_tensor(), label)
        torch.testing.assert_close(back["image"].affine, sample["image"].affine)
        assert back["text"] == text
        assert torch.equal(back["positions"], bits)
        assert quadrant_parser(out["text"]).bits == tuple(out["positions"].tolist())
    assert len(seen) > 2


def test_the_inverse_runs_through_monais_pipeline_and_loader(phantoms, lung_parser) -> None:
    samples = samples_of(phantoms(batch=4))
    move = SyncGeometryd(KEYS, SyncGeometry(lung_parser, p=0.7), roles=ROLES, width_axis=1)
    pipeline = Compose([EnsureTyped(KEYS), move, Flipd(KEYS, spatial_axis=0)])
    torch.manual_seed(0)  # from which MONAI's loader seeds the transforms anew
    (batch,) = DataLoader(Dataset(samples, pipeline), batch_size=4)
    texts = batch["text"]
    assert texts != [sample["text"] for sample in samples]
    for one, sample in zip(decollate_batch(batch), samples, strict=True):
        back = pipeline.inverse(one)
        assert torch.equal(back["image"].as_tensor(), sample["image"])
        assert back["text"] == sample["text"]


def test_evidence_has_a_role_of_its_own(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    labels = torch.nn.functional.one_hot(sample["label"][0], 3).movedim(-1, 0)
    op = Focus(lung_parser, unit="region", p=1.0, target_fill=(1, 0, 0))
    sample |= {"label": labels, "extra": torch.ones(1, 48, 40)}
    sample["text"] = "Opacity in the upper left and lower right lung."
    del sample["positions"]
    with pytest.raises(InvalidValueError, match="give `evidence` apart"):
        Focusd(["image", "label"], op, roles=["image", "target"], width_axis=1)(sample)
    focus = Focusd(KEYS, op, roles=["image", "target", "evidence"], width_axis=1).set_random_state(seed=0)
    out = focus(sample)
    assert out["text"] != sample["text"]
    assert torch.equal(out["image"].as_tensor(), sample["image"])
    assert 0 < out["extra"].sum() < 48 * 40
    assert (out["label"].sum(dim=0) == 1).all()  # where it is emptied, all is background
    assert not hasattr(focus, "inverse")


def test_where_a_further_text_cannot_follow_the_sample_is_left_alone(lung_parser) -> None:
    sample = {"image": torch.arange(4.0).view(1, 2, 2), "text": "Left base opacity.", "report": "Lingula opacity."}
    tight = SyncFlip(lung_parser, p=1.0, max_tokens=2, tokenizer=str.split)
    out = SyncFlipd("image", tight, width_axis=1, text_keys=["text", "report"])(sample)
    assert (out["text"], out["report"]) == (sample["text"], sample["report"])
    assert torch.equal(out["image"].as_tensor(), sample["image"])
    assert SyncFlipd("image", tight, width_axis=1)(sample)["text"] == "Right base opacity."


def test_errors_name_the_argument(phantoms, lung_parser) -> None:
    (sample,) = samples_of(phantoms(batch=1))
    focus, move = Focus(lung_parser), SyncGeometry(lung_parser)
    with pytest.raises(InvalidTypeError, match="`op` to be a Focus, but got SyncGeometry"):
        Focusd("image", move, roles="image")
    with pytest.raises(InvalidTypeError, match="`op` to be a SyncGeometry, but got Focus"):
        SyncGeometryd("image", focus, roles="image")
    with pytest.raises(InvalidValueError, match="`roles` for each of"):
        Focusd(KEYS, focus, roles=["image", "target"])
    with pytest.raises(InvalidValueError, match="`roles`"):
        Focusd("image", focus, roles="label")
    with pytest.raises(InvalidValueError, match=r"same size, with \(48, 40\) rows.*but got \(8, 8\) for 'label'"):
        Focusd(KEYS, focus, roles=ROLES, width_axis=1)({**sample, "label": torch.zeros(1, 8, 8)})
    with pytest.raises(InvalidValueError, match=r"'image' of shape \(C, H, W\) or \(C, D, H, W\), channel first"):
        Focusd("image", focus, roles="image", width_axis=1)({**sample, "image": torch.zeros(8, 8)})
