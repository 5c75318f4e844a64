"""Do the ops help? Each method of the example on real QaTa-COV19, at few labels, over several seeds.

    python benchmarks/label_regimes.py --budget-minutes 60     # runs the next missing cells, as many as fit
    python benchmarks/label_regimes.py --table --plot          # only table and plot from the results, nothing is run

A cell is (share of labels, method, seed). All cells share model, size, steps, schedule and the choice of the checkpoint
on the validation set; each is one call of `examples/semimedref/train.py`. Results are appended to
`results/label_regimes.jsonl`, one JSON line a run, those that failed too; a cell that was stopped goes on from its last
checkpoint. Data: CROSSMODAL_AUG_DATA, or --root.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TRAIN = HERE.parent / "examples" / "semimedref" / "train.py"
METHODS = ("supervised", "mean-teacher", "cutmix", "semimedref")
LABELS = (0.01, 0.05)
SEEDS = (0, 1, 2)
# One step costs the same for all methods with a teacher; five times the labels deserve a longer schedule.
STEPS = {0.01: 500, 0.05: 800}
SETTINGS = {"model": "compact", "size": 96, "batch-size": 16, "validate-every": 50}
# At 5 % half of the samples narrowed is too many for so short a schedule.
EXTRA = {("semimedref", 0.05): {"focus": 0.25}}

Cell = tuple[float, str, int]


def cells(labels: list[float], methods: list[str], seeds: list[int]) -> list[Cell]:
    """All cells, those of the first seed first, so that a stop leaves whole comparisons."""
    return [(share, method, seed) for seed, share, method in product(seeds, labels, methods)]


def settings_of(cell: Cell) -> dict[str, Any]:
    """The settings of a run, by option of `train.py`."""
    share, method, seed = cell
    about = {"labels": share, "method": method, "seed": seed, "steps": STEPS[share]}
    return about | SETTINGS | EXTRA.get((method, share), {})


def read_results(path: Path) -> list[dict[str, Any]]:
    """Runs made so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def missing(results: list[dict[str, Any]], wanted: list[Cell]) -> list[Cell]:
    """Cells whose settings no finished run has."""
    done = [one["settings"] for one in results if one["status"] == "finished"]
    return [cell for cell in wanted if settings_of(cell) not in done]


