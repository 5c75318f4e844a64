"""Training as Lightning runs it: steps, processes, precision, stopping and what the log says."""

import csv
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from semimedref.config import Config
from semimedref.data.module import SamplesModule, StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.data.samples import DataSet
from semimedref.draws import Draws
from semimedref.methods import METHODS, base
from semimedref.methods.ops import make_ops, run_ops
from semimedref.methods.watch import agreement, dice, dose
from semimedref.models import MODELS
from semimedref.ranks import SharedBatchNorm2d, gather_rows, is_first, own_rows, share_batch_norm
from semimedref.runs import RUN_FOLDER, RunFolder, joined_run
from semimedref.trainer import make_trainer
from torch import nn

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import InvalidValueError

SCRIPTS = Path(__file__).parents[2] / "examples" / "semimedref"


@pytest.fixture(scope="module")
def phantoms():
    return load_phantoms(size=32, labels=0.05)


def made(data, **settings):
    torch.manual_seed(0)
    given = {
        "size": 32,
        "width": 4,
        "batch_size": 4,
        "accelerator": "cpu",
        "burn_in": 0.0,
        "ramp_up": 0.0,
        "labels": 0.05,
    }
    config = Config(**{**given, **settings})
    model = MODELS["compact"].for_run(data.labelled.texts, config)
    return METHODS[config.method](model, config, data.atlas, steps=config.optimiser_steps, steps_a_pass=100)


