"""What every op says of a call: why a sample was left alone, evidence apart from the target, what any op altered."""

import numpy as np
import pytest
import torch

from crossmodal_aug import (
    LUNG_ZONES,
    QUADRANTS,
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    TPatchMix,
    ZoneMix,
    describe,
)
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

PARSER = PositionParser(LUNG_ZONES)
LEFT, RIGHT = "Opacity in the lower left lung.", "Opacity in the upper right lung."
BOTH = "Opacity in the lower left lung and upper right lung."
SILENT = "COVID-19 pneumonia."
SINGLE = "A solitary 5 mm nodule is seen in the left upper lobe."


UNION = TPatchMix(PARSER, patch_size=4, p=1.0, gate=None, text="union")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images_of(texts):
    return torch.rand(len(texts), 1, 12, 12, generator=seeded(3))


def lesion_of(texts):
    """A mask with one blob in the middle of each region that a text names."""
    masks = torch.zeros(len(texts), 1, 12, 12)
    for mask, bits in zip(masks, PARSER.encode(texts), strict=True):
        for box in [box for box, bit in zip(LUNG_ZONES.boxes, bits, strict=True) if bit]:
            y, x = int((box[0] + box[1]) * 6), int((box[2] + box[3]) * 6)
            mask[0, y - 1 : y + 1, x - 1 : x + 1] = 1
    return masks


def why(op, texts, target=None, **rest):
    out = op(images_of(texts), texts, target, generator=seeded(), **rest)
    assert torch.equal(out.params.reason == 0, out.params.accepted)
    return [Reason(code) for code in out.params.reason.tolist()], out


@pytest.mark.parametrize(
    ("op", "texts", "reasons"),
    [
        (ZoneMix(PARSER, p=0.0), [LEFT, RIGHT], [Reason.NOT_DRAWN] * 2),
        (ZoneMix(PARSER, p=1.0), [LEFT], [Reason.NO_PARTNER]),
        (ZoneMix(PARSER, p=1.0), [LEFT, SILENT], [Reason.SILENT_DONOR, Reason.SILENT]),
        (UNION, [LEFT, SILENT], [Reason.SILENT_DONOR, Reason.SILENT]),
        (UNION, [LEFT, RIGHT], [Reason.NO_ROOM] * 2),
        (SyncFlip(PARSER, p=0.0), [LEFT], [Reason.NOT_DRAWN]),
        (Focus(PARSER, p=1.0), [LEFT, SILENT], [Reason.NOTHING_TO_CHOOSE, Reason.SILENT]),
        (PosAug(PARSER, phrase_p=1.0), [SILENT], [Reason.UNCHANGED]),
        (Reword(PARSER, p=0.0), [LEFT], [Reason.NOT_DRAWN]),
        (Reword(PARSER, p=1.0), [SILENT], [Reason.CANNOT_SAY]),
        (Reword(PARSER, p=1.0, frames=["report"], max_tokens=1, tokenizer=list), ["Left base."], [Reason.TOO_LONG]),
        (
            PosAug(PARSER, phrase_p=1.0, mode="fuzz", max_tokens=1, tokenizer=str.split),
            ["Left base."],
            [Reason.TOO_LONG],
        ),
        (ZoneMix(PARSER, unit="subset", p=1.0, max_tokens=1, tokenizer=str.split), ["Left base.", BOTH] * 4, None),
    ],
)  # fmt: skip
def test_a_sample_that_is_left_alone_says_why(op, texts, reasons):
    found, out = why(op, texts)
    if reasons is None:
        assert Reason.TOO_LONG in found
    else:
        assert found == reasons
    for reason in set(found) - {Reason.ALTERED}:
        assert f"as it was: {reason.words}" in describe(out, LUNG_ZONES)


def test_gates_on_evidence_say_so():
    texts = [LEFT, RIGHT]
    nothing = torch.zeros(2, 1, 12, 12)
    gate = TPatchMix(PARSER, patch_size=4, p=1.0, where="anywhere", gate="lesion")
    assert why(gate, texts, nothing)[0] == [Reason.EVIDENCE] * 2
    assert why(Focus(PARSER, p=1.0), [BOTH], nothing[:1])[0] == [Reason.EVIDENCE]
    everything = torch.ones(2, 1, 12, 12)
    assert Reason.CUT in why(ZoneMix(PARSER, p=1.0, max_cut=0.0), texts, everything)[0]


def test_a_text_that_cannot_follow_says_so():
    found = {reason for seed in range(12) for reason in reasons_of(seed)}
    assert Reason.CANNOT_SAY in found


def reasons_of(seed):
    texts = [SINGLE, BOTH]
    out = ZoneMix(PARSER, unit="subset", p=1.0)(images_of(texts), texts, generator=seeded(seed))
    return [Reason(code) for code in out.params.reason.tolist()]


OPS = [
    ZoneMix(PARSER, unit="subset", p=1.0, max_cut=0.9),
    TPatchMix(PARSER, patch_size=6, p=1.0, where="anywhere"),
    TPatchMix(PARSER, patch_size=6, p=1.0, where="probability", gate="lesion", gate_threshold=0.2, threshold=0.2),
    Focus(PARSER, unit="region", p=1.0, max_cut=0.9, target_fill=0),
    SyncFlip(PARSER, p=0.5),
    CrossModalSequential(Focus(PARSER, p=0.5, target_fill=0), ZoneMix(PARSER, p=1.0), SyncFlip(PARSER, p=0.5)),
]


