"""Starts that fail, disks that are full or read-only, odd names: nothing is lost, and the shell hears one line."""

import errno
import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from semimedref.checkpoint_writer import AtomicCheckpointIO
from semimedref.runs import new_run

from tests.examples.keeping import CAPTION, STEPS, TINY, contents, no_file_above, one_line, stopped

LEFT = ".semimedref-0123456789abcdef"
"""Name of what a killed process left."""


# Starts that failed, and what killed processes left


def test_a_start_that_failed_can_be_made_again_under_its_name(shell, tmp_path):
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "drawn"]
    with no_file_above(100):
        error = one_line(shell("train", *given))
    assert f"{tmp_path / 'runs/drawn/config.json'}: cannot be written (File too large)" in error
    assert not list((tmp_path / "runs").iterdir())
    assert shell("train", *given)[0] == 0


def test_a_start_sweeps_what_killed_processes_left(tiny_qata, tmp_path, shell, drawn_run, chest):
    resume = stopped(tiny_qata, shell, tmp_path)
    kept, out = tmp_path / "kept", tmp_path / "out"
    left = [tmp_path / "runs/tiny" / f"{LEFT}.ckpt", kept / f"{LEFT}.npz", out / f"{LEFT}.png", out / LEFT]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    assert shell("train", *resume, "--cache", kept)[0] == 0
    assert shell("predict", drawn_run / "best.ckpt", chest, CAPTION, "--out", out)[0] == 0
    assert not any(path.exists() for path in left)
    (out / LEFT).mkdir()
    (tmp_path / "runs" / LEFT).mkdir()
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / LEFT).write_text("half")
    given = ["--resamples", "5", "--out", out / "report", "--json", plain / "scores.json"]
    assert shell("evaluate", drawn_run / "best.ckpt", *given)[0] == 0
    assert [path.name for path in plain.iterdir()] == ["scores.json"]
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


@pytest.mark.parametrize("limit", [0, 1200])
def test_a_log_that_cannot_be_written_is_named(shell, tmp_path, limit, monkeypatch):
    given = [*TINY, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "drawn", "--steps", "40"]
    train = importlib.import_module("train")

    def made(*given):
        """Make the run, and let the disk become full."""
        folder = new_run(*given)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        return folder

    monkeypatch.setattr(train, "new_run", made)
    with no_file_above(1_000_000):
        error = one_line(shell("train", *given, "--validate-every", "40"))
    assert f"{tmp_path / 'runs/drawn/logs'}" in error
    assert "cannot be written (File too large)" in error


def test_the_log_is_written_without_tensorflow(tmp_path):
    """Where TensorFlow is installed, TensorBoard would write through it, and it raises errors of its own."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')\n")
    program = """if True:
        import sys
        from semimedref.trainer import NamedTensorBoardLogger
        logger = NamedTensorBoardLogger(sys.argv[1])
        logger.log_metrics({"loss": 1.0}, 0)
        logger.save()
    """
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "logs")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "logs").rglob("*tfevents*"))


def test_pictures_and_scores_that_do_not_fit_are_named_and_the_run_goes_on(spare_run, shell):
    (spare_run / "metrics.json").unlink()
    kept = contents(spare_run)
    given = ["--resume", "--runs", spare_run.parent, "--name", "drawn"]
    with no_file_above(50_000):
        error = one_line(shell("train", *given))
    assert f"{spare_run / 'ops.png'}: cannot be written (File too large)" in error
    assert {name: data for name, data in contents(spare_run).items() if name in kept} == kept
    assert not list(spare_run.glob(".*"))
    assert shell("train", *given)[0] == 0


def test_predictions_evaluations_and_caches_that_do_not_fit_are_named(tiny_qata, drawn_run, chest, tmp_path, shell):
    out, report, kept = (tmp_path / name for name in ("out", "report", "kept"))
    given = [drawn_run / "best.ckpt", chest, CAPTION, "--out", out]
    assert shell("predict", *given)[0] == 0
    before = contents(out)
    with no_file_above(50):
        error = one_line(shell("predict", *given, "--overwrite"))
        assert f"{out / 'chest_mask.png'}: cannot be written (File too large)" in error
    assert contents(out) == before
    with no_file_above(5000):
        error = one_line(shell("evaluate", drawn_run / "best.ckpt", "--resamples", "5", "--out", report))
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


def test_read_only_folders_are_named(read_only, drawn_run, chest, shell):
    drawn = [*TINY, *STEPS, "--labels", "0.05"]
    for outcome, named in (
        (shell("train", *drawn, "--runs", read_only / "runs"), read_only / "runs"),
        (shell("train", *drawn, "--runs", read_only), read_only / "phantom-compact-supervised-5pct"),
        (shell("predict", drawn_run / "best.ckpt", chest, CAPTION, "--out", read_only), read_only / "chest_mask.png"),
        (shell("evaluate", drawn_run / "best.ckpt", "--resamples", "5", "--out", read_only / "a"), read_only / "a"),
    ):
        error = one_line(outcome)
        assert f"{named}: cannot be written (Read-only file system)" in error
    assert not list(read_only.iterdir())


def test_a_file_in_the_way_of_a_folder_is_named(drawn_run, chest, shell, tmp_path):
    (tmp_path / "file").write_text("precious")
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "file"]
    assert f"{tmp_path / 'file'}: cannot be written (File exists)" in one_line(shell("train", *given))
    outcome = shell("predict", drawn_run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "file/out")
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
def test_unread_captions_of_files_whose_names_are_no_text_are_listed(drawn_run, chest, tmp_path, shell):
    chest.rename(tmp_path / "chest-\udce9.png")
    given = [drawn_run / "best.ckpt", tmp_path / "chest-\udce9.png", "Pneumonia.", "--in-style", CAPTION]
    assert shell("predict", *given, "--out", tmp_path / "out")[0] == 0
    assert (tmp_path / "out/unread_captions.txt").read_text(encoding="utf-8").startswith(r"chest-\udce9.png: ")


def test_long_names_of_images_runs_and_reports_work(drawn_run, chest, tmp_path, shell):
    picture = chest.rename(tmp_path / f"{'x' * 211}.png")
    assert shell("predict", drawn_run / "best.ckpt", picture, CAPTION, "--out", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == 2
    out, plain = tmp_path / ("y" * 250), tmp_path / ("z" * 250 + ".json")
    given = [drawn_run / "best.ckpt", "--resamples", "5", "--out", out, "--json", plain]
    assert shell("evaluate", *given)[0] == 0
    assert (out / "report.html").exists()
    assert plain.exists()
    given = [*TINY, *STEPS, "--labels", "0.05", "--runs", tmp_path / "runs", "--name", "r" * 250]
    assert shell("train", *given)[0] == 0
