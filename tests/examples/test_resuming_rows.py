"""A run of any row goes on from a checkpoint to the weights of one that was never stopped."""

import pytest
import torch
from semimedref.config import Config
from semimedref.data.module import SamplesModule
from semimedref.data.phantom import load_phantoms
from semimedref.data.samples import DataSet
from semimedref.methods import METHODS
from semimedref.runs import RunFolder
from semimedref.trainer import make_trainer
from semimedref.training import make_student

STEPS = 3
# What keeps a state, or draws for itself, in every run of the tests; the others in the whole one.
ROWS = ["paper", "unimatch", "bcp", "remixmatch", "own-caption"]
OTHERS = [
    *("released", "fixmatch", "unbiased-teacher", "cutmix-boxes", "mixgen", "keyword-flip", "patchmix", "cmmix"),
    *("textmatch", "lvit", "zone-gate", "no-text", "zone-channel"),
]


@pytest.fixture(scope="module")
def phantoms():
    found = load_phantoms(size=32, labels=0.05)
    return DataSet(found.labelled, found.unlabelled, found.valid.take(range(2)), found.test, found.atlas)


def fit(data, folder, name, *, until, **more):
    """Train up to a number of steps, from the folder's last checkpoint if there is one."""
    about = {"size": 32, "width": 4, "batch_size": 4, "steps": STEPS, "validate_every": 1}
    config = Config(method=name, accelerator="cpu", burn_in=0.0, ramp_up=0.5, **{**about, **more})
    module = METHODS[name](make_student(config, data), config, data.atlas, steps=STEPS, steps_a_pass=2)
    batches = SamplesModule(data, batch_size=4, steps_an_epoch=1, seed=0)
    last = folder / "last.ckpt"
    trainer = make_trainer(module, RunFolder(folder), until)
    trainer.fit(module, batches, ckpt_path=last if last.exists() else None, weights_only=True)
    return module


@pytest.mark.parametrize("name", [*ROWS, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_a_resumed_run_ends_with_the_same_bits(phantoms, tmp_path, name):
    whole = fit(phantoms, tmp_path / "whole", name, until=STEPS).state_dict()
    start = fit(phantoms, tmp_path / "parts", name, until=2).state_dict()
    torch.rand(3)  # whatever else draws between the two
    resumed = fit(phantoms, tmp_path / "parts", name, until=STEPS).state_dict()
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(value, whole[key]) for key, value in resumed.items())
    assert any(not torch.equal(value, start[key]) for key, value in resumed.items())