def fit(data, folder, **settings):
    """Train with Lightning, without the scores and pictures at the end."""
    module = made(data, **settings)
    config = module.config
    few = DataSet(data.labelled, data.unlabelled, data.valid.take(range(4)), data.test, data.atlas)
    stretch = config.validate_every
    batches = SamplesModule(few, batch_size=4, steps_an_epoch=stretch, seed=config.seed, accumulate=config.accumulate)
    last = folder / "last.ckpt"
    trainer = make_trainer(module, RunFolder(folder), -(-config.optimiser_steps // stretch))
    trainer.fit(module, batches, ckpt_path=last if last.exists() else None, weights_only=True)
    return module


def logged(folder):
    [path] = sorted((folder / "logs").glob("version_*/metrics.csv"))[-1:]
    with path.open() as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def test_the_log_tells_dose_agreement_pseudo_masks_and_time(phantoms, tmp_path):
    fit(phantoms, tmp_path, steps=2, validate_every=2)
    train = next(row for row in logged(tmp_path) if "loss" in row)
    for branch in ("labelled", "unlabelled"):
        for name in (
            "geometry accepted",
            "flip accepted",
            "zone accepted",
            "focus accepted",
            "mixed pixels",
            "agreement before",
        ):
            assert 0 <= train[f"train/{branch} {name}"] <= 1
    assert 0 <= train["train/pseudo dice"] <= 1
    assert 0 < train["time/ops share"] < 1
    assert 0 < train["time/data share"] < 1


def test_pseudo_masks_are_compared_with_masks_that_nothing_else_sees(phantoms, monkeypatch):
    batch = StepBatches(phantoms, 4, 0)[0]
    assert batch.unlabelled.masks is None
    module = made(phantoms, geometry=0.0)
    monkeypatch.setattr(module.teacher, "probabilities", lambda *_: batch.unlabelled.hidden_masks.float())
    module.objective(batch, Draws(0, 0))
    # A zoomed image has its hidden mask zoomed too, so only an unzoomed batch gives 1.
    assert module.noted["pseudo dice"] == pytest.approx(1.0)
    loss, _ = made(phantoms).objective(batch, Draws(0, 0))
    blind = type(batch)(batch.labelled, batch.unlabelled.without_masks())
    module = made(phantoms)
    assert torch.equal(module.objective(blind, Draws(0, 0))[0], loss)
    assert "pseudo dice" not in module.noted


def test_agreement_and_dose():
    parser = PositionParser(LUNG_ZONES)
    texts = ["all left lung.", "all right lung."] * 8
    target = torch.zeros(16, 1, 12, 12)
    target[::2, :, :, :6] = target[1::2, :, :, 6:] = 1
    found = {}
    for mix in ("cutmix", "zone"):
        ops = make_ops(parser, Config(size=12, mix=mix, flip=0.0, focus=0.0))
        out = run_ops(ops, target, texts, target, draws=Draws(0, 0), branch="labelled")
        found[mix] = agreement(parser, out.texts, out.target).item()
        parts = dose(out, "labelled")
        accepted = out.mixed.float().mean()
        assert 0 < accepted == parts[f"labelled {'zone' if mix == 'zone' else 'patch'} accepted"]
        size = 1 / 2 if mix == "zone" else 1 / 4
        assert parts["labelled mixed pixels"] == pytest.approx(size * accepted.item())
    assert agreement(parser, texts, target) == 1
    assert found["zone"] == 1
    assert found["cutmix"] < 1
    assert dice(target > 0, target > 0) == 1
    assert dice(target > 0, target < 1) == 0


def test_the_bar_shows_no_number_of_a_logger(phantoms, tmp_path):
    module = made(phantoms)
    trainer = make_trainer(module, RunFolder(tmp_path), 1)
    assert "v_num" not in trainer.progress_bar_callback.get_metrics(trainer, module)


def test_batches_and_teacher_keep_step_under_accumulation(phantoms, tmp_path, monkeypatch):
    seen, followed, drawn = [], [], []
    get, draws = StepBatches.__getitem__, base.Draws
    monkeypatch.setattr(StepBatches, "__getitem__", lambda self, step: seen.append(step) or get(self, step))
    monkeypatch.setattr(base, "Draws", lambda seed, step: drawn.append(step) or draws(seed, step))
    follow = METHODS["semimedref"].on_train_batch_end

    def spy(self, outputs, batch, batch_idx):
        before = next(self.teacher.model.parameters()).clone()
        follow(self, outputs, batch, batch_idx)
        if not torch.equal(before, next(self.teacher.model.parameters())):
            followed.append(self.global_step)

    monkeypatch.setattr(METHODS["semimedref"], "on_train_batch_end", spy)
    fit(phantoms, tmp_path, steps=2, validate_every=2, accumulate=3)
    assert followed == [1, 2]
    fit(phantoms, tmp_path, steps=4, validate_every=2, accumulate=3)
    assert seen == drawn == list(range(12))
    assert followed == [1, 2, 3, 4]


def test_training_stops_where_validation_gets_no_better(phantoms, tmp_path):
    settings = {"steps": 12, "validate_every": 1, "learning_rate": 1e-12, "method": "supervised"}
    assert fit(phantoms, tmp_path / "stopped", patience=2, **settings).trainer.global_step == 3
    assert fit(phantoms, tmp_path / "whole", **settings).trainer.global_step == 12


def test_mixed_precision_and_determinism(phantoms, tmp_path, monkeypatch):
    kinds = set()
    real = base.segmentation_loss

    def spy(logits, *rest):
        kinds.add(logits.dtype)
        return real(logits, *rest)

    monkeypatch.setattr(base, "segmentation_loss", spy)
    asked = []
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda mode, *, warn_only=False: asked.append((mode, warn_only))
    )
    module = fit(phantoms, tmp_path, steps=2, validate_every=2, precision="bf16-mixed", deterministic=True)
    assert kinds == {torch.bfloat16}
    assert (True, True) in asked
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in module.student.parameters())


def test_ranks_share_rows_out():
    assert own_rows(5) == slice(0, 5)
    rows = torch.rand(3, 2)
    assert gather_rows(rows, 3) is rows
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2)))
    before = dict(model.state_dict())
    parameters = [id(p) for p in model.parameters()]
    share_batch_norm(model)
    assert isinstance(model[1][0], SharedBatchNorm2d)
    assert [id(p) for p in model.parameters()] == parameters
    assert list(model.state_dict()) == list(before)


