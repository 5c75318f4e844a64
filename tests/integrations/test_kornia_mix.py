"""KorniaMix: every op inside kornia's own container, against the op called alone with the same seed."""

import copy
import pickle
from collections.abc import Callable

import kornia.augmentation as K
import pytest
import torch

from crossmodal_aug import CrossModalSequential, Focus, PosAug, PositionParser, Reword, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.kornia import KorniaMix

OPS: dict[str, Callable[[PositionParser], torch.nn.Module]] = {
    "TPatchMix": lambda p: TPatchMix(p, patch_size=12, p=0.9, where="donor", threshold=0.3),
    "ZoneMix": lambda p: ZoneMix(p, unit="subset", p=0.7, max_cut=0.9),
    "PosAug": lambda p: PosAug(p, phrase_p=0.6),
    "Reword": lambda p: Reword(p, p=0.6),
    "SyncFlip": lambda p: SyncFlip(p, p=0.5),
    "Focus": lambda p: Focus(p, unit="region", p=0.8),
    "sequence": lambda p: CrossModalSequential(ZoneMix(p, p=0.6), SyncFlip(p), Focus(p, unit="region"), PosAug(p)),
}


def mix_of(name: str, parser: PositionParser, seed: int = 7, **kwargs: object) -> KorniaMix:
    return KorniaMix(OPS[name](parser), generator=torch.Generator().manual_seed(seed), **kwargs)


@pytest.mark.parametrize("name", OPS)
def test_an_op_in_the_container_does_what_it_does_alone(name, phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of(name, lung_parser)
    assert isinstance(mix, K.MixAugmentationBaseV2)
    pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
    mix.feed(batch.texts)
    images, masks = pipeline(batch.images, batch.masks)
    alone = OPS[name](lung_parser)(
        batch.images, batch.texts, batch.masks.float(), generator=torch.Generator().manual_seed(7)
    )
    assert torch.equal(images, alone.images)
    assert torch.equal(masks, alone.target.long())
    assert masks.dtype == torch.int64
    assert mix.texts == alone.texts
    assert torch.equal(mix.positions, alone.positions)
    steps = alone.params if isinstance(alone.params, tuple) else (alone.params,)
    assert torch.equal(mix.accepted, torch.stack([step.accepted for step in steps]).any(dim=0))
    assert mix.accepted.any()


@pytest.mark.parametrize("name", OPS)
def test_kornias_replay_repeats_the_call(name, phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of(name, lung_parser)
    pipeline = K.AugmentationSequential(K.RandomAffine(4.0, p=0.5), mix, data_keys=["input", "mask"])
    mix.feed(batch.texts)
    first = pipeline(batch.images, batch.masks)
    texts, params = mix.texts, copy.deepcopy(pipeline._params)
    pipeline_state = torch.get_rng_state()
    again = pipeline(batch.images, batch.masks, params=params)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert mix.texts is None
    assert torch.equal(torch.get_rng_state(), pipeline_state)
    mix.feed(batch.texts)
    pipeline(batch.images, batch.masks, params=params)
    assert mix.texts == texts


@pytest.mark.parametrize("name", ["TPatchMix", "ZoneMix", "Focus"])
def test_the_evidence_is_the_mask_as_the_earlier_steps_left_it(name, phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of(name, lung_parser)
    before = K.RandomAffine(0.0, translate=(0.2, 0.2), p=1.0)
    mix.feed(batch.texts)
    pipeline = K.AugmentationSequential(before, mix, data_keys=["input", "mask"])
    torch.manual_seed(5)
    images, masks = pipeline(batch.images, batch.masks)
    moved = K.AugmentationSequential(before, data_keys=["input", "mask"])(
        batch.images, batch.masks, params=pipeline._params[:1]
    )
    alone = OPS[name](lung_parser)(moved[0], batch.texts, moved[1].float(), generator=torch.Generator().manual_seed(7))
    assert torch.equal(images, alone.images)
    assert torch.equal(masks, alone.target.long())
    assert mix.texts == alone.texts


def test_masks_are_gated_sample_by_sample_like_images(phantoms, lung_parser) -> None:
    # kornia's own mix base blends images by sample and replaces masks whole.
    batch = phantoms(batch=16)
    numbers = torch.arange(16).view(-1, 1, 1, 1)
    mix = mix_of("SyncFlip", lung_parser)
    ramp = torch.arange(40).expand(16, 1, 48, 40) + 100 * numbers
    mix.feed(batch.texts)
    images, masks = K.AugmentationSequential(mix, data_keys=["input", "mask"])(ramp.float(), (ramp % 100 < 20).long())
    for index, accepted in enumerate(mix.accepted.tolist()):
        expected = ramp[index].flip(-1) if accepted else ramp[index]
        assert torch.equal(images[index], expected.float())
        assert torch.equal(masks[index], (expected % 100 < 20).long())
    assert mix.accepted.any()
    assert not mix.accepted.all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.float32])
@pytest.mark.parametrize("shape", [(8, 1), (8,), (8, 3)])
def test_mask_dtypes_and_ranks(dtype, shape, phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of("SyncFlip", lung_parser)
    mask = (torch.rand(*shape, 48, 40) > 0.5).to(dtype)
    mix.feed(batch.texts)
    _, out = K.AugmentationSequential(mix, data_keys=["input", "mask"])(batch.images, mask)
    assert out.dtype == dtype
    flips = mix.accepted.view(-1, *[1] * (mask.ndim - 1))
    assert torch.equal(out.reshape(mask.shape), torch.where(flips, mask.flip(-1), mask))


def test_masks_of_other_values_serve_as_evidence_when_declared(phantoms, lung_parser) -> None:
    batch = phantoms(batch=8)
    results = []
    for mask, evidence in ((batch.masks, "probability"), (batch.masks * 255, "mask")):
        mix = mix_of("TPatchMix", lung_parser, evidence=evidence)
        mix.feed(batch.texts)
        results.append((K.AugmentationSequential(mix, data_keys=["input", "mask"])(batch.images, mask), mix.texts))
    (first, texts), (second, other_texts) = results
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1] * 255, second[1])
    assert texts == other_texts
    mix = mix_of("TPatchMix", lung_parser)
    mix.feed(batch.texts)
    with pytest.raises(InvalidValueError, match=r"`target` to hold values in \[0, 1\]"):
        K.AugmentationSequential(mix, data_keys=["input", "mask"])(batch.images, batch.masks * 255)


