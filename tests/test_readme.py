"""The README's snippet runs as it stands, on images of one's own; its commands name what exists."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from shlex import split

import pytest
from PIL import Image

from crossmodal_aug.cli import main
from tests.doctor.phantoms import draw_set

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPET, MIRROR = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LINES = [line for line in SNIPPET.splitlines() if line.strip()]


@pytest.fixture
def own_images(tmp_path: Path) -> Path:
    """A folder as the README asks for: images, masks, and a caption a line."""
    from semimedref.data.phantom import draw_phantom

    captions = []
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(16):
        chest = draw_phantom(224, (7, number))
        Image.fromarray(chest.image).save(tmp_path / "images" / f"{number:02}.png")
        Image.fromarray(chest.mask.astype("uint8") * 255).save(tmp_path / "masks" / f"{number:02}.png")
        captions.append(chest.caption)
    (tmp_path / "captions.txt").write_text("\n".join(captions))
    return tmp_path


SHOW = """
import json
print(json.dumps({"texts": out.texts, "accepted": out.accepted.tolist(), "source": crossmodal_aug.__file__,
    "agree": [bool(x) for x in (parser.encode(out.texts) == out.positions).all(1)], "rows": parser.atlas.rows,
    "kept": [bool((a == b).all()) for a, b in zip(out.images, images)]}))
"""


def test_the_snippet_has_ten_lines() -> None:
    assert len(LINES) <= 10
    assert max(len(line) for line in LINES) <= 120


def test_the_snippet_runs_on_images_of_ones_own(own_images: Path) -> None:
    code = f"{SNIPPET}\nimport crossmodal_aug{SHOW}\ntext = texts[0]\n{MIRROR}\nprint(text)"
    run = run_python(sys.executable, code, own_images, PYTHONPATH=os.fspath(ROOT))
    first, mirrored = run.stdout.splitlines()
    said = account(first)
    before = (own_images / "captions.txt").read_text().splitlines()
    assert any(said["accepted"])
    assert said["kept"] == [not one for one in said["accepted"]]
    assert all(said["agree"])
    assert said["texts"] != before
    assert 0.3 < said["rows"][0] < 0.45  # fitted: the thirds of drawn lungs lie near 0.39 and 0.61
    assert said["rows"] != [1 / 3, 2 / 3]
    assert ("left" in mirrored) == ("right" in before[0])
    assert mirrored != before[0]


@pytest.mark.slow
def test_from_the_wheel_to_an_augmented_batch_in_ten_seconds(own_images: Path, tmp_path_factory) -> None:
    built = tmp_path_factory.mktemp("wheel")
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install -e '.[dev]'")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", os.fspath(built)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = built.glob("*.whl")
    environment = built / "environment"
    # The libraries that the package asks for are those of this environment: what is timed is this package.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", os.fspath(environment)], check=True)
    (libraries,) = environment.glob("lib/python*/site-packages")
    paths = [path for path in sys.path if path.endswith("site-packages")]
    (libraries / "of_this_environment.pth").write_text("\n".join(paths))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        "--target",
        os.fspath(libraries),
    ]
    subprocess.run([*install, os.fspath(wheel)], check=True)
    python = environment / "bin" / "python"
    said = account(run_python(os.fspath(python), f"{SNIPPET}\nimport crossmodal_aug{SHOW}", own_images).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert Path(said["source"]).is_relative_to(libraries)
    assert any(said["accepted"])
    assert all(said["agree"])
    # Seconds of one core, which are those of the clock where nothing else runs beside it.
    seconds = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    assert seconds < 10, f"installed and augmented in {seconds:.1f} s"


def run_python(python: str, code: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", **settings}
    command = [python, "-c", code]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run


def account(line: str) -> dict:
    return json.loads(line)


def test_every_path_that_the_readme_names_exists() -> None:
    paths = re.findall(r"`((?:crossmodal_aug|examples|benchmarks|docs)/[\w/.]*)`", README)
    paths += re.findall(r'src(?:set)?="([^"]+)"', README) + re.findall(r"python (examples/\S+\.py)", README)
    assert len(paths) > 6
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_command_of_the_readme_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extras = re.findall(r'-e "\.\[(\w+)\]"', README)
    assert extras == ["examples", "dev"]
    assert set(extras) <= set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    shell = re.findall(r"`(crossmodal-aug [^`]+)`", README)
    assert {command.split()[1] for command in shell} == {"parse", "doctor", "preview"}
    draw_set(tmp_path / "DIR")
    monkeypatch.chdir(tmp_path)
    for command in shell:
        assert main(split(command)[1:]) == 0
