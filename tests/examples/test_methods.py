import copy
import math

import pytest
import torch
from semimedref.config import Config
from semimedref.data.folder_data import load_folder
from semimedref.data.module import StepBatches
from semimedref.draws import Draws, seeded
from semimedref.losses import segmentation_loss
from semimedref.methods import METHODS, base
from semimedref.methods.ops import Altered, make_ops, make_pos_aug, make_reword, reworded, run_ops, vaguer
from semimedref.methods.pseudo_masks import trust
from semimedref.methods.released import FirstPhraseParser, ReleasedPatchMix
from semimedref.methods.teacher import EMATeacher, momentum
from semimedref.methods.tokens import TokenMemory
from semimedref.models import make_model
from semimedref.models.tokenizer import WordTokenizer
from semimedref.presets import PRESETS

from crossmodal_aug import LUNG_ZONES, PositionParser, TPatchMix


@pytest.fixture(scope="module")
def batch(whole_qata):
    data = load_folder("qata", whole_qata, size=32, labels=0.3)
    return StepBatches(data, 8, 0)[0], data


def method(data, name="semimedref", **settings):
    torch.manual_seed(0)
    config = Config(**{"method": name, "size": 32, "width": 4, "burn_in": 0.0, "ramp_up": 0.0, **settings})
    model = make_model(data.labelled.texts, config, data.atlas)
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
    module.objective(step, Draws(0, 0))
    assert len(seen) == 1
    assert torch.equal(seen[0][1].ids, module.student.tokenize(step.unlabelled.texts).ids)


def test_burn_in_leaves_the_unlabelled_samples_alone(batch, monkeypatch):
    step, data = batch
    module = method(data, burn_in=0.5)
    monkeypatch.setattr(module.teacher, "probabilities", None)
    loss, parts = module.objective(step, Draws(0, 0))
    assert loss.isfinite()
    assert set(parts) == {"labelled seg", "labelled itcl", "labelled itcl chance", "labelled itcl floor"}


def test_the_unlabelled_loss_ignores_what_the_teacher_doubts(batch, monkeypatch):
    step, data = batch
    module = method(data, mix="none")
    doubt = torch.full((8, 1, 32, 32), 0.5)
    monkeypatch.setattr(module.teacher, "probabilities", lambda *_: doubt)
    _, parts = module.objective(step, Draws(0, 0))
    assert parts["unlabelled seg"] == 0
    monkeypatch.setattr(module.teacher, "probabilities", lambda *_: doubt + 0.4)
    _, parts = module.objective(step, Draws(0, 0))
    assert parts["unlabelled seg"] > 0


@pytest.mark.parametrize("mix", ["patch", "zone", "both", "none"])
def test_every_mix_trains_and_keeps_words_and_pixels_in_step(batch, mix):
    step, data = batch
    module = method(data, mix=mix)
    images, texts, masks = step.labelled.images.float(), step.labelled.texts, step.labelled.masks
    out = run_ops(module.ops, images, texts, masks, draws=Draws(0, 5), branch="labelled")
    last = list(out.params.values())[-1]
    assert torch.equal(module.parser.encode(out.texts), last.positions)
    for name, op in module.ops.items():
        masks = op.replay(masks, out.params[name], role="target")
    assert torch.equal(masks, out.target)
    loss, parts = module.objective(step, Draws(0, 0))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.student.parameters())
    assert (parts["mixed share"] > 0) == (mix in ("zone", "both"))


def test_patches_change_hands_too(batch):
    step, data = batch
    patch_mix = make_ops(method(data).parser, Config(mix="patch", flip=0.0, size=32))["patch"]
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
    losses = [module.objective(step, Draws(0, 3))[0].item() for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != module.objective(step, Draws(0, 4))[0].item()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_few_steps_of_every_method_lower_the_loss(batch, name):
    step, data = batch
    module = method(data, name)
    optimiser = torch.optim.AdamW(module.student.parameters(), lr=3e-3)
    losses = []
    for number in range(15):
        loss, parts = module.objective(step, Draws(0, number))
        assert loss.isfinite()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(parts["labelled seg"]))
    assert sum(losses[-3:]) < 0.95 * sum(losses[:3])
    unlabelled = {"unlabelled seg", "unlabelled weight", "mixed share", "teacher certainty"}
    logged = [f"{branch} itcl{part}" for branch in ("labelled", "unlabelled") for part in ("", " chance", " floor")]
    more = set(logged) if PRESETS[name]["itcl"] else set()
    more |= {"unlabelled seg, features"} if PRESETS[name]["feature_dropout"] else set()
    more |= {"labelled caption", "unlabelled caption"} if PRESETS[name]["reads"] == "own" else set()
    assert set(parts) == {"labelled seg"} | more | (set() if name == "supervised" else unlabelled)


