"""The package as a whole: what importing it costs, and which names it offers."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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
        "import crossmodal_aug.integrations.spacy",
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


def test_the_command_line_costs_no_torch_where_none_is_needed() -> None:
    loaded = _modules_after("from crossmodal_aug.cli import main; main(['parse', 'Left base opacity.'])")
    assert not {"kornia", "PIL", "openpyxl", "crossmodal_aug.doctor.examining"} & loaded


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


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(file): file for file in sorted(ROOT.rglob("*.py"))}


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements of a module, those inside functions too, but not those of type checking."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        children: list[ast.AST] = list(node.orelse)
    else:
        children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    for child in children:
        yield from _statements(child)


def _imported(source: str, own: str = "", *, is_package: bool = False) -> set[str]:
    """Return the modules that a module imports: those of the package by their full names, others as written."""
    found = set()
    for statement in _statements(ast.parse(source)):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
            continue
        base = statement.module or ""
        if statement.level:
            above = own.split(".")[: len(own.split(".")) - statement.level + is_package]
            base = ".".join([*above, *([base] if base else [])])
        for alias in statement.names:
            inner = f"{base}.{alias.name}"
            found.add(inner if inner in MODULES else base)
    return found


def _imports_of(module: str) -> set[str]:
    file = MODULES[module]
    return _imported(file.read_text(encoding="utf-8"), module, is_package=file.name == "__init__.py") - {module}


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import numpy\n"
        "def lazy():\n    from . import report\n    from ..errors import AtlasError\n"
        "from crossmodal_aug.anatomy.reading import scope\n"
    )
    assert _imported(source, "crossmodal_aug.anatomy.parser") == {
        "typing", "numpy", "crossmodal_aug.anatomy.report", "crossmodal_aug.errors",
        "crossmodal_aug.anatomy.reading.scope",
    }  # fmt: skip
    assert _imported("from . import report", "crossmodal_aug.anatomy", is_package=True) == {
        "crossmodal_aug.anatomy.report"
    }


def test_no_modules_import_each_other_not_even_lazily() -> None:
    arrows = {module: _imports_of(module) & MODULES.keys() - {"crossmodal_aug"} for module in MODULES}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' <- '.join(error.args[1])}")


# Inside anatomy each floor knows only those named for it; errors may be known to all.
FLOORS = {
    "casing": (),
    "atlas": ("casing",),
    "budget": (),
    "strings": (),
    "statement": ("casing", "atlas"),
    "reading": ("casing", "atlas", "statement"),
    "writing": ("casing", "atlas", "statement"),
    "readback": ("casing", "atlas", "statement", "reading", "writing"),
    "counted": ("statement",),
    "report": ("casing", "atlas", "statement", "counted", "reading", "writing"),
    "texts": ("casing", "atlas", "statement", "counted", "reading", "writing", "report", "strings"),
    "parser": (
        "casing",
        "atlas",
        "statement",
        "reading",
        "writing",
        "counted",
        "readback",
        "report",
        "texts",
        "budget",
        "strings",
    ),
}


def test_the_floors_of_anatomy_are_all_named() -> None:
    folder = ROOT / "anatomy"
    found = {file.relative_to(folder).parts[0].removesuffix(".py") for file in folder.rglob("*.py")}
    assert found - {"__init__"} == FLOORS.keys()


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_of_anatomy_knows_only_those_below(floor: str) -> None:
    allowed = [f"crossmodal_aug.anatomy.{name}" for name in (floor, *FLOORS[floor])] + ["crossmodal_aug.errors"]
    for module in MODULES:
        if not _is_in(module, f"crossmodal_aug.anatomy.{floor}"):
            continue
        for other in _imports_of(module):
            if _is_in(other, "crossmodal_aug"):
                assert any(_is_in(other, name) for name in allowed), f"{module} imports {other}"


@pytest.mark.parametrize(
    ("folder", "banned"),
    [
        ("anatomy", ("functional", "augment", "losses", "integrations", "doctor", "preview", "cli")),
        ("functional", ("augment", "losses", "integrations", "doctor", "preview", "cli")),
        ("losses", ("augment", "integrations", "doctor", "preview", "cli")),
        ("augment", ("integrations", "doctor", "preview", "cli")),
        ("integrations", ("doctor", "preview", "cli")),
        ("doctor", ("preview", "cli")),
        ("preview", ("cli",)),
    ],
)
def test_no_part_of_the_package_knows_one_above(folder: str, banned: tuple[str, ...]) -> None:
    for module in MODULES:
        if not _is_in(module, f"crossmodal_aug.{folder}"):
            continue
        for other in _imports_of(module):
            assert not any(_is_in(other, f"crossmodal_aug.{name}") for name in banned), f"{module} imports {other}"


ON_SPACY = {"pipeline", "reader", "terms", "tokenizer", "vocabulary"}


@pytest.mark.parametrize("module", [module for module in MODULES if _is_in(module, "crossmodal_aug.anatomy")])
def test_a_module_of_anatomy_imports_in_a_fresh_interpreter_without_torch(module: str) -> None:
    loaded = _modules_after(f"sys.modules['torch'] = None\nimport {module}")
    assert module in loaded
    # The reader stands on spaCy, which is imported with the first parser, and not before.
    assert ("spacy" in loaded) == (module.rpartition(".")[2] in ON_SPACY)


def test_every_module_imports_on_its_own() -> None:
    for module in MODULES:
        importlib.import_module(module)
