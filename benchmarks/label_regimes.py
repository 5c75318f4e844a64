"""Do the ops help? Each method of the example on real QaTa-COV19, at few labels, over several seeds.

    python benchmarks/label_regimes.py --budget-minutes 60     # runs the next missing cells, as many as fit
    python benchmarks/label_regimes.py --table --plot          # only table and plot from the results, nothing is run
    python benchmarks/label_regimes.py --recipe mmi-unet --methods supervised cutmix semimedref    # for a GPU
    python benchmarks/label_regimes.py --methods semimedref --labels 0.05 --trial focus=0.1        # listed apart

A cell is (share of labels, method, seed). All cells of a recipe share model, size, steps, schedule and the choice of
the checkpoint on the validation set; each is one call of `examples/semimedref/train.py`. Results are appended to
`results/label_regimes.jsonl`, one JSON line a run, those that failed too; a cell that was stopped goes on from its
last checkpoint. Data: CROSSMODAL_AUG_DATA, or --root.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from filelock import FileLock, Timeout
from label_cells import (
    COMPARED,
    LABELS,
    METHODS,
    RECIPES,
    SEEDS,
    Cell,
    Line,
    cells,
    dice_of,
    method_of,
    missing,
    obedience_of,
    read_results,
)
from label_results import plot, table

HERE = Path(__file__).parent
TRAIN = HERE.parent / "examples" / "semimedref" / "train.py"


def commit() -> str:
    """The commit that runs, with a mark if tracked files differ from it, other than results."""
    git = ["git", "-C", str(HERE)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=True, stdout=subprocess.PIPE, text=True)
    elsewhere = (":/", ":(exclude,top)benchmarks/results")
    differs = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *elsewhere], check=False).returncode
    return head.stdout.strip() + ("-dirty" if differs else "")


def machine(threads: int) -> str:
    """What runs it."""
    return f"{platform.machine()}, {threads} of {os.cpu_count()} cores a run, Python {platform.python_version()}"


def valid_dice(run: Path) -> float:
    """Best global Dice on the validation set, from a run's logs; a run that was resumed has several."""
    scores = []
    for log in run.glob("logs/version_*/metrics.csv"):
        with log.open(newline="") as file:
            scores += [float(row["valid/dice"]) for row in csv.DictReader(file) if row.get("valid/dice")]
    return round(max(scores), 4)


def run_cell(cell: Cell, options: argparse.Namespace) -> Line:
    """Train one cell, or go on with it, and return its line."""
    settings, run = cell.settings, options.runs / cell.name
    command = [sys.executable, str(TRAIN), "--runs", str(options.runs), "--name", cell.name]
    command += ["--data", "qata", "--root", str(options.root)]
    command += [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    resumed = (run / "config.json").exists()
    # Given beside it, the settings make sure that the run to go on with is the one of this cell.
    command += ["--resume"] if resumed else []
    started = time.perf_counter()
    line = {
        "settings": settings,
        "commit": commit(),
        "machine": machine(options.threads),
        "resumed": resumed,
        "status": "failed",
    }
    with (options.runs / f"{cell.name}.log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    line["minutes"] = round((time.perf_counter() - started) / 60, 2)
    metrics = run / "metrics.json"
    if code or not metrics.exists():
        return line | {"exit_code": code}
    return line | {"status": "finished", "valid_dice": valid_dice(run), "metrics": json.loads(metrics.read_text())}


def run_missing(options: argparse.Namespace, wanted: list[Cell]) -> None:
    """Run what is missing while the budget lasts; every line is written as soon as its run ends."""
    options.results.parent.mkdir(exist_ok=True)
    left = iter(missing(read_results(options.results), wanted))
    until = time.monotonic() + 60 * options.budget_minutes
    with ThreadPoolExecutor(options.jobs) as pool:
        running: set[Future[Line]] = set()
        for cell in _while_time(left, until):
            if len(running) == options.jobs:
                running = _record(running, options.results)
            if time.monotonic() < until:
                running.add(pool.submit(run_cell, cell, options))
        while running:
            running = _record(running, options.results)


def _while_time(left: Iterator[Cell], until: float) -> Iterator[Cell]:
    for cell in left:
        if time.monotonic() >= until:
            return
        yield cell


def _record(running: set[Future[Line]], path: Path) -> set[Future[Line]]:
    done, rest = wait(running, return_when=FIRST_COMPLETED)
    for one in done:
        line = one.result()
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        shown = line["settings"]
        what = f"{shown['labels']:.0%} {method_of(line)} seed {shown['seed']}"
        dice = f"{dice_of(line):.2f}" if line["status"] == "finished" else f"failed ({line['exit_code']})"
        print(f"{what:32} {dice}  obedience {obedience_of(line):.2f}  {line['minutes']} min", flush=True)
    return rest


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("CROSSMODAL_AUG_DATA")
    parser.add_argument("--root", type=Path, default=Path(default) / "qata" if default else None)
    parser.add_argument("--budget-minutes", type=float, default=float("inf"), help="start no run after this long")
    parser.add_argument("--recipe", choices=RECIPES, default="compact", help="what all runs share (default: compact)")
    parser.add_argument("--labels", type=float, nargs="+", default=LABELS, choices=LABELS)
    parser.add_argument("--methods", nargs="+", default=COMPARED, choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--trial", nargs="+", default=[], metavar="KEY=VALUE", help="other settings, listed apart")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of each run")
    parser.add_argument("--runs", type=Path, default=Path("runs/label_regimes"), help="folder of the runs themselves")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "label_regimes.jsonl")
    parser.add_argument("--table", action="store_true", help="run nothing, write the table")
    parser.add_argument("--plot", action="store_true", help="run nothing, draw the plot")
    options = parser.parse_args()
    if not (options.table or options.plot):
        if options.root is None:
            print("CROSSMODAL_AUG_DATA is not set: say with --root where QaTa-COV19 lies", file=sys.stderr)
            return 2
        trial = dict(one.split("=", maxsplit=1) for one in options.trial)
        options.runs.mkdir(parents=True, exist_ok=True)
        try:
            # Two of these at work in one folder would run the same cells.
            with FileLock(options.runs / "lock", timeout=0):
                run_missing(options, cells(options.recipe, options.labels, options.methods, options.seeds, trial))
        except Timeout:
            print(f"{options.runs}: another benchmark is at work there; give --runs", file=sys.stderr)
            return 2
    results = read_results(options.results)
    if not results:
        print("no run is finished yet", file=sys.stderr)
        return 1
    if options.table or not options.plot:
        options.results.with_suffix(".md").write_text("\n".join(table(results)))
        print(options.results.with_suffix(".md"))
    if options.plot or not options.table:
        plot(results, options.results.with_suffix(".png"))
        print(options.results.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
