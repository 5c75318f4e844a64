"""The package as a whole: what importing it costs, and which names it offers."""

import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import crossmodal_aug

ROOT = Path(crossmodal_aug.__file__).parent


def _modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not {"torch", "spacy", "kornia", "torchvision", "numpy"} & _modules_after("import crossmodal_aug")


@pytest.mark.parametrize(
    "statement",
    [
        "from crossmodal_aug import LUNG_ZONES, PositionParser; PositionParser(LUNG_ZONES)('left lung').mirrored()",
        "import crossmodal_aug.anatomy.component",
    ],
)
def test_anatomy_imports_no_torch(statement: str) -> None:
    # spaCy takes torch up where it finds it; without it there, nothing of ours may ask for it.
    loaded = _modules_after(f"sys.modules['torch'] = None\n{statement}")
    assert not {"kornia", "torchvision"} & loaded


def test_ops_import_no_adapter_library() -> None:
    loaded = _modules_after("from crossmodal_aug import TPatchMix, ITCLoss")
    assert "torch" in loaded
    assert not {"kornia", "torchvision", "monai", "lightning"} & loaded


def test_every_public_name_is_there_and_documented() -> None:
    for name in crossmodal_aug.__all__:
        assert getattr(crossmodal_aug, name).__doc__
        assert name in dir(crossmodal_aug)
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        crossmodal_aug.Missing  # noqa: B018


def test_version_is_the_installed_one() -> None:
    assert version("crossmodal-aug") == crossmodal_aug.__version__


def test_typed_marker_is_there() -> None:
    assert (ROOT / "py.typed").is_file()


def test_functional_knows_nothing_of_augment() -> None:
    for folder, banned in (("functional", "crossmodal_aug.augment"), ("anatomy", "crossmodal_aug.functional")):
        for file in (ROOT / folder).glob("*.py"):
            assert banned not in file.read_text(), file


def test_every_module_imports_on_its_own() -> None:
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