def commit() -> str:
    """The commit that runs, with a mark if tracked files differ from it."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def machine(threads: int) -> str:
    """What runs it."""
    return f"{platform.machine()}, {threads} of {os.cpu_count()} cores a run, Python {platform.python_version()}"


def run_cell(cell: Cell, root: Path, runs: Path, threads: int) -> dict[str, Any]:
    """Train one cell, or go on with it, and return its line."""
    settings = settings_of(cell)
    name = "-".join(str(value) for value in (cell[1], f"{100 * cell[0]:g}pct", f"seed{cell[2]}", settings["steps"]))
    command = [sys.executable, str(TRAIN), "--runs", str(runs), "--name", name, "--data", "qata", "--root", str(root)]
    command += [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    resumed = (runs / name / "config.json").exists()
    # Given beside it, the settings make sure that the run to go on with is the one of this cell.
    command += ["--resume"] if resumed else []
    started = time.perf_counter()
    line = {
        "settings": settings,
        "commit": commit(),
        "machine": machine(threads),
        "resumed": resumed,
        "status": "failed",
    }
    with (runs / f"{name}.log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    line["minutes"] = round((time.perf_counter() - started) / 60, 2)
    metrics = runs / name / "metrics.json"
    if code or not metrics.exists():
        return line | {"exit_code": code}
    return line | {"status": "finished", "metrics": json.loads(metrics.read_text())}


def run_missing(options: argparse.Namespace, wanted: list[Cell]) -> None:
    """Run what is missing while the budget lasts; every line is written as soon as its run ends."""
    options.runs.mkdir(parents=True, exist_ok=True)
    options.results.parent.mkdir(exist_ok=True)
    left = iter(missing(read_results(options.results), wanted))
    until = time.monotonic() + 60 * options.budget_minutes
    with ThreadPoolExecutor(options.jobs) as pool:
        running: set[Future[dict[str, Any]]] = set()
        for cell in _while_time(left, until):
            if len(running) == options.jobs:
                running = _record(running, options.results)
            if time.monotonic() < until:
                running.add(pool.submit(run_cell, cell, options.root, options.runs, options.threads))
        while running:
            running = _record(running, options.results)


def _while_time(left: Iterator[Cell], until: float) -> Iterator[Cell]:
    for cell in left:
        if time.monotonic() >= until:
            return
        yield cell


def _record(running: set[Future[dict[str, Any]]], path: Path) -> set[Future[dict[str, Any]]]:
    done, rest = wait(running, return_when=FIRST_COMPLETED)
    for one in done:
        line = one.result()
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        shown = line["settings"]
        what = f"{shown['labels']:.0%} {shown['method']} seed {shown['seed']}"
        dice = f"{dice_of(line):.2f}" if line["status"] == "finished" else f"failed ({line['exit_code']})"
        print(f"{what:32} {dice}  obedience {obedience_of(line):.2f}  {line['minutes']} min", flush=True)
    return rest


def dice_of(line: dict[str, Any]) -> float:
    """Global test Dice of the model to use: the teacher where there is one."""
    test = line.get("metrics", {}).get("test", {})
    rows = [row for name, row in test.items() if "captions" not in name]
    return float(rows[-1]["global_dice"]) if rows else float("nan")


def obedience_of(line: dict[str, Any]) -> float:
    """Dice under captions narrowed to one side, the mean of both sides."""
    value = line.get("metrics", {}).get("obedience")
    return float("nan") if value is None else float(value)


def grouped(results: list[dict[str, Any]]) -> dict[tuple[float, str], list[dict[str, Any]]]:
    """The newest finished run of each cell, by share of labels and method."""
    newest: dict[Cell, dict[str, Any]] = {}
    for line in results:
        shown = line["settings"]
        cell = (shown["labels"], shown["method"], shown["seed"])
        if line["status"] == "finished" and shown == settings_of(cell):
            newest[cell] = line
    groups: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for share, method, seed in sorted(newest, key=lambda cell: (cell[0], METHODS.index(cell[1]), cell[2])):
        groups.setdefault((share, method), []).append(newest[share, method, seed])
    return groups


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """Markdown: means over seeds first, then every run that was made."""
    groups = grouped(results)
    yield "# Few labels on QaTa-COV19\n"
    about = ", ".join(f"{key} {value}" for key, value in SETTINGS.items())
    yield f"Real test images, {about}; checkpoint chosen on the validation set. Percent; mean and range over seeds.\n"
    yield "| labels | method | seeds | global Dice | obedience | obedience left / right | other captions |"
    yield "|--:|---|--:|--:|--:|--:|--:|"
    for (share, method), lines in groups.items():
        sides = " / ".join(
            f"{np.mean([line['metrics'][f'obedience_{side}'] for line in lines]):.1f}" for side in ("left", "right")
        )
        tests = [line["metrics"]["test"].items() for line in lines]
        others = np.mean([row["global_dice"] for test in tests for name, row in test if "captions" in name])
        yield (
            f"| {share:.0%} | {method} | {len(lines)} | {_spread([dice_of(line) for line in lines])} | "
            f"{_spread([obedience_of(line) for line in lines])} | {sides} | {others:.1f} |"
        )
    yield "\n## Every run\n"
    yield "| labels | method | seed | steps | status | global Dice | obedience | minutes | commit |"
    yield "|--:|---|--:|--:|---|--:|--:|--:|---|"
    for line in results:
        shown = line["settings"]
        yield (
            f"| {shown['labels']:.0%} | {shown['method']} | {shown['seed']} | {shown['steps']} | {line['status']} | "
            f"{dice_of(line):.2f} | {obedience_of(line):.2f} | {line['minutes']:.1f} | {line['commit']} |"
        )
    yield ""
    yield from sorted({f"Machine: {line['machine']}." for line in results})
    yield ""


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.1f} - {max(values):.1f})"


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Plain Dice against obedience, a point a run, a ring at each mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    groups = grouped(results)
    shares = sorted({share for share, _ in groups})
    figure, axes = plt.subplots(1, len(shares), figsize=(5 * len(shares), 4.2), layout="constrained", squeeze=False)
    colours = dict(zip(METHODS, ("#7f8c8d", "#2e86de", "#e67e22", "#1e8449"), strict=True))
    for axis, share in zip(axes[0], shares, strict=True):
        for (other, method), lines in groups.items():
            if other == share:
                x, y = [obedience_of(line) for line in lines], [dice_of(line) for line in lines]
                axis.scatter(x, y, color=colours[method], s=22, alpha=0.7)
                axis.scatter([np.mean(x)], [np.mean(y)], s=160, facecolors="none", edgecolors=colours[method], lw=2)
                axis.annotate(method, (np.mean(x), np.mean(y)), xytext=(10, 8), textcoords="offset points", fontsize=9)
        axis.set(title=f"{share:.0%} of the labels", xlabel="obedience, Dice %", ylabel="global test Dice, %")
        axis.margins(0.25)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("CROSSMODAL_AUG_DATA")
    parser.add_argument("--root", type=Path, default=Path(default) / "qata" if default else None)
    parser.add_argument("--budget-minutes", type=float, default=float("inf"), help="start no run after this long")
    parser.add_argument("--labels", type=float, nargs="+", default=LABELS, choices=LABELS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
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
        run_missing(options, cells(options.labels, options.methods, options.seeds))
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
