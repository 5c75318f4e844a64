"""T-PatchMix and PosAug word for word, against the paper's rules written out as a loop, and the faults of its code."""

import math

import pytest
import torch
from semimedref.config import Config
from semimedref.data.views import normalise, photometric
from semimedref.draws import seeded
from semimedref.losses import dice_loss
from semimedref.methods.faults import UNKNOWN_TOKEN, FaultyMix, FillerParser
from semimedref.methods.ops import make_ops, make_pos_aug
from semimedref.methods.positives import identity, numbered, placed
from semimedref.methods.published import DRAWN, PublishedMix
from semimedref.models.tokenizer import WordTokenizer
from semimedref.presets import PLAIN, PRESETS

from crossmodal_aug import LUNG_ZONES, ITCLoss, PositionParser

FITTED = LUNG_ZONES.with_geometry(rows=(0.3125, 0.384))
PHRASES = {
    "upper left lung": (0, 1 / 3, 0, 0.5),
    "middle left lung": (1 / 3, 2 / 3, 0, 0.5),
    "lower right lung": (2 / 3, 1, 0.5, 1),
    "upper middle right lung": (0, 2 / 3, 0.5, 1),
    "all left lung": (0, 1, 0, 0.5),
    "right lung": (0, 1, 0.5, 1),
}
SIDE = {phrase: "left" if "left" in phrase else "right" for phrase in PHRASES}
SIZE, BLOCK = 84, 6  # 16 px of 224


def caption(*phrases):
    return f"Bilateral pulmonary infection, two infected areas, {' and '.join(phrases)}."


def mixed(op, texts, target, seed=0, images=None):
    count = len(texts)
    images = torch.rand(count, 1, SIZE, SIZE, generator=seeded(seed, 9)) if images is None else images
    return images, op(images, texts, target, generator=seeded(seed))


@pytest.fixture
def often(monkeypatch):
    """Every block is drawn."""
    monkeypatch.setattr("semimedref.methods.published.DRAWN", 1.0)


def test_a_block_lies_in_the_box_of_thirds_that_its_phrase_names(often):
    """Whatever the atlas was fitted to; and a phrase of the other side lets none be drawn."""
    texts = [caption(phrase) for phrase in PHRASES] * 20
    phrases = list(PHRASES) * 20
    op = PublishedMix(PositionParser(FITTED), pos_aug=False)
    _, out = mixed(op, texts, torch.ones(len(texts), 1, SIZE, SIZE))
    found: dict[str, list] = {phrase: [] for phrase in PHRASES}
    for i, phrase in enumerate(phrases):
        opposed = SIDE[phrase] != SIDE[phrases[out.params.donors[i]]]
        assert out.params.accepted[i] == (not opposed)
        if opposed:
            assert out.params.boxes[i].sum() == 0
            continue
        (top, bottom), (left, right) = out.params.boxes[i].tolist()
        assert bottom - top == right - left == BLOCK
        rows, columns = ([share * SIZE for share in edges] for edges in (PHRASES[phrase][:2], PHRASES[phrase][2:]))
        assert round(rows[0]) <= top <= bottom <= round(rows[1])
        assert round(columns[0]) <= left <= right <= round(columns[1])
        found[phrase].append((top - rows[0], left - columns[0]))
    # Anywhere in it: the first and the last quarter of the rows are both met.
    for phrase, places in found.items():
        height = (PHRASES[phrase][1] - PHRASES[phrase][0]) * SIZE - BLOCK
        assert min(top for top, _ in places) < height / 4
        assert max(top for top, _ in places) > 3 * height / 4


def test_one_of_several_phrases_is_read(often):
    texts = [caption("upper left lung", "lower right lung")] * 40
    _, out = mixed(PublishedMix(PositionParser(FITTED), pos_aug=False), texts, torch.ones(40, 1, SIZE, SIZE))
    assert set(out.params.phrase.tolist()) == {0, 1}
    place = out.params.boxes[:, :, 0][out.params.accepted]
    assert {(bool(top >= 56), bool(left >= 42)) for top, left in place} == {(False, False), (True, True)}


class Drawn(PublishedMix):
    """Says where blocks are drawn, whether the gate lets them pass or not."""

    def pasted(self, boxes, drawn, passed):
        return boxes * drawn.view(-1, 1, 1)


