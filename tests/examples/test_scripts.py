"""The scripts as a user runs them, on a tiny data set."""

import csv
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref import cli

SCRIPTS = Path(__file__).parents[2] / "examples" / "semimedref"
TINY = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]


def arguments(root: Path, runs: Path, *more: str) -> list[str]:
    return ["--data", "qata", "--root", str(root), "--runs", str(runs), "--name", "tiny", *TINY, *more]


def run(script: str, given: list[str], monkeypatch) -> int:
    """Run a script in this process, and return its exit code."""
    monkeypatch.setattr(sys, "argv", [f"{script}.py", *given])
    with pytest.raises(SystemExit) as ended:
        cli.run(importlib.import_module(script).main)
    return int(ended.value.code or 0)


def start(given: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / "train.py"), *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def is_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        return len(np.unique(np.asarray(picture.convert("L")))) > 50


def stored_step(path: Path) -> int:
    return torch.load(path, weights_only=True)["global_step"]


@pytest.mark.parametrize("method", ["supervised", "semimedref"])
def test_train_evaluate_predict(tiny_qata, tmp_path, monkeypatch, capsys, method):
    runs = tmp_path / "runs"
    given = arguments(tiny_qata, runs, "--method", method, "--steps", "4", "--validate-every", "2")
    assert run("train", given, monkeypatch) == 0
    printed = capsys.readouterr().out
    folder = runs / "tiny"
    models = ["student"] if method == "supervised" else ["student", "teacher"]
    rows = [*models, f"{models[-1]}, other captions"]
    stored = json.loads((folder / "metrics.json").read_text())
    assert list(stored["test"]) == rows
    for row in rows:
        assert f"{stored['test'][row]['global_dice']:.2f}" in printed
    with (folder / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [line["model"] for line in table] == rows
    assert float(table[0]["image_iou"]) == pytest.approx(stored["test"]["student"]["image_iou"], rel=1e-4, abs=1e-6)
    for name in ("ops.png", "predictions.png"):
        assert is_picture(folder / name)
        assert str(folder / name) in printed
    assert stored_step(folder / "last.ckpt") == 4
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    logs = {path.name for path in (folder / "logs").rglob("*") if path.is_file()}
    assert "metrics.csv" in logs
    assert any("tfevents" in name for name in logs)

    assert run("evaluate", [str(folder / "best.ckpt"), "--json", str(tmp_path / "again.json")], monkeypatch) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == stored["test"]

    picture = tiny_qata / "test/images/test-0.png"
    Image.open(picture).resize((40, 24)).save(tmp_path / "chest.png")
    given = [
        str(folder / "best.ckpt"),
        str(tmp_path / "chest.png"),
        "Hazy lower left lung $x^{$.",
        "--out",
        str(tmp_path / "out"),
    ]
    capsys.readouterr()
    assert run("predict", given, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "never met these words: hazy" in printed
    assert "the caption names: left lower" in printed
    mask = np.asarray(Image.open(tmp_path / "out/chest_mask.png"))
    assert mask.shape == (24, 40)
    assert set(np.unique(mask)) <= {0, 255}
    assert is_picture(tmp_path / "out/chest_overlay.png")
    assert run("predict", given, monkeypatch) == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert run("predict", [*given, "--overwrite"], monkeypatch) == 0


@pytest.mark.parametrize("model", ["mmi-unet", "guide-decoder"])
def test_published_networks_predict_without_the_encoder_s_files(
    tiny_qata, tiny_bert, tmp_path, monkeypatch, capsys, model
):
    encoder = shutil.copytree(tiny_bert, tmp_path / "bert")
    given = ["--model", model, "--width", "8", "--pretrained", "text", "--text-encoder", str(encoder)]
    given = [*arguments(tiny_qata, tmp_path / "runs"), *given, "--steps", "3", "--validate-every", "3"]
    assert run("train", given, monkeypatch) == 0
    shutil.rmtree(encoder)
    best = tmp_path / "runs/tiny/best.ckpt"
    capsys.readouterr()
    assert run("evaluate", [str(best)], monkeypatch) == 0
    assert "teacher, other captions" in capsys.readouterr().out
    given = [str(best), str(tiny_qata / "test/images/test-0.png"), "Hazy left lung.", "--out", str(tmp_path)]
    assert run("predict", given, monkeypatch) == 0
    assert "never met these words: Hazy" in capsys.readouterr().out


def wait_for(path, process):
    """Return as soon as a process has written a file."""
    deadline = time.monotonic() + 600
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_run_goes_on_from_its_last_checkpoint(tiny_qata, tmp_path):
    """SIGKILL between two checkpoints; the resumed run ends with the weights of one that was never killed."""
    given = arguments(tiny_qata, tmp_path / "killed", "--steps", "60", "--validate-every", "10")
    last = tmp_path / "killed/tiny/last.ckpt"
    process = start(given)
    try:
        wait_for(last, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    reached = stored_step(last)
    assert 0 < reached < 60
    assert not (tmp_path / "killed/tiny/metrics.json").exists()

    resumed = start([*given, "--resume"])
    printed, _ = resumed.communicate(timeout=600)
    assert resumed.returncode == 0, printed
    assert "resuming" in printed
    logged = sorted((tmp_path / "killed/tiny/logs").glob("version_*/metrics.csv"))
    with logged[-1].open() as file:
        assert min(int(line["step"]) for line in csv.DictReader(file)) >= reached
    assert json.loads((tmp_path / "killed/tiny/metrics.json").read_text())["test"]

    # A process of its own too: how many threads share a sum decides its last bit.
    whole = start(arguments(tiny_qata, tmp_path / "whole", "--steps", "60", "--validate-every", "10"))
    printed, _ = whole.communicate(timeout=600)
    assert whole.returncode == 0, printed
    one, other = (torch.load(tmp_path / kind / "tiny/last.ckpt", weights_only=True) for kind in ("killed", "whole"))
    assert one["global_step"] == other["global_step"] == 60
    assert all(torch.equal(value, other["state_dict"][name]) for name, value in one["state_dict"].items())


def test_a_terminated_run_does_not_end_as_if_it_were_done(tiny_qata, tmp_path):
    process = start(arguments(tiny_qata, tmp_path, "--steps", "4000", "--validate-every", "10"))
    last = tmp_path / "tiny/last.ckpt"
    try:
        wait_for(last, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGTERM
    assert stored_step(last) > 0


def test_bad_input_ends_with_one_line_and_code_2(tiny_qata, tmp_path):
    (tiny_qata / "train/images/train-3.png").unlink()
    process = start(arguments(tiny_qata, tmp_path / "runs"))
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 2
    assert printed.count("\n") == 1
    assert printed.startswith("error: ")
    assert "train-3.png: no such file" in printed
    assert not (tmp_path / "runs").exists()


def refused(script, given, monkeypatch, capsys) -> str:
    capsys.readouterr()
    assert run(script, given, monkeypatch) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_an_earlier_run_is_never_lost(tiny_qata, tmp_path, monkeypatch, capsys):
    runs = tmp_path / "runs"
    earlier = runs / "tiny"
    earlier.mkdir(parents=True)
    (earlier / "metrics.json").write_text("precious")
    assert "exists" in refused("train", arguments(tiny_qata, runs), monkeypatch, capsys)
    (tiny_qata / "annotation.json").unlink()
    assert "annotation.json" in refused(
        "train", [*arguments(tiny_qata, runs)[:-2], "--name", "new"], monkeypatch, capsys
    )
    assert [path.name for path in runs.iterdir()] == ["tiny"]
    assert (earlier / "metrics.json").read_text() == "precious"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--size", "40"], "multiple of 16 for compact, but got 40"),
        (["--size", "48", "--model", "mmi-unet"], "multiple of 32 for mmi-unet, but got 48"),
        (
            ["--model", "mmi-unet", "--width", "8", "--pretrained", "none", "--text-encoder", "/no/such"],
            "this machine is offline, or",
        ),
        (["--batch-size", "9" * 20, "--method", "supervised"], "`batch_size` to be"),
        (["--batch-size", "21"], "at least 21 unlabelled images"),
        (["--labels", "two"], "argument --labels: invalid float value"),
        (["--labels", "1.5"], r"`labels` to be in (0, 1], but got 1.5"),
        (["--resume"], "a run to resume"),
        (["--devices", "6"], "at least 24 unlabelled images, a batch,"),
        (["--accelerator", "gpu", "--devices", "1000", "--method", "supervised"], "a machine with --accelerator gpu"),
    ],
)
def test_bad_settings_end_with_one_line(tiny_qata, tmp_path, monkeypatch, capsys, more, message):
    assert message in refused("train", arguments(tiny_qata, tmp_path / "runs", *more), monkeypatch, capsys)
    assert not (tmp_path / "runs").exists()


def test_a_spoilt_run_is_not_resumed(tiny_qata, tmp_path, monkeypatch, capsys):
    given = arguments(tiny_qata, tmp_path / "runs", "--steps", "2", "--validate-every", "2")
    assert run("train", given, monkeypatch) == 0
    annotation = tiny_qata / "annotation.json"
    stored = json.loads(annotation.read_text())
    for row in stored["train"]:
        row["caption"] = row["caption"].replace("lung", "hemithorax")
    annotation.write_text(json.dumps(stored))
    stored = {path: path.read_bytes() for path in (tmp_path / "runs/tiny").iterdir() if path.is_file()}
    assert run("train", [*given, "--resume"], monkeypatch) == 0
    assert "tiny is complete" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in stored} == stored
    (tmp_path / "runs/tiny/metrics.json").unlink()
    assert "have changed since" in refused("train", [*given, "--resume"], monkeypatch, capsys)
    last = tmp_path / "runs/tiny/last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    assert "not a readable checkpoint" in refused("train", [*given, "--resume"], monkeypatch, capsys)


def test_phantoms_have_no_folder(drawn_run, monkeypatch, capsys):
    message = refused("evaluate", [str(drawn_run / "best.ckpt"), "--root", "elsewhere"], monkeypatch, capsys)
    assert "trained on phantoms" in message


def test_bad_checkpoints_end_with_one_line(tiny_qata, tmp_path, monkeypatch, capsys):
    checkpoint, image = tmp_path / "best.ckpt", str(tiny_qata / "test/images/test-0.png")
    given = [str(checkpoint), image, "left lung", "--out", str(tmp_path)]
    assert "no such checkpoint" in refused("predict", given, monkeypatch, capsys)
    checkpoint.write_bytes(b"PK\x03\x04 not a zip")
    assert "not a readable checkpoint" in refused("predict", given, monkeypatch, capsys)
    torch.save({"code": Path}, checkpoint)
    assert "not a readable checkpoint" in refused("predict", given, monkeypatch, capsys)
    torch.save({"state_dict": {}}, checkpoint)
    assert "not a checkpoint of" in refused("predict", given, monkeypatch, capsys)
    torch.save({"semimedref": {"format": 99}}, checkpoint)
    assert "of format 1, but got 99" in refused("evaluate", given[:1], monkeypatch, capsys)
    checkpoint.write_bytes(b"")
    assert "not a readable checkpoint" in refused("predict", given, monkeypatch, capsys)
    torch.save({"semimedref": {"format": 1}, "state_dict": {}}, checkpoint)
    assert "it is incomplete" in refused("evaluate", given[:1], monkeypatch, capsys)
    about = {
        "format": 1,
        "config": {},
        "model": "compact",
        "model_settings": {"width": 4, "vocabulary": [1, 2]},
        "step": 1,
    }
    weights = {"student.stem": torch.zeros(1)}
    torch.save({"semimedref": about, "state_dict": weights}, checkpoint)
    assert "settings and weights do not fit the model compact" in refused("evaluate", given[:1], monkeypatch, capsys)
    torch.save({"semimedref": {**about, "model": ["compact"]}, "state_dict": weights}, checkpoint)
    assert "it is incomplete" in refused("evaluate", given[:1], monkeypatch, capsys)
    torch.save({"semimedref": about, "state_dict": {**weights, 7: torch.zeros(1)}}, checkpoint)
    assert "it is incomplete" in refused("evaluate", given[:1], monkeypatch, capsys)
    torch.save({"semimedref": {**about, "step": torch.ones(1)}, "state_dict": weights}, checkpoint)
    assert "it is incomplete" in refused("evaluate", given[:1], monkeypatch, capsys)
    assert "an empty one" in refused("predict", [*given[:2], " "], monkeypatch, capsys)
    assert "nothing.png: no such file" in refused("predict", [given[0], "nothing.png", "x"], monkeypatch, capsys)
