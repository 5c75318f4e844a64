"""A text that counts findings ("one polyp") is not put over another number of them."""

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Focus, PositionParser, SyncFlip, SyncGeometry, TPatchMix, ZoneMix
from crossmodal_aug.augment.params import Reason

PICTURES, LUNGS = PositionParser(QUADRANTS), PositionParser(LUNG_ZONES)
ONE, SOME = "One pale polyp at the top left.", "Polyps at the top right."
TWO = "Two pale polyps at the top left, bottom right."
MANY = TWO.replace("Two pale polyps", "Polyps")


@pytest.mark.parametrize(
    ("parser", "text", "counted"),
    [
        (PICTURES, ONE, "one"),
        (PICTURES, TWO, "several"),
        (PICTURES, SOME, None),
        (PICTURES, "A solitary round polyp in the center.", "one"),
        (LUNGS, "A single nodule at the left base.", "one"),
        (LUNGS, "Three small nodules in the left upper lobe.", "several"),
        (LUNGS, "Compared to one day ago, opacity at the left base.", None),
        (LUNGS, "Unilateral pulmonary infection, one infected area, upper left lung.", None),
        (LUNGS, "Opacity in one lung, left base.", None),
    ],
)
def test_what_a_text_counts(parser, text, counted):
    assert parser(text).counted == counted


def batch(*texts):
    """Samples with lesion in the regions that they name."""
    masks = CF.region_masks(QUADRANTS, (16, 16)).flatten(1).float()
    target = (PICTURES.encode(texts).float() @ masks > 0).float().view(len(texts), 1, 16, 16)
    return torch.rand(len(texts), 1, 16, 16, generator=torch.Generator().manual_seed(0)), list(texts), target


@pytest.mark.parametrize(
    "op",
    [
        ZoneMix(PICTURES, unit="side", p=1.0),
        ZoneMix(PICTURES, unit="region", p=1.0),
        TPatchMix(PICTURES, patch_size=6, p=1.0, gate=None),
        TPatchMix(PICTURES, patch_size=6, p=1.0, gate=None, text="union"),
    ],
)
def test_lesion_is_not_mixed_into_a_sample_that_counts_its_own(op):
    images, texts, target = batch(ONE, SOME, TWO, SOME)
    altered, refused = torch.zeros(4, dtype=torch.bool), 0
    for seed in range(20):
        out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
        altered |= out.params.accepted
        for index in (0, 2):
            if out.params.accepted[index]:  # all that it counted is gone
                assert PICTURES(out.texts[index]).counted is None
                assert not bool(out.positions[index].any())
            else:
                assert out.texts[index] is texts[index]
                refused += int(out.params.reason[index]) == Reason.CANNOT_SAY
    assert altered[1]
    assert altered[3]
    assert refused


def test_a_text_that_is_kept_on_purpose_is_kept():
    op = TPatchMix(PICTURES, patch_size=6, p=1.0, gate=None, text="keep", where="anywhere")
    out = op(*batch(ONE, SOME), generator=torch.Generator().manual_seed(0))
    assert bool(out.params.accepted.all())


def test_two_findings_are_not_narrowed_to_one_of_them():
    out = Focus(PICTURES, unit="region", p=1.0)(*batch(TWO, MANY))
    assert out.params.accepted.tolist() == [False, True]


def test_a_flip_keeps_the_count_and_a_crop_may_not():
    images, texts, target = batch(TWO, ONE)
    out = SyncFlip(PICTURES, p=1.0)(images, texts, target)
    assert out.texts == ["Two pale polyps at the top right, bottom left.", "One pale polyp at the top right."]
    op, named = SyncGeometry(PICTURES, p=1.0, horizontal=False, crop=0.3), ([], [])
    images, texts, target = batch(TWO, MANY)
    target[:, :, 4:12, 4:12] = 0
    for seed in range(60):
        out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
        for index in (0, 1):
            if out.params.accepted[index]:
                named[index].append(int(out.positions[index].sum()))
    assert 1 in named[1]
    assert 1 not in named[0]
