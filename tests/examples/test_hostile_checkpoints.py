"""Checkpoints whose sizes are not what they say: refused before anything is allocated or trained."""

import copy
import hashlib
import importlib
import shutil
from operator import methodcaller
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from semimedref.checkpoints import load_trained
from semimedref.methods import METHODS
from semimedref.models import STORED
from semimedref.resuming import check_can_go_on, check_fits
from semimedref.stored import MARK
from semimedref.trainer import KeptCheckpoint
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from crossmodal_aug import LUNG_ZONES
from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import STEPS, TINY, contents, one_line


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
    for encoder in path.parent.glob("encoder*") if folder != path.parent else ():
        shutil.copy(encoder, folder)
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
    "lr is 'fast' in place of a number from 0 to": group("lr", "fast"),
    "betas is \\(0.9,\\) in place of a value such as \\(0.9, 0.999\\)": group("betas", (0.9,)),
    "params is .* in place of those of this model": backwards,
    "param_groups holds None in place of a dict": lambda stored: stored["optimizer_states"][0].update(
        param_groups=[None]
    ),
    "param_groups lacks betas": lambda stored: stored["optimizer_states"][0]["param_groups"][0].pop("betas"),
    "lr_schedulers holds 0 in place of 1": lambda stored: stored.update(lr_schedulers=[]),
    "last_epoch is 'late' in place of a whole number from 0 to": schedule("last_epoch", "late"),
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


def kept(monitor, name, value):
    def change(stored):
        (found,) = [one for one in stored["callbacks"].values() if one.get("monitor", "") == monitor]
        found[name] = value

    return change


def everywhere(change):
    return lambda stored: stored["state_dict"].update({name: change(one) for name, one in stored["state_dict"].items()})


def epochs(name, value):
    return lambda stored: stored["loops"]["fit_loop"]["epoch_progress"]["current"].update({name: value})


def nested():
    return torch.nested.nested_tensor([torch.zeros(2, 2)])


BEST = "valid/dice"
HOSTILE = {
    "best_model_path is 'x/\\.\\.' in place of": kept(None, "best_model_path", "x/.."),
    "best_model_path is '/' in place of": kept(BEST, "best_model_path", "/"),
    "best_model_path is 'config.json' in place of": kept(None, "best_model_path", "config.json"),
    "last_model_path is 'x/\\.\\.' in place of": kept(None, "last_model_path", "x/.."),
    "kth_best_model_path is '\\.\\.' in place of": kept(BEST, "kth_best_model_path", ".."),
    "kth_best_model_path is '' in place of a path in best_k_models": kept(BEST, "kth_best_model_path", ""),
    "best_k_models names '\\.\\.' in place of": kept(BEST, "best_k_models", {"..": torch.tensor(0.0)}),
    "best_k_models names 5 in place of": kept(BEST, "best_k_models", {5: torch.tensor(0.0)}),
    "best_k_models has 'a' in place of a score": kept(BEST, "best_k_models", {"best.ckpt": "a"}),
    "best_k_models has tensor\\(.*\\) in place of a score": kept(BEST, "best_k_models", {"best.ckpt": torch.zeros(3)}),
    "best_model_score is 'x' in place of a score": kept(BEST, "best_model_score", "x"),
    "kth_value is tensor\\(.*device='meta'.*\\) in place of a score": kept(
        BEST, "kth_value", torch.zeros((), device="meta")
    ),
    "amsgrad is True in place of False": group("amsgrad", True),
    "capturable is True in place of False": group("capturable", True),
    "foreach is 'no' in place of None": group("foreach", "no"),
    "betas is \\(2.0, 5.0\\) in place of \\(0.9, 0.999\\)": group("betas", (2.0, 5.0)),
    "lr is nan in place of a number": group("lr", float("nan")),
    "param_groups holds 'more'": group("more", nested()),
    "exp_avg of parameter 0 is not a plain tensor": state("exp_avg", torch.zeros(30, 64, device="meta")),
    "exp_avg_sq of parameter 0 is not a plain tensor": state("exp_avg_sq", nested()),
    "exp_avg of parameter 0 is of torch.float8_e4m3fn": state("exp_avg", torch.zeros(30, 64).to(torch.float8_e4m3fn)),
    "step of parameter 0 is not a plain tensor": state("step", torch.zeros((), device="meta")),
    "step of parameter 0 is tensor\\(-5.\\)": state("step", torch.tensor(-5.0)),
    "step of parameter 0 is tensor\\(nan\\)": state("step", torch.tensor(float("nan"))),
    "parameter 0 holds 'more'": state("more", nested()),
    "last_epoch is .* in place of a whole number": schedule("last_epoch", 10**400),
    "last_epoch is -1000000000 in place of a whole number": schedule("last_epoch", -(10**9)),
    "_step_count is 7.5 in place of a whole number": schedule("_step_count", 7.5),
    "base_lrs is \\[1.0\\] in place of \\[0": schedule("base_lrs", [1.0]),
    "_last_lr is inf in place of a number": schedule("_last_lr", [float("inf")]),
    "lr_schedulers holds 'optimizer'": schedule("optimizer", 3),
    "lr_schedulers holds 'step'": schedule("step", 5),
    "completed is 1000000000000000000000000000000 in place of a whole number": epochs("completed", 10**30),
    "ready is -5 in place of a whole number": epochs("ready", -5),
    "completed is True in place of a whole number": epochs("completed", True),
    "current holds 'increment_ready'": epochs("increment_ready", 5),
    "epoch is None in place of a whole number": lambda stored: stored.update(epoch=None),
    "global_step is 'x' in place of a whole number": lambda stored: stored.update(global_step="x"),
}


