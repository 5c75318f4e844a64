"""What a target may hold: masks, probabilities, class ids, ignored pixels, one-hot channels, logits, through every op.

Each form is one way to write down the same labels of the pixels: nothing, lesion, something else, ignored. So what an
op makes of the form must be the form of what it makes of the labels.
"""

import pytest
import torch
from torch import Tensor

from crossmodal_aug import (
    Augmented,
    CrossModalSequential,
    Focus,
    SyncFlip,
    SyncGeometry,
    ZoneMix,
)
from crossmodal_aug.errors import CrossModalError, InvalidValueError
from tests.augment.target_forms import (
    FORMS,
    IGNORED,
    LESION,
    OPS,
    PARSER,
    READING,
    SIZE,
    TEXTS,
    Form,
    followed,
    labels_of,
    one_hot,
    seeded,
    spread,
)


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
