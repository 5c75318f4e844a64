import copy

import pytest
import torch
from semimedref.config import Config
from semimedref.data.module import StepBatches, seeded
from semimedref.data.qata import load_qata
from semimedref.methods import METHODS
from semimedref.methods.semimedref import mixing_ops
from semimedref.methods.teacher import EMATeacher, momentum
from semimedref.models import MODELS


@pytest.fixture
def batch(tiny_qata):
    data = load_qata(tiny_qata, size=32, labels=0.3)
    return StepBatches(data, 8, 0)[0], data


def method(data, name="semimedref", **settings):
    torch.manual_seed(0)
    config = Config(**{"burn_in": 0.0, "ramp_up": 0.0, **settings})
    model = MODELS["compact"].from_texts(data.labelled.texts, width=4)
    return METHODS[name](model, config, data.atlas, steps=10, steps_a_pass=2).train()


def test_teacher_is_in_eval_mode_whatever_happens(batch):
    module = method(batch[1])
    module.train()
    assert module.student.training
    assert not any(part.training for part in module.teacher.modules())
    assert not any(p.requires_grad for p in module.teacher.parameters())


def test_teacher_follows_as_an_exponential_average(batch):
    student = method(batch[1]).student
    teacher = EMATeacher(student)
    start, moved = copy.deepcopy(teacher.model.state_dict()), student.state_dict()
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
        student.stem[1].running_mean.add_(2.0)
        student.stem[1].num_batches_tracked.add_(3)
    teacher.follow(student, 0.75)
    for name, value in teacher.model.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, 0.75 * start[name] + 0.25 * moved[name], atol=1e-6), name
        else:
            assert torch.equal(value, moved[name]), name


def test_momentum_starts_fast_and_ends_as_published():
    assert [momentum(step, 0.0) for step in (0, 1)] == [1 / 10, 2 / 11]
    assert momentum(10**6, 5.0) == pytest.approx(0.99)
    assert momentum(10**6, 15.0) == pytest.approx(0.9945)
    assert momentum(10**6, 99.0) == pytest.approx(0.999)


def test_the_teacher_runs_once_a_step_on_the_plain_caption(batch, monkeypatch):
    step, data = batch
    module = method(data)
    seen = []
    real = module.teacher.probabilities
    monkeypatch.setattr(module.teacher, "probabilities", lambda *args: seen.append(args) or real(*args))
    module.objective(step, seeded(0))
    assert len(seen) == 1
    assert torch.equal(seen[0][1].ids, module.student.tokenize(step.unlabelled.texts).ids)


def test_burn_in_leaves_the_unlabelled_samples_alone(batch, monkeypatch):
    step, data = batch
    module = method(data, burn_in=0.5)
    monkeypatch.setattr(module.teacher, "probabilities", None)
    loss, parts = module.objective(step, seeded(0))
    assert loss.isfinite()
    assert set(parts) == {"labelled seg", "labelled itcl"}


def test_the_unlabelled_loss_ignores_what_the_teacher_doubts(batch, monkeypatch):
    step, data = batch
    module = method(data, mix="none")
    doubt = torch.full((8, 1, 32, 32), 0.5)
    monkeypatch.setattr(module.teacher, "probabilities", lambda *_: doubt)
    _, parts = module.objective(step, seeded(0))
    assert parts["unlabelled seg"] == 0
    monkeypatch.setattr(module.teacher, "probabilities", lambda *_: doubt + 0.4)
    _, parts = module.objective(step, seeded(0))
    assert parts["unlabelled seg"] > 0


@pytest.mark.parametrize("mix", ["patch", "zone", "both", "none"])
def test_every_mix_trains_and_keeps_words_and_pixels_in_step(batch, mix):
    step, data = batch
    module = method(data, mix=mix)
    out = module.mix(step.labelled.images.float(), step.labelled.texts, step.labelled.masks, generator=seeded(5))
    assert torch.equal(module.parser.encode(out.texts), out.positions)
    replayed = module.mix.apply(step.labelled.masks, out.params)
    assert torch.equal(replayed, out.target)
    loss, parts = module.objective(step, seeded(0))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.student.parameters())
    assert (parts["mixed share"] > 0) == (mix in ("zone", "both"))


def test_patches_change_hands_too(batch):
    step, data = batch
    patch_mix = mixing_ops(method(data).parser, "patch", 32).ops[1]
    texts = ["unilateral pulmonary infection, one infected area, lower left lung."] * 8
    images = torch.rand(8, 1, 32, 32, generator=seeded(1))
    shares = [
        patch_mix(images, texts, step.labelled.masks, generator=seeded(seed)).params.accepted.float().mean()
        for seed in range(20)
    ]
    assert 0.15 < torch.stack(shares).mean() < 0.35


def test_a_step_follows_from_its_generator_and_moves_no_global_one(batch):
    step, data = batch
    module = method(data)
    module.eval()  # batch norm would remember the first call
    state = torch.get_rng_state()
    losses = [module.objective(step, seeded(3))[0].item() for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != module.objective(step, seeded(4))[0].item()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_few_steps_lower_the_loss(batch, name):
    step, data = batch
    module = method(data, name)
    optimiser = torch.optim.AdamW(module.student.parameters(), lr=3e-3)
    losses = []
    for number in range(15):
        loss, parts = module.objective(step, seeded(number))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(parts["labelled seg"]))
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
