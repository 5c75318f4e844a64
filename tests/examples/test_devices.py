"""Where models are used: on any device that the machine has, and on a machine without Lightning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from semimedref.models.compact import Compact

from crossmodal_aug.errors import shown
from tests.examples.keeping import CAPTION, one_line

EXAMPLE = Path(__file__).parents[2] / "examples/semimedref"
WITHOUT_LIGHTNING = """
import importlib, sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("lightning", "lightning_fabric", "pytorch_lightning"):
            raise ImportError(f"{name} is refused")

sys.meta_path.insert(0, Refused())
script = sys.argv[1]
sys.argv = [f"{script}.py", *sys.argv[2:]]
importlib.import_module(script).main(sys.argv[1:])
"""


def without_lightning(script, *given):
    """Run a script in a process of its own that cannot import Lightning; return its exit code and all it wrote."""
    paths = os.pathsep.join([str(EXAMPLE), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_LIGHTNING, script, *map(str, given)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_predicting_needs_no_lightning(drawn_run, chest, tmp_path):
    code, printed = without_lightning("predict", drawn_run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "out")
    assert code == 0, printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"chest_mask.png", "chest_overlay.png"}


def test_what_refuses_lightning_refuses_it():
    code, printed = without_lightning("train", "--help")
    assert code == 1
    assert "ImportError: lightning" in printed


@pytest.mark.parametrize(
    ("device", "count", "message"),
    [
        ("cuda", 0, "Expected --device cpu, since this machine offers no CUDA device."),
        ("cuda:1", 0, "Expected --device cpu, since this machine offers no CUDA device."),
        ("cuda:2", 2, "Expected --device cuda:1 or lower, but got cuda:2."),
        ("mps", 0, "Expected --device cpu, since this machine offers no MPS device."),
        *(
            (name, 2, f"Expected --device to be cpu, cuda, cuda:1 and so on, or mps, but got {shown(name)}.")
            for name in ("gpu", "", "cuda:", "cuda:-1", "cpu:0", "meta", "cuda:1\n", "cuda:\u0661")
        ),
    ],
)
@pytest.mark.parametrize("script", ["predict", "evaluate"])
def test_a_device_that_is_not_there_is_refused(
    drawn_run, chest, tmp_path, shell, monkeypatch, script, device, count, message
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    given = [chest, CAPTION] if script == "predict" else []
    error = one_line(shell(script, drawn_run / "best.ckpt", *given, "--out", tmp_path / "out", "--device", device))
    assert message in error
    assert not (tmp_path / "out").exists()


def test_predictions_are_made_on_the_device_that_is_asked_for(drawn_run, chest, tmp_path, shell, monkeypatch):
    moved = []
    monkeypatch.setattr(Compact, "to", lambda self, *given, **named: moved.extend(given))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    given = [drawn_run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "out", "--device", "cuda:1"]
    assert shell("predict", *given)[0] == 0
    assert moved == ["cuda:1"]
