"""Running the cells of a grid that are missing, each in a process of its own."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from crossmodal_aug import __version__
from crossmodal_aug.errors import InvalidValueError
from semimedref.cli import BAD_INPUT, say
from semimedref.files import naming
from semimedref.reproduction.grid import Cell
from semimedref.reproduction.results import Line, append_line, finished, read_lines, steps_made
from semimedref.runs import RunFolder

TRAIN = Path(__file__).parents[2] / "train.py"


def run_cell(cell: Cell, runs: Path) -> Line:
    """Train one cell, or go on with it, and return its line."""
    folder = RunFolder(runs / cell.name)
    resumed = folder.config.exists()
    command = [sys.executable, str(TRAIN), "--runs", str(runs), "--name", cell.name, *cell.options]
    started = time.perf_counter()
    log = runs / f"{cell.name}.log"
    with naming(log), log.open("ab") as file:
        code = subprocess.run(
            [*command, *(["--resume"] if resumed else [])], stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode
    minutes = round((time.perf_counter() - started) / 60, 2)
    about = {"machine": f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores", "version": __version__}
    line = {**cell.identity, "name": cell.name, "resumed": resumed, "minutes": minutes, **about}
    line["steps"] = steps_made(folder.path)
    if code or not folder.metrics.exists():
        return line | {"status": "failed", "exit_code": code}
    return line | {"status": "finished", "metrics": json.loads(folder.metrics.read_bytes())}


def run_missing(
    cells: Sequence[Cell], runs: Path, results: Path, *, hours: float = float("inf"), drop_last: bool = False
) -> int:
    """Run the cells that have no finished line while the time lasts; each line is written as soon as its cell ends.

    Args:
        cells: The grid.
        runs: Folder of the runs.
        results: File of the lines.
        hours: Start no cell after this long.
        drop_last: Remove the last checkpoint of a finished cell.

    Returns:
        How many failed.

    Raises:
        InvalidValueError: `train.py` refuses a cell: it would refuse the others too.
    """
    until, failed = time.monotonic() + 3600 * hours, 0
    left = [cell for cell, line in zip(cells, finished(cells, read_lines(results)), strict=True) if not line]
    say(f"{len(cells)} cells, {len(cells) - len(left)} done; results in {results}")
    for number, cell in enumerate(left, start=1):
        if time.monotonic() > until:
            say(f"--hours {hours:g} are over: {len(left) - number + 1} cells are left")
            break
        line = run_cell(cell, runs)
        append_line(results, line)
        folder = RunFolder(runs / cell.name)
        say(f"{number} of {len(left)}: {cell.title} {line['status']}, {line['minutes']} min")
        if line["status"] == "finished":
            if drop_last:
                folder.last.unlink(missing_ok=True)
            continue
        failed += 1
        log = runs / f"{cell.name}.log"
        if line["exit_code"] == BAD_INPUT:
            last = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
            raise InvalidValueError(f"train.py refused {cell.name}: {last.removeprefix('error: ')}")
        say(f"  failed with exit code {line['exit_code']}; see {log}")
    return failed
