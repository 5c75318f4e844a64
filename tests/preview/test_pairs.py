"""What the page shows of a pair is what the op did to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser, SyncFlip, SyncGeometry, ZoneMix
from crossmodal_aug.augment import Reason
from crossmodal_aug.augment.batch import calls_of
from crossmodal_aug.preview.changes import change_of
from crossmodal_aug.preview.outlines import outline
from crossmodal_aug.preview.pairs import pairs_of
from crossmodal_aug.preview.pictures import Brightness, picture_uri
from tests.preview.pages import PARSER, SILENT, batch, every_op, inside

IMAGES, TEXTS, MASKS = batch(12)
NAMES = [f"chest {number}" for number in range(12)]
SIZE = (48, 48)


def pairs(op, seed=3, images=IMAGES, texts=TEXTS, target=MASKS):
    names = NAMES[: len(images)]
    return list(pairs_of({"op": op}, images, texts, target, names=names, seed=seed))


@pytest.fixture(params=every_op().items(), ids=every_op())
def run(request):
    """An op, what it returned under a seed, and the pairs under the same."""
    op = request.param[1]
    out = op(IMAGES, TEXTS, MASKS, generator=torch.Generator().manual_seed(3))
    return op, out, pairs(op)


def test_a_pair_is_what_the_op_did(run):
    op, out, shown = run
    replayed = op.replay(IMAGES, out.params)
    brightness = Brightness(0, 255)
    assert [pair.accepted for pair in shown] == out.accepted.tolist()
    assert 0 < sum(pair.accepted for pair in shown) < len(shown)  # or the test would show too little
    for index, pair in enumerate(shown):
        assert pair.name == NAMES[index]
        assert pair.before.uri == picture_uri(IMAGES[index], brightness)
        assert pair.after.uri == picture_uri(replayed[index], brightness)
        assert "".join(span.text for span in pair.caption.old) == TEXTS[index]
        assert "".join(span.text for span in pair.caption.new) == out.texts[index]
        assert (inside(pair.before.target, SIZE) == (MASKS[index, 0] > 0).numpy()).all()
        assert (inside(pair.after.target, SIZE) == (out.target[index, 0] > 0).numpy()).all()


def test_a_pair_says_why_a_sample_was_left_alone(run):
    _, out, shown = run
    for index, pair in enumerate(shown):
        for step, call in zip(pair.steps, calls_of(out.params), strict=True):
            code = int(call.reason[index])
            assert step.reason == ("" if code == 0 else Reason(code).words)
        assert bool(pair.reasons) == (not pair.accepted)
        if not pair.accepted:
            assert pair.after == pair.before


def test_a_pair_names_the_regions_that_came_and_went(run):
    _, out, shown = run
    for index, pair in enumerate(shown):
        before, after = PARSER(TEXTS[index]).regions, calls_of(out.params)[-1].positions[index].tolist()
        held = [name for name, bit in zip(LUNG_ZONES.names, after, strict=True) if bit]
        assert set(pair.added) == set(held) - set(before)
        assert set(pair.removed) == set(before) - set(held)
        assert {area.name for area in pair.before.areas if area.named} == set(before)


def test_a_pair_shows_where_pixels_come_from():
    op = ZoneMix(PARSER, unit="subset", p=1.0)
    out = op(IMAGES, TEXTS, MASKS, generator=torch.Generator().manual_seed(3))
    mixed = 0
    for index, pair in enumerate(pairs(op)):
        foreign = inside(pair.after.foreign, SIZE)
        if not pair.accepted:
            assert not foreign.any()
            assert not pair.donors
            continue
        mixed += 1
        (donor,) = pair.donors
        other = int(out.params.donors[index])
        assert (donor.name, donor.text) == (NAMES[other], TEXTS[other])
        assert donor.share == pytest.approx(float(out.params.mixed_share[index])) == foreign.mean()
        assert (out.images[index, 0][foreign] == IMAGES[other, 0][foreign]).all()
        assert (out.images[index, 0][~foreign] == IMAGES[index, 0][~foreign]).all()
    assert mixed > 5


@pytest.mark.parametrize("flips", [True, False])
def test_regions_of_the_body_travel_with_the_tissue(flips):
    op = SyncGeometry(PARSER, p=1.0, horizontal=flips, degrees=20, scale=(0.8, 1.1))
    seen = 0
    for pair in pairs(op)[:-2]:  # the last two have captions that are not theirs
        named = [area for area in pair.after.areas if area.named]
        lesion = inside(pair.after.target, SIZE)
        if pair.accepted:
            # Every blob of a drawn chest lies within a region that its caption names, also where it is moved to.
            assert (lesion <= np.logical_or.reduce([inside(area.outline, SIZE) for area in named])).all()
            for area in named:
                assert (inside(area.outline, SIZE) & lesion).any()
            seen += 1
    assert seen > 5


def test_regions_of_the_image_stay_where_they_are():
    op = SyncGeometry(PositionParser(QUADRANTS), p=1.0, degrees=20, scale=(0.8, 1.1))
    texts = ["Polyp, top left.", "Polyp in the bottom right.", "Two polyps, top."] * 4
    for pair in pairs(op, texts=texts):
        assert [area.outline for area in pair.after.areas] == [area.outline for area in pair.before.areas]
    assert any(pair.accepted for pair in pairs(op, texts=texts))


def test_labels_channels_and_probabilities_are_outlined():
    labels = torch.zeros(2, 1, *SIZE, dtype=torch.int64)
    labels[:, :, 10:20, 10:20], labels[:, :, 20:30, 10:20] = 1, 2
    texts = ["Left lung.", "Right lung."]
    (first, _) = pairs(SyncFlip(PARSER, p=0.0), images=IMAGES[:2], texts=texts, target=labels)
    assert first.before.target == outline(labels[0, 0].numpy())
    assert "M10 20h10" in first.before.target  # the border between the two labels
    one_hot = torch.nn.functional.one_hot(labels[:, 0], 3).movedim(-1, 1)
    (channels, _) = pairs(SyncFlip(PARSER, p=0.0), images=IMAGES[:2], texts=texts, target=one_hot)
    assert "M10 20h10" in channels.before.target
    soft = labels.clamp(max=1).float() * 0.5 + 0.3
    (likely, _) = pairs(SyncFlip(PARSER, p=0.0), images=IMAGES[:2], texts=texts, target=soft)
    assert (inside(likely.before.target, SIZE) == (labels[0, 0] > 0).numpy()).all()


def test_evidence_is_handed_to_the_op_beside_its_target():
    op = every_op()["focus"]
    labels = torch.where(MASKS > 0, 2, 0).long()
    labels[:, :, 0, 0] = 255
    op = type(op)(PARSER, unit="region", p=1.0, target_fill=0, ignore_index=255)
    shown = list(pairs_of({"f": op}, IMAGES, TEXTS, labels, evidence=labels == 2, names=NAMES, seed=3))
    plain = pairs(op)
    assert [replace(pair.after, target="") for pair in shown] == [replace(pair.after, target="") for pair in plain]
    assert any(pair.accepted for pair in shown)


def test_without_masks_there_is_no_outline():
    for pair in pairs(SyncFlip(PARSER, p=1.0), target=None):
        assert pair.before.target == pair.after.target == ""


def test_ops_do_not_lean_on_each_other():
    ops = every_op()
    together = list(pairs_of(ops, IMAGES, TEXTS, MASKS, names=NAMES, seed=3))
    for number, (name, op) in enumerate(ops.items()):
        alone = [replace(pair, op=name) for pair in pairs(op)]
        assert together[12 * number : 12 * (number + 1)] == alone


WORDS = st.lists(
    st.sampled_from(["left", "right", "lung", "Left", "and", ",", ".", "  ", "\n", "ß", "🫁"]), max_size=12
)


@given(old=WORDS, new=WORDS)
def test_spans_join_to_the_captions_and_what_is_kept_is_the_same(old, new):
    before, after = " ".join(old), " ".join(new)
    change = change_of(before, after)
    assert "".join(span.text for span in change.old) == before
    assert "".join(span.text for span in change.new) == after
    kept = ["".join(span.text for span in spans if not span.changed).split() for spans in (change.old, change.new)]
    assert "".join(kept[0]) == "".join(kept[1])
    assert bool(change.words) <= (before != after)


def test_the_words_that_changed():
    change = change_of("Two areas, upper left lung and right lung.", "Three areas, upper right lung.")
    assert [span.text for span in change.old if span.changed] == ["Two", "left lung and"]
    assert [span.text for span in change.new if span.changed] == ["Three"]
    assert change.words == ("two", "left", "lung", "and", "three")
    assert change_of(SILENT, SILENT).words == ()


def test_brightness():
    assert Brightness.of(torch.zeros(1, 1, 2, 2, dtype=torch.uint8)) == (0, 255)
    assert Brightness.of(torch.rand(1, 1, 2, 2)) == (0, 1)
    assert Brightness.of(torch.ones(1, 1, 2, 2, dtype=torch.bool)) == (0, 1)
    assert Brightness.of(torch.tensor([-2.0, 3.0, float("nan"), float("inf")]).view(1, 1, 2, 2)) == (-2, 3)
    assert Brightness.of(torch.tensor([7, 900], dtype=torch.int16).view(1, 1, 1, 2)) == (7, 900)
    assert Brightness.of(torch.full((1, 1, 2, 2), float("nan"))) == (0, 1)
