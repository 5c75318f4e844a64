"""What is literal in each baseline beside its mix, against its source's rule written out."""

import copy
import math

import pytest
import torch
from semimedref.config import Config
from semimedref.data.module import StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.data.views import normalise, photometric
from semimedref.draws import Draws, seeded
from semimedref.losses import focal_loss
from semimedref.methods.caption_prior import MEMORY, CaptionPrior
from semimedref.methods.drop_by_loss import with_small_loss
from semimedref.methods.feature_dropout import FeatureDropout
from semimedref.methods.lv_loss import lv_loss
from semimedref.methods.mean_teacher import Plain
from semimedref.methods.pseudo_masks import PseudoMasks, trust

from tests.examples.rows import DRAWS, PARSER, TEXTS, compared, method


@pytest.fixture(scope="module")
def data():
    return load_phantoms(size=32, labels=0.05)


@pytest.fixture
def batch(data):
    return StepBatches(data, 8, 0)[0]


# FixMatch, Unbiased Teacher, UniMatch.


def test_fixmatch_learns_from_the_student_s_own_sure_masks(data, batch, monkeypatch):
    module = method(data, "fixmatch")
    monkeypatch.setattr(module.teacher, "probabilities", None)
    module.student.head[0].bias.data.fill_(3.0)
    before = copy.deepcopy(module.student).eval()
    calls = compared(module, monkeypatch)
    module.objective(batch, DRAWS)
    assert module.student.training
    weak = module.weak_view(batch.unlabelled, DRAWS)
    with torch.no_grad():
        own = before.segment(normalise(weak.images), before.tokenize(weak.texts)).sigmoid()
    target, weight = calls[1][1:3]
    assert torch.equal(target, own >= 0.5)
    assert torch.equal(weight, ((own >= 0.95) | (own <= 0.05)).float())
    assert 0 < weight.mean() < 1


def test_the_threshold_is_an_option():
    pseudo = torch.tensor([0.5, 0.75, 0.1])
    for threshold, weights in ((0.7, [0, 1, 1]), (0.8, [0, 0, 1]), (0.95, [0, 0, 0])):
        found = trust(pseudo, Config(pseudo_weight="threshold", threshold=threshold))
        assert found.tolist() == weights