@pytest.mark.parametrize(("message", "spoil"), HOSTILE.items(), ids=HOSTILE)
def test_one_value_of_another_kind_is_refused(drawn_run, method, message, spoil):
    test_what_the_first_step_would_stumble_over_is_refused(drawn_run, method, message, spoil)


def nested_weight(stored):
    stored["state_dict"]["more"] = nested()


@pytest.mark.parametrize(
    "spoil",
    [
        nested_weight,
        everywhere(lambda one: one.to("meta")),
        *(everywhere(methodcaller("to", dtype)) for dtype in (torch.int32, torch.complex64, torch.bool)),
    ],
)
def test_weights_of_another_kind_are_refused(drawn_run, method, spoil):
    test_what_the_first_step_would_stumble_over_is_refused(drawn_run, method, "its weights are those of another", spoil)


def test_what_other_versions_write_is_taken(drawn_run, method):
    path = drawn_run / "last.ckpt"
    stored = torch.load(path, weights_only=True)
    schedule("verbose", False)(stored)
    stored["lr_schedulers"][0].pop("_is_initial", None)
    group("new_switch", None)(stored)
    stored["optimizer_states"][0]["param_groups"][0].pop("decoupled_weight_decay", None)
    everywhere(lambda one: one.half() if one.is_floating_point() else one)(stored)
    check_fits(check_can_go_on(stored, path), method, path)


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64, torch.bool])
def test_weights_of_another_kind_are_not_loaded(drawn_run, tmp_path, dtype):
    path = altered(drawn_run / "best.ckpt", tmp_path, everywhere(lambda one: one.to(dtype)))
    with pytest.raises(InvalidValueError, match="settings and weights do not fit the model compact"):
        load_trained(path)


def test_weights_of_half_precision_are_loaded(drawn_run, tmp_path):
    halve = everywhere(lambda one: one.half() if one.is_floating_point() else one)
    path = altered(drawn_run / "best.ckpt", tmp_path, halve)
    assert {one.dtype for one in load_trained(path).model.parameters()} == {torch.float32}


