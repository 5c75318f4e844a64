"""What a target may hold: masks, probabilities, class ids, ignored pixels, one-hot channels, logits, through every op.

Each form is one way to write down the same labels of the pixels: nothing, lesion, something else, ignored. So what an
op makes of the form must be the form of what it makes of the labels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)
from crossmodal_aug.errors import CrossModalError, InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.evidence import check_evidence

PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "Opacity in the lower left lung and upper right lung.",
    "Opacity in the upper right lung and the middle left lung.",
    "Opacity in the lower left lung and lower right lung.",
    "Opacity in the upper left lung and middle right lung.",
]
LESION, OTHER, IGNORED = 1, 2, 255
SIZE = (24, 24)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels_of(texts: list[str], *, more: bool) -> Tensor:
    """A lesion in each region that a text names; with more, something else and ignored pixels in every region."""
    labels = torch.zeros(len(texts), 1, *SIZE, dtype=torch.int64)
    if more:
        labels[..., 1::8, :], labels[..., :, 5::12] = OTHER, IGNORED
    for one, bits in zip(labels, PARSER.encode(texts), strict=True):
        for y0, y1, x0, x1 in [box for box, bit in zip(LUNG_ZONES.boxes, bits, strict=True) if bit]:
            y, x = int((y0 + y1) * SIZE[0] / 2), int((x0 + x1) * SIZE[1] / 2)
            one[0, y - 2 : y + 2, x - 2 : x + 2] = LESION
    return labels


@dataclass(frozen=True)
class Form:
    """How a form is written, what a pixel of nothing is in it, and where its lesion is."""

    write: Callable[[Tensor], Tensor]
    lesion: Callable[[Tensor], Tensor] | None = None
    fill: float | tuple[float, ...] | None = None
    ignored: int | None = None
    more: bool = False

    def evidence(self, target: Tensor) -> Tensor | None:
        return None if self.lesion is None else self.lesion(target)


def one_hot(labels: Tensor) -> Tensor:
    return torch.cat([labels == value for value in (0, LESION, OTHER)], dim=1)


FORMS = {
    "bool": Form(lambda labels: labels == LESION),
    "mask of 0 and 1": Form(lambda labels: (labels == LESION).int()),
    "mask of 0 and 255": Form(lambda labels: (labels == LESION).to(torch.uint8) * 255),
    "mask without channel": Form(lambda labels: ((labels == LESION)[:, 0].int() * 65535).to(torch.uint16)),
    "probabilities": Form(lambda labels: (labels == LESION) * 0.75),
    "half-precision probabilities": Form(lambda labels: (labels == LESION).half() * 0.75),
    "class ids": Form(lambda labels: labels, lambda target: target == LESION, fill=0, more=True),
    "class ids, background 7": Form(
        lambda labels: labels.where(labels > 0, 7).to(torch.int16),
        lambda target: target == LESION,
        fill=7,
        ignored=IGNORED,
        more=True,
    ),
    "ignore 255": Form(
        lambda labels: labels.to(torch.uint8), lambda target: target == LESION, fill=0, ignored=IGNORED, more=True
    ),
    "ignore -1": Form(
        lambda labels: labels.where(labels != IGNORED, -1).to(torch.int8),
        lambda target: target == LESION,
        fill=0,
        ignored=-1,
        more=True,
    ),
    "ignore 65535": Form(
        lambda labels: labels.where(labels != IGNORED, 65535).to(torch.uint16),
        lambda target: target.int() == LESION,
        fill=0,
        ignored=65535,
        more=True,
    ),
    "one-hot": Form(one_hot, lambda target: target[:, 1], fill=(1, 0, 0), more=True),
    "one-hot, ignore -100": Form(
        lambda labels: one_hot(labels).long().where(labels != IGNORED, -100),
        lambda target: target[:, 1:2] == 1,
        fill=(1, 0, 0),
        ignored=-100,
        more=True,
    ),
    "logit": Form(lambda labels: (labels == LESION) * 16.0 - 8.0, Tensor.sigmoid, fill=-8.0),
    "logits": Form(
        lambda labels: one_hot(labels) * 16.0 - 8.0,
        lambda target: target.softmax(dim=1)[:, 1:2],
        fill=(8.0, -8.0, -8.0),
        more=True,
    ),
}
Build = Callable[[Form], torch.nn.Module]
BENT = {"horizontal": True, "degrees": 8.0, "scale": (0.6, 0.9), "translate": 0.1}
OPS: dict[str, Build] = {
    "TPatchMix": lambda form: TPatchMix(PARSER, patch_size=8, p=1.0, where="probability", gate=None),
    "ZoneMix": lambda form: ZoneMix(PARSER, unit="subset", p=1.0, max_cut=0.9),
    "SyncFlip": lambda form: SyncFlip(PARSER, p=0.6),
    "SyncGeometry": lambda form: SyncGeometry(PARSER, p=1.0, target_fill=form.fill, **BENT),
    "Focus": lambda form: Focus(PARSER, p=1.0, unit="region", target_fill=form.fill, ignore_index=form.ignored),
    "PosAug": lambda form: PosAug(PARSER, phrase_p=1.0),
    "Reword": lambda form: Reword(PARSER, p=1.0),
    "CrossModalSequential": lambda form: CrossModalSequential(
        *(OPS[name](form) for name in ("ZoneMix", "SyncGeometry", "TPatchMix", "Focus", "SyncFlip", "Reword"))
    ),
}
READING = ("TPatchMix", "ZoneMix", "SyncGeometry", "Focus")


def followed(op: torch.nn.Module, labels: Tensor, params: object) -> Tensor:
    """What becomes of labels, where nothing is 0 and ignored pixels stay: written apart from what ops do to targets."""
    if isinstance(op, CrossModalSequential):
        for one, own in zip(op.ops, params, strict=True):
            labels = followed(one, labels, own)
        return labels
    if isinstance(op, Focus):
        kept = CF.union_mask(params.kept, LUNG_ZONES, SIZE) | ~params.accepted.view(-1, 1, 1)
        return labels.where(kept.unsqueeze(1) | (labels == IGNORED), 0)
    if isinstance(op, SyncGeometry):
        return op.replay(labels, params, role="evidence")
    return op.replay(labels, params, role="map")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("name", OPS)
def test_every_op_keeps_every_form(name: str, form: Form) -> None:
    op, plain, altered = OPS[name](form), OPS[name](FORMS["bool"]), 0
    labels = labels_of(TEXTS, more=form.more)
    if form.ignored is None:
        labels[labels == IGNORED] = 0
    target, images = form.write(labels), torch.rand(len(TEXTS), 1, *SIZE)
    before = target.clone()
    for seed in range(2):
        out = op(images, TEXTS, target, evidence=form.evidence(target), generator=seeded(seed))
        assert torch.equal(target, before)
        assert out.target.dtype == target.dtype
        assert torch.equal(out.target, form.write(followed(op, labels, out.params)))
        assert torch.equal(op.replay(target, out.params, role="target"), out.target)
        usual = plain(images, TEXTS, labels == LESION, generator=seeded(seed))
        assert out.texts == usual.texts
        assert torch.equal(out.accepted, usual.accepted)
        altered += int(out.accepted.sum())
    assert altered > 0


AMBIGUOUS = {
    "class ids": (torch.tensor([0, 1, 2]), "the values [0, 1, 2]"),
    "bytes with 255": (torch.tensor([0, 1, 255], dtype=torch.uint8), "the values [0, 1, 255]"),
    "no background": (torch.tensor([1, 255], dtype=torch.int16), "the values [1, 255]"),
    "large": (torch.tensor([0, 300, 301], dtype=torch.int32), "the values [0, 300, 301]"),
    "ignored below 0": (torch.tensor([-1, 0, 1], dtype=torch.int8), "the values [-1, 0, 1]"),
    "ignored below 0 and no lesion": (torch.tensor([0, -100]), "the values [-100, 0]"),
    "unsigned": (torch.tensor([0, 1, 65535], dtype=torch.uint16), "the values [0, 1, 65535]"),
    "unsigned and wide": (torch.tensor([0, 2, 2**32 - 1], dtype=torch.uint32), "the values [0, 2, 4294967295]"),
    "an enlarged mask": (torch.arange(200, dtype=torch.uint8), "200 values, [0, 1, 2, 3, 4, 5] and more"),
    "class ids in floats": (torch.tensor([0.0, 1.0, 2.0]), "a range of [0, 2]"),
    "logits": (torch.tensor([-8.0, 8.0]), "a range of [-8, 8]"),
}


def spread(values: Tensor) -> Tensor:
    """Values all over a batch of targets."""
    return values.repeat(len(TEXTS) * 24 * 24)[: len(TEXTS) * 24 * 24].view(-1, 1, *SIZE)


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize(("values", "named"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_does_not_say_where_lesion_is_is_refused_by_name(name: str, values: Tensor, named: str) -> None:
    op, images, target = OPS[name](FORMS["bool"]), torch.rand(len(TEXTS), 1, *SIZE), spread(values)
    with pytest.raises(InvalidValueError, match="Expected `target` to") as caught:
        op(images, TEXTS, target)
    assert named in str(caught.value)
    if not target.is_floating_point():
        assert "`evidence=(labels > 0) & (labels != 255)`" in str(caught.value)
    with pytest.raises(InvalidValueError, match="Expected `evidence` to"):
        op(images, TEXTS, evidence=target)


@pytest.mark.parametrize("name", [name for name in OPS if name not in (*READING, "CrossModalSequential")])
@pytest.mark.parametrize(("values", "named"), AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_op_that_reads_no_evidence_takes_any_target(name: str, values: Tensor, named: str) -> None:
    target = spread(values)
    out = OPS[name](FORMS["bool"])(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, target, generator=seeded())
    assert out.target.dtype == target.dtype
    assert out.accepted.any()


@pytest.mark.parametrize("name", READING)
def test_channels_are_no_evidence(name: str) -> None:
    op, target = OPS[name](FORMS["bool"]), one_hot(labels_of(TEXTS, more=True))
    with pytest.raises(InvalidValueError, match="give `evidence` apart where the target holds more"):
        op(torch.rand(len(TEXTS), 1, *SIZE), TEXTS, target)


@pytest.mark.parametrize("name", [*READING, "CrossModalSequential"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int64, torch.uint16, torch.uint64])
@pytest.mark.parametrize("value", [0, 1, 100])
def test_masks_of_one_value_and_of_none_are_read(name: str, dtype: torch.dtype, value: int) -> None:
    lesion = labels_of(TEXTS, more=False) == LESION
    op, images, empty = OPS[name](FORMS["bool"]), torch.rand(len(TEXTS), 1, *SIZE), torch.zeros_like(lesion)
    out = op(images, TEXTS, (lesion * value).to(dtype), generator=seeded())
    usual = op(images, TEXTS, lesion if value else empty, generator=seeded())
    assert out.texts == usual.texts
    assert torch.equal(out.accepted, usual.accepted)


@pytest.mark.parametrize("name", ["TPatchMix", "ZoneMix"])
def test_ambiguous_donors_are_refused_too(name: str) -> None:
    images, masks = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=False)
    donors = Augmented(images, TEXTS, labels_of(TEXTS, more=True))
    with pytest.raises(InvalidValueError, match=r"a mask of 0 and one value above 0.*\[0, 1, 2, 255\]"):
        OPS[name](FORMS["bool"])(images, TEXTS, masks, donors=donors)


def test_strict_mode_takes_labels_that_the_op_does_not_read() -> None:
    """Captions are judged by masks alone: these labels, read as lesion, would say that the sides are exchanged."""
    texts = ["Opacity in the left lung.", "Opacity in the right lung."] * 64
    labels = torch.zeros(128, 1, *SIZE, dtype=torch.int64)
    left = PARSER.atlas.boxes[PARSER.atlas.names.index("left upper")][2] < 0.5
    half = (slice(12), slice(12, None)) if left else (slice(12, None), slice(12))
    labels[::2, ..., half[1]] = labels[1::2, ..., half[0]] = IGNORED
    op = SyncFlip(PARSER, p=0.5, strict=True)
    with pytest.raises(CrossModalError, match="mirrored"):
        op(torch.rand(128, 1, *SIZE), texts, labels, generator=seeded())
    labels[:, :, 0, 0] = LESION
    assert SyncFlip(PARSER, p=0.5, strict=True)(torch.rand(128, 1, *SIZE), texts, labels).accepted.any()


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


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", READING)
def test_strict_mode_looks_at_evidence_on_every_device(
    name: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noting(name: str, evidence: Tensor, *, everywhere: bool) -> Tensor:
        asked.append(everywhere)
        return check_evidence(name, evidence, everywhere=everywhere)

    monkeypatch.setattr("crossmodal_aug.augment.batch.check_evidence", noting)
    op = OPS[name](FORMS["bool"])
    op.strict = strict
    images, masks = torch.rand(len(TEXTS), 1, *SIZE), labels_of(TEXTS, more=False)
    donors = Augmented(images, TEXTS, masks)
    op(images, TEXTS, masks, donors=donors, generator=seeded())
    assert asked and set(asked) == {strict}


BAD_EVIDENCE = {
    "two channels": torch.zeros(4, 2, *SIZE),
    "NaN": torch.full((4, 1, *SIZE), float("nan")),
    "below 0": torch.full((4, 1, *SIZE), -0.5),
    "class labels": spread(torch.tensor([0, 1, 2])),
    "floats above 1": torch.full((4, 1, *SIZE), 2.0),
}


@pytest.mark.parametrize("donors", [False, True])
@pytest.mark.parametrize("bad", BAD_EVIDENCE)
def test_evidence_that_is_given_apart_is_checked_where_it_is_only_looked_at(bad: str, donors: bool) -> None:
    op, images, good = ZoneMix(PARSER, p=1.0), torch.rand(4, 1, *SIZE), torch.ones(4, 1, *SIZE)
    second = Augmented(images, TEXTS, evidence=good.to(BAD_EVIDENCE[bad].dtype)) if donors else None
    with pytest.raises(InvalidValueError, match="Expected `evidence`"):
        op(images, TEXTS, evidence=BAD_EVIDENCE[bad], donors=second)
    if donors and bad != "two channels":
        with pytest.raises(InvalidValueError, match="Expected `evidence`"):
            mine = good.to(BAD_EVIDENCE[bad].dtype)
            op(images, TEXTS, evidence=mine, donors=Augmented(images, TEXTS, evidence=BAD_EVIDENCE[bad]))
    assert op(images, TEXTS, BAD_EVIDENCE[bad], generator=seeded()).accepted.any()  # a bare target may hold anything


@pytest.mark.parametrize("name", OPS)
def test_evidence_has_one_channel_whether_it_is_read_or_not(name: str) -> None:
    op, images = OPS[name](FORMS["bool"]), torch.rand(len(TEXTS), 1, *SIZE)
    words = r"Expected `evidence` of shape \(B, 1, \*spatial\) or \(B, \*spatial\), but got \(4, 2, 24, 24\)"
    with pytest.raises(InvalidValueError, match=words):
        op(images, TEXTS, evidence=torch.zeros(len(TEXTS), 2, *SIZE))


BARE = {
    "class ids with ignored pixels": lambda labels: labels,
    "one-hot": one_hot,
    "class ids in floats": Tensor.float,
    "complex": lambda labels: labels.to(torch.complex64),
}


@pytest.mark.parametrize("donors", [False, True])
@pytest.mark.parametrize("form", BARE)
def test_a_sequence_takes_what_its_ops_take(form: str, donors: bool) -> None:
    """Ops that need no evidence, in a row, one of which has a `target_fill`."""
    target, images = BARE[form](labels_of(TEXTS, more=True)), torch.rand(len(TEXTS), 1, *SIZE)
    second = Augmented(images.flip(0), TEXTS[::-1], target.flip(0)) if donors else None
    ops = [SyncGeometry(PARSER, p=1.0, target_fill=255), ZoneMix(PARSER, p=1.0), SyncFlip(PARSER, p=0.5)]
    generator, one = seeded(), Augmented(images, TEXTS, target)
    for op in ops:
        one = op(one.images, one.texts, one.target, donors=second, generator=generator)
    for sequence in (CrossModalSequential(*ops), CrossModalSequential(CrossModalSequential(*ops[:2]), ops[2])):
        out = sequence(images, TEXTS, target, donors=second, generator=seeded())
        assert out.texts == one.texts
        assert torch.equal(out.target, one.target)
        assert out.evidence is None


def test_a_sequence_names_the_target_that_its_op_cannot_read() -> None:
    labels, images = labels_of(TEXTS, more=True), torch.rand(len(TEXTS), 1, *SIZE)
    for later in (Focus(PARSER, p=1.0, target_fill=0), ZoneMix(PARSER, max_cut=0.5)):
        sequence = CrossModalSequential(SyncGeometry(PARSER, p=1.0, target_fill=255), later)
        with pytest.raises(InvalidValueError, match="Expected `target` to be a mask"):
            sequence(images, TEXTS, labels)


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
