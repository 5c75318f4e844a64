"""Why a sample was left alone, and what replays a call, in what every adapter hands on."""

import pickle
from dataclasses import replace

import kornia.augmentation as K
import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from torch.utils.data import DataLoader

from crossmodal_aug import (
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    Reword,
    SyncFlip,
    SyncGeometry,
    ZoneMix,
    describe,
)
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.batch import CrossModalBatch
from crossmodal_aug.integrations.calls import reason_of
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.kornia import KorniaMix
from crossmodal_aug.integrations.monai import CrossModald, Focusd, PosAugd, Rewordd, SyncFlipd, SyncGeometryd
from crossmodal_aug.integrations.paths import get
from crossmodal_aug.integrations.samples import SampleKeys
from crossmodal_aug.integrations.torchvision import CrossModalTransform

SILENT = "COVID-19 pneumonia."


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(phantom) -> dict:
    return {"image": phantom.images, "mask": phantom.masks, "text": [*phantom.texts[:-1], SILENT]}


def samples_of(batch: dict) -> list[dict]:
    return [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]


def words(codes: torch.Tensor) -> list[str]:
    assert codes.dtype == torch.int8
    return [Reason(code).words for code in codes.tolist()]


OPS = {
    "ZoneMix": lambda parser: ZoneMix(parser, p=0.6),
    "SyncFlip": lambda parser: SyncFlip(parser, p=0.5),
    "Focus": lambda parser: Focus(parser, p=0.8),
    "a sequence": lambda parser: CrossModalSequential(
        CrossModalSequential(SyncFlip(parser, p=0.3)), Focus(parser, p=0.8)
    ),
}


@pytest.mark.parametrize("name", OPS)
def test_the_adapters_of_batches_say_why_and_replay(name, phantoms, lung_parser) -> None:
    op, batch, keys = OPS[name](lung_parser), batch_of(phantoms(batch=8)), SampleKeys(params="call")
    alone = op(batch["image"], batch["text"], batch["mask"], generator=seeded())
    expected = reason_of(alone.params)
    assert 0 < int((expected != 0).sum()) < 8
    torch.manual_seed(1)
    by_global = op(batch["image"], batch["text"], batch["mask"])
    torch.manual_seed(1)
    collated = CrossModalCollate(op, keys=keys)(samples_of(batch))
    for out, wanted in (
        (CrossModalBatch(op, keys=keys)(batch, generator=seeded()), alone),
        (CrossModalTransform(op, keys=keys, generator=seeded())(batch), alone),
        (collated, by_global),
    ):
        assert torch.equal(out["accepted"], wanted.accepted)
        assert torch.equal(out["reason"], reason_of(wanted.params))
        assert torch.equal(out["reason"] == 0, out["accepted"])
        assert torch.equal(op.replay(batch["image"], out["call"]), out["image"])
        assert torch.equal(op.replay(batch["mask"], out["call"], role="target"), out["mask"])
        assert op.rewrite(batch["text"], out["call"]) == out["text"]
        said = describe(Augmented(texts=out["text"], params=out["call"]), lung_parser.atlas)
        assert said == describe(wanted, lung_parser.atlas)


def test_params_come_out_of_the_workers_of_a_loader(phantoms, lung_parser) -> None:
    op, batch = OPS["a sequence"](lung_parser), batch_of(phantoms(batch=8))
    collate = CrossModalCollate(op, keys=SampleKeys(params="call"), seed=0)
    batches = list(DataLoader(samples_of(batch), batch_size=4, num_workers=2, collate_fn=collate))
    for half, out in zip((slice(0, 4), slice(4, 8)), batches, strict=True):
        assert torch.equal(op.replay(batch["image"][half], out["call"]), out["image"])


def test_a_pinned_batch_still_replays(phantoms, lung_parser) -> None:
    """torch 2.5 makes lists of tuples where it pins memory."""
    op, batch = OPS["a sequence"](lung_parser), batch_of(phantoms(batch=8))
    out = op(batch["image"], batch["text"], batch["mask"], generator=seeded())
    pinned = [list(one) if isinstance(one, tuple) else one for one in out.params]
    assert torch.equal(op.replay(batch["image"], pinned), out.images)
    with pytest.raises(InvalidTypeError, match="the tuple of 2"):
        op.replay(batch["image"], pinned[:1])


