"""Results as one JSON line each, in a file that grows: a process that is killed leaves at most one line cut off."""

import json
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file, or none where there is no file; a last line that was cut off is left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def append_line(path: Path, line: Line) -> None:
    """Add a line, in place of one that was cut off."""
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")
