"""The frozen encoder of a run lies in one file beside its checkpoints, and in none of them."""

import hashlib
import importlib
import re
import shutil
from pathlib import Path

import pytest
import torch
from semimedref.checkpoints import load_trained, read_checkpoint
from semimedref.stored import write_stored
from torch import nn

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import STEPS, TINY, contents, flip, one_line
from tests.examples.test_hostile_checkpoints import Largest, overlap, squeeze

METHOD = ["--method", "mean-teacher", "--burn-in", "0", "--labels", "0.05"]


@pytest.fixture(scope="module")
def teacher_run(tmp_path_factory, tiny_bert):
    """The folder of a run of a published network with student and teacher."""
    runs = tmp_path_factory.mktemp("runs")
    network = ["--model", "guide-decoder", "--width", "8", "--pretrained", "text", "--text-encoder", str(tiny_bert)]
    importlib.import_module("train").main([*TINY, *STEPS, *network, *METHOD, "--runs", str(runs), "--name", "drawn"])
    return runs / "drawn"


@pytest.fixture
def spare(teacher_run, tmp_path):
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(teacher_run, tmp_path / "spare" / "drawn"))


def encoder_of(folder):
    (found,) = folder.glob("encoder*")
    return found


def replaced(path, weights):
    """Write other weights to a file, sealed as a whole one is."""
    path.unlink()
    write_stored(weights, path)


def refused(path, why):
    with Largest() as made, pytest.raises(InvalidValueError, match=why):
        load_trained(path)
    return made


def test_the_encoder_is_stored_once_a_run_and_in_no_checkpoint(teacher_run):
    stored = {name: torch.load(teacher_run / name, weights_only=True) for name in ("best.ckpt", "last.ckpt")}
    encoder = torch.load(encoder_of(teacher_run), weights_only=True)
    assert len({one["semimedref"]["encoder"] for one in stored.values()}) == 1
    for path, one in stored.items():
        assert [name for name in one["state_dict"] if ".text.bert" in name] == []
        assert encoder_of(teacher_run).name == f"encoder-{one['semimedref']['encoder'][:16]}.pt"
        whole = read_checkpoint(teacher_run / path)["state_dict"]
        for prefix in ("student.", "teacher.model."):
            assert all(torch.equal(whole[prefix + name], value) for name, value in encoder.items())
        assert len(whole) == len(one["state_dict"]) + 2 * len(encoder)


def test_it_is_that_of_the_folder_it_was_read_from_and_all_models_have_it(teacher_run, tiny_bert):
    from safetensors.torch import load_file

    given = load_file(tiny_bert / "model.safetensors")
    models = load_trained(teacher_run / "best.ckpt").models
    assert list(models) == ["student", "teacher"]
    for model in models.values():
        for name, value in model.text.bert.state_dict().items():
            assert torch.equal(value, given.get(f"bert.{name}", given.get(name)))


def test_a_network_without_one_writes_none(drawn_run):
    assert list(drawn_run.glob("encoder*")) == []
    assert "encoder" not in torch.load(drawn_run / "best.ckpt", weights_only=True)["semimedref"]


def test_a_checkpoint_that_was_copied_alone_says_what_is_missing(teacher_run, tmp_path, shell, chest):
    alone = shutil.copy(teacher_run / "best.ckpt", tmp_path)
    name = encoder_of(teacher_run).name
    error = one_line(shell("predict", alone, chest, "Left lung.", "--out", tmp_path / "out"))
    assert f"expected the text encoder of its run, {name}, beside it, but there is none: copy it" in error
    shutil.copy(teacher_run / name, tmp_path)
    assert shell("predict", alone, chest, "Left lung.", "--out", tmp_path / "out")[0] == 0


def test_a_checkpoint_that_holds_all_weights_loads_alone(teacher_run, tmp_path):
    whole = read_checkpoint(teacher_run / "best.ckpt")
    torch.save(whole, tmp_path / "best.ckpt")
    wanted = load_trained(teacher_run / "best.ckpt").model.state_dict()
    found = load_trained(tmp_path / "best.ckpt").model.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())