def inputs(batch, monkeypatch, name, **settings):
    """What the student and the loss get to see in one step of a method, with a teacher that knows the masks."""
    step, data = batch
    module = method(data, name, **settings)
    if name != "supervised":
        answer = step.labelled.masks.float() * 0.9 + 0.05
        monkeypatch.setattr(module.teacher, "probabilities", lambda *_: answer)
    shown, targets = [], []
    see = module.see
    monkeypatch.setattr(
        module, "see", lambda images, texts, **given: shown.append((images, texts)) or see(images, texts, **given)
    )

    def spy(logits, target, weight=None):
        targets.append((target, weight))
        return segmentation_loss(logits, target, weight)

    monkeypatch.setattr(base, "segmentation_loss", spy)
    module.objective(step, Draws(0, 0))
    return shown[0][0], list(shown[0][1]), targets


def test_methods_share_what_they_draw(batch, monkeypatch):
    step, _ = batch
    plain, texts, _ = inputs(batch, monkeypatch, "mean-teacher")
    assert texts == [*step.labelled.texts, *step.unlabelled.texts]
    assert torch.equal(inputs(batch, monkeypatch, "supervised")[0], plain[:8])
    for name in ("cutmix", "cutmix-boxes", "textmatch", "paper"):
        images, texts, _ = inputs(batch, monkeypatch, name)
        assert torch.equal(images[:8], plain[:8])
        assert texts[:8] == list(step.labelled.texts)
    flipped, texts, _ = inputs(batch, monkeypatch, "text-flip")
    turned = [not torch.equal(one, other) for one, other in zip(flipped, plain, strict=True)]
    assert 0 < sum(turned) < 16
    assert torch.equal(torch.where(torch.tensor(turned).view(-1, 1, 1, 1), plain.flip(-1), plain), flipped)
    # A mirrored caption may read the same: "left lung and right lung".
    assert all(
        turn or text == old
        for turn, text, old in zip(turned, texts, [*step.labelled.texts, *step.unlabelled.texts], strict=True)
    )
    assert any(text != old for text, old in zip(texts, [*step.labelled.texts, *step.unlabelled.texts], strict=True))


def test_cutmix_leaves_the_captions_as_they_were(batch, monkeypatch):
    step, _ = batch
    plain = inputs(batch, monkeypatch, "mean-teacher")[0]
    images, texts, _ = inputs(batch, monkeypatch, "cutmix")
    assert texts == [*step.labelled.texts, *step.unlabelled.texts]
    assert not torch.equal(images[8:], plain[8:])


def test_a_switch_that_is_off_shifts_nothing_else(batch, monkeypatch):
    whole, _, _ = inputs(batch, monkeypatch, "semimedref", geometry=0.0, focus=0.0, pos_aug="none")
    focused, texts, targets = inputs(batch, monkeypatch, "semimedref", geometry=0.0, focus=1.0, pos_aug="none")
    assert torch.equal(whole, focused)
    unfocused = inputs(batch, monkeypatch, "semimedref", geometry=0.0, focus=0.0, pos_aug="none")
    assert texts != unfocused[1]
    for (narrow, weight), (wide, _) in zip(targets, unfocused[2], strict=True):
        assert not (narrow & ~wide).any()
        assert narrow.sum() < wide.sum()
        # What the caption no longer names counts in full, as background.
        assert weight is None or (weight[wide & ~narrow] == 1).all()
    unflipped, texts, _ = inputs(
        batch, monkeypatch, "semimedref", geometry=0.0, flip=0.0, mix="none", focus=0.0, pos_aug="none"
    )
    assert torch.equal(unflipped, inputs(batch, monkeypatch, "mean-teacher")[0])
    vague = inputs(batch, monkeypatch, "mean-teacher", pos_aug="mix")
    assert torch.equal(vague[0], unflipped)
    assert vague[1][:8] == texts[:8]
    assert vague[1][8:] != texts[8:]


def test_the_labelled_images_are_left_alone_if_so_told(batch, monkeypatch):
    step, _ = batch
    images, texts, _ = inputs(batch, monkeypatch, "semimedref", geometry=0.0, alter="unlabelled")
    assert torch.equal(images[:8], inputs(batch, monkeypatch, "supervised")[0])
    assert texts[:8] == list(step.labelled.texts)


@pytest.mark.parametrize(("kind", "weights"), [("certainty", {0.0, 0.5}), ("threshold", {0.0}), ("equal", None)])
def test_what_a_pseudo_mask_counts(kind, weights):
    pseudo = torch.tensor([0.5, 0.75, 0.25])
    found = trust(pseudo, Config(pseudo_weight=kind))
    assert (None if found is None else set(found.tolist())) == weights
    if kind == "threshold":
        assert trust(torch.tensor([0.95, 0.05]), Config(pseudo_weight=kind)).tolist() == [1.0, 1.0]