@pytest.mark.parametrize("op", OPS, ids=repr)
@pytest.mark.parametrize("seed", range(5))
def test_evidence_apart_decides_as_the_target_would(op, seed):
    texts = [BOTH, RIGHT, LEFT, BOTH]
    images, lesion = images_of(texts), lesion_of(texts)
    usual = op(images, texts, lesion, generator=seeded(seed))
    labels = lesion.long() * 2
    labels[:, :, 0, 0] = 255  # a pixel that the loss ignores
    apart = op(images, texts, labels, evidence=lesion, generator=seeded(seed))
    assert torch.equal(apart.images, usual.images)
    assert apart.texts == usual.texts
    assert torch.equal(apart.positions, usual.positions)
    assert torch.equal(apart.evidence, usual.target)
    assert apart.target.dtype == torch.int64
    # The labels moved with the evidence: where it is, they are, ignored pixels aside.
    known = apart.target != 255
    assert torch.equal((apart.target == 2) & known, (apart.evidence > 0) & known)
    assert torch.equal(op.replay(labels, apart.params, role="target"), apart.target)


def test_donors_bring_evidence_where_the_batch_has_it():
    texts = [LEFT, RIGHT]
    images, lesion = images_of(texts), lesion_of(texts)
    op = TPatchMix(PARSER, patch_size=6, p=1.0, where="anywhere")
    second = Augmented(images.flip(0), texts[::-1], lesion.flip(0).long(), evidence=lesion.flip(0))
    out = op(images, texts, lesion.long(), evidence=lesion, donors=second, generator=seeded())
    assert out.evidence is not None
    with pytest.raises(InvalidValueError, match="`evidence` in both the batch and `donors`"):
        op(images, texts, lesion.long(), evidence=lesion, donors=Augmented(images, texts, lesion.long()))


def test_evidence_is_checked_by_its_own_name():
    texts = [LEFT, RIGHT]
    images = images_of(texts)
    with pytest.raises(InvalidValueError, match=r"`evidence` of shape \(2, \.\.\., 12, 12\)"):
        OPS[0](images, texts, evidence=torch.zeros(2, 1, 5, 5))
    with pytest.raises(InvalidValueError, match="`target` or `evidence`, which max_cut reads"):
        OPS[0](images, texts)
    with pytest.raises(InvalidValueError, match="`target` or `evidence`, which max_cut reads"):
        Focus(PARSER, max_cut=0.5)(images, texts)
    with pytest.raises(InvalidValueError, match="give `evidence` apart"):
        OPS[0](images, texts, torch.zeros(2, 3, 12, 12))


def test_accepted_is_of_any_op_of_a_sequence():
    ops = CrossModalSequential(SyncFlip(PARSER, p=0.5), PosAug(PARSER, phrase_p=0.5))
    texts = [LEFT, RIGHT, BOTH, SILENT] * 4
    out = ops(images_of(texts), texts, generator=seeded(2))
    flipped, masked = out.params
    assert torch.equal(out.accepted, flipped.accepted | masked.accepted)
    assert flipped.accepted.any()
    assert not torch.equal(flipped.accepted, masked.accepted)
    with pytest.raises(InvalidValueError, match="what an op returned"):
        _ = Augmented(images_of(texts)).accepted


def test_describe_takes_the_parser_that_the_ops_take():
    out = SyncFlip(PARSER, p=1.0)(images_of([LEFT]), [LEFT])
    assert describe(out, PARSER) == describe(out, LUNG_ZONES)
    with pytest.raises(InvalidTypeError, match="the Atlas of the op, or its PositionParser, but got str"):
        describe(out, "lungs")
    with pytest.raises(InvalidValueError, match="`atlas` with 6 regions, as the op has, but got 5: top-left"):
        describe(out, QUADRANTS)


def test_a_sequence_is_a_sequence_of_its_ops():
    ops = [SyncFlip(PARSER, p=0.6), Focus(PARSER, p=0.7), PosAug(PARSER, phrase_p=0.5)]
    sequence = CrossModalSequential(*ops)
    assert len(sequence) == 3
    assert list(sequence) == ops
    assert [sequence[0], sequence[-1]] == [ops[0], ops[2]]
    assert ops[1] in sequence
    assert [sequence[index] for index in np.arange(3)] == ops
    assert isinstance(sequence[1:], CrossModalSequential)
    assert list(sequence[1:]) == ops[1:]
    assert list(sequence[-2:-1]) == [ops[1]]
    texts = [LEFT, RIGHT, BOTH, SILENT]
    out = sequence(images_of(texts), texts, lesion_of(texts), generator=seeded(2))
    assert torch.equal(out.params[0].accepted, sequence[0](images_of(texts), texts, generator=seeded(2)).accepted)
    halfway = sequence[:1].replay(images_of(texts), out.params[:1])
    assert torch.equal(sequence[1:].replay(halfway, out.params[1:]), out.images)
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            sequence[beyond]
    with pytest.raises(InvalidValueError, match=r"at least one of the 3 ops, but got slice\(3, None, None\)"):
        sequence[3:]
    for index in ("0", 1.0, None):
        with pytest.raises(InvalidTypeError, match="an integer or a slice"):
            sequence[index]