def test_a_resumed_run_keeps_the_file_and_writes_it_anew_where_it_is_gone(spare, shell):
    (spare / "metrics.json").unlink()
    shutil.copy(spare / "best.ckpt", spare / "last.ckpt")
    resume = ["--resume", "--runs", spare.parent, "--name", "drawn"]
    encoder = encoder_of(spare)
    whole, inode = encoder.read_bytes(), encoder.stat().st_ino
    encoder.rename(spare / "elsewhere")
    before = contents(spare)
    assert "beside it, but there is none" in one_line(shell("train", *resume))
    assert contents(spare) == before
    (spare / "elsewhere").rename(encoder)
    assert shell("train", *resume)[0] == 0
    assert (encoder.read_bytes(), encoder.stat().st_ino) == (whole, inode)
    assert not list(spare.glob(".semimedref*"))


def test_a_wrong_encoder_is_refused(spare):
    path = encoder_of(spare)
    weights = torch.load(path, weights_only=True)
    name = next(iter(weights))
    for change in (
        {name: weights[name] + 1e-6},
        {name: weights[name].double()},
        {name: weights[name].flatten()},
        {"text.bert.more": torch.zeros(1)},
    ):
        replaced(path, {**weights, **change})
        refused(spare / "best.ckpt", rf"{path.name}: expected the text encoder that best\.ckpt was trained with, but")
    replaced(path, {one: value for one, value in weights.items() if one != name})
    refused(spare / "best.ckpt", "was trained with, but got another: take the file of that name")
    replaced(path, weights)
    load_trained(spare / "best.ckpt")


HOSTILE = {
    "a list": lambda weights: list(weights.values()),
    "a name that is none": lambda weights: {**weights, 5: torch.zeros(1)},
    "no tensor": lambda weights: {**weights, "text.more": "no tensor"},
    "more than it holds": lambda weights: {**weights, "text.more": torch.zeros(1).expand(2**40)},
    "nowhere": lambda weights: {**weights, "text.more": torch.zeros(2**40, device="meta")},
    "nested": lambda weights: {**weights, "text.more": torch.nested.nested_tensor([torch.zeros(2, 2)])},
    "sparse": lambda weights: {**weights, "text.more": torch.eye(3).to_sparse()},
    "quantised": lambda weights: {
        **weights,
        "text.more": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    },
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_encoder_is_refused_before_anything_is_made_of_it(spare, spoil):
    path = encoder_of(spare)
    replaced(path, spoil(torch.load(path, weights_only=True)))
    whole = path.stat().st_size
    made = refused(spare / "best.ckpt", rf"{path.name}: (expected the text encoder|not a readable text encoder)")
    assert made.bytes <= max(whole, (spare / "best.ckpt").stat().st_size)


def test_code_in_it_is_not_run(spare):
    path = encoder_of(spare)
    path.unlink()
    torch.save(nn.Linear(1, 1), path)
    refused(spare / "best.ckpt", rf"{path.name}: not a readable text encoder")


@pytest.mark.parametrize("pack", [squeeze, overlap])
def test_one_that_would_fill_the_memory_is_not_unpacked(spare, pack):
    path = encoder_of(spare)
    torch.save({**torch.load(path, weights_only=True), "more": torch.zeros(2**22)}, path)
    pack(path)
    refused(spare / "best.ckpt", rf"{path.name}: .*its records are compressed or overlap")


def test_a_damaged_one_is_refused(spare, shell, chest, tmp_path):
    path = encoder_of(spare)
    flip(path, 99_999)
    error = one_line(shell("predict", spare / "best.ckpt", chest, "Left lung.", "--out", tmp_path / "out"))
    assert re.search(rf"{path.name}: not a readable text encoder \(damaged: its digest is another\); take", error)
    path.unlink()
    path.mkdir()
    refused(spare / "best.ckpt", "beside it, but there is none")


@pytest.mark.parametrize("digest", ["../config", "", "g" * 64, "A" * 64, 5, None, ["a"], hashlib.sha256().hexdigest()])
def test_a_digest_that_is_none_names_no_file(spare, digest):
    stored = torch.load(spare / "best.ckpt", weights_only=True)
    stored["semimedref"]["encoder"] = digest
    torch.save(stored, spare / "best.ckpt")
    refused(spare / "best.ckpt", r"best\.ckpt: expected (the digest of a text encoder|the text encoder of its run)")
