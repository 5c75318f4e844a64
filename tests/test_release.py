"""What is released: sdist and wheel are whole, install beside nothing but their dependencies, and say one version."""

import os
import re
import resource
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

import crossmodal_aug

ROOT = Path(__file__).parent.parent
VERSION = crossmodal_aug.__version__

FIRST_BATCH = """
import numpy as np, torch
from PIL import Image
from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, TPatchMix
parser = PositionParser(LUNG_ZONES.with_geometry(laterality="viewer"))
augment = CrossModalSequential(TPatchMix(parser, patch_size=64), SyncFlip(parser))
images, masks = (torch.stack([torch.from_numpy(np.array(Image.open(f"{kind}-{n}.png")))[None] for n in "12"]) for kind in ("image", "mask"))
texts = ["Opacity in the lower left lung.", "Bilateral opacities, upper left lung and upper right lung."]
out = augment(images / 255, texts, masks)
print(tuple(out.images.shape), out.texts)
""".strip()  # noqa: E501  (lines of a user)


def run(*command: object, cwd: Path) -> str:
    """What a command prints; without the settings by which the package under test is found here."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with an sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment that holds the wheel, and borrows its dependencies from this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    (own,) = run(
        programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).split()
    lent = [path for path in sys.path if path.endswith("site-packages")]
    Path(own, "lent.pth").write_text("\n".join(lent))
    (wheel,) = dist.glob("*.whl")
    run(programs / "python", "-m", "pip", "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    yield programs


def package_files() -> set[str]:
    files = (path for path in (ROOT / "crossmodal_aug").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if path.suffix not in (".pyc", ".pyo")}


def test_the_wheel_holds_the_whole_package_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == package_files()
    assert {"crossmodal_aug/py.typed", "crossmodal_aug/anatomy/atlas/lung_zones.toml"} <= names
    assert f"crossmodal_aug-{VERSION}.dist-info/licenses/LICENSE" in names


def test_the_sdist_holds_what_a_packager_needs(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    about = {"README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
    assert package_files() | about <= names
    # Nothing of a checkout goes along: no data, runs, caches or tests.
    assert names - package_files() - about <= {"PKG-INFO", ".gitignore"}


def test_the_wheel_says_what_it_is(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with ZipFile(wheel) as archive:
        folder = f"crossmodal_aug-{VERSION}.dist-info"
        about = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        entries = archive.read(f"{folder}/entry_points.txt").decode()
    assert (about["Name"], about["Version"], about["License-Expression"]) == ("crossmodal-aug", VERSION, "Apache-2.0")
    core = {re.split(r"[^\w-]", one)[0] for one in about.get_all("Requires-Dist", []) if "extra ==" not in one}
    assert core == {"torch", "kornia", "spacy", "pydantic", "numpy"}
    assert "crossmodal-aug = crossmodal_aug.cli:main" in entries
    assert "anatomical_positions = crossmodal_aug.integrations.spacy" in entries


def test_an_installed_wheel_is_what_python_finds(installed: Path, tmp_path: Path) -> None:
    code = (
        "import crossmodal_aug, importlib.metadata as m; print(crossmodal_aug.__file__);"
        "print(m.version('crossmodal-aug'), crossmodal_aug.QUADRANTS.name)"
    )
    where, about = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert about == f"{VERSION} quadrants"


def test_the_installed_command_reads_a_text(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "crossmodal-aug", "--version", cwd=tmp_path).split() == ["crossmodal-aug", VERSION]
    account = run(installed / "crossmodal-aug", "parse", "Opacity in the left lung base.", cwd=tmp_path)
    assert account.splitlines()[0].split(maxsplit=1) == ["regions", "left lower"]


def test_ten_lines_and_ten_seconds_lead_from_the_wheel_to_a_first_batch(
    dist: Path, installed: Path, tmp_path: Path
) -> None:
    assert len(FIRST_BATCH.splitlines()) <= 10
    draw = (
        "import numpy as np; from PIL import Image\n"
        "for n, rows in (('1', slice(160, 200)), ('2', slice(20, 60))):\n"
        "    mask = np.zeros((224, 224), dtype=np.uint8); mask[rows, 30:90] = 1\n"
        "    Image.fromarray(mask).save(f'mask-{n}.png')\n"
        "    Image.fromarray((mask * 200 + 20).astype(np.uint8)).save(f'image-{n}.png')\n"
    )
    run(installed / "python", "-c", draw, cwd=tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    (wheel,) = dist.glob("*.whl")
    run(
        installed / "python",
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--force-reinstall",
        wheel,
        cwd=tmp_path,
    )
    account = run(installed / "python", "-c", FIRST_BATCH, cwd=tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert account.startswith("(2, 1, 224, 224) [")
    # Seconds of the processor: other work on the machine counts for nothing.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10


def test_changelog_and_citation_are_of_this_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", changes, flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (VERSION, cited["date-released"]) == headings[1] == (cited["version"], headings[1][1])
    assert {"cff-version", "message", "title", "authors", "license"} <= cited.keys()
    kinds = set(re.findall(r"^### (.+)$", changes, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_first_entry_of_the_changelog_names_the_package_s_public_names() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in crossmodal_aug.__all__ if f"`{name}`" not in changes] == []