@pytest.mark.parametrize("where", ["position", "probability"])
def test_image_target_and_text_follow_the_rules(often, where):
    """The loop: gate on the mean of j's probabilities in the block, then pixels, target and phrase of j."""
    count = 60
    names = list(PHRASES)
    phrases = [names[i % len(names)] for i in range(count)]
    texts = [caption(phrase) for phrase in phrases]
    target = torch.rand(count, 1, SIZE // 6, SIZE // 6, generator=seeded(4)).repeat_interleave(6, 2)
    target = target.repeat_interleave(6, 3)
    op = PublishedMix(PositionParser(FITTED), where=where, pos_aug=False)
    images, out = mixed(op, texts, target)
    drawn = mixed(Drawn(PositionParser(FITTED), where=where, pos_aug=False), texts, target)[1].params.pasted
    assert sorted(out.params.donors.tolist()) == list(range(count))
    some = 0
    for i in range(count):
        j = int(out.params.donors[i])
        (top, bottom), (left, right) = drawn[i].tolist()
        block = (slice(top, bottom), slice(left, right))
        there = bottom > top
        if where == "position":
            assert there == (SIDE[phrases[i]] == SIDE[phrases[j]])
        else:
            middle = target[j, 0, min(top + BLOCK // 2, SIZE - 1), min(left + BLOCK // 2, SIZE - 1)]
            inner = 0 < top < SIZE - BLOCK and 0 < left < SIZE - BLOCK
            assert there
            assert middle >= 0.55 or not inner
        passes = there and bool(target[j, 0][block].double().mean() >= 0.55)
        assert bool(out.params.accepted[i]) == passes
        image, mask, text = images[i].clone(), target[i].clone(), texts[i]
        if passes:
            image[0][block], mask[0][block] = images[j, 0][block], target[j, 0][block]
            if phrases[i] != phrases[j]:
                text = texts[i].replace(phrases[i], f"{phrases[i]} and {phrases[j]}")
        assert torch.equal(out.images[i], image)
        assert torch.equal(out.target[i], mask)
        assert torch.equal(out.target[i] >= 0.5, mask >= 0.5)
        assert out.texts[i] == text
        some += passes
    assert 5 < some < count - 5


def test_blocks_are_drawn_for_eight_samples_in_a_hundred():
    texts = [caption("upper left lung")] * 2000
    op = PublishedMix(PositionParser(FITTED), pos_aug=False)
    accepted = op(torch.zeros(2000, 1, 28, 28), texts, torch.ones(2000, 1, 28, 28), generator=seeded(0)).params.accepted
    assert DRAWN == 0.08
    assert accepted.float().mean() == pytest.approx(0.08, abs=0.02)


def test_pos_aug_comes_before_the_mix(often):
    """Half of the phrases are hidden, half of these masked; the mix writes what is left of both."""
    left, right = "upper left lung", "lower left lung"
    texts = [caption(left), caption(right)] * 500
    op = PublishedMix(PositionParser(FITTED))
    empty = torch.zeros(1000, 1, 28, 28)
    plain = op(empty, texts, torch.zeros_like(empty), generator=seeded(0))
    assert not plain.params.accepted.any()
    codes = {left: 0, "[MASK]": 1, "a region of the lung": 2}
    first = [text.split("areas, ")[1].rstrip(".") for text in plain.texts[::2]]
    assert {phrase: first.count(phrase) / 500 for phrase in codes} == {
        left: pytest.approx(0.5, abs=0.06),
        "[MASK]": pytest.approx(0.25, abs=0.06),
        "a region of the lung": pytest.approx(0.25, abs=0.06),
    }
    full = op(empty, texts, torch.ones_like(empty), generator=seeded(0))
    assert full.params.accepted.all()
    assert torch.equal(full.params.vague, plain.params.vague)
    words = [text.split("areas, ")[1].rstrip(".") for text in plain.texts]
    for i, j in enumerate(full.params.donors.tolist()):
        joined = words[i] if texts[i] == texts[j] else f"{words[i]} and {words[j]}"
        # The count stays, right or wrong.
        assert full.texts[i] == f"Bilateral pulmonary infection, two infected areas, {joined}."


def test_what_says_nothing_of_place_is_not_mixed(often):
    texts = ["Pulmonary infection.", "No pulmonary infection."] * 8 + [caption("upper left lung")] * 4
    _, out = mixed(PublishedMix(PositionParser(FITTED)), texts, torch.ones(20, 1, SIZE, SIZE))
    assert not out.params.accepted[:16].any()
    assert out.texts[:16] == texts[:16]


def test_the_presets_are_the_published_methods():
    parser = PositionParser(FITTED)
    config = Config(method="paper")
    op = make_ops(parser, config)["patch"]
    assert (type(op), op.where, op.pos_aug, op.mask_token) == (PublishedMix, "position", True, "[MASK]")
    assert make_pos_aug(parser, config) == {}
    assert make_ops(parser, Config(method="paper", patch_where="probability"))["patch"].where == "probability"
    op = make_ops(parser, Config(method="released"))["patch"]
    assert (type(op), op.pos_aug, op.mask_token) == (FaultyMix, True, UNKNOWN_TOKEN)
    differing = {name for name, value in PRESETS["released"].items() if value != PRESETS["paper"][name]}
    assert differing == {"mix", "pos_aug", "photometric", "loss", "positives", "itcl_image"}


# The faults of the release.


def test_left_is_the_upper_half_where_rows_and_columns_are_exchanged(often):
    texts = [caption("upper left lung")] * 60
    _, out = mixed(FaultyMix(PositionParser(FITTED), pos_aug=False), texts, torch.ones(60, 1, SIZE, SIZE))
    # In a transposed image upper left is the same corner, but wider than high.
    rows, columns = out.params.boxes.unbind(1)
    assert rows[:, 1].max() <= SIZE / 2 < rows[:, 1].max() + BLOCK
    assert columns[:, 1].max() <= SIZE / 3
    _, out = mixed(
        FaultyMix(PositionParser(FITTED), pos_aug=False),
        [caption("lower left lung")] * 60,
        torch.ones(60, 1, SIZE, SIZE),
    )
    assert out.params.boxes[:, 0, 1].max() <= SIZE / 2
    assert out.params.boxes[:, 1, 0].min() >= 2 * SIZE / 3


def test_of_a_caption_the_first_phrase_with_a_level_is_read(often):
    op = FaultyMix(PositionParser(FITTED))
    told = {
        caption("upper left lung", "lower right lung"): [0],
        caption("all left lung", "lower right lung"): [1],
        caption("left lung", "lower right lung"): [1],
        caption("all left lung", "right lung"): [],
    }
    for text, phrases in told.items():
        assert op.phrases(op.parser(text)) == phrases, text


def test_pixels_move_before_the_gate_decides(often):
    texts = [caption("upper left lung"), caption("middle left lung")] * 10
    images, out = mixed(FaultyMix(PositionParser(FITTED), pos_aug=False), texts, torch.zeros(20, 1, SIZE, SIZE))
    assert not out.params.accepted.any()
    assert out.texts == texts
    assert not out.target.any()
    moved = (out.images != images).flatten(1).sum(dim=1)
    own = out.params.donors == torch.arange(20)
    assert moved.tolist() == [0 if same else BLOCK * BLOCK for same in own]


def test_filler_is_a_whole_side_and_empty_sets_do_not_agree():
    text = "Unilateral pulmonary infection, one infected area, left lung and middle right lung."
    assert FillerParser(LUNG_ZONES).encode([text]).int().tolist() == [[1, 1, 1, 0, 1, 0]]
    plain = "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."
    assert FillerParser(LUNG_ZONES).encode([plain]).equal(PositionParser(LUNG_ZONES).encode([plain]))


@pytest.mark.parametrize("kind", ["placed", "identity"])
def test_positives_against_a_loop(kind):
    positions = torch.tensor([[0, 0, 0], [0, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
    images, texts = (torch.randn(5, 8, generator=seeded(one)) for one in (1, 2))
    found = ITCLoss()(images, texts, numbered(positions, 3), affinity={"placed": placed, "identity": identity}[kind])
    u, v = (one / one.norm(dim=1, keepdim=True) for one in (images.double(), texts.double()))
    s = u @ v.T / 0.07
    total = 0.0
    for scores in (s, s.T):
        for i in range(5):
            row = [0.0] * 5
            for j in range(5):
                both, either = (positions[i] & positions[j]).sum().item(), (positions[i] | positions[j]).sum().item()
                row[j] = float(i == j) if kind == "identity" or not either else both / either
            chance = scores[i].log_softmax(dim=0)
            total += -sum(a * b.item() for a, b in zip(row, chance, strict=True)) / sum(row) / 10
    assert math.isfinite(total)
    assert float(found) == pytest.approx(total, rel=1e-5)


def test_the_mask_token_of_the_release_is_known_to_none():
    texts = [caption("upper left lung")] * 200
    ops = make_pos_aug(PositionParser(LUNG_ZONES), Config(pos_aug="unknown"))
    assert ops["mask"].mask_token == UNKNOWN_TOKEN
    tokenizer = WordTokenizer.from_texts([*texts, "[MASK]"])
    assert tokenizer([UNKNOWN_TOKEN]).ids.tolist() == [[1, 1]]
    assert tokenizer(["[MASK]"]).ids.tolist() == [[2]]


def test_a_jitter_of_z_scores_cuts_more_than_half_of_the_pixels():
    images = torch.rand(64, 1, 24, 24, generator=seeded(1))
    draws = torch.rand(64, 5, generator=seeded(2))
    sharp = (draws[:, 2] < 0.8) & (draws[:, 4] >= 0.5)  # jittered, not blurred

    def cut(views):
        ends = torch.stack((views.amin(dim=(2, 3)), views.amax(dim=(2, 3))))[..., None, None]
        return (views == ends).any(dim=0)[sharp].float().mean()

    assert cut(photometric(normalise(images), seeded(2))) > 0.5
    assert cut(photometric(images, seeded(2))) < 0.1


def test_dice_alone():
    logits = torch.randn(2, 1, 3, 3, generator=seeded(3))
    target = torch.rand(2, 1, 3, 3, generator=seeded(4)) > 0.5
    p, t = logits.double().sigmoid(), target.double()
    assert dice_loss(logits, target).item() == pytest.approx(
        (1 - (2 * (p * t).sum() + 1) / ((p**2 + t**2).sum() + 1)).item()
    )


def test_plain_values_are_those_of_a_method_that_has_none_of_it():
    assert {PRESETS["mean-teacher"][name] == value for name, value in PLAIN.items()} == {True}
