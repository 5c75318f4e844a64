"""The geometry of a run: what moves with an image, who gets to see it, and what it leaves alone."""

import dataclasses

import pytest
import torch
from semimedref.config import Config
from semimedref.data.module import StepBatch, StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.data.views import normalise, to_unit
from semimedref.draws import Draws
from semimedref.methods import METHODS, base, geometry, mean_teacher
from semimedref.methods.geometry import Geometry
from semimedref.methods.ops import run_ops
from semimedref.models import MODELS
from semimedref.presets import PRESETS

from crossmodal_aug import LUNG_ZONES, PositionParser, SyncGeometry

DRAWS = Draws(0, 3)
PARSER = PositionParser(LUNG_ZONES)


@pytest.fixture(scope="module")
def phantoms():
    return load_phantoms(size=32, labels=0.05)


@pytest.fixture(scope="module")
def batch(phantoms):
    return StepBatches(phantoms, 8, 0)[0]


def method(data, name="mean-teacher", **settings):
    torch.manual_seed(0)
    given = {"size": 32, "width": 4, "burn_in": 0.0, "ramp_up": 0.0, "geometry": 1.0, **settings}
    config = Config(method=name, **given)
    model = MODELS["compact"].for_run([*data.labelled.texts, *data.unlabelled.texts], config)
    return METHODS[name](model, config, data.atlas, steps=10, steps_a_pass=2).train()


def shown(module, batch, monkeypatch):
    """The images and captions that the teacher and the student get to see in a step, and the pseudo-masks' target."""
    seen = {}
    monkeypatch.setattr(module, "tokens", lambda texts: seen.update(full=list(texts)) or module.student.tokenize(texts))
    real = module.teacher.probabilities

    def probabilities(images, tokens):
        return seen.setdefault("pseudo", seen.update(teacher=images) or real(images, tokens))

    def see(images, texts, embedded=None):
        seen.update(student=images, texts=list(texts))
        return module.student.segment(images, module.student.tokenize(texts)), None, None

    def loss(logits, target, weight=None):
        seen.update(target=target)
        return logits.mean()

    monkeypatch.setattr(module.teacher, "probabilities", probabilities)
    monkeypatch.setattr(module, "see", see)
    monkeypatch.setattr(base, "segmentation_loss", loss)
    module.objective(batch, DRAWS)
    return seen


def wanted(p=1.0):
    return SyncGeometry(PARSER, p=p, horizontal=False, degrees=17, scale=(0.745, 1.34), translate=0.068)


def moved(one, other):
    return (one != other).flatten(1).any(dim=1)


def test_image_mask_and_caption_of_a_labelled_sample_move_together(phantoms, batch):
    module = method(phantoms, "supervised")
    given = batch.labelled
    out = wanted()(to_unit(given.images), given.texts, given.masks, generator=DRAWS("labelled", "geometry"))
    found = module.labelled_inputs(batch, DRAWS)
    assert torch.equal(found.images, normalise(out.images))
    assert torch.equal(found.target, out.target)
    assert found.texts == list(out.texts)
    assert moved(found.target, given.masks).sum() >= 6
    assert module.geometry.op.frame == "body"


def test_words_go_with_the_lesion_that_leaves_the_view_where_a_mask_tells(monkeypatch):
    """A lesion at the rim and one in the middle, shifted so far that the first one may leave the view."""
    monkeypatch.setattr(geometry, "TRANSLATE", 0.3)
    monkeypatch.setattr(geometry, "DEGREES", 0.0)
    monkeypatch.setattr(geometry, "SCALE", (1.0, 1.0))
    text = "Bilateral pulmonary infection, two infected areas, upper left lung and upper right lung."
    masks = torch.zeros(64, 1, 32, 32, dtype=torch.bool)
    masks[..., 4:8, 0:2] = masks[..., 4:8, 18:20] = True
    images = masks.float()
    for known in (True, False):
        view = Geometry(PARSER, Config(geometry=1.0)).weak(
            images, [text] * 64, masks, known=known, draws=DRAWS, branch="labelled"
        )
        # Interpolated images and masks of whole pixels differ on the rim alone.
        assert (view.masks != (view.images > 0.5)).flatten(1).sum(dim=1).max() <= 8
        assert moved(view.masks, masks).sum() > 16
        named = {one: view.texts.count(one) for one in set(view.texts)}
        assert (len(named) > 1) == known
        if known:
            one = "Unilateral pulmonary infection, one infected area, upper right lung."
            assert named.keys() == {text, one}
            gone = torch.tensor([words == one for words in view.texts])
            count = view.masks.flatten(1).sum(dim=1)
            assert (count[gone] <= 8).all()
            assert count.all()


def test_teacher_and_student_share_the_geometry(phantoms, batch, monkeypatch):
    monkeypatch.setattr(mean_teacher, "photometric", lambda images, generator: images)
    module = method(phantoms)
    seen = shown(module, batch, monkeypatch)
    images, texts = to_unit(batch.unlabelled.images), batch.unlabelled.texts
    out = wanted()(images, texts, generator=DRAWS("unlabelled", "geometry"))
    assert torch.equal(seen["teacher"], normalise(out.images))
    assert torch.equal(seen["student"][8:], seen["teacher"])
    assert seen["full"] == seen["texts"][8:] == list(out.texts)
    assert moved(seen["teacher"], normalise(images)).sum() >= 6
    assert torch.equal(seen["target"], seen["pseudo"] >= 0.5)