def test_without_itcl_no_projection_learns(batch):
    step, data = batch
    module = method(data, itcl=0.0)
    module.objective(step, Draws(0, 0))[0].backward()
    assert all(p.grad is None for p in module.student.image_projection.parameters())


def test_itcl_stands_between_its_floor_and_chance(batch):
    """A student that tells no pair from another is at chance; one that gives each image its captions, at the floor."""
    module = method(batch[1])
    texts = ["lower left lung.", "lower left lung.", "upper right lung.", "upper left lung."]
    same = torch.ones(4, 8)
    loss, parts = module.contrast(same, same, texts, "labelled")
    assert parts["labelled itcl chance"] == pytest.approx(math.log(4))
    assert float(loss) == pytest.approx(math.log(4))
    assert parts["labelled itcl"] == loss
    # Two of four samples have one caption, so each of these shares its pair among two.
    assert float(parts["labelled itcl floor"]) == pytest.approx(math.log(2) / 2)
    apart = 1e3 * torch.eye(3)[[0, 0, 1, 2]]
    loss, parts = module.contrast(apart, apart, texts, "labelled")
    assert float(loss) == pytest.approx(float(parts["labelled itcl floor"]), abs=1e-4)


def test_presets_can_be_altered_and_are_written_down():
    config = Config(method="semimedref", flip=0.0)
    assert (config.flip, config.focus, config.mix, config.geometry) == (0.0, 0.1, "both", 0.7)
    reads = Config(method="semimedref-reads")
    assert (reads.geometry, reads.focus, reads.focus_unit, reads.reword) == (0.7, 0.1, "region", 0.3)
    assert (reads.unknown, reads.unknown_captions) == (0.15, 0.15)
    assert '"pos_aug": "mix"' in config.to_json()
    assert (Config(method="paper").unlabelled_weight, Config(method="paper").alter) == (0.3, "unlabelled")


TWO = [
    "bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "bilateral pulmonary infection, two infected areas, lower left lung and middle right lung.",
]


@pytest.mark.parametrize("lesion", [False, True])
def test_paper_leaves_rejected_samples_alone_and_released_does_not(lesion):
    images = torch.rand(2, 1, 48, 48, generator=seeded(1))
    target = torch.full((2, 1, 48, 48), float(lesion))
    settings = {"patch_size": 8, "p": 1.0, "gate": "lesion", "text": "union"}
    paper = TPatchMix(PositionParser(LUNG_ZONES), **settings)(images, TWO, target, generator=seeded(2))
    released = ReleasedPatchMix(FirstPhraseParser(LUNG_ZONES), **settings)(images, TWO, target, generator=seeded(2))
    assert paper.params.accepted.tolist() == released.params.accepted.tolist() == [lesion] * 2
    assert torch.equal(paper.images, images) == (not lesion)
    moved = (released.images != images).flatten(1).sum(dim=1)
    assert moved.tolist() == [64, 64]
    assert torch.equal(released.target, target)
    if not lesion:
        # The pixels are another's, and neither caption nor target says so.
        assert released.texts == TWO
        return
    zones = {"left upper", "left lower", "right lower"}
    assert set(PositionParser(LUNG_ZONES)(released.texts[0]).regions) == zones
    assert set(PositionParser(LUNG_ZONES)(paper.texts[0]).regions) == zones | {"right middle"}


def test_released_reads_the_first_phrase_everywhere(batch):
    module = method(batch[1], "released", mix="released")
    assert module.parser.encode(TWO).int().tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    assert isinstance(module.ops["patch"], ReleasedPatchMix)


def test_the_published_pos_aug_masks_and_fuzzes_a_quarter_each():
    ops = make_pos_aug(PositionParser(LUNG_ZONES), Config(method="paper", mix="none"))
    empty = torch.zeros(2000, 1, 2, 2)
    texts = vaguer(ops, Altered(empty, ["lower left lung."] * 2000, empty, {}), draws=Draws(0, 0))
    shares = {text: texts.count(text) / 2000 for text in set(texts)}
    assert set(shares) == {"lower left lung.", "a region of the lung.", "[MASK]."}
    assert shares["a region of the lung."] == pytest.approx(0.25, abs=0.04)
    assert shares["[MASK]."] == pytest.approx(0.25, abs=0.04)


def test_a_narrowed_caption_is_not_made_vaguer():
    parser = PositionParser(LUNG_ZONES)
    config = Config(mix="none", flip=0.0, focus=1.0)
    texts = TWO * 20
    target = torch.ones(40, 1, 12, 12)
    out = run_ops(make_ops(parser, config), target, texts, target, draws=Draws(0, 0), branch="unlabelled")
    assert out.focused.all()
    assert vaguer(make_pos_aug(parser, config), out, draws=Draws(0, 0)) == out.texts
    whole = run_ops({}, target, texts, target, draws=Draws(0, 0), branch="unlabelled")
    assert vaguer(make_pos_aug(parser, config), whole, draws=Draws(0, 0)) != texts


