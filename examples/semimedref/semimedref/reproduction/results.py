"""The results of a grid: one JSON line for each cell, in a file that grows, and their table."""

import csv
import json
import statistics
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from crossmodal_aug.errors import InvalidValueError
from semimedref.files import naming
from semimedref.reproduction.grid import Cell

Line = dict[str, Any]
SCORES = {"global_dice": "global Dice", "global_iou": "global IoU", "image_dice": "per-image Dice"}
ALIKE = ("data", "model", "method", "size", "batch_size", "accumulate", "precision")
"""Settings that the time of a step depends on."""
NEEDED = {"config": dict, "sources": dict, "status": str, "resumed": bool, "steps": int}


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file of results; a last one that a kill cut off is left out.

    Raises:
        InvalidValueError: It is a folder, or a line holds something else.
    """
    if path.is_dir():
        raise InvalidValueError(f"{path}: expected a file of results, but it is a folder.")
    text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
    lines = []
    for number, row in enumerate(text[: text.rfind("\n") + 1].splitlines(), start=1):
        try:
            line = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise InvalidValueError(f"{path}, line {number}: expected the JSON of a cell, but got {error}.") from error
        if not _is_line(line):
            raise InvalidValueError(f"{path}, line {number}: expected a cell, but got another JSON value.")
        lines.append(line)
    return lines


def _is_line(line: object) -> bool:
    """Return whether a value is what a cell left: where it finished, with the scores and the time that are used."""
    if not isinstance(line, dict) or not all(isinstance(line.get(name), kind) for name, kind in NEEDED.items()):
        return False
    if line["status"] != "finished":
        return True
    metrics = line.get("metrics")
    test = metrics.get("test") if isinstance(metrics, dict) else None
    rows = list(test.values()) if isinstance(test, dict) else []
    scores = [row.get(name) if isinstance(row, dict) else None for row in rows for name in SCORES]
    used = [*scores, metrics.get("seconds"), metrics.get("obedience") or 0.0] if scores else [None]
    return all(isinstance(value, int | float) for value in used) and all(name in line["config"] for name in ALIKE)


def append_line(path: Path, line: Line) -> None:
    """Add a line, in place of one that was cut off.

    Raises:
        CannotWriteError: It could not be written.
    """
    with naming(path), path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")


def steps_made(run: Path) -> int:
    """Return how many steps the logs of a run tell of: fewer than it was given where it stopped early."""
    last = 0
    for log in run.glob("logs/version_*/metrics.csv"):
        text = log.read_text(encoding="utf-8")
        # A process that was killed may have left half a line, and half a number in it.
        for row in csv.DictReader(StringIO(text[: text.rfind("\n") + 1])):
            last = max(last, int(row["step"]) + 1)
    return last


def finished(cells: Sequence[Cell], lines: Sequence[Line]) -> list[Line | None]:
    """Return the newest finished line of each cell, or None where it has none."""
    done = [line for line in lines if line["status"] == "finished"]
    found: list[Line | None] = []
    for cell in cells:
        identity = cell.identity
        own = [line for line in done if {name: line[name] for name in identity} == identity]
        found.append(own[-1] if own else None)
    return found


def table(cells: Sequence[Cell], lines: Sequence[Line]) -> str:
    """Return the mean over the seeds of each row of the grid, in percent, with the spread where there are several."""
    groups: dict[tuple[str, str, float, str], list[Line]] = {}
    for cell, line in zip(cells, finished(cells, lines), strict=True):
        one = cell.config
        groups.setdefault((one.data, one.model, one.labels, one.method), []).extend([line] if line else [])
    heads = ("data", "network", "labels", "method", "seeds", *SCORES.values(), "obedience")
    rows = [heads, tuple("--" for _ in heads)]
    for (data, network, labels, method), own in groups.items():
        scores = [_told([_used(line)[name] for line in own]) for name in SCORES]
        obeyed = [line["metrics"]["obedience"] for line in own if line["metrics"].get("obedience") is not None]
        rows.append((data, network, f"{100 * labels:g} %", method, str(len(own)), *scores, _told(obeyed)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _used(line: Line) -> dict[str, float]:
    """Return the test scores of the model to use, the teacher where there is one, under its own captions."""
    rows = [row for name, row in line["metrics"]["test"].items() if "captions" not in name]
    scores: dict[str, float] = rows[-1]
    return scores


def _told(values: Sequence[float]) -> str:
    if not values:
        return ""
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"