def test_after_the_ops_the_teacher_sees_the_image_as_it_is(phantoms, batch, monkeypatch):
    monkeypatch.setattr(mean_teacher, "photometric", lambda images, generator: images)
    module = method(phantoms, geometry_order="after", flip=0.5, mix="zone")
    seen = shown(module, batch, monkeypatch)
    images, texts = normalise(to_unit(batch.unlabelled.images)), batch.unlabelled.texts
    assert torch.equal(seen["teacher"], images)
    before = run_ops(module.ops, images, texts, seen["pseudo"], draws=DRAWS, branch="unlabelled")
    black = before.images.amin(dim=(1, 2, 3), keepdim=True)
    out = wanted()(before.images - black, before.texts, before.target, generator=DRAWS("unlabelled", "geometry"))
    assert torch.allclose(seen["student"][8:], out.images + black, atol=1e-5)
    assert torch.equal(seen["target"], out.target >= 0.5)
    assert seen["texts"][8:] == list(out.texts)
    assert moved(seen["student"][8:], before.images).sum() >= 6
    # What comes into view from outside is as dark as the image's darkest, not its mean.
    outside = wanted().replay(torch.ones_like(images), out.params) == 0
    assert outside.any()
    assert (seen["student"][8:] - black)[outside].abs().max() < 1e-5


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_sample_that_is_not_drawn_stays_bit_for_bit(phantoms, batch, order):
    module = method(phantoms, "supervised", geometry=0.6, geometry_order=order)
    found = module.labelled_inputs(batch, DRAWS)
    stays = ~found.params["geometry"].accepted
    assert 0 < stays.sum() < 8
    plain = normalise(to_unit(batch.labelled.images))
    assert torch.equal(found.images[stays], plain[stays])
    assert not torch.equal(found.images, plain)


def test_without_it_there_is_the_weak_zoom_and_with_it_there_is_none(phantoms, batch, monkeypatch):
    asked = []
    real = geometry.zoom
    monkeypatch.setattr(geometry, "zoom", lambda *given: asked.append(given) or real(*given))
    for value, zooms in ((0.0, 2), (0.5, 0)):
        # Without one there is no order to ask for.
        for order in ("before", "after") if value else ("before",):
            asked.clear()
            method(phantoms, geometry=value, geometry_order=order).objective(batch, DRAWS)
            assert len(asked) == zooms


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_step_follows_from_its_draws_whatever_the_log_looks_at(phantoms, batch, order):
    module = method(phantoms, "semimedref", geometry_order=order).eval()
    state = torch.get_rng_state()
    loss = module.objective(batch, DRAWS)[0]
    blind = StepBatch(batch.labelled, batch.unlabelled.without_masks())
    assert torch.equal(module.objective(blind, DRAWS)[0], loss)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(module.objective(batch, Draws(0, 4))[0], loss)


@pytest.mark.parametrize("order", ["before", "after"])
def test_hidden_masks_are_where_the_pseudo_masks_are(phantoms, batch, order, monkeypatch):
    """Images that are their own masks, and a teacher that says what it sees."""
    masks = batch.unlabelled.hidden_masks
    drawn = dataclasses.replace(batch.unlabelled, images=masks.to(torch.uint8) * 255)
    module = method(phantoms, geometry_order=order)
    module.log_every = 1
    monkeypatch.setattr(module.teacher, "probabilities", lambda images, tokens: (images > 1).float())
    module.objective(StepBatch(batch.labelled, drawn), DRAWS)
    assert module.noted["pseudo dice"] > 0.85
    assert module.noted["unlabelled geometry accepted"] > 0.7
    assert module.noted["labelled geometry accepted"] > 0.7


def test_a_run_of_before_there_was_one_has_none():
    for name in PRESETS:
        config = Config.of_run({"method": name}, "config.json")
        assert (config.geometry, config.geometry_order, config.reword) == (0.0, "before", 0.0)
        assert (config.zone_unit, config.focus_unit) == ("side", "side")
    assert Config.of_run({"method": "cutmix", "geometry": 0.5}, "config.json").geometry == 0.5
    assert Config(geometry=0.25).default_name.endswith("-geometry-0.25")


@pytest.mark.parametrize("order", ["before", "after"])
def test_words_that_stay_are_the_only_difference(phantoms, order, monkeypatch):
    # So close that a named region often leaves the view.
    monkeypatch.setattr(geometry, "SCALE", (1.6, 1.9))
    monkeypatch.setattr(geometry, "TRANSLATE", 0.4)
    batch = StepBatches(phantoms, 64, 0)[0]

    def inputs(**given):
        return method(phantoms, "supervised", geometry_order=order, flip=0.5, **given).labelled_inputs(batch, DRAWS)

    follow, stay = inputs(), inputs(geometry_words="stay", flip_words="stay")
    assert torch.equal(follow.images, stay.images)
    assert torch.equal(follow.target, stay.target)
    for name in ("geometry", "flip"):
        assert torch.equal(follow.params[name].accepted, stay.params[name].accepted)
        assert inputs(**{f"{name}_words": "stay"}).texts not in (stay.texts, follow.texts)
    assert stay.texts == list(batch.labelled.texts)
