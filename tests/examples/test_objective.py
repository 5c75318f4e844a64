"""What a step shows to teacher, student and losses, what its loss is the sum of, and how it moves the weights."""

import copy
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from semimedref.config import Config
from semimedref.data.folder_data import load_folder
from semimedref.data.module import SamplesModule, StepBatches
from semimedref.data.views import normalise, photometric, to_unit, zoom
from semimedref.draws import Draws
from semimedref.methods import METHODS, Method
from semimedref.methods.ops import Altered, run_ops, vaguer
from semimedref.models import MODELS
from semimedref.models.tokenizer import Tokens
from semimedref.runs import RunFolder
from semimedref.trainer import make_trainer
from torch import Tensor

from crossmodal_aug import ITCLoss, PositionParser, SyncGeometry

DRAWS = Draws(0, 5)
COUNT = 8


@pytest.fixture
def data(tiny_qata):
    return load_folder("qata", tiny_qata, size=32, labels=0.3)


@pytest.fixture
def batch(data):
    return StepBatches(data, COUNT, 0)[0]


def method(data, name="semimedref", **settings) -> Method:
    torch.manual_seed(0)
    given = {"method": name, "size": 32, "width": 4, "batch_size": 4, "accelerator": "cpu", **settings}
    config = Config(**{"burn_in": 0.0, "ramp_up": 0.0, **given})
    model = MODELS["compact"].for_run([*data.labelled.texts, *data.unlabelled.texts], config)
    module = METHODS[name](model, config, data.atlas, steps=10, steps_a_pass=2).train()
    if name != "supervised":
        # A teacher of its own mind: an untrained copy would find lesion everywhere or nowhere.
        torch.manual_seed(1)
        for p in module.teacher.model.parameters():
            p.add_(0.1 * torch.randn_like(p))
        module.teacher.model.head[0].bias.copy_(torch.tensor([-0.5, 0.5, 1.5, -1.5]))
    return module


class Seen(NamedTuple):
    """The arguments and the answers of each call, in order, by what was called."""

    segment: list
    forward: list
    embed_images: list
    embed_texts: list
    probabilities: list
    itcl: list


def watched(module: Method, monkeypatch) -> Seen:
    """Write down what a method's networks and its contrastive loss are asked from now on."""
    seen = Seen([], [], [], [], [], [])

    def spy(owner, name, calls):
        real = getattr(owner, name)

        def noting(*args, **given):
            answer = real(*args, **given)
            calls.append((args, answer))
            return answer

        monkeypatch.setattr(owner, name, noting)

    for name in ("segment", "forward", "embed_images", "embed_texts"):
        spy(module.student, name, getattr(seen, name))
    if "teacher" in module.models:
        spy(module.teacher, "probabilities", seen.probabilities)
    spy(module.itcl, "forward", seen.itcl)
    return seen


def geometry(module: Method) -> SyncGeometry:
    parser = PositionParser(module.parser.atlas)
    return SyncGeometry(
        parser, p=module.config.geometry, horizontal=False, degrees=17, scale=(0.745, 1.34), translate=0.068
    )


def weak_view(samples, module: Method) -> tuple[Tensor, list[str]]:
    """The unlabelled images in [0, 1] and their captions, moved or zoomed as the step draws it, and nothing else."""
    images = to_unit(samples.images)
    if not module.config.geometry:
        masks = torch.zeros_like(images, dtype=torch.bool)
        return zoom(images, masks, DRAWS("unlabelled", "zoom"))[0], list(samples.texts)
    out = geometry(module)(images, samples.texts, generator=DRAWS("unlabelled", "geometry"))
    return out.images, list(out.texts)


def labelled_view(samples, module: Method) -> Altered:
    images, texts, masks = to_unit(samples.images), samples.texts, samples.masks
    if module.config.geometry:
        out = geometry(module)(images, texts, masks, generator=DRAWS("labelled", "geometry"))
        images, texts, masks = out.images, out.texts, out.target
    else:
        images, masks = zoom(images, masks, DRAWS("labelled", "zoom"))
    ops = {} if module.config.alter == "unlabelled" else module.ops
    return run_ops(ops, normalise(images), texts, masks, draws=DRAWS, branch="labelled")


def strong_view(samples, pseudo: Tensor, module: Method) -> Altered:
    images, texts = weak_view(samples, module)
    images = normalise(photometric(images, DRAWS("unlabelled", "photometric")))
    altered = run_ops(module.ops, images, texts, pseudo, draws=DRAWS, branch="unlabelled")
    return altered._replace(texts=vaguer(module.pos_aug, altered, draws=DRAWS))


def says(tokens: Tokens, texts, module: Method) -> bool:
    wanted = module.student.tokenize(list(texts))
    return torch.equal(tokens.ids, wanted.ids) and torch.equal(tokens.valid, wanted.valid)


def changed(one: Tensor, other: Tensor) -> int:
    """Number of samples that differ."""
    return int((one != other).flatten(1).any(dim=1).sum())


