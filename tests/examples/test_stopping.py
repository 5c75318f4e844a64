"""Ctrl-C, and a second process in the folder of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from semimedref.runs import new_run, training_in

from crossmodal_aug.errors import InvalidValueError

SCRIPTS = Path(__file__).parents[2] / "examples" / "semimedref"
TINY = ["--size", "32", "--width", "4", "--batch-size", "4", "--accelerator", "cpu", "--name", "drawn"]


@contextmanager
def started(script: str, *given: str) -> Iterator[subprocess.Popen[str]]:
    """A script in a process of its own, as a shell starts it; killed in the end."""
    # Where these tests run in the background, SIGINT is ignored, and that would be inherited.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / f"{script}.py"), *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    signal.signal(signal.SIGINT, earlier)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 600
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def interrupt(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C; return what stands on stderr."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=600)[1]


def test_a_run_that_goes_on_is_not_resumed_and_says_how_to_go_on_when_interrupted(tmp_path):
    given = [*TINY, "--runs", str(tmp_path), "--steps", "4000", "--validate-every", "2"]
    last = tmp_path / "drawn/last.ckpt"
    with started("train", *given) as process:
        wait_for(last, process)
        process.send_signal(signal.SIGSTOP)  # it keeps its folder, and leaves the processor to the other
        with started("train", *given, "--resume") as other:
            _, errors = other.communicate(timeout=600)
            assert other.returncode == 2
            assert errors.startswith(f"error: {tmp_path / 'drawn'}: expected a run that no process works on, but ")
            assert "another process is training in this folder" in errors
            assert errors.count("\n") == 1
        process.send_signal(signal.SIGCONT)
        assert process.poll() is None
        errors = interrupt(process)
        assert process.returncode == 130
        assert errors.splitlines()[-1] == "interrupted; --resume continues from the last checkpoint"
        assert "Traceback" not in errors
    assert torch.load(last, weights_only=True)["global_step"] > 0


def test_an_interrupted_evaluation_has_nothing_to_resume(drawn_run, tmp_path):
    given = [str(drawn_run / "best.ckpt"), "--resamples", "20000", "--out", str(tmp_path / "report")]
    with started("evaluate", *given) as process:
        assert process.stdout.readline() == "counting under every kind of captions ...\n"
        errors = interrupt(process)
        assert process.returncode == 130
        assert errors == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_free_again_after_training(tmp_path):
    folder = new_run(tmp_path, "", "run", "{}")
    for _ in range(2):
        with training_in(folder), pytest.raises(InvalidValueError, match="another process"), training_in(folder):
            raise AssertionError("two at once")
    with pytest.raises(OSError, match="disk full"), training_in(folder):
        raise OSError("disk full")
    with training_in(folder):
        assert folder.lock.exists()