def test_further_masks_move_along(phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of("ZoneMix", lung_parser)
    pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask", "mask"])
    mix.feed(batch.texts)
    images, masks, more = pipeline(batch.images, batch.masks, batch.images)
    assert torch.equal(more, images)
    assert not torch.equal(masks, batch.masks)


@pytest.mark.parametrize("name", OPS)
def test_called_directly(name, phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of(name, lung_parser)
    mix.feed(None if name in ("ZoneMix", "SyncFlip") else batch.texts, positions=batch.positions)
    images, masks = mix(batch.images, batch.masks)
    assert (mix.texts is None) == (name in ("ZoneMix", "SyncFlip"))
    again = mix(batch.images, batch.masks, params=mix._params)
    assert torch.equal(images, again[0])
    assert torch.equal(masks, again[1])
    assert masks.dtype == torch.int64


def test_without_a_mask_ops_that_need_no_evidence_work_and_others_say_so(phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=4), mix_of("SyncFlip", lung_parser)
    mix.feed(batch.texts)
    images = K.AugmentationSequential(mix, data_keys=["input"])(batch.images)
    flips = mix.accepted.view(-1, 1, 1, 1)
    assert torch.equal(images, torch.where(flips, batch.images.flip(-1), batch.images))
    needy = mix_of("TPatchMix", lung_parser)
    needy.feed(batch.texts)
    with pytest.raises(InvalidValueError, match="Expected `target`"):
        K.AugmentationSequential(needy, data_keys=["input"])(batch.images)


def test_a_batch_must_be_fed_and_is_fed_once(phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=4), mix_of("SyncFlip", lung_parser)
    pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
    with pytest.raises(InvalidValueError, match="call `feed` before each batch"):
        pipeline(batch.images, batch.masks)
    mix.feed(batch.texts)
    pipeline(batch.images, batch.masks)
    with pytest.raises(InvalidValueError, match="call `feed` before each batch"):
        pipeline(batch.images, batch.masks)
    mix.feed(batch.texts[:-1])
    with pytest.raises(InvalidValueError, match="`texts` to hold 4 strings"):
        pipeline(batch.images, batch.masks)


def test_what_it_cannot_do_it_refuses(phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=4), KorniaMix(SyncFlip(lung_parser, p=1.0))
    boxes = torch.tensor([[[1.0, 1.0, 4.0, 4.0]]]).expand(4, 1, 4)
    mix.feed(batch.texts)
    with pytest.raises(NotImplementedError):
        K.AugmentationSequential(mix, data_keys=["input", "mask", "bbox_xyxy"])(batch.images, batch.masks, boxes)
    mix.feed(batch.texts)
    nested = K.AugmentationSequential(K.ImageSequential(mix), data_keys=["input", "mask"])
    with pytest.raises(InvalidValueError, match="make it a direct child"):
        nested(batch.images, batch.masks)
    with pytest.raises(NotImplementedError):
        mix(batch.images, batch.masks, data_keys=["input", "class"])
    with pytest.raises(InvalidValueError, match="one tensor for each of 1 data keys"):
        mix(batch.images, batch.masks, data_keys=["input"])
    with pytest.raises(InvalidValueError, match="'input' among `data_keys`"):
        mix(batch.masks, data_keys=["mask"])
    with pytest.raises(InvalidTypeError, match="`op`"):
        KorniaMix(K.RandomHorizontalFlip())
    with pytest.raises(InvalidValueError, match="`evidence`"):
        KorniaMix(SyncFlip(lung_parser), evidence="auto")
    with pytest.raises(InvalidValueError, match="`texts` or `positions`"):
        mix.feed(None)
    with pytest.raises(CrossModalError, match="sequence of strings"):
        mix.feed("left lung")


def test_it_draws_from_torchs_generator_like_kornia(phantoms, lung_parser) -> None:
    batch = phantoms(batch=8)
    results = []
    for _ in range(2):
        mix = KorniaMix(ZoneMix(lung_parser, p=0.5))
        pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
        torch.manual_seed(11)
        mix.feed(batch.texts)
        results.append((pipeline(batch.images, batch.masks)[0], mix.texts))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_it_travels_to_workers_and_prints(lung_parser) -> None:
    mix = pickle.loads(pickle.dumps(KorniaMix(ZoneMix(lung_parser))))
    assert repr(mix).startswith("KorniaMix(ZoneMix(unit='side'")


def test_gradients_reach_the_pixels_that_were_taken(phantoms, lung_parser) -> None:
    batch, mix = phantoms(batch=8), mix_of("ZoneMix", lung_parser)
    images = batch.images.clone().requires_grad_()
    mix.feed(batch.texts)
    out, _ = K.AugmentationSequential(mix, data_keys=["input", "mask"])(images, batch.masks)
    out.sum().backward()
    assert images.grad.sum() == images.numel()


@pytest.mark.parametrize(
    "build",
    [
        lambda p, **more: ZoneMix(p, unit="side", p=1.0, **more),
        lambda p, **more: PosAug(p, phrase_p=1.0, mode="fuzz", **more),
    ],
    ids=["ZoneMix", "PosAug"],
)
def test_a_single_op_keeps_its_budget_and_its_strict_mode(build, phantoms, lung_parser) -> None:
    batch, free = phantoms(batch=8), build(lung_parser)
    longest = max(len(text.split()) for text in batch.texts)
    op = build(lung_parser, max_tokens=longest // 2, tokenizer=str.split)
    mix = KorniaMix(op, generator=torch.Generator().manual_seed(7))
    mix.feed(batch.texts)
    images, _ = mix(batch.images, batch.masks.float())
    alone = op(batch.images, batch.texts, batch.masks.float(), generator=torch.Generator().manual_seed(7))
    unlimited = free(batch.images, batch.texts, batch.masks.float(), generator=torch.Generator().manual_seed(7))
    assert mix.texts == alone.texts != unlimited.texts
    assert torch.equal(images, alone.images)
    assert torch.equal(mix.accepted, alone.params.accepted)
    strict = KorniaMix(build(lung_parser, strict=True))
    strict.feed(batch.texts, positions=~batch.positions)
    with pytest.raises(CrossModalError, match="as strict mode asks"):
        strict(batch.images, batch.masks.float())
