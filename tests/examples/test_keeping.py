"""What a run keeps: nothing damaged is used, nothing that was there is lost, and the shell hears it in one line."""

import errno
import importlib
import json
import os
import random
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref import cli
from semimedref.checkpoints import AtomicCheckpointIO, load_trained
from semimedref.data.digest import changed_parts, data_digests
from semimedref.data.folder_data import load_folder
from semimedref.data.phantom import draw_phantom

from crossmodal_aug.errors import InvalidValueError

TINY = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
STEPS = ["--steps", "2", "--validate-every", "1", "--method", "supervised"]
CAPTION = "Unilateral pulmonary infection, one infected area, upper left lung."
LEFT = ".semimedref-0123456789abcdef"
"""Name of what a killed process left."""


@pytest.fixture
def shell(monkeypatch, capsys):
    def call(script: str, *given: object) -> tuple[int, str, str]:
        """Run a script in this process; return its exit code, and what it wrote to stdout and stderr."""
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, given)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.run(importlib.import_module(script).main)
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The folder of a run on phantoms."""
    runs = tmp_path_factory.mktemp("runs")
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", str(runs), "--name", "drawn"]
    importlib.import_module("train").main(given)
    return runs / "drawn"


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "spare" / "drawn"))


@pytest.fixture
def chest(tmp_path) -> Path:
    path = tmp_path / "chest.png"
    Image.fromarray(draw_phantom(64, (9, 1)).image).save(path)
    return path


def one_line(outcome: tuple[int, str, str]) -> str:
    """The only line of a script that ended with exit code 2."""
    code, _, errors = outcome
    assert code == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    return errors


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let the system refuse what would make a file longer: it holds for root too, where permissions do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Damaged files


def test_no_flipped_bit_of_a_checkpoint_is_loaded(trained, tmp_path):
    path = tmp_path / "best.ckpt"
    whole = (trained / "best.ckpt").read_bytes()
    rng = random.Random(0)
    ends = [*range(8 * (len(whole) - 130), 8 * len(whole), 41), *range(0, 8 * 64, 41)]
    for bit in [*ends, *(rng.randrange(8 * len(whole)) for _ in range(40))]:
        path.write_bytes(whole)
        flip(path, bit)
        with pytest.raises(InvalidValueError, match=r"best\.ckpt: not a readable checkpoint \(.*\); take another "):
            load_trained(path)
    path.write_bytes(whole)
    assert load_trained(path).step > 0


@pytest.mark.parametrize("kind", ["cut", "longer", "zeros", "swapped"])
def test_no_other_damage_to_a_checkpoint_is_loaded(run, kind):
    path = run / "best.ckpt"
    whole = path.read_bytes()
    half = len(whole) // 2
    damaged = {
        "cut": whole[:half],
        "longer": whole + b"\0",
        "zeros": whole[:half] + bytes(4096) + whole[half + 4096 :],
        "swapped": whole[half:] + whole[:half],
    }
    path.write_bytes(damaged[kind])
    for read in (load_trained, AtomicCheckpointIO().load_checkpoint):
        with pytest.raises(InvalidValueError, match=r"best\.ckpt: not a readable checkpoint"):
            read(path)


def test_scripts_refuse_a_damaged_checkpoint(run, shell, chest, tmp_path):
    (run / "metrics.json").unlink()
    for name in ("best.ckpt", "last.ckpt"):
        flip(run / name, 4 * (run / name).stat().st_size)
    for outcome in (
        shell("predict", run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "out"),
        shell("evaluate", run / "best.ckpt"),
        shell("train", "--resume", "--runs", run.parent, "--name", "drawn"),
    ):
        error = one_line(outcome)
        assert ".ckpt: not a readable checkpoint (damaged: its digest is another); take another checkpoint" in error
    assert not (tmp_path / "out").exists()


def test_resuming_from_a_copy_of_the_best_checkpoint_ends_with_the_same_weights(shell, tmp_path):
    given = [*TINY, "--labels", "0.05", "--method", "supervised", "--steps", "6", "--validate-every", "2"]
    given += ["--runs", tmp_path, "--name", "drawn"]
    assert shell("train", *given)[0] == 0
    wanted = load_trained(tmp_path / "drawn/last.ckpt")
    best = tmp_path / "drawn/best.ckpt"
    assert 0 < load_trained(best).step < 6
    flip(tmp_path / "drawn/last.ckpt", 99_999)
    shutil.copy(best, tmp_path / "drawn/last.ckpt")
    (tmp_path / "drawn/metrics.json").unlink()
    assert shell("train", *given, "--resume")[0] == 0
    again = load_trained(tmp_path / "drawn/last.ckpt")
    assert again.step == wanted.step == 6
    weights = wanted.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.model.state_dict().items())


def test_weights_of_others_are_compared_with_their_checksums(tmp_path, monkeypatch):
    from semimedref.models.convnext import convnext_tiny_weights

    path = tmp_path / "weights.pth"
    torch.save({"features.0.0.weight": torch.zeros(64, 64)}, path)
    assert set(convnext_tiny_weights(str(path))) == {"0.0.weight"}
    flip(path, 4 * path.stat().st_size)
    with pytest.raises(
        InvalidValueError, match=r"weights\.pth: not a readable .*damaged: .*; fetch it again from http"
    ):
        convnext_tiny_weights(str(path))

    # The published file says in its name how its digest begins, in the older format of torch too.
    published = tmp_path / "hub/checkpoints/convnext_tiny-983f1562.pth"
    published.parent.mkdir(parents=True)
    torch.save({"features.0.0.weight": torch.zeros(2)}, published, _use_new_zipfile_serialization=False)
    with pytest.raises(InvalidValueError, match=r"983f1562\.pth: .*its digest is another\); fetch it again from http"):
        convnext_tiny_weights(str(published))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InvalidValueError, match=r"983f1562\.pth: .*another\); remove it, and it is downloaded again"):
        convnext_tiny_weights()


def test_the_weights_of_a_text_encoder_are_compared_with_their_checksums(spare_bert, tmp_path, monkeypatch):
    from safetensors.torch import load_file
    from semimedref.models import bert_files
    from semimedref.models.text_encoder import FrozenBert

    weights = spare_bert / "pytorch_model.bin"
    torch.save(load_file(spare_bert / "model.safetensors"), weights)
    (spare_bert / "model.safetensors").unlink()
    FrozenBert.from_name(str(spare_bert), max_tokens=48)
    flip(weights, 4 * weights.stat().st_size)
    with pytest.raises(InvalidValueError, match=r"pytorch_model\.bin: .*damaged: .*; fetch it again"):
        FrozenBert.from_name(str(spare_bert), max_tokens=48)

    # In the hub's cache, a file of weights has its digest for a name.
    hub = Path(shutil.copytree(spare_bert, tmp_path / "hub"))
    (hub / ("0" * 64)).write_bytes(weights.read_bytes())
    (hub / "model.safetensors").symlink_to(hub / ("0" * 64))
    (hub / "tokenizer_config.json").write_text("{}")
    monkeypatch.setattr(bert_files.import_transformers().utils, "cached_file", lambda name, file, **_: str(hub / file))
    with pytest.raises(InvalidValueError, match=r"0{64}: damaged weights .*remove it, and fetch it again"):
        FrozenBert.from_name("somebody/a-bert", max_tokens=48)


# Data that changed


def stopped(root: Path, shell, tmp_path: Path) -> list[object]:
    """Train on a folder, and let it look as if it had been stopped before it was scored; return what resumes it."""
    given = ["--data", "qata", "--root", root, "--runs", tmp_path / "runs", "--name", "tiny", *TINY, *STEPS]
    assert shell("train", *given)[0] == 0
    (tmp_path / "runs/tiny/metrics.json").unlink()
    return [*given, "--resume"]


def repaint(path: Path) -> None:
    values = np.array(Image.open(path))
    values[5, 5] ^= 255
    Image.fromarray(values).save(path)


def recaption(root: Path, part: str) -> None:
    stored = json.loads((root / "annotation.json").read_text())
    stored[part][0]["caption"] += " "
    stored[part][0]["caption"] = stored[part][0]["caption"].strip().replace("infection", "infection ")
    (root / "annotation.json").write_text(json.dumps(stored))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (r"(un)?labelled", lambda root: repaint(root / "train/images/train-3.png")),
        ("labelled", lambda root: [repaint(path) for path in (root / "train/masks").iterdir()]),
        ("test", lambda root: repaint(root / "test/masks/mask_test-2.png")),
        ("valid", lambda root: recaption(root, "valid")),
    ],
    ids=["image", "masks", "test mask", "caption"],
)
def test_a_run_on_changed_data_goes_on_where_that_is_asked_for_alone(tiny_qata, tmp_path, shell, part, change):
    resume = stopped(tiny_qata, shell, tmp_path)
    kept = contents(tmp_path / "runs/tiny")
    change(tiny_qata)
    error = one_line(shell("train", *resume))
    pattern = rf"last\.ckpt: .*captions or masks of the {part} samples have changed since; .*--accept-changed-data"
    assert re.search(pattern, error), error
    assert contents(tmp_path / "runs/tiny") == kept
    assert shell("train", *resume, "--accept-changed-data")[0] == 0
    assert (tmp_path / "runs/tiny/metrics.json").exists()


def test_a_run_on_the_same_data_goes_on_from_another_place_and_cache(tiny_qata, tmp_path, shell):
    resume = stopped(tiny_qata, shell, tmp_path)
    again = tmp_path / "moved"
    shutil.copytree(tiny_qata, again)
    shutil.rmtree(tiny_qata)
    tiny_qata.symlink_to(again)
    assert shell("train", *resume, "--cache", tmp_path / "kept")[0] == 0


def test_changed_data_cannot_be_accepted_by_a_new_run(shell, tmp_path):
    given = [*TINY, "--runs", tmp_path / "runs", "--accept-changed-data"]
    assert "Expected --resume beside --accept-changed-data" in one_line(shell("train", *given))


def test_an_evaluation_says_that_its_data_have_changed(tiny_qata, tmp_path, shell):
    stopped(tiny_qata, shell, tmp_path)
    best = tmp_path / "runs/tiny/best.ckpt"
    code, printed, _ = shell("evaluate", best, "--resamples", "5")
    assert code == 0
    assert "have changed" not in printed
    repaint(tiny_qata / "test/images/test-1.png")
    code, printed, _ = shell("evaluate", best, "--resamples", "5", "--out", tmp_path / "out")
    assert code == 0
    note = "images, captions or masks have changed since the model was trained, of these parts: test"
    assert note in printed
    assert note in (tmp_path / "out/report.html").read_text()
    assert json.loads((tmp_path / "out/scores.json").read_text())["about"]["data, changed"] == note


def test_a_digest_tells_parts_and_orders_apart_and_not_names(tiny_qata):
    data = load_folder("qata", tiny_qata, size=16, labels=0.3)
    before = data_digests(data)
    assert changed_parts(before, before) == []
    assert changed_parts({}, before) == []
    for part in ("labelled", "unlabelled", "valid", "test"):
        samples = getattr(data, part)
        turned = samples.take(list(range(len(samples)))[::-1])
        renamed = type(samples)(**{**vars(samples), "names": tuple("x" for _ in samples.names)})
        assert changed_parts(before, data_digests(type(data)(**{**vars(data), part: turned}))) == [part]
        assert changed_parts(before, data_digests(type(data)(**{**vars(data), part: renamed}))) == []


# Starts that failed, and what killed processes left


def test_a_start_that_failed_can_be_made_again_under_its_name(shell, tmp_path):
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "drawn"]
    with no_file_above(100):
        error = one_line(shell("train", *given))
    assert f"{tmp_path / 'runs/drawn/config.json'}: cannot be written (File too large)" in error
    assert not list((tmp_path / "runs").iterdir())
    assert shell("train", *given)[0] == 0


def test_a_start_sweeps_what_killed_processes_left(tiny_qata, tmp_path, shell, trained, chest):
    resume = stopped(tiny_qata, shell, tmp_path)
    kept, out = tmp_path / "kept", tmp_path / "out"
    left = [tmp_path / "runs/tiny" / f"{LEFT}.ckpt", kept / f"{LEFT}.npz", out / f"{LEFT}.png", out / LEFT]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    assert shell("train", *resume, "--cache", kept)[0] == 0
    assert shell("predict", trained / "best.ckpt", chest, CAPTION, "--out", out)[0] == 0
    assert not any(path.exists() for path in left)
    (out / LEFT).mkdir()
    (tmp_path / "runs" / LEFT).mkdir()
    assert shell("evaluate", trained / "best.ckpt", "--resamples", "5", "--out", out / "report")[0] == 0
    assert shell("train", *resume[:-1], "--name", "other")[0] == 0
    assert not (out / LEFT).exists()
    assert not (tmp_path / "runs" / LEFT).exists()


# Disks that are full or read-only


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path):
    path = tmp_path / "last.ckpt"
    keep = AtomicCheckpointIO()
    keep.save_checkpoint({"step": 1}, path)
    before = path.read_bytes()
    # Of what torch writes in many pieces, each may be the one that does not fit, and so may the digest.
    stored = {"weights": torch.zeros(100, 100), "step": 2}
    keep.save_checkpoint(stored, tmp_path / "whole.ckpt")
    size = (tmp_path / "whole.ckpt").stat().st_size
    for limit in (0, 10, 1000, 20_000, size - 1000, size - 70, size - 1):
        with no_file_above(limit), pytest.raises(OSError, match=r"last\.ckpt: cannot be written \(File too large\)"):
            keep.save_checkpoint(stored, path)
        assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"last.ckpt", "whole.ckpt"}
    keep.save_checkpoint(stored, path)
    assert keep.load_checkpoint(path)["step"] == 2


def test_training_on_a_full_disk_names_the_checkpoint(shell, tmp_path):
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "drawn"]
    with no_file_above(100_000):
        error = one_line(shell("train", *given))
    assert f"{tmp_path / 'runs/drawn/best.ckpt'}: cannot be written (File too large)" in error
    assert not list((tmp_path / "runs/drawn").glob(".*"))
    assert shell("train", *given, "--resume")[0] == 0


def test_a_log_that_cannot_be_written_is_named(shell, tmp_path):
    given = [*TINY, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "drawn", "--steps", "40"]
    with no_file_above(1200):
        error = one_line(shell("train", *given, "--validate-every", "40"))
    assert f"{tmp_path / 'runs/drawn/logs'}" in error
    assert "cannot be written (File too large)" in error


def test_pictures_and_scores_that_do_not_fit_are_named_and_the_run_goes_on(run, shell):
    (run / "metrics.json").unlink()
    kept = contents(run)
    given = ["--resume", "--runs", run.parent, "--name", "drawn"]
    with no_file_above(50_000):
        error = one_line(shell("train", *given))
    assert f"{run / 'ops.png'}: cannot be written (File too large)" in error
    assert {name: data for name, data in contents(run).items() if name in kept} == kept
    assert not list(run.glob(".*"))
    assert shell("train", *given)[0] == 0


def test_predictions_evaluations_and_caches_that_do_not_fit_are_named(tiny_qata, trained, chest, tmp_path, shell):
    out, report, kept = (tmp_path / name for name in ("out", "report", "kept"))
    given = [trained / "best.ckpt", chest, CAPTION, "--out", out]
    assert shell("predict", *given)[0] == 0
    before = contents(out)
    with no_file_above(50):
        error = one_line(shell("predict", *given, "--overwrite"))
        assert f"{out / 'chest_mask.png'}: cannot be written (File too large)" in error
    assert contents(out) == before
    with no_file_above(5000):
        error = one_line(shell("evaluate", trained / "best.ckpt", "--resamples", "5", "--out", report))
        assert f"{report}/" in error
        assert "cannot be written (File too large)" in error
        assert not report.exists()
        given = ["--data", "qata", "--root", tiny_qata, "--runs", tmp_path / "runs", "--cache", kept, *TINY]
        error = one_line(shell("train", *given))
    assert f"{kept}/images-32-" in error
    assert not list(kept.iterdir())
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def read_only(tmp_path, monkeypatch) -> Path:
    """A folder in which nothing can be made, for root too."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    for name in ("open", "mkdir"):
        original = getattr(os, name)

        def refused(path, *given, original=original, **more):
            new = original is os.mkdir or bool(given and given[0] & os.O_CREAT)
            if new and isinstance(path, str | os.PathLike) and folder in (Path(path).parent, *Path(path).parents):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return original(path, *given, **more)

        monkeypatch.setattr(os, name, refused)
    return folder