@pytest.mark.slow
@pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo backend")
def test_two_processes_do_what_one_does_with_the_doubled_batch(tmp_path):
    """Loss after 5 steps to 1e-4, and Adam's mean gradients to 1 % of their length, on phantoms in float32."""
    # With some seeds one of the millions of ReLUs is at 0 up to rounding, and Adam makes 2 % of it in 5 steps.
    tiny = "--size 32 --width 4 --labels 0.05 --accelerator cpu --burn-in 0 --ramp-up 0 --learning-rate 0.0001 --seed 1"
    results = {}
    for name, more in (("one", "--batch-size 8"), ("two", "--batch-size 4 --devices 2")):
        given = f"{tiny} --steps 5 --validate-every 5 --runs {tmp_path} --name {name} {more}"
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / "train.py"), *given.split()],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        # Only one process speaks, and scores.
        assert done.stdout.count("phantom test set") == 1
        assert (tmp_path / name / "metrics.json").is_file()
        stored = torch.load(tmp_path / name / "last.ckpt", weights_only=True)
        results[name] = next(row for row in logged(tmp_path / name) if "loss" in row), stored
    (one, one_stored), (two, two_stored) = results["one"], results["two"]
    assert one["step"] == two["step"] == 4
    for name in [name for name in one if name == "loss" or name.startswith("train/")]:
        assert two[name] == pytest.approx(one[name], abs=1e-4), name
    # The ops act on the same batch on every rank: some samples cross from one rank to the other.
    assert one["train/labelled mixed pixels"] > 0
    assert one["train/unlabelled geometry accepted"] > 0
    states = [stored["optimizer_states"][0]["state"] for stored in (one_stored, two_stored)]
    assert states[0].keys() == states[1].keys()
    whole, other = (torch.cat([one["exp_avg"].flatten() for one in state.values()]) for state in states)
    assert (whole - other).norm() < 0.01 * whole.norm()
    assert one_stored["state_dict"].keys() == two_stored["state_dict"].keys()
    for name, value in one_stored["state_dict"].items():
        assert torch.allclose(value.float(), two_stored["state_dict"][name].float(), atol=1.1e-3), name


def test_only_the_first_process_of_the_first_node_is_first(monkeypatch):
    for name in ("NODE_RANK", "GROUP_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rank_zero_only, "rank", 0)
    assert is_first()
    monkeypatch.setenv("NODE_RANK", "1")
    assert not is_first()
    monkeypatch.setenv("NODE_RANK", "0")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert not is_first()


def test_other_processes_are_told_their_run(tmp_path, monkeypatch):
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    assert joined_run(tmp_path, "mine").path == tmp_path / "mine"
    with pytest.raises(InvalidValueError, match="Expected --name, by which the processes of several nodes"):
        joined_run(tmp_path, "")
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path / "told"))
    assert joined_run(tmp_path, "").path == tmp_path / "told"


def test_the_best_score_is_known_again_in_a_folder_that_was_moved(tmp_path):
    from semimedref.trainer import KeptCheckpoint

    def kept(folder):
        return KeptCheckpoint(dirpath=folder, filename="best", monitor="valid/dice", mode="max")

    before, after = kept(tmp_path / "old"), kept(tmp_path / "new")
    path = str(tmp_path / "old/best.ckpt")
    before.best_model_score = before.kth_value = torch.tensor(61.5)
    before.best_model_path = before.kth_best_model_path = path
    before.best_k_models = {path: torch.tensor(61.5)}
    after.load_state_dict(before.state_dict())
    assert after.best_model_score == 61.5
    moved = str(tmp_path / "new/best.ckpt")
    assert after.best_model_path == after.kth_best_model_path == moved
    assert list(after.best_k_models) == [moved]
    assert after.best_k_models[moved] == 61.5