def test_a_single_sample_has_a_single_reason(phantoms, lung_parser) -> None:
    sample = samples_of(batch_of(phantoms(batch=2)))[1]
    for op, reason in ((Focus(lung_parser, p=1.0), Reason.SILENT), (SyncFlip(lung_parser, p=0.0), Reason.NOT_DRAWN)):
        out = CrossModalTransform(op, keys=SampleKeys(params="call"))(sample)
        assert out["reason"].shape == out["accepted"].shape == ()
        assert Reason(int(out["reason"])) == reason
        assert torch.equal(op.replay(sample["image"].unsqueeze(0), out["call"])[0], out["image"])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "reason"),
        ({"accepted": "flipped"}, "reason"),
        ({"accepted": (1, "accepted")}, (1, "reason")),
        ({"accepted": (1, 2)}, None),
        ({"accepted": 4}, None),
        ({"accepted": None}, None),
        ({"accepted": None, "reason": "why"}, "why"),
        ({"accepted": 4, "reason": 5}, 5),
        ({"reason": None}, None),
    ],
)
def test_where_the_reason_stands_by_default(settings, reason) -> None:
    keys = SampleKeys(**settings)
    assert keys.reason == reason
    assert keys.params is None
    assert (reason in keys.written()) == (reason is not None)
    assert replace(keys, maps=("more",)).reason == reason
    assert pickle.loads(pickle.dumps(keys)) == keys
    with pytest.raises(InvalidValueError, match="differ from each other"):
        SampleKeys(reason="positions")
    with pytest.raises(InvalidTypeError, match="to be strings, integers"):
        SampleKeys(params=1.5)


def test_in_tuples(phantoms, lung_parser) -> None:
    batch, op = batch_of(phantoms(batch=4)), SyncFlip(lung_parser, p=0.5)
    plain = (batch["image"], {"mask": batch["mask"], "text": batch["text"]})
    keys = SampleKeys(
        image=0, mask=(1, "mask"), text=(1, "text"), positions=None, accepted=(1, "accepted"), params=(1, "call")
    )
    out = CrossModalBatch(op, keys=keys)(plain, generator=seeded())
    assert sorted(out[1]) == ["accepted", "call", "mask", "reason", "text"]
    assert torch.equal(op.replay(plain[0], get(out, keys.params)), out[0])
    flat = SampleKeys(image=0, mask=1, text=2, positions=3, accepted=4, reason=5, params=6)
    out = CrossModalBatch(op, keys=flat)(tuple(batch.values()), generator=seeded())
    assert [len(out), words(out[5]).count("altered")] == [7, int(out[4].sum())]


def test_a_sequence_names_the_first_op_that_drew_the_sample(phantoms, lung_parser) -> None:
    batch = phantoms(batch=3)
    texts = [SILENT, SILENT, batch.texts[0]]
    never, focus, flip = SyncFlip(lung_parser, p=0.0), Focus(lung_parser, p=1.0), SyncFlip(lung_parser, p=1.0)

    def reasons(*ops) -> list[str]:
        out = CrossModalSequential(*ops)(batch.images, texts, batch.masks)
        return words(reason_of(out.params))

    assert reasons(never, never) == [Reason.NOT_DRAWN.words] * 3
    assert reasons(never, focus)[:2] == reasons(focus, never)[:2] == [Reason.SILENT.words] * 2
    assert reasons(PosAug(lung_parser, phrase_p=1.0), focus)[0] == Reason.UNCHANGED.words
    assert reasons(focus, flip) == ["altered"] * 3
    with pytest.raises(InvalidValueError, match="what an op recorded"):
        reason_of(None)


@pytest.mark.parametrize("name", OPS)
def test_kornias_mix_says_why_and_replays_on_more(name, phantoms, lung_parser) -> None:
    op, batch = OPS[name](lung_parser), batch_of(phantoms(batch=8))
    mix = KorniaMix(op, generator=seeded())
    assert mix.reason is None
    assert mix.params is None
    pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
    mix.feed(batch["text"])
    images, _ = pipeline(batch["image"], batch["mask"])
    assert torch.equal(mix.reason == 0, mix.accepted)
    assert 0 < int((mix.reason != 0).sum()) < 8
    alone = op(batch["image"], batch["text"], batch["mask"].float(), generator=seeded())
    assert torch.equal(mix.reason, reason_of(alone.params))
    assert torch.equal(op.replay(batch["image"], mix.params), images)
    assert op.rewrite(batch["text"], mix.params) == mix.texts
    mix.feed(batch["text"])
    assert mix.reason is None
    assert mix.params is None


