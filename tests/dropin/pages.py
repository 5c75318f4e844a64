"""The guides as tests run them: the diffs of a page are applied to a loader of that shape, and the result is run."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

HERE = Path(__file__).parent
GUIDES = HERE.parent.parent / "docs" / "drop-in"
SHAPES = HERE / "shapes"
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def blocks(page: str, section: str | None = None) -> list[tuple[str, str, list[str]]]:
    """Language, title and lines of each fenced block of a guide, or of one of its sections."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    if section is not None:
        (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)
    return [(language, title, code.splitlines()) for language, title, code in BLOCK.findall(text)]


def diffs(page: str, section: str | None = None) -> list[list[str]]:
    """The diffs of a guide, line by line."""
    return [lines for language, _, lines in blocks(page, section) if language == "diff"]


def added_lines(page: str, section: str | None = None) -> int:
    """How many lines of code a reader adds."""
    new = [line[1:] for lines in diffs(page, section) for line in lines if line.startswith("+")]
    new += [line for _, title, lines in blocks(page, section) if title for line in lines]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in new)


def patched(source: str, changes: list[list[str]]) -> str:
    """Apply diffs to a source, each where its old lines stand; they must stand there once."""
    lines = source.splitlines()
    for change in changes:
        assert all(line[:1] in ("", " ", "+", "-") for line in change), change
        old, new = ([line[1:] for line in change if line[:1] != mark] for mark in "+-")
        assert old, f"a diff needs lines that say where it belongs: {change}"
        assert old != new, change
        places = [at for at in range(len(lines) - len(old) + 1) if lines[at : at + len(old)] == old]
        assert len(places) == 1, f"{len(places)} places for {old}"
        lines[places[0] : places[0] + len(old)] = new
    return "\n".join(lines) + "\n"


def imported(name: str, source: str, folder: Path) -> ModuleType:
    """Import a source as a module from a file of its own."""
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def before(shape: str, folder: Path) -> ModuleType:
    """Import a loader as it was."""
    return imported(f"before_{shape}", (SHAPES / f"{shape}.py").read_text(encoding="utf-8"), folder)


def dropped_in(page: str, shape: str, folder: Path, section: str | None = None) -> ModuleType:
    """Import a loader after the diffs of its guide, beside the files that the guide adds."""
    for _, title, lines in blocks(page):
        if title:
            imported(title.removesuffix(".py"), "\n".join(lines) + "\n", folder)
    source = (SHAPES / f"{shape}.py").read_text(encoding="utf-8")
    assert "crossmodal_aug" not in source
    return imported(f"after_{shape}", patched(source, diffs(page, section)), folder)


@contextmanager
def counted(op: nn.Module) -> Iterator[list[Tensor]]:
    """Collect `accepted` of every call of an op."""
    seen: list[Tensor] = []
    hook = op.register_forward_hook(lambda _, __, out: seen.append(out.accepted))
    yield seen
    hook.remove()


def altered(seen: list[Tensor]) -> int:
    """How many samples an op altered in all of its calls."""
    return int(torch.cat(seen).sum())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the loaders of one test module."""
    return tmp_path_factory.mktemp("loaders")
