"""A text that does not say where does not say "nothing there"; one that cannot be rewritten moves nothing."""

import pytest
import torch

from crossmodal_aug import LUNG_ZONES, Augmented, CrossModalSequential, PositionParser, SyncFlip, TPatchMix, ZoneMix

PARSER = PositionParser(LUNG_ZONES)
SILENT = "COVID-19 pneumonia."
LEFT, RIGHT = "Opacity in the lower left lung.", "Opacity in the upper right lung."
# One lesion cannot be in two places, so no mix of it with another place can be written.
SINGLE = "A solitary 5 mm nodule is seen in the left upper lobe."


def batch(texts):
    images = torch.rand(len(texts), 1, 12, 12, generator=torch.Generator().manual_seed(3))
    target = torch.zeros(len(texts), 1, 12, 12)
    target[:, :, 8:, :5] = 1.0
    return images, texts, target


def is_untouched(out, images, texts, target, index):
    return (
        torch.equal(out.images[index], images[index])
        and torch.equal(out.target[index], target[index])
        and out.texts[index] is texts[index]
        and not bool(out.params.accepted[index])
    )


OPS = [
    ZoneMix(PARSER, unit="side", p=1.0),
    ZoneMix(PARSER, unit="subset", p=1.0),
    TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None),
    TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None, text="union"),
]


@pytest.mark.parametrize("op", OPS, ids=repr)
@pytest.mark.parametrize("seed", range(8))
def test_neither_a_silent_anchor_nor_a_silent_donor_is_mixed(op, seed):
    images, texts, target = batch([LEFT, SILENT])
    out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
    assert all(is_untouched(out, images, texts, target, index) for index in (0, 1))


@pytest.mark.parametrize("op", OPS, ids=repr)
def test_a_silent_second_batch_gives_nothing(op):
    images, texts, target = batch([LEFT, RIGHT])
    donors = Augmented(*batch([SILENT, SILENT]))
    for seed in range(8):
        out = op(images, texts, target, donors=donors, generator=torch.Generator().manual_seed(seed))
        assert not out.params.accepted.any()


def test_positions_that_are_given_speak_for_a_silent_text():
    images, texts, target = batch([LEFT, RIGHT])
    positions = PARSER.encode(texts)
    mixed = [
        OPS[0](images, None, target, positions=positions, generator=torch.Generator().manual_seed(seed))
        for seed in range(8)
    ]
    assert any(out.params.accepted.all() for out in mixed)


def test_patches_that_leave_the_text_alone_may_come_from_anywhere():
    op = TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None, text="keep")
    images, texts, target = batch([LEFT, SILENT])
    assert op(images, texts, target, generator=torch.Generator().manual_seed(0)).params.accepted.all()


@pytest.mark.parametrize("seed", range(12))
def test_a_text_that_cannot_be_written_leaves_its_sample_alone(seed):
    images, texts, target = batch([SINGLE, RIGHT])
    out = ZoneMix(PARSER, unit="subset", p=1.0)(images, texts, target, generator=torch.Generator().manual_seed(seed))
    for index, text in enumerate(out.texts):
        if len(PARSER(text).regions) > 1 and index == 0:
            pytest.fail(f"one nodule in several places: {text}")
        if not out.params.accepted[index]:
            assert is_untouched(out, images, texts, target, index)
    assert torch.equal(PARSER.encode(out.texts), out.positions)


def test_a_sequence_does_not_take_a_silent_text_for_an_empty_one():
    ops = CrossModalSequential(SyncFlip(PARSER, p=1.0), ZoneMix(PARSER, p=1.0))
    images, texts, target = batch([SILENT, SILENT])
    out = ops(images, texts, target, generator=torch.Generator().manual_seed(0))
    assert out.texts == texts
    assert torch.equal(out.target, target.flip(-1))