def test_the_teacher_sees_the_weak_view_under_the_full_caption(data, batch, monkeypatch):
    module = method(data)
    seen = watched(module, monkeypatch)
    module.objective(batch, DRAWS)
    [((images, tokens), _)] = seen.probabilities
    weak, texts = weak_view(batch.unlabelled, module)
    assert torch.equal(images, normalise(weak))
    assert says(tokens, texts, module)
    # The strong view and the ops would show: they change most of these samples, and most of their captions.
    assert changed(weak, photometric(weak, DRAWS("unlabelled", "photometric"))) >= COUNT / 2
    altered = strong_view(batch.unlabelled, seen.probabilities[0][1], module)
    assert changed(altered.images, normalise(photometric(weak, DRAWS("unlabelled", "photometric")))) >= COUNT / 2
    assert sum(one != other for one, other in zip(altered.texts, batch.unlabelled.texts, strict=True)) >= COUNT / 2


@pytest.mark.parametrize("name", ["mean-teacher", "cutmix", "cutmix-boxes", "paper", "semimedref"])
def test_the_student_sees_the_strong_view_after_the_ops(data, batch, monkeypatch, name):
    module = method(data, name)
    seen = watched(module, monkeypatch)
    module.objective(batch, DRAWS)
    [((images, tokens, *_), _)] = seen.forward if module.config.itcl else seen.segment
    labelled = labelled_view(batch.labelled, module)
    unlabelled = strong_view(batch.unlabelled, seen.probabilities[0][1], module)
    assert torch.equal(images[:COUNT], labelled.images)
    assert torch.equal(images[COUNT:], unlabelled.images)
    assert says(tokens, [*labelled.texts, *unlabelled.texts], module)
    assert changed(images[COUNT:], normalise(weak_view(batch.unlabelled, module)[0])) >= COUNT / 2


def test_the_unlabelled_contrast_is_between_the_weak_image_and_its_own_caption(data, batch, monkeypatch):
    module = method(data)
    seen = watched(module, monkeypatch)
    module.objective(batch, DRAWS)
    [((images,), image_embedding)] = seen.embed_images
    [((tokens,), text_embedding)] = seen.embed_texts
    assert torch.equal(images, normalise(weak_view(batch.unlabelled, module)[0]))
    texts = weak_view(batch.unlabelled, module)[1]
    assert says(tokens, texts, module)
    _, ((given_images, given_texts, positions), _) = seen.itcl
    assert given_images is image_embedding
    assert given_texts is text_embedding
    assert torch.equal(positions, module.parser.encode(texts))


@pytest.mark.parametrize("burn_in", [0.0, 0.5])
def test_the_labelled_contrast_is_between_what_the_student_saw(data, batch, monkeypatch, burn_in):
    module = method(data, burn_in=burn_in)
    seen = watched(module, monkeypatch)
    module.objective(batch, DRAWS)
    [(_, (_, image_embedding, text_embedding))] = seen.forward
    given_images, given_texts, positions = seen.itcl[0][0]
    assert torch.equal(given_images, image_embedding[:COUNT])
    assert torch.equal(given_texts, text_embedding[:COUNT])
    texts = labelled_view(batch.labelled, module).texts
    assert torch.equal(positions, module.parser.encode(texts))
    assert changed(positions, module.parser.encode(batch.labelled.texts)) >= COUNT / 4


