"""Mixes of other methods, pixel by pixel against the rules of their sources."""

import pytest
import torch
from semimedref.data.module import StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.draws import seeded
from semimedref.methods.boxes import RandomBoxes
from semimedref.methods.copy_paste import copy_paste
from semimedref.methods.mix_gen import MixGen
from semimedref.methods.ops import Altered
from semimedref.methods.other_flips import KeywordFlip
from semimedref.methods.patch_mix import CELLS, PatchMix

from crossmodal_aug.errors import InvalidValueError
from tests.examples.rows import DRAWS, PARSER, compared, drawn, method


@pytest.fixture(scope="module")
def data():
    return load_phantoms(size=32, labels=0.05)


@pytest.fixture
def batch(data):
    return StepBatches(data, 8, 0)[0]


def test_random_boxes_take_half_of_the_area_in_any_shape_and_place():
    images, texts, target = drawn(60)
    out = RandomBoxes(PARSER)(images, texts, target, generator=seeded(0))
    assert out.accepted.all()
    assert out.texts == texts
    shapes, places = set(), set()
    for i, j in enumerate(out.params.donors.tolist()):
        taken = out.params.source[i] == j
        rows, columns = taken.any(dim=1).nonzero().flatten(), taken.any(dim=0).nonzero().flatten()
        box = torch.zeros(28, 28, dtype=torch.bool)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        assert torch.equal(taken, box)
        assert box.float().mean() == pytest.approx(0.5, abs=0.06)
        for before, after in ((images, out.images), (target, out.target)):
            assert torch.equal(after[i, 0], torch.where(box, before[j, 0], before[i, 0]))
        shapes.add(len(rows))
        places.add(int(rows[0]))
    assert min(shapes) < 17
    assert max(shapes) > 25
    assert len(places) > 8
    assert torch.equal(RandomBoxes(PARSER).replay(images, out.params), images) is False


def test_patch_mix_deals_cells_out_among_three_images():
    images, texts, target = drawn(6)
    out = PatchMix(PARSER)(images, texts, target, generator=seeded(0))
    assert out.texts == texts
    donors = out.params.donors.tolist()
    for i in range(6):
        ring = [i, donors[i], donors[donors[i]]]
        cells = out.params.source[i].view(CELLS, 2, CELLS, 2)
        assert torch.equal(cells, cells[:, :1, :, :1].expand_as(cells))
        share = cells[:, 0, :, 0].flatten().tolist()
        counts = [share.count(one) for one in ring]
        assert sum(counts) == CELLS * CELLS
        assert max(counts) - min(counts) <= 1
        for y in range(28):
            for x in range(28):
                source = int(out.params.source[i, y, x])
                assert out.images[i, 0, y, x] == images[source, 0, y, x]
                assert out.target[i, 0, y, x] == target[source, 0, y, x]


@pytest.mark.parametrize("op", [RandomBoxes(PARSER), PatchMix(PARSER), MixGen(PARSER, p=1.0)])
def test_a_batch_of_one_and_a_p_of_zero_change_nothing(op):
    images, texts, target = drawn(4)
    alone = op(images[:1], texts[:1], target[:1])
    assert torch.equal(alone.images, images[:1])
    assert alone.texts == texts[:1]
    never = type(op)(PARSER, p=0.0)(images, texts, target)
    assert torch.equal(never.images, images)
    assert torch.equal(never.target, target)
    with pytest.raises(InvalidValueError, match="`p`"):
        type(op)(PARSER, p=1.5)
    with pytest.raises(InvalidValueError, match="no `donors`"):
        op(images, texts, target, donors=alone)


def test_mix_gen_blends_pixels_and_joins_texts():
    images, texts, target = drawn(400, size=4)
    out = MixGen(PARSER)(images, texts, target, generator=seeded(0))
    assert out.accepted.float().mean() == pytest.approx(0.25, abs=0.07)
    for i, j in enumerate(out.params.donors.tolist()):
        if not out.accepted[i]:
            assert out.texts[i] is texts[i]
            assert torch.equal(out.images[i], images[i])
            continue
        assert torch.allclose(out.images[i], (images[i] + images[j]) / 2)
        assert torch.equal(out.target[i], torch.maximum(target[i], target[j]))
        assert out.texts[i] == f"{texts[i]} {texts[j]}"
    named, both = PARSER.encode(texts), out.accepted.unsqueeze(1)
    assert torch.equal(out.positions, named | (named[out.params.donors] & both))
    masks = MixGen(PARSER, p=1.0)(images, texts, target >= 0.5, generator=seeded(0))
    assert masks.target.dtype == torch.bool


def test_keywords_change_places_wherever_they_stand():
    image = torch.tensor([[[[1.0, 2.0]]]])
    told = {
        "Upper LEFT lung and lower right lung.": "Upper RIGHT lung and lower left lung.",
        "Nothing is left to do; lingula.": "Nothing is right to do; lingula.",
        "leftover": "leftover",
    }
    for text, mirrored in told.items():
        out = KeywordFlip(PARSER, p=1.0)(image, [text], image)
        assert out.texts == [mirrored]
        assert out.images.flatten().tolist() == out.target.flatten().tolist() == [2.0, 1.0]


# BCP.


def test_bcp_exchanges_a_box_of_two_thirds():
    images, texts, target = drawn(8, size=30)
    halves = [Altered(images[part], texts[part], target[part], {}) for part in (slice(0, 4), slice(4, 8))]
    weight = torch.rand(4, 1, 30, 30, generator=seeded(7))
    pasted = copy_paste(*halves, weight, seeded(0))
    whole = torch.cat((torch.ones_like(weight), weight))
    corners = set()
    for i in range(4):
        inside = pasted.weight[i, 0] != 1
        rows, columns = (inside.any(dim=axis).nonzero().flatten() for axis in (1, 0))
        assert len(rows) == len(columns) == 20
        corners.add((int(rows[0]), int(columns[0])))
        assert inside.sum() == 400
        for own, other in ((i, i + 4), (i + 4, i)):
            for before, after in ((images, pasted.images), (target >= 0.5, pasted.target), (whole, pasted.weight)):
                assert torch.equal(after[own, 0], torch.where(inside, before[other, 0], before[own, 0]))
    assert len(corners) == 4


def test_bcp_counts_labelled_pixels_1_and_others_half(data, batch, monkeypatch):
    module = method(data, "bcp")
    calls = compared(module, monkeypatch)
    loss, parts = module.objective(batch, DRAWS)
    [outside, inside] = calls
    assert float(loss) == pytest.approx(float(outside[3] + inside[3]))
    assert float(parts["labelled seg"]) == float(outside[3])
    assert set(outside[2].unique().tolist()) == set(inside[2].unique().tolist()) == {0.5, 1.0}
    assert (outside[2] == 1).float().mean() == pytest.approx(1 - (21 / 32) ** 2)
    assert (inside[2] == 1).float().mean() == pytest.approx((21 / 32) ** 2)