def test_focal_loss_against_a_loop():
    logits = torch.randn(2, 1, 3, 3, generator=seeded(1))
    target = torch.rand(2, 1, 3, 3, generator=seeded(2)) > 0.5
    weight = torch.rand(2, 1, 3, 3, generator=seeded(3))
    total = 0.0
    for z, t, w in zip(logits.flatten().tolist(), target.flatten().tolist(), weight.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        right = p if t else 1 - p
        total += -w * (1 - right) ** 1.5 * math.log(right) / 18
    assert focal_loss(logits, target, weight).item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", ["unbiased-teacher", "released"])
def test_both_branches_are_compared_by_the_loss_of_the_method(data, batch, name):
    module = method(data, name)
    module.seg = lambda *_: torch.tensor(7.0)
    _, parts = module.objective(batch, DRAWS)
    assert parts["labelled seg"] == parts["unlabelled seg"] == 7.0
    assert (module.config.loss, module.config.threshold) == (("focal", 0.7) if name != "released" else ("dice", 0.9))


def test_unimatch_sees_two_strong_views_and_one_without_features(data, batch, monkeypatch):
    module = method(data, "unimatch", threshold=0.5)
    calls = compared(module, monkeypatch)
    loss, parts = module.objective(batch, DRAWS)
    labelled, first, second, features = (call[3] for call in calls)
    assert float(loss) == pytest.approx(float(labelled + 0.5 * features + 0.25 * (first + second)), rel=1e-6)
    assert float(parts["unlabelled seg"]) == pytest.approx(float((first + second) / 2))
    weak = module.weak_view(batch.unlabelled, DRAWS)
    pseudo = torch.rand(8, 1, 32, 32, generator=seeded(3))
    views = module.strong_views(weak, pseudo, DRAWS)
    for view, branch in zip(views, ("unlabelled", "second view"), strict=True):
        strong = normalise(photometric(weak.images, DRAWS(branch, "photometric")))
        boxes = module.ops["patch"](strong, weak.texts, pseudo, generator=DRAWS(branch, "patch"))
        assert torch.equal(view.altered.images, boxes.images)
        assert torch.equal(view.altered.target, boxes.target)
        assert view.texts == weak.texts
    assert not torch.equal(views[0].altered.target, views[1].altered.target)


@pytest.mark.parametrize("name", ["unimatch", "no-text", "own-caption"])
def test_dropped_channels_are_those_between_encoder_and_decoder(data, name):
    module = method(data, name)
    images, tokens = torch.randn(2, 1, 32, 32), module.student.tokenize(TEXTS[:2])
    seen = []
    student = module.student.eval()
    whole = student.segment(images, tokens)
    assert torch.equal(student.segment(images, tokens, lambda one: seen.append(one.shape[1]) or one), whole)
    assert seen == [4, 8, 12, 16]
    half = FeatureDropout(0.5, seeded(0), 400, slice(0, 2))
    assert not torch.equal(student.segment(images, tokens, half), whole)
    half.own = slice(0, 400)
    shares = half(torch.ones(400, 20, 1, 1)).flatten()
    assert set(shares.tolist()) == {0.0, 2.0}
    assert (shares == 0).float().mean() == pytest.approx(0.5, abs=0.03)


# Words and zones.


def test_textmatch_shows_one_strong_image_under_two_captions(data, batch, monkeypatch):
    module = method(data, "textmatch")
    calls = compared(module, monkeypatch)
    shown = []
    see = module.see
    monkeypatch.setattr(module, "see", lambda *given, **more: shown.append(given) or see(*given, **more))
    loss, _ = module.objective(batch, DRAWS)
    [(images, texts)] = shown
    assert torch.equal(images[8:16], images[16:])
    assert texts[8:16] == list(batch.unlabelled.texts)
    assert texts[16:] != texts[8:16]
    assert float(loss) == pytest.approx(float(calls[0][3] + (calls[1][3] + calls[2][3]) / 2))
    assert torch.equal(calls[1][1], calls[2][1])


def test_cmmix_exchanges_regions_with_their_phrases_and_drops_by_loss(data, batch, monkeypatch):
    module = method(data, "cmmix")
    assert (module.ops["zone"].unit, list(module.ops)) == ("region", ["zone"])
    calls = compared(module, monkeypatch)
    module.objective(batch, DRAWS)
    logits, target, weight, _ = calls[1]
    p, t = logits.detach().double().sigmoid(), target.double()
    plain = (2 * module_pseudo(module, batch) - 1).abs()
    entropy = -(t * p.log() + (1 - t) * (1 - p).log())
    dropped = weight.flatten(1).sum(dim=1) == 0
    assert dropped.sum() == 1  # a fifth of eight
    assert (entropy * plain).flatten(1).mean(dim=1).argmax() == dropped.nonzero().item()
    assert torch.equal(weight[~dropped], plain[~dropped])
    assert with_small_loss(logits, target, plain, 0.0, 8).all()


def module_pseudo(module, batch):
    """The pseudo-masks of a step after the ops, made anew."""
    weak = module.weak_view(batch.unlabelled, DRAWS)
    images = normalise(weak.images)
    pseudo = module.teacher.probabilities(images, module.student.tokenize(weak.texts))
    return module.strong_views(weak, pseudo, DRAWS)[0].altered.target


@pytest.mark.parametrize("finder", ["teacher", "student"])
def test_mirrored_pseudo_masks_are_the_mean_of_both_images_each_under_its_words(data, batch, finder):
    module = method(data, "mean-teacher", pseudo_views="mirrored", masks_by=finder)
    found_by = module.teacher.model if finder == "teacher" else module.student
    weak = module.weak_view(batch.unlabelled, DRAWS)
    images = normalise(weak.images)
    found = module.found(Plain(images, weak.texts, module.student.tokenize(weak.texts)))
    found_by.eval()
    for image, text, mean in zip(images, weak.texts, found, strict=True):
        with torch.no_grad():
            here, there = (
                found_by.segment(one[None], found_by.tokenize([words])).sigmoid()[0]
                for one, words in ((image, text), (image.flip(-1), module.whole.mirror(text)))
            )
        assert torch.allclose(mean, (here + there.flip(-1)) / 2, atol=1e-5)
        assert not torch.allclose(mean, here, atol=1e-5)
    assert any(module.whole.mirror(text) != text for text in weak.texts)


def test_lv_loss_is_one_less_the_cosine_with_the_named_regions(data, batch, monkeypatch):
    logits = torch.randn(3, 1, 6, 4, generator=seeded(1))
    zones = torch.zeros(3, 1, 6, 4, dtype=torch.bool)
    zones[0, :, :2, :2] = zones[1, :, 4:, 2:] = True
    expected = 0.0
    for i in range(2):
        p, z = logits[i].double().sigmoid().flatten(), zones[i].double().flatten()
        expected += (1 - (p @ z).item() / (p.norm() * z.norm()).item()) / 3
    assert lv_loss(logits, zones).item() == pytest.approx(expected, rel=1e-5)
    assert lv_loss(logits, torch.zeros_like(zones)) == 0
    module = method(data, "lvit")
    calls = compared(module, monkeypatch)
    loss, _ = module.objective(batch, DRAWS)
    texts = module.weak_view(batch.unlabelled, DRAWS).texts
    named = torch.zeros(8, 1, 32, 32, dtype=torch.bool)
    for i, text in enumerate(texts):
        for region in module.parser(text).regions:
            top, bottom, left, right = (round(32 * share) for share in data.atlas.boxes[data.atlas.names.index(region)])
            named[i, 0, top:bottom, left:right] = True
    more = lv_loss(calls[1][0], named)
    assert float(loss) == pytest.approx(float(calls[0][3] + calls[1][3] + 0.1 * more), rel=1e-5)


def test_the_caption_prior_against_a_loop():
    prior, seen = CaptionPrior(), []
    for step in range(MEMORY + 2):
        pseudo = torch.rand(3, 1, 4, 4, generator=seeded(step, 1))
        masks = torch.rand(2, 1, 4, 4, generator=seeded(step, 2)) > 0.8
        zones = torch.rand(3, 1, 4, 4, generator=seeded(step, 3)) > 0.5
        labelled_zones = torch.rand(2, 1, 4, 4, generator=seeded(step, 4)) > 0.4
        found = prior(pseudo, zones, masks, labelled_zones)
        seen = [*seen, (pseudo, zones, masks, labelled_zones)][-128:]
    share = {}
    for named in (True, False):
        for kind, (a, b) in {"wanted": (2, 3), "found": (0, 1)}.items():
            lesion = sum(one[a].double()[one[b] == named].sum().item() for one in seen)
            pixels = sum((one[b] == named).sum().item() for one in seen)
            share[named, kind] = (lesion + 0.5) / (pixels + 1)
    for p, named, aligned in zip(*(one.flatten().tolist() for one in (pseudo, zones, found)), strict=True):
        yes = p * share[named, "wanted"] / share[named, "found"]
        no = (1 - p) * (1 - share[named, "wanted"]) / (1 - share[named, "found"])
        assert aligned == pytest.approx(yes / (yes + no), rel=1e-4)


def test_what_the_prior_has_counted_is_kept_in_a_checkpoint(data, batch):
    module, again = (method(data, "remixmatch") for _ in range(2))
    for step in range(2):
        module.objective(batch, Draws(0, step))
    again.load_state_dict(module.state_dict())
    losses = [one.objective(batch, Draws(0, 9))[0] for one in (module, again)]
    assert torch.equal(*losses)
    assert not torch.equal(losses[0], method(data, "remixmatch").objective(batch, Draws(0, 9))[0])


@pytest.mark.parametrize("unit", ["side", "region"])
def test_pseudo_masks_stay_in_the_named_zones(data, batch, unit):
    masks = PseudoMasks(PARSER, Config(pseudo_zones=unit))
    texts = [TEXTS[0], TEXTS[1], "COVID-19 pneumonia.", "No pulmonary infection, zero infected areas."]
    pseudo = torch.rand(4, 1, 12, 8, generator=seeded(1)) + 0.01
    found = masks(pseudo, texts, batch.labelled)
    kept = torch.zeros(4, 1, 12, 8, dtype=torch.bool)
    kept[2] = True  # silent: no reason to find nothing
    if unit == "side":
        kept[0, :, :, :4] = kept[1] = True
    else:
        kept[0, :, :4, :4] = kept[1, :, 8:, :4] = kept[1, :, :4, 4:] = True
    assert torch.equal(found, pseudo * kept)