def noted(transform, sample: dict) -> tuple[bool, str]:
    out = transform.set_random_state(seed=0)(sample)
    assert out["reason"].shape == out["done"].shape == ()
    return bool(out["done"]), words(out["reason"].unsqueeze(0))[0]


def test_monais_transforms_say_why(phantoms, lung_parser) -> None:
    sample = {"image": torch.rand(1, 12, 12), "text": SILENT, "second": "Left base opacity."}
    keys = {"accepted_key": "done", "reason_key": "reason"}
    arrays = {"width_axis": 1, **keys}
    p = lung_parser
    assert noted(SyncFlipd("image", SyncFlip(p, p=0.0), **arrays), sample) == (False, Reason.NOT_DRAWN.words)
    assert noted(SyncFlipd("image", SyncFlip(p, p=1.0), **arrays), sample) == (True, "altered")
    assert noted(Focusd("image", Focus(p, p=1.0), roles="target", **arrays), sample) == (False, Reason.SILENT.words)
    upside = SyncGeometry(p, p=1.0, horizontal=False, vertical=True)
    geometry = SyncGeometryd("image", upside, roles="image", **arrays)
    found = {noted(geometry, {**sample, "text": "Left base."})}
    found |= {(bool(out["done"]), words(out["reason"].view(1))[0]) for out in map(geometry, [sample] * 12)}
    assert found == {(False, Reason.NO_CAPTION.words), (False, Reason.NOT_DRAWN.words)}
    sequence = CrossModalSequential(SyncFlip(p, p=0.0), Focus(p, p=1.0))
    assert noted(CrossModald("image", sequence, roles="target", **arrays), sample) == (False, Reason.SILENT.words)
    assert noted(PosAugd("text", PosAug(p, phrase_p=1.0), **keys), sample) == (False, Reason.UNCHANGED.words)
    assert noted(PosAugd("second", PosAug(p, phrase_p=1.0), **keys), sample) == (True, "altered")
    assert noted(Rewordd("text", Reword(p, p=0.0), **keys), sample) == (False, Reason.NOT_DRAWN.words)
    absent = SyncFlipd("label", SyncFlip(p, p=1.0), allow_missing_keys=True, **arrays)
    assert noted(absent, sample) == (False, Reason.NOT_DRAWN.words)


def test_monais_transforms_say_that_another_text_cannot_follow(lung_parser) -> None:
    keys = {"width_axis": 1, "accepted_key": "done", "reason_key": "reason", "text_keys": ["text", "second"]}
    single = "A solitary 5 mm nodule is seen in the left upper lobe."
    sample = {"image": torch.ones(1, 12, 12), "text": "Left upper and right base opacity.", "second": single}
    limited = SyncFlip(lung_parser, p=1.0, max_tokens=1, tokenizer=lambda text: text if "right" in text else "")
    long = {**sample, "text": "Clear lungs.", "second": single}
    assert noted(SyncFlipd("image", limited, **keys), long) == (False, Reason.TOO_LONG.words)
    focus = Focusd("image", Focus(lung_parser, p=1.0), roles="map", **keys)
    assert noted(focus, {**sample, "second": "Not at the left base."}) == (False, Reason.CANNOT_SAY.words)


def test_monai_collates_and_inverts_what_is_noted(lung_parser) -> None:
    flip = SyncFlipd("image", SyncFlip(lung_parser, p=1.0), width_axis=1, accepted_key="done", reason_key="reason")
    sample = {"image": MetaTensor(torch.rand(1, 4, 4)), "text": "Left base opacity."}
    out = flip(sample)
    batch = list_data_collate([out, flip(sample)])
    assert batch["reason"].tolist() == [0, 0]
    assert batch["done"].tolist() == [True, True]
    back = flip.inverse(out)
    assert back["text"] == sample["text"]
    assert torch.equal(back["image"], sample["image"])


def test_several_texts_of_a_words_only_transform_need_no_single_reason(lung_parser) -> None:
    op = PosAug(lung_parser, phrase_p=1.0)
    for key in ("accepted_key", "reason_key"):
        with pytest.raises(InvalidValueError, match=f"one text key beside `{key}`"):
            PosAugd(["text", "second"], op, **{key: "x"})
    with pytest.raises(InvalidValueError, match="keys that differ"):
        PosAugd("text", op, accepted_key="x", reason_key="x")
    with pytest.raises(InvalidValueError, match="keys that differ"):
        SyncFlipd("image", SyncFlip(lung_parser), accepted_key="image")