@pytest.mark.parametrize("name", ["semimedref-reads", "supervised"])
def test_captions_of_both_branches_are_reworded(batch, monkeypatch, name):
    settings = {"mix": "none", "flip": 0.0, "focus": 0.0, "pos_aug": "none", "geometry": 0.0}
    settings |= {"unknown": 0.0, "unknown_captions": 0.0}
    step, data = batch
    images, texts, _ = inputs(batch, monkeypatch, name, reword=1.0, **settings)
    before = [*step.labelled.texts, *(step.unlabelled.texts if name != "supervised" else ())]
    assert len(texts) == len(before)
    assert all(new != old for new, old in zip(texts, before, strict=True))
    parser = PositionParser(data.atlas)
    assert torch.equal(parser.encode(texts), parser.encode(before))
    # Some words differ for the same regions, and no count is left to lean on.
    assert len({text.split()[0] for text in texts}) > 2
    assert not any("infected area" in text for text in texts)
    assert torch.equal(images, inputs(batch, monkeypatch, name, reword=0.0, **settings)[0])
    assert inputs(batch, monkeypatch, name, reword=0.0, **settings)[1] == before


def test_the_words_of_the_frames_are_known_where_captions_are_reworded(batch):
    for value, known in ((0.3, True), (0.0, False)):
        model = method(batch[1], reword=value).student
        unknown = {word for _, text in LUNG_ZONES.phrasing.frames for word in model.unknown_words(text)}
        assert (unknown == {"positions"}) == known


def test_rewording_brings_back_nothing_that_was_hidden():
    parser = PositionParser(LUNG_ZONES)
    config = Config(reword=1.0, mix="none", flip=0.0, focus=0.0, pos_aug="paper")
    empty = torch.zeros(400, 1, 2, 2)
    altered = reworded(
        make_reword(parser, config), Altered(empty, TWO * 200, empty, {}), draws=Draws(0, 0), branch="unlabelled"
    )
    assert altered.params["reword"].accepted.all()
    texts = vaguer(make_pos_aug(parser, config), altered, draws=Draws(0, 0))
    hidden = parser.encode(TWO * 200).sum(dim=1) - parser.encode(texts).sum(dim=1)
    # Each of two phrases is hidden with probability 1/2.
    assert [0.15 < (hidden == count).float().mean() < 0.6 for count in range(3)] == [True] * 3
    assert all(
        ("[MASK]" in text or "region of the lung" in text) == bool(lost)
        for text, lost in zip(texts, hidden, strict=True)
    )


@pytest.mark.parametrize("unit", ["side", "region"])
def test_focus_keeps_what_its_unit_says(unit):
    parser = PositionParser(LUNG_ZONES)
    ops = make_ops(parser, Config(mix="none", flip=0.0, focus=1.0, focus_unit=unit))
    text = "bilateral pulmonary infection, four infected areas, upper lower left lung and upper lower right lung."
    target = torch.ones(60, 1, 12, 12)
    out = run_ops(ops, target, [text] * 60, target, draws=Draws(0, 0), branch="labelled")
    kept = {tuple(row) for row in parser.encode(out.texts).int().tolist()}
    sides = {(1, 0, 1, 0, 0, 0), (0, 0, 0, 1, 0, 1)}
    assert kept == sides if unit == "side" else len(kept) > 6


@pytest.mark.parametrize(("unit", "patterns"), [("side", 2), ("region", 6), ("subset", 12)])
def test_zone_mix_exchanges_what_its_unit_says(unit, patterns):
    parser = PositionParser(LUNG_ZONES)
    ops = make_ops(parser, Config(mix="zone", flip=0.0, focus=0.0, zone_unit=unit))
    target = torch.ones(200, 1, 12, 12)
    out = run_ops(ops, target, TWO * 100, target, draws=Draws(0, 0), branch="labelled")
    taken = {tuple(row) for row in out.params["zone"].regions.int().tolist()} - {(0,) * 6}
    assert len(taken) == patterns if unit != "subset" else len(taken) >= patterns


def test_a_text_is_tokenised_once():
    asked = []
    tokenizer = WordTokenizer.from_texts(TWO)
    memory = TokenMemory(lambda texts: asked.extend(texts) or tokenizer(texts), size=4)
    for texts in (TWO, [TWO[1], "left lung"], TWO):
        found, wanted = memory(texts), tokenizer(texts)
        assert torch.equal(found.ids, wanted.ids)
        assert torch.equal(found.valid, wanted.valid)
    assert asked == [*TWO, "left lung", *TWO]  # it holds no more than 4, and starts anew