def test_a_model_whose_weights_are_nowhere_is_never_made(drawn_run, tmp_path):
    def grow(stored):
        about = stored["semimedref"]
        about["model_settings"]["width"] = 64
        with torch.device("meta"):
            planned = STORED[about["model"]].from_settings(about["model_settings"])
        stored["state_dict"] = {f"student.{name}": one.detach() for name, one in planned.state_dict().items()}

    path = altered(drawn_run / "best.ckpt", tmp_path, grow)
    whole = path.stat().st_size
    with Largest() as made, pytest.raises(InvalidValueError, match="settings and weights do not fit the model compact"):
        load_trained(path)
    assert made.bytes <= whole


@pytest.mark.parametrize("step", ["2", -1, True, 10**400])
def test_a_number_of_steps_is_one(drawn_run, tmp_path, step):
    path = altered(drawn_run / "best.ckpt", tmp_path, lambda stored: stored["semimedref"].update(step=step))
    with pytest.raises(InvalidValueError, match="expected a checkpoint of examples/semimedref, but it is incomplete"):
        load_trained(path)


def squeeze(path):
    """Write the records of a file compressed, and a digest over them."""
    loose = path.with_suffix(".loose")
    path.rename(loose)
    with ZipFile(loose) as old, ZipFile(path, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.comment = MARK + bytes(64)
    data = path.read_bytes()[:-64]
    path.write_bytes(data + hashlib.sha256(data).hexdigest().encode())


def overlap(path):
    """List every record of a file twice."""
    with ZipFile(path, "a") as archive:
        records = [copy.copy(one) for one in archive.infolist()]
        for one in records:
            one.filename = f"{one.filename}.again"
        archive.filelist.extend(records)
        archive._didModify = True


@pytest.mark.parametrize("pack", [squeeze, overlap])
def test_a_file_that_would_fill_the_memory_is_not_unpacked(drawn_run, tmp_path, pack):
    path = altered(drawn_run / "best.ckpt", tmp_path, lambda stored: stored.update(more=torch.zeros(2**22)))
    pack(path)
    with Largest() as made, pytest.raises(InvalidValueError, match="its records are compressed or overlap"):
        load_trained(path)
    assert made.count == 0


@pytest.mark.parametrize("path", ["x/..", "..", "/", ".", "config.json", "other.ckpt"])
def test_a_checkpoint_callback_keeps_its_own_files_alone(tmp_path, path):
    callback = KeptCheckpoint(tmp_path / "runs", filename="best", monitor=BEST, mode="max")
    known = {"best_model_score": None, "kth_value": torch.tensor(0.0)}
    foreign = dict.fromkeys(("best_model_path", "kth_best_model_path", "last_model_path"), path)
    callback.load_state_dict({**known, **foreign, "best_k_models": {path: torch.tensor(0.0)}})
    assert (callback.best_model_path, callback.kth_best_model_path, callback.last_model_path) == ("", "", "")
    assert callback.best_k_models == {}
    own = dict.fromkeys(foreign, "/elsewhere/best.ckpt")
    callback.load_state_dict({**known, **own, "best_k_models": {own["best_model_path"]: torch.tensor(0.5)}})
    assert callback.best_model_path == callback.kth_best_model_path == str(tmp_path / "runs/best.ckpt")
    assert callback.best_k_models == {callback.best_model_path: torch.tensor(0.5)}


@pytest.mark.parametrize(("monitor", "path"), [(None, "x/.."), (BEST, "x/.."), (None, "config.json")])
def test_resuming_deletes_nothing_that_a_checkpoint_names(spare_run, shell, monitor, path):
    (spare_run / "metrics.json").unlink()
    # The best one is from the first half, so that steps are left to make.
    shutil.copy(spare_run / "best.ckpt", spare_run / "last.ckpt")
    altered(spare_run / "last.ckpt", spare_run, kept(monitor, "best_model_path", path))
    before = contents(spare_run.parent)
    error = one_line(shell("train", "--resume", "--runs", spare_run.parent, "--name", "drawn"))
    assert "last.ckpt: expected a checkpoint from which a run can go on, but best_model_path is" in error
    assert contents(spare_run.parent) == before