def seg(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy and soft Dice over all pixels of a batch, written out in double precision."""
    p, target = logits.double().sigmoid(), target.double()
    weight = torch.ones_like(p) if weight is None else weight.double()
    entropy = -(weight * (target * p.log() + (1 - target) * (1 - p).log())).sum() / p.numel()
    overlap, size = (weight * p * target).sum(), (weight * (p**2 + target**2)).sum()
    return entropy + 1 - (2 * overlap + 1) / (size + 1)


def expected_loss(module: Method, before: SimpleNamespace, batch, seen: Seen, weight: float) -> dict[str, Tensor]:
    """The published sum, from what was shown to models in the state before the step."""
    itcl = module.config.itcl
    [((images, tokens, *_), _)] = seen.forward if itcl else seen.segment
    labelled = labelled_view(batch.labelled, module)
    logits, image, text = before.student(images, tokens)
    parts = {"labelled seg": seg(logits[:COUNT], labelled.target)}
    if itcl:
        positions = module.parser.encode(labelled.texts)
        parts["labelled itcl"] = ITCLoss()(image[:COUNT], text[:COUNT], positions)
    if weight:
        [((weak, full), _)] = seen.probabilities
        pseudo = strong_view(batch.unlabelled, before.teacher.segment(weak, full).sigmoid(), module).target
        trusted = {"certainty": (2 * pseudo - 1).abs(), "equal": None, "threshold": ((pseudo - 0.5).abs() >= 0.4)}
        parts["unlabelled seg"] = seg(logits[COUNT:], pseudo >= 0.5, trusted[module.config.pseudo_weight])
        if itcl:
            positions = module.parser.encode(weak_view(batch.unlabelled, module)[1])
            parts["unlabelled itcl"] = ITCLoss()(
                before.student.embed_images(weak), before.student.embed_texts(full), positions
            )
    shares = {"labelled seg": 1.0, "labelled itcl": itcl * 0.02}
    shares |= {"unlabelled seg": weight, "unlabelled itcl": weight * itcl * 0.10}
    parts["total"] = torch.stack([shares[name] * part.double() for name, part in parts.items()]).sum()
    return parts


SUMS = [
    ("semimedref", {"geometry": 0.7}),
    ("semimedref", {"geometry": 0.0}),
    ("semimedref", {"itcl": 2.5, "alter": "unlabelled"}),
    ("semimedref", {"pseudo_weight": "threshold", "mix": "none"}),
    ("paper", {"unlabelled_weight": 0.8}),
    ("released", {"loss": "dice-ce", "positives": "jaccard", "itcl_image": "before", "photometric": "unit"}),
    ("mean-teacher", {}),
    ("supervised", {"itcl": 1.5}),
]


@pytest.mark.parametrize("step", [1, 4, 9])
@pytest.mark.parametrize(("name", "settings"), SUMS)
def test_the_loss_is_the_published_sum(data, batch, monkeypatch, name, settings, step):
    """At step 1 before the ramp, at 4 on it, where w lies between 0 and its peak, and at 9 after it."""
    module = method(data, name, burn_in=0.2, ramp_up=0.5, **settings)
    before = SimpleNamespace(**copy.deepcopy(module.models))
    monkeypatch.setattr(type(module), "global_step", step)
    seen = watched(module, monkeypatch)
    loss, parts = module.objective(batch, DRAWS)
    weight = 0.0 if name == "supervised" else {1: 0.0, 4: 0.4, 9: 1.0}[step] * module.config.unlabelled_weight
    expected = expected_loss(module, before, batch, seen, weight)
    for part, value in expected.items():
        assert float(loss if part == "total" else parts[part]) == pytest.approx(value.item(), rel=1e-5), part
    if weight:
        assert parts["unlabelled weight"] == pytest.approx(weight)
        assert all(value > 0 for value in expected.values())
    # The gradient is that of the sum: no part is cut off from it, and what is taught is none of the teacher's.
    ours = torch.autograd.grad(loss, list(module.student.parameters()), allow_unused=True)
    theirs = torch.autograd.grad(expected["total"], list(before.student.parameters()), allow_unused=True)
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other.to(one.dtype), rtol=1e-3, atol=1e-5)


def one_step(data, folder, monkeypatch, scale: float):
    """A step of the trainer on a loss times ``scale``: the weights before, the gradients that came, those that stay."""
    module = method(data, "supervised", learning_rate=0.01)
    before = [p.detach().clone() for p in module.student.parameters()]
    objective, configure = module.objective, module.configure_optimizers
    came, left, optimisers = [], [], []

    def scaled(batch, draws):
        loss, parts = objective(batch, draws)
        return scale * loss, parts

    def noting():
        made = configure()
        optimisers.append(made["optimizer"])
        made["optimizer"].register_step_post_hook(lambda *_: left.extend(gradients(module)))
        return made

    monkeypatch.setattr(module, "objective", scaled)
    monkeypatch.setattr(module, "configure_optimizers", noting)
    monkeypatch.setattr(module, "on_before_optimizer_step", lambda _: came.extend(gradients(module)))
    batches = SamplesModule(data, batch_size=4, steps_an_epoch=1, seed=0)
    make_trainer(module, RunFolder(folder), 1).fit(module, batches)
    return module, optimisers[0], before, came, left


def gradients(module: Method) -> list[Tensor | None]:
    return [None if p.grad is None else p.grad.clone() for p in module.student.parameters()]


def length(tensors: list[Tensor | None]) -> float:
    return torch.cat([one.flatten() for one in tensors if one is not None]).norm().item()


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_gradients_are_cut_to_length_one_and_no_shorter(data, tmp_path, monkeypatch, scale):
    _, _, _, came, left = one_step(data, tmp_path, monkeypatch, scale)
    whole = length(came)
    assert whole > 10 if scale > 1 else 0 < whole < 0.1
    assert length(left) == pytest.approx(min(1.0, whole), rel=1e-4)
    # Cut as one vector: every part keeps its direction.
    for one, other in zip(left, came, strict=True):
        assert one is other is None or torch.allclose(one, other * min(1.0, 1 / whole), rtol=1e-4, atol=1e-9)


def test_a_step_is_one_of_adamw_with_decoupled_weight_decay(data, tmp_path, monkeypatch):
    module, optimiser, before, _, gradient = one_step(data, tmp_path, monkeypatch, 1.0)
    learnt = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert learnt == {id(p) for p in module.student.parameters()}
    rate = module.config.learning_rate  # in full: the warm-up of so short a run is its first step
    assert sum(g is not None for g in gradient) > len(gradient) / 2
    for after, start, g in zip(module.student.parameters(), before, gradient, strict=True):
        # The first step of Adam is as long as the rate, whatever the gradient; the decay stands beside it.
        expected = start if g is None else start * (1 - rate * 0.01) - rate * g / (g.abs() + 1e-8)
        assert torch.allclose(after, expected, rtol=1e-6, atol=1e-6)