def test_read_only_folders_are_named(read_only, trained, run, chest, shell, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    drawn = [*TINY, *STEPS, "--labels", "0.05"]
    for outcome, named in (
        (shell("train", *drawn, "--runs", read_only / "runs"), read_only / "runs"),
        (shell("train", *drawn, "--runs", read_only), read_only / "phantom-compact-supervised-5pct"),
        (shell("predict", trained / "best.ckpt", chest, CAPTION, "--out", read_only), read_only / "chest_mask.png"),
        (shell("evaluate", trained / "best.ckpt", "--resamples", "5", "--out", read_only / "a"), read_only / "a"),
    ):
        error = one_line(outcome)
        assert f"{named}: cannot be written (Read-only file system)" in error
    assert not list(read_only.iterdir())


def test_a_file_in_the_way_of_a_folder_is_named(trained, chest, shell, tmp_path):
    (tmp_path / "file").write_text("precious")
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "file"]
    assert f"{tmp_path / 'file'}: cannot be written (File exists)" in one_line(shell("train", *given))
    outcome = shell("predict", trained / "best.ckpt", chest, CAPTION, "--out", tmp_path / "file/out")
    assert f"{tmp_path / 'file'}" in one_line(outcome)
    assert (tmp_path / "file").read_text() == "precious"