def test_a_run_that_stopped_early_stays_stopped(phantoms, tmp_path):
    from semimedref.training import stopped_early

    module = fit(phantoms, tmp_path, steps=40, validate_every=2, patience=1, learning_rate=1e-6)
    assert module.global_step < 40
    config = module.config
    assert stopped_early(tmp_path / "last.ckpt", config)
    assert not stopped_early(tmp_path / "last.ckpt", dataclasses.replace(config, patience=9))
    assert not stopped_early(tmp_path / "missing.ckpt", config)


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(tmp_path):
    from semimedref.training import check_same_run

    config = Config(seed=3, runs="here", name="a")
    check_same_run(Config(seed=3, runs="there", name="b", accelerator="cpu"), config, tmp_path / "last.ckpt")
    with pytest.raises(InvalidValueError, match=r"last\.ckpt: .* but got flip 0\.25 for 0\.5, seed 5 for 3"):
        check_same_run(Config(seed=5, flip=0.25), config, tmp_path / "last.ckpt")


def _endless():
    value = []
    value.append(value)
    return value


def _without_completed(stored):
    del stored["loops"]["fit_loop"]["epoch_progress"]["total"]["completed"]


SPOILT = {
    "optimizer_states lack": lambda stored: stored.pop("optimizer_states"),
    "callbacks is \\[\\] in place of a dict": lambda stored: stored.update(callbacks=[]),
    "callbacks is None in place of a dict": lambda stored: stored.update(callbacks=None),
    "callbacks has 3 as a name": lambda stored: stored.update(callbacks={3: {}}),
    "'EarlyStopping' is \\[\\[\\[": lambda stored: stored.update(callbacks={"EarlyStopping": _endless()}),
    "'EarlyStopping' lacks wait_count": lambda stored: stored.update(callbacks={"EarlyStopping": {}}),
    "'KeptCheckpoint' lacks ": lambda stored: stored.update(callbacks={"KeptCheckpoint": {"monitor": None}}),
    "loops lacks fit_loop": lambda stored: stored.update(loops={}),
    "loops is 7 in place of a dict": lambda stored: stored.update(loops=7),
    "fit_loop lacks epoch_": lambda stored: stored.update(loops={"fit_loop": {}}),
    "total lacks completed": _without_completed,
    "optimizer_states is empty": lambda stored: stored.update(optimizer_states=[]),
    "optimizer_states is {} in place of a list": lambda stored: stored.update(optimizer_states={}),
    "optimizer_states lacks param_groups": lambda stored: stored.update(optimizer_states=[{"state": {}}]),
    "lr_schedulers is None in place of a list": lambda stored: stored.update(lr_schedulers=None),
    "lr_schedulers is 1 in place of a dict": lambda stored: stored.update(lr_schedulers=[1]),
    "by which version .* but got None": lambda stored: stored.pop("pytorch-lightning_version"),
    "by which version .* but got 'new'": lambda stored: stored.update({"pytorch-lightning_version": "new"}),
}


@pytest.fixture(scope="module")
def finished(phantoms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder / "last.ckpt", fit(phantoms, folder, steps=2, validate_every=2, patience=3).config


@pytest.mark.parametrize(("message", "spoil"), SPOILT.items(), ids=SPOILT)
def test_a_checkpoint_that_lightning_cannot_take_over_is_not_gone_on_with(finished, tmp_path, message, spoil):
    from semimedref.training import stopped_early

    path, config = finished
    assert stopped_early(path, config) is False
    stored = torch.load(path, weights_only=True)
    spoil(stored)
    torch.save(stored, tmp_path / "last.ckpt")
    with pytest.raises(InvalidValueError, match=rf"last\.ckpt: expected a checkpoint .*{message}") as caught:
        stopped_early(tmp_path / "last.ckpt", config)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))
