"""A text that calls one place clear and names another denies nothing that an op put there."""

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, Augmented, PositionParser, TPatchMix, ZoneMix
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.errors import CannotSay

PARSER = PositionParser(LUNG_ZONES)
LEFT, RIGHT = "Opacity in the lower left lung.", "Opacity in the upper right lung."


def is_untouched(out, images, texts, target, index):
    return (
        torch.equal(out.images[index], images[index])
        and torch.equal(out.target[index], target[index])
        and out.texts[index] is texts[index]
        and not bool(out.params.accepted[index])
    )


def denied(out, parser=PARSER):
    """Names of the regions that the words of each altered sample deny and in which it holds lesion."""
    masks = CF.region_masks(parser.atlas, out.target.shape[-2:]).flatten(1)
    lesion = (out.target >= 0.5).flatten(1, -3).any(dim=1).flatten(1)
    found = []
    for index, report in enumerate(parser.parse_many(out.texts)):
        held = {
            name for name, mask in zip(parser.atlas.names, masks, strict=True) if bool((mask & lesion[index]).any())
        }
        found.append(sorted(held & set(report.negated)) if out.params.accepted[index] else [])
    return found


def beyond(mine, theirs, dtype=torch.bool):
    """Two samples, the mask of the second of which goes beyond its text."""
    images = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(3))
    target = torch.zeros(2, 1, 12, 12, dtype=dtype)
    target[0, 0, :4, 6:] = target[1, 0, :4, :6] = target[1, 0, 8:, :6] = 1
    return images, [mine, theirs], target


DENYING = [
    "Opacity in the upper right lung. No opacity in the left lung.",
    "Opacity in the upper right lung. The left lung is clear.",
    "Opacity in the upper right lung. The left base is clear.",
]
BRINGING = [
    ZoneMix(PARSER, unit="side", p=1.0, strict=True),
    ZoneMix(PARSER, unit="subset", p=1.0),
    ZoneMix(PARSER, unit="region", p=1.0),
    TPatchMix(PARSER, patch_size=4, p=1.0, where="anywhere", gate="lesion", strict=True),
    TPatchMix(PARSER, patch_size=4, p=1.0, where="anywhere", gate=None),
    TPatchMix(PARSER, patch_size=4, p=1.0, where="anywhere", gate="lesion", text="union"),
    TPatchMix(PARSER, patch_size=4, p=1.0, where="probability", gate=None, text="union"),
]


@pytest.mark.parametrize("text", DENYING)
@pytest.mark.parametrize("op", BRINGING, ids=repr)
@pytest.mark.parametrize("second", [False, True], ids=["own donors", "second batch"])
def test_no_region_is_denied_into_which_lesion_was_brought(op, text, second):
    images, texts, target = beyond(text, "Opacity in the upper left lung.")
    donors = Augmented(images.flip(0), texts[::-1], target.flip(0)) if second else None
    accepted, reasons = 0, set()
    for seed in range(60):
        out = op(images, texts, target, donors=donors, generator=torch.Generator().manual_seed(seed))
        assert denied(out)[0] == []
        accepted += int(out.params.accepted[0])
        reasons.add(int(out.params.reason[0]))
        if out.params.reason[0] == Reason.EVIDENCE:
            assert is_untouched(out, images, texts, target, 0)
    assert Reason.EVIDENCE in reasons
    assert accepted or text != DENYING[2]


def test_a_caption_that_is_kept_is_kept():
    """The caller asked for it: `text="keep"` says what it said."""
    op = TPatchMix(PARSER, patch_size=4, p=1.0, where="probability", gate="lesion", text="keep")
    images, texts, target = beyond(DENYING[0], "Opacity in the upper left lung.")
    accepted = [
        op(images, texts, target, generator=torch.Generator().manual_seed(seed)).params.accepted[0]
        for seed in range(20)
    ]
    assert any(accepted)


def test_what_a_text_denied_over_its_own_lesion_stays_as_it_came():
    """The mask of the sample goes beyond its own text; the op brings none and denies no more."""
    images, texts, target = beyond("Opacity in the upper right lung. No opacity in the left base.", RIGHT)
    target[0, :, 8:, :6] = True
    target[1, :, :, :6] = False
    texts[1] = "Opacity in the upper right lung. No opacity in the lower left lung."
    kept = 0
    for seed in range(60):
        out = ZoneMix(PARSER, unit="region", p=1.0)(
            images, texts, target, generator=torch.Generator().manual_seed(seed)
        )
        if out.params.accepted[0] and not out.params.regions[0, 2]:
            assert denied(out)[0] == ["left lower"]
            kept += 1
    assert kept


def test_words_are_repeated_under_the_same_rule():
    """`rewrite` on texts of another wording refuses what the call would have refused."""
    op = ZoneMix(PARSER, unit="side", p=1.0)
    images, texts, target = beyond("Opacity in the upper right lung.", "Opacity in the upper left lung.")
    tried = [op(images, texts, target, generator=torch.Generator().manual_seed(seed)) for seed in range(20)]
    out = next(one for one in tried if one.params.accepted[0] and one.params.regions[0, 0])
    with pytest.raises(CannotSay):
        op.rewrite([DENYING[0], texts[1]], out.params)
    entries = out.params.to_tensors()
    with pytest.raises(CannotSay):
        op.rewrite([DENYING[0], texts[1]], type(out.params).from_tensors(entries))


def test_what_was_recorded_before_lesion_was_noted_is_read():
    op = ZoneMix(PARSER, unit="side", p=1.0)
    images, texts, target = beyond(RIGHT, LEFT)
    out = op(images, texts, target, generator=torch.Generator().manual_seed(0))
    entries = {name: entry for name, entry in out.params.to_tensors().items() if name not in ("brought", "held")}
    assert op.rewrite(texts, type(out.params).from_tensors(entries)) == out.texts
