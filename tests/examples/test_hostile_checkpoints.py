"""Checkpoints whose sizes are not what they say: refused before anything is allocated or trained."""

import importlib

import pytest
import torch
from semimedref.checkpoints import load_trained
from semimedref.methods import METHODS
from semimedref.resuming import check_can_go_on, check_fits
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from crossmodal_aug import LUNG_ZONES
from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import STEPS, TINY, one_line


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that is made, and how many are."""

    def __init__(self):
        super().__init__()
        self.bytes, self.count = 0, 0

    def __torch_dispatch__(self, function, types, given=(), named=None):
        out = function(*given, **(named or {}))
        made = [one for one in tree_leaves(out) if isinstance(one, torch.Tensor) and one.device.type != "meta"]
        self.bytes = max([self.bytes, *(one.untyped_storage().nbytes() for one in made)])
        self.count += len(made)
        return out


@pytest.fixture(scope="module")
def bert_run(tmp_path_factory, tiny_bert):
    """The folder of a run of a published network on phantoms."""
    runs = tmp_path_factory.mktemp("runs")
    encoder = ["--model", "mmi-unet", "--width", "8", "--pretrained", "text", "--text-encoder", str(tiny_bert)]
    given = [*TINY, *STEPS, *encoder, "--labels", "0.05", "--runs", str(runs), "--name", "drawn"]
    importlib.import_module("train").main(given)
    return runs / "drawn"


def altered(path, folder, change):
    stored = torch.load(path, weights_only=True)
    change(stored)
    torch.save(stored, folder / path.name)
    return folder / path.name


def deep(settings, names, value):
    *within, last = names
    for name in within:
        settings = settings[name]
    assert last in settings
    settings[last] = value


@pytest.mark.parametrize("width", [400, 2_000_000_000])
def test_a_compact_model_of_another_size_is_never_made(drawn_run, tmp_path, width):
    path = altered(drawn_run / "best.ckpt", tmp_path, lambda s: s["semimedref"]["model_settings"].update(width=width))
    whole = path.stat().st_size
    with Largest() as made, pytest.raises(InvalidValueError, match="settings and weights do not fit the model compact"):
        load_trained(path)
    assert made.bytes <= whole


ARCHITECTURE = ("text", "parts", "architecture")


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (("width",), 80),
        (("embedding",), 40_000),
        (("depths",), [3000, 3, 9, 3]),
        ((*ARCHITECTURE, "hidden_size"), 640),
        ((*ARCHITECTURE, "vocab_size"), 400_000),
        ((*ARCHITECTURE, "intermediate_size"), 400_000),
        ((*ARCHITECTURE, "max_position_embeddings"), 400_000),
        ((*ARCHITECTURE, "num_hidden_layers"), 3000),
    ],
)
def test_a_published_network_of_another_size_is_never_made(bert_run, tmp_path, names, value):
    def change(stored):
        deep(stored["semimedref"]["model_settings"], names, value)

    path = altered(bert_run / "best.ckpt", tmp_path, change)
    whole = path.stat().st_size
    with (
        Largest() as made,
        pytest.raises(InvalidValueError, match="settings and weights do not fit the model mmi-unet"),
    ):
        load_trained(path)
    assert made.bytes <= whole
    assert made.count < 20_000


def without(name):
    return lambda stored: stored["optimizer_states"][0]["state"][0].pop(name)


def state(name, value):
    return lambda stored: stored["optimizer_states"][0]["state"][0].update({name: value})


def group(name, value):
    return lambda stored: stored["optimizer_states"][0]["param_groups"][0].update({name: value})


def backwards(stored):
    stored["optimizer_states"][0]["param_groups"][0]["params"].reverse()


def schedule(name, value):
    return lambda stored: stored["lr_schedulers"][0].update({name: value})


SPOILT = {
    "exp_avg of parameter 0 is of shape \\(3,\\) in place of \\(30, 64\\)": state("exp_avg", torch.zeros(3)),
    "exp_avg_sq of parameter 0 is of shape \\(\\) in place of": state("exp_avg_sq", torch.tensor(1.0)),
    "exp_avg of parameter 0 is 'none' in place of a tensor": state("exp_avg", "none"),
    "exp_avg of parameter 0 is of torch.int64": state("exp_avg", torch.zeros(30, 64, dtype=torch.int64)),
    "exp_avg of parameter 0 holds fewer values": state("exp_avg", torch.zeros(1).expand(30, 64)),
    "step of parameter 0 is of shape \\(2,\\)": state("step", torch.zeros(2)),
    "parameter 0 lacks exp_avg_sq": without("exp_avg_sq"),
    "the optimiser has no parameter 9999": lambda stored: stored["optimizer_states"][0]["state"].update({9999: {}}),
    "parameter 1 is 3 in place of a dict": lambda stored: stored["optimizer_states"][0]["state"].update({1: 3}),
    "optimizer_states holds 2 in place of 1": lambda stored: stored["optimizer_states"].append(
        {"state": {}, "param_groups": []}
    ),
    "param_groups holds 2 in place of 1": lambda stored: stored["optimizer_states"][0]["param_groups"].append({}),
    "params is \\[0, 1\\] in place of a value such as ": group("params", [0, 1]),
    "lr is 'fast' in place of a value such as 0": group("lr", "fast"),
    "betas is \\(0.9,\\) in place of a value such as \\(0.9, 0.999\\)": group("betas", (0.9,)),
    "params is .* in place of those of this model": backwards,
    "param_groups holds None in place of a dict": lambda stored: stored["optimizer_states"][0].update(
        param_groups=[None]
    ),
    "param_groups lacks betas": lambda stored: stored["optimizer_states"][0]["param_groups"][0].pop("betas"),
    "lr_schedulers holds 0 in place of 1": lambda stored: stored.update(lr_schedulers=[]),
    "last_epoch is 'late' in place of a value such as 0": schedule("last_epoch", "late"),
    "base_lrs is \\[\\] in place of a value such as ": schedule("base_lrs", []),
    "lr_schedulers lacks lr_lambdas": lambda stored: stored["lr_schedulers"][0].pop("lr_lambdas"),
    "its weights are those of another model": lambda stored: stored["state_dict"].update({"itcl.more": torch.zeros(2)}),
}


@pytest.fixture(scope="module")
def method(drawn_run):
    trained = load_trained(drawn_run / "last.ckpt")
    return METHODS["supervised"](trained.model, trained.config, LUNG_ZONES, steps=2, steps_a_pass=1.0)


@pytest.mark.parametrize(("message", "spoil"), SPOILT.items(), ids=SPOILT)
def test_what_the_first_step_would_stumble_over_is_refused(drawn_run, method, message, spoil):
    path = drawn_run / "last.ckpt"
    stored = torch.load(path, weights_only=True)
    check_fits(check_can_go_on(stored, path), method, path)
    spoil(stored)
    with pytest.raises(InvalidValueError, match=rf"expected a checkpoint from which a run can go on, but {message}"):
        check_fits(check_can_go_on(stored, path), method, path)


def test_a_run_goes_on_from_what_is_whole_alone(spare_run, shell):
    (spare_run / "metrics.json").unlink()
    whole = (spare_run / "last.ckpt").read_bytes()
    resume = ["--resume", "--runs", spare_run.parent, "--name", "drawn"]
    altered(spare_run / "last.ckpt", spare_run, state("exp_avg", torch.zeros(3)))
    assert "last.ckpt: expected a checkpoint from which" in one_line(shell("train", *resume))
    (spare_run / "last.ckpt").write_bytes(whole)
    assert shell("train", *resume)[0] == 0
