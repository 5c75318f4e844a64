"""What an op writes into a target where nothing is kept or seen, by the form of the target."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    SyncGeometry,
    TPatchMix,
)
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from tests.augment.target_forms import (
    FORMS,
    IGNORED,
    LESION,
    OPS,
    PARSER,
    SIZE,
    TEXTS,
    followed,
    labels_of,
    one_hot,
    seeded,
    spread,
)


@pytest.mark.parametrize("name", ["Focus", "SyncGeometry"])
@pytest.mark.parametrize("form", ["class ids", "ignore 255", "one-hot", "logit", "logits"])
def test_what_empties_a_target_is_not_guessed(name: str, form: str) -> None:
    images, labels = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=True)
    target = FORMS[form].write(labels)
    evidence = FORMS[form].evidence(target)
    unsaid = OPS[name](FORMS["bool"])
    with pytest.raises(InvalidValueError, match=f"Expected `target_fill`, which {name} writes.*apart.*but got None"):
        unsaid(images, TEXTS, target, evidence=evidence)
    lesion = labels == LESION
    out = unsaid(images, TEXTS, lesion, evidence=lesion.float(), generator=seeded())  # a bool mask says what is none
    assert out.accepted.any()
    with pytest.raises(InvalidValueError, match="Expected `target_fill` for a target that holds more"):
        unsaid.replay(target, out.params, role="target")


def test_flips_and_turns_fill_nothing() -> None:
    labels, op = labels_of(TEXTS, more=True), SyncGeometry(PARSER, p=1.0)
    for form in FORMS.values():
        target = form.write(labels)
        out = op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, target, evidence=labels == LESION, generator=seeded())
        assert torch.equal(out.target, form.write(op.replay(labels, out.params, role="map")))
        assert torch.equal(op.inverse(out.target, out.params, role="target"), target)


def test_one_number_for_all_channels_is_taken_as_said() -> None:
    """Channels of a sigmoid each: where nothing is kept, none of them holds."""
    labels = labels_of(TEXTS, more=True)
    target = one_hot(labels)[:, 1:]
    op = Focus(PARSER, p=1.0, unit="region", target_fill=0)
    out = op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, target, evidence=labels == LESION, generator=seeded())
    assert torch.equal(out.target, target & CF.union_mask(out.params.kept, LUNG_ZONES, SIZE).unsqueeze(1))


def test_a_volume_is_filled_channel_by_channel() -> None:
    texts, labels = TEXTS[:2], labels_of(TEXTS[:2], more=True).unsqueeze(2).repeat(1, 1, 3, 1, 1)
    labels[labels == IGNORED] = 0
    images, target = torch.rand(2, 1, 3, *SIZE), one_hot(labels)
    for name in ("Focus", "SyncGeometry"):
        op = OPS[name](FORMS["one-hot"])
        out = op(images, texts, target, evidence=labels == LESION, generator=seeded())
        moved = [followed(op, labels[:, :, depth], out.params) for depth in range(3)] if name == "Focus" else None
        wanted = torch.stack(moved, dim=2) if moved else op.replay(labels, out.params, role="evidence")
        assert out.accepted.any()
        assert torch.equal(out.target, one_hot(wanted))
    deep = labels[:, 0] == LESION  # its first axis beside the batch is the depth, and no channel
    assert Focus(PARSER, p=1.0)(images, texts, deep).target.shape == deep.shape


@pytest.mark.parametrize("build", [Focus, lambda parser, **more: SyncGeometry(parser, degrees=5, **more)])
def test_fills_that_do_not_fit(build: Callable[..., torch.nn.Module]) -> None:
    images, labels = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=True)
    for bad, kind in (("1", InvalidTypeError), ((1, None), InvalidTypeError), ((), InvalidValueError)):
        with pytest.raises(kind, match="`target_fill"):
            build(PARSER, target_fill=bad)
    with pytest.raises(InvalidValueError, match=r"`target_fill\[1\]` to be finite"):
        build(PARSER, target_fill=(0, float("-inf")))
    for fill, target, message in (
        ((1, 0), one_hot(labels), r"`target` of shape \(B, 2, \*spatial\), one channel for each number"),
        ((1, 0), labels[:, 0], r"`target` of shape \(B, 2, \*spatial\)"),
        (-8, labels.to(torch.uint8), "fill that torch.uint8 can hold, 0 to 255, but got -8"),
        (-1, labels.to(torch.uint16), "fill that torch.uint16 can hold"),
        (0.5, labels, "fill that torch.int64 can hold"),
        (255, labels > 0, "fill that torch.bool can hold, 0 to 1"),
        (-1e9, (labels == 1).half(), "fill that torch.float16 can hold"),
        ((1, 0, 2), one_hot(labels), "fill that torch.bool can hold"),
    ):
        op = build(PARSER, p=1.0, target_fill=fill)
        with pytest.raises(InvalidValueError, match=message):
            op(images, TEXTS, target, evidence=labels == LESION)


def test_ignored_values_that_a_dtype_cannot_hold_are_not_there() -> None:
    """In bytes with a sign 255 is -1: such a pixel is not an ignored one."""
    for wrong in (2.0, True, "255"):
        with pytest.raises(InvalidTypeError, match="`ignore_index` to be an integer"):
            Focus(PARSER, ignore_index=wrong)
    labels = labels_of(TEXTS, more=True)
    signed = labels.where(labels != IGNORED, -1).to(torch.int8)
    op = Focus(PARSER, p=1.0, unit="region", target_fill=0, ignore_index=IGNORED)
    out = op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, signed, evidence=labels == LESION, generator=seeded())
    kept = CF.union_mask(out.params.kept, LUNG_ZONES, SIZE).unsqueeze(1)
    assert torch.equal(out.target, signed * kept)


def test_what_is_ignored_may_stand_for_what_is_not_kept() -> None:
    """A mask of 0 and 1, ignored where it is not asked for; the next op of a sequence does not take that for lesion."""
    focus = Focus(PARSER, p=1.0, unit="region", target_fill=IGNORED)
    mix = TPatchMix(PARSER, patch_size=8, p=1.0, where="donor", gate=None)
    masks = labels_of(TEXTS, more=False)
    for seed in range(4):
        out = CrossModalSequential(focus, mix)(torch.rand(4, 1, *SIZE), TEXTS, masks, generator=seeded(seed))
        usual = CrossModalSequential(Focus(PARSER, p=1.0, unit="region"), mix)(
            torch.rand(4, 1, *SIZE), TEXTS, masks, generator=seeded(seed)
        )
        assert out.texts == usual.texts
        assert torch.equal((out.target == LESION), usual.target == LESION)
        assert IGNORED in out.target


def test_gradients_reach_what_is_kept_of_logits() -> None:
    labels = labels_of(TEXTS, more=False)
    logits = FORMS["logits"].write(labels).requires_grad_()
    op = OPS["Focus"](FORMS["logits"])
    out = op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, logits, evidence=labels == LESION, generator=seeded())
    out.target.sum().backward()
    kept = CF.union_mask(out.params.kept, LUNG_ZONES, SIZE) | ~out.params.accepted.view(-1, 1, 1)
    assert torch.equal(logits.grad, kept.unsqueeze(1).expand_as(logits).float())


@pytest.mark.parametrize("form", ["ignore 255", "one-hot", "logits"])
@pytest.mark.parametrize("name", ["Focus", "SyncGeometry"])
def test_fills_compile(name: str, form: str) -> None:
    labels, positions = labels_of(TEXTS, more=True), PARSER.encode(TEXTS)
    target, op = FORMS[form].write(labels), OPS[name](FORMS[form])

    def call() -> Tensor:
        return op(
            torch.zeros(len(TEXTS), 1, *SIZE), None, target, evidence=labels == LESION, positions=positions
        ).target

    torch.manual_seed(0)
    plain = call()
    torch.manual_seed(0)
    assert torch.equal(torch.compile(call, backend="eager", fullgraph=True)(), plain)
    assert not torch.equal(plain, target)


@pytest.mark.parametrize(
    ("values", "more"),
    [
        ([0.0, 1.0, 2.0], True),
        ([1.0, 2.0], True),
        ([0.0, 0.5, 3.0], True),
        ([-1.0, 1.0], True),
        ([0.0, 255.0], False),
        ([0.0, 1.0], False),
        ([0.0, 0.3, 1.0], False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float8_e5m2])
@pytest.mark.parametrize("name", ["Focus", "SyncGeometry"])
def test_replay_refuses_class_ids_in_floats(name: str, values: list[float], more: bool, dtype: torch.dtype) -> None:
    op, lesion = OPS[name](FORMS["bool"]), labels_of(TEXTS, more=False) == LESION
    out = op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, lesion, generator=seeded())
    target = spread(torch.tensor(values)).to(dtype)
    if more:
        with pytest.raises(InvalidValueError, match="Expected `target_fill` for a target that holds more"):
            op.replay(target, out.params, role="target")
    else:
        assert op.replay(target, out.params, role="target").dtype == dtype
