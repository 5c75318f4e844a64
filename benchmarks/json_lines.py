"""Results as one JSON line each, in a file that grows: a process that is killed leaves at most one line cut off."""

import json
from pathlib import Path
from typing import Any

from crossmodal_aug.errors import InvalidValueError

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file, or none where there is no file; a last line that was cut off is left out.

    Raises:
        InvalidValueError: The file is not UTF-8, or a line is not an object in JSON.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{path}: expected UTF-8 ({error.reason} at byte {error.start}).") from error
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [_object(line, f"{path}, line {number}") for number, line in enumerate(whole, 1)]


def _object(line: str, where: str) -> Line:
    try:
        found = json.loads(line)
    # ValueError: no JSON, or a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{where}: not a JSON object ({error}).") from error
    if not isinstance(found, dict):
        raise InvalidValueError(f"{where}: not a JSON object, but a {type(found).__name__}.")
    return found


def append_line(path: Path, line: Line) -> None:
    """Add a line, in place of one that was cut off."""
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")
