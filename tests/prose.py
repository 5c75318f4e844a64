"""The sentences of the project: those of its pages, docstrings, messages and help texts, with where they stand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
NO_PROSE = ("```", "---", "|--", ":::", "<", ">>>", "!!!")
SECTION = re.compile(r"(Args|Attributes|Convention|Examples?|Raises|Returns|Yields|Warns):")


class Prose(NamedTuple):
    """A piece of prose, with code in it shortened to `x`."""

    where: str
    text: str
    is_cell: bool = False

    @property
    def sentences(self) -> list[str]:
        """Its sentences, or the entries of a cell of a table that holds several, parted by semicolons."""
        ends = r"(?<=[.!?:])[\")]?\s+(?=[\"(\[`]*[A-Z]|`x`|\"x\")"
        parts = re.split(f"{ends}|; " if self.is_cell else ends, self.text)
        return [one for one in parts if one.strip()]


def plain(text: str) -> str:
    """Return a paragraph without what is quoted or set as code in it, links as their words."""
    text = re.sub(r"`[^`]*`", "`x`", text)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r'"[^"]*"', '"x"', text)
    return re.sub(r"\*+([^*]+)\*+", r"\1", text)


def joined(lines: Iterator[tuple[int, str]], where: str) -> Iterator[Prose]:
    """Yield paragraphs of lines, an empty line between two; a cell of a table begins with a bar."""
    held: list[str] = []
    start = 0
    for number, line in [*lines, (0, "")]:
        if line:
            start = start if held else number
            held.append(line)
        elif held:
            text = " ".join(held)
            yield Prose(f"{where}:{start}", plain(text.removeprefix("|")), text.startswith("|"))
            held = []


def of_page(path: Path) -> Iterator[Prose]:
    """Yield the paragraphs, items and cells of a Markdown page."""

    def lines() -> Iterator[tuple[int, str]]:
        fenced = front = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line.strip()
            fenced ^= text.startswith("```")
            front = line == "---" if number == 1 else front and line != "---"
            if (
                fenced
                or front
                or text.startswith(("```", "---", "|--", ":::", "<", ">>>", "!!!"))
                or line[:4] == "    "
            ):
                yield number, ""
            elif text.startswith("|"):
                for cell in re.split(r"(?<!\\)\|", text.strip("|")):
                    yield number, cell.strip() and f"|{cell.strip()}"
                    yield number, ""
            else:
                item = re.match(r"(#+|[-*>]|\d+\.) +", text)
                if item:
                    yield number, ""
                    text = text[item.end() :]
                yield number, text
                if item and item[1].startswith("#"):
                    yield number, ""

    return joined(lines(), path.relative_to(ROOT).as_posix())


def of_docstrings(path: Path) -> Iterator[Prose]:
    """Yield the paragraphs and entries of the docstrings of a module, without their examples."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield from joined(_lines_of(text, node.body[0].lineno), path.relative_to(ROOT).as_posix())


def _lines_of(docstring: str, first: int) -> Iterator[tuple[int, str]]:
    example = False
    for number, line in enumerate(docstring.splitlines(), first):
        text = line.strip()
        if SECTION.fullmatch(text):
            example = text.startswith("Example")
            yield number, ""
            continue
        if text and not line.startswith(" "):
            example = False
        if example:
            continue
        entry = re.match(r"(- |\*{0,2}\w+(?: \([^)]*\))?: (?=\S))", text)
        if entry and (line.startswith("    ") or text.startswith("- ")):
            yield number, ""
            text = text[entry.end() :]
        yield number, text


def _written(node: ast.AST) -> str | None:
    """Return a text as it stands in the code, values as `x`; None where it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{x}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_written(node.left), _written(node.right)]
        return None if parts == [None, None] else "".join("{x}" if part is None else part for part in parts)
    return None


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def messages(path: Path, kinds: set[str]) -> Iterator[Prose]:
    """Yield the texts of the errors of some kinds that a module makes, values in them as {x}."""
    for name, call in _calls(path):
        text = _written(call.args[0]) if name in kinds and call.args else None
        if text is not None:
            yield Prose(f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", text)


def help_texts(path: Path) -> Iterator[Prose]:
    """Yield what a command line says of its commands and options."""
    for name, call in _calls(path):
        for keyword in call.keywords:
            text = _written(keyword.value) if keyword.arg == "help" and name.startswith("add_") else None
            if text is not None and keyword.arg == "help":
                yield Prose(f"{path.relative_to(ROOT).as_posix()}:{keyword.value.lineno}", text)
