"""Small atlases of users: every op works with them, or says by an error of the library why it cannot."""

import re

import pytest
import torch

from crossmodal_aug import Atlas, Focus, PositionParser, TPatchMix, ZoneMix
from crossmodal_aug.errors import InvalidValueError
from tests.augment.odd_atlases import NO_SIDES, NO_ZONES, ONE_REGION, TEXTS
from tests.ops import EVERY, Build

PARSERS = {atlas: PositionParser(atlas) for atlas in TEXTS}


@pytest.mark.parametrize("kind", [ZoneMix, Focus])
@pytest.mark.parametrize("atlas", [NO_SIDES, ONE_REGION], ids=lambda atlas: atlas.name)
def test_a_unit_that_the_atlas_lacks_is_refused_when_the_op_is_made(kind: type[torch.nn.Module], atlas: Atlas) -> None:
    words = f"Expected `unit` to be 'region'.* with the atlas '{atlas.name}', whose regions have no `side`, but got"
    with pytest.raises(InvalidValueError, match=words):
        kind(PARSERS[atlas])
    assert kind(PARSERS[atlas], unit="region").unit == "region"


@pytest.mark.parametrize("build", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("atlas", TEXTS, ids=lambda atlas: atlas.name)
def test_every_op_works_or_says_why_not(atlas: Atlas, build: Build) -> None:
    parser, generator = PARSERS[atlas], torch.Generator().manual_seed(0)
    try:
        op = build(parser)
    except InvalidValueError as refusal:
        lacks = "no_.*has none|one_region.*has none" if "frames" in str(refusal) else "whose regions have no `side`"
        assert re.search(lacks, str(refusal))
        assert "frames" in str(refusal) or not atlas.sides
        return
    images = torch.rand(4, 1, 12, 12, generator=generator)
    target = (torch.rand(4, 1, 12, 12, generator=generator) > 0.5).float()
    for count in (4, 1):
        texts = TEXTS[atlas][:count]
        out = op(images[:count], texts, target[:count], generator=generator)
        assert torch.equal(op.replay(images[:count], out.params), out.images)
        for text, before, changed in zip(out.texts, texts, out.accepted, strict=True):
            assert changed or text is before


def test_without_sides_no_two_texts_name_opposite_ones() -> None:
    parser = PARSERS[NO_SIDES]
    op = TPatchMix(parser, patch_size=2, p=1.0, where="anchor", gate=None, text="union")
    texts = ["Lesion in the upper half.", "Lesion in the lower half."]
    out = op(torch.rand(2, 1, 12, 12), texts, generator=torch.Generator().manual_seed(0))
    assert out.params.accepted.tolist() == [True, True]
    assert [parser(text).regions for text in out.texts] == [("upper", "lower")] * 2


def test_a_side_of_one_region_changes_hands_whole() -> None:
    parser = PARSERS[NO_ZONES]
    op = ZoneMix(parser, unit="side", p=1.0)
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).repeat(1, 1, 4, 4)
    texts = ["Lesion in the left kidney.", "Lesion in both kidneys."]
    out = op(images, texts, generator=torch.Generator().manual_seed(1))
    changed = out.params.accepted.nonzero().flatten().tolist()
    assert changed
    for at in changed:
        left, right = out.images[at, 0, :, :2], out.images[at, 0, :, 2:]
        assert left.unique().numel() == right.unique().numel() == 1
        assert out.params.regions[at].sum() == 1