# Names


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_folders_whose_names_are_no_text_hold_data_caches_runs_and_reports(tiny_qata, tmp_path, shell, chest):
    odd = tmp_path / "odd-\udce9"
    odd.mkdir()
    root, runs, kept, out = (odd / name for name in ("data", "runs", "kept", "out"))
    tiny_qata.rename(root)
    given = ["--data", "qata", "--root", root, "--runs", runs, "--name", "tiny", "--cache", kept, *TINY, *STEPS]
    code, printed, _ = shell("train", *given)
    assert code == 0
    assert "note: no curves for TensorBoard, which cannot write to a folder whose name is not UTF-8" in printed
    assert len(list(kept.iterdir())) == 6
    assert {path.name for path in (runs / "tiny/logs").iterdir()} == {"version_0"}
    code, printed, _ = shell("evaluate", runs / "tiny/best.ckpt", "--resamples", "5", "--out", out)
    assert code == 0
    assert r"odd-\udce9" in printed
    assert r"odd-\udce9/runs/tiny/best.ckpt" in (out / "report.html").read_text(encoding="utf-8")
    assert json.loads((out / "scores.json").read_text(encoding="utf-8"))["about"]["settings of the run"]["root"] == str(
        root
    )
    assert shell("predict", runs / "tiny/best.ckpt", chest, CAPTION, "--out", odd / "masks")[0] == 0
    (runs / "tiny/metrics.json").unlink()
    assert shell("train", *given, "--resume")[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_unread_captions_of_files_whose_names_are_no_text_are_listed(trained, chest, tmp_path, shell):
    chest.rename(tmp_path / "chest-\udce9.png")
    given = [trained / "best.ckpt", tmp_path / "chest-\udce9.png", "Pneumonia.", "--in-style", CAPTION]
    assert shell("predict", *given, "--out", tmp_path / "out")[0] == 0
    assert (tmp_path / "out/unread_captions.txt").read_text(encoding="utf-8").startswith(r"chest-\udce9.png: ")


def test_long_names_of_images_runs_and_reports_work(trained, chest, tmp_path, shell):
    picture = chest.rename(tmp_path / f"{'x' * 211}.png")
    assert shell("predict", trained / "best.ckpt", picture, CAPTION, "--out", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == 2
    out, plain = tmp_path / ("y" * 250), tmp_path / ("z" * 250 + ".json")
    given = [trained / "best.ckpt", "--resamples", "5", "--out", out, "--json", plain]
    assert shell("evaluate", *given)[0] == 0
    assert (out / "report.html").exists()
    assert plain.exists()
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "r" * 250]
    assert shell("train", *given)[0] == 0
