"""Do the ops help? Each method of the example on real images, at few labels, over several seeds.

    python benchmarks/label_regimes.py --budget-minutes 60     # runs the next missing cells, as many as fit
    python benchmarks/label_regimes.py --table --plot          # only table and plot from the results, nothing is run
    python benchmarks/label_regimes.py --recipe mmi-unet --local text-encoder=DIR       # for a GPU
    python benchmarks/label_regimes.py --data kvasir                                    # results of its own
    python benchmarks/label_regimes.py --methods semimedref --trial focus=0.25          # listed, not counted

A cell is (share of labels, method, seed, draw of the labelled samples). All cells of a recipe share model, size, steps,
schedule and the choice of the checkpoint on the validation set; each is one call of `examples/semimedref/train.py`.
Results are appended to `results/label_regimes.jsonl`, and those on another data set than QaTa-COV19 to a file named
after it (`results/label_regimes_kvasir.jsonl`), one JSON line a run, those that failed too; a cell that was stopped
goes on from its last checkpoint. A run counts for a cell where it has all of its settings, on the same data, and its
commit says all about its code.

Data: the folder named after the data set below CROSSMODAL_AUG_DATA, or --root.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import fields
from io import StringIO
from itertools import product
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from json_lines import append_line, read_lines
from label_cells import (
    COMPARED,
    DATA,
    DRAWS,
    FIXED,
    LABELS,
    METHODS,
    OTHER_LABELS,
    RECIPES,
    SEEDS,
    TITLES,
    Cell,
    Line,
    data_id,
    dice_of,
    fits,
    method_of,
    missing,
    obedience_of,
    set_of,
    without_places,
)
from label_results import plot, table
from semimedref.cli import OneLineParser
from semimedref.config import Config

HERE = Path(__file__).parent
TRAIN = HERE.parent / "examples" / "semimedref" / "train.py"
CPU = "--accelerator=cpu"


def commit() -> str:
    """The commit that runs, with a mark if tracked files differ from it, other than results."""
    git = ["git", "-C", str(HERE)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=False, stdout=subprocess.PIPE, text=True)
    if head.returncode:
        return "unversioned-dirty"
    elsewhere = (":/", ":(exclude,top)benchmarks/results")
    differs = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *elsewhere], check=False).returncode
    return head.stdout.strip() + ("-dirty" if differs else "")


def machine(threads: int, local: Sequence[str] = ()) -> str:
    """What runs it, where things lie as the options ``local`` say."""
    cores = f"{threads} of {os.cpu_count()} cores a run"
    beside = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() and CPU not in local else ""
    return f"{platform.machine()}, {cores}{beside}, Python {platform.python_version()}, torch {torch.__version__}"


def valid_dice(run: Path) -> float:
    """Best global Dice on the validation set, from a run's logs; a run that was resumed has several."""
    scores = []
    for log in run.glob("logs/version_*/metrics.csv"):
        text = log.read_text(encoding="utf-8")
        # A process that was killed may have left half a line, and half a number in it.
        whole = StringIO(text[: text.rfind("\n") + 1])
        scores += [float(row["valid/dice"]) for row in csv.DictReader(whole) if row.get("valid/dice")]
    return round(max(scores), 4)


def run_cell(cell: Cell, options: argparse.Namespace, data: str) -> Line:
    """Train one cell, or go on with it, and return its line."""
    run = options.runs / cell.name
    command = [sys.executable, str(TRAIN), "--runs", str(options.runs), "--name", cell.name]
    command += ["--root", str(options.root), *cell.options, *options.local]
    resumed = (run / "config.json").exists()
    # Given beside it, the settings make sure that the run to go on with is the one of this cell.
    command += ["--resume"] if resumed else []
    started = time.perf_counter()
    line = {
        "config": cell.config,
        "set": cell.data,
        "data": data,
        "commit": commit(),
        "machine": machine(options.threads, options.local),
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
    line["config"] = without_places(json.loads((run / "config.json").read_text()))
    return line | {"status": "finished", "valid_dice": valid_dice(run), "metrics": json.loads(metrics.read_text())}


def run_missing(options: argparse.Namespace, wanted: list[Cell]) -> int:
    """Run what is missing while the budget lasts; every line is written as soon as its run ends.

    Returns:
        How many runs failed.
    """
    data, failed = data_id(options.root), 0
    left = iter(missing(read_lines(options.results), wanted, data))
    until = time.monotonic() + 60 * options.budget_minutes
    with ThreadPoolExecutor(options.jobs) as pool:
        running: set[Future[Line]] = set()
        cell = next(left, None)
        while running or cell is not None:
            if cell is not None and len(running) < options.jobs and time.monotonic() < until:
                running.add(pool.submit(run_cell, cell, options, data))
                cell = next(left, None)
                continue
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                append_line(options.results, one.result())
                failed += one.result()["status"] != "finished"
                print(told(one.result()), flush=True)
    return failed


def told(line: Line) -> str:
    """Return a run in a few words."""
    config = line["config"]
    what = f"{config['labels']:.0%} {method_of(line)} seed {config['seed']}"
    dice = f"{dice_of(line):.2f}" if line["status"] == "finished" else f"failed ({line['exit_code']})"
    return f"{what:32} {dice}  obedience {obedience_of(line):.2f}  {line['minutes']} min"


def pairs(parser: argparse.ArgumentParser, given: list[str], option: str, allowed: set[str]) -> tuple[str, ...]:
    """Return KEY=VALUE as options of `train.py`, or end with a message."""
    for one in given:
        key, equals, _ = one.partition("=")
        if not equals or key.replace("-", "_") not in allowed:
            parser.error(f"expected {option} KEY=VALUE with a KEY of {', '.join(sorted(allowed))}, but got {one}")
    return tuple(f"--{one}" for one in given)


def with_defaults(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.Namespace:
    """Fill in the folder and the file of results of the data set, or end with a message where the file is another's."""
    default = os.environ.get("CROSSMODAL_AUG_DATA")
    if options.root is None and default:
        options.root = Path(default) / options.data
    if options.results is None:
        options.results = (
            HERE / "results" / f"label_regimes{'' if options.data == 'qata' else f'_{options.data}'}.jsonl"
        )
    others = sorted({set_of(line) for line in read_lines(options.results)} - {options.data})
    if others:
        parser.error(
            f"{options.results}: expected runs on {options.data} alone, but got some on {' and '.join(others)}"
        )
    return options


def main() -> int:
    """Command line."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=DATA, default="qata", help="on what (default: qata)")
    parser.add_argument("--root", type=Path, help="its folder (default: that of its name below CROSSMODAL_AUG_DATA)")
    parser.add_argument("--budget-minutes", type=float, default=float("inf"), help="start no run after this long")
    parser.add_argument("--recipe", choices=RECIPES, default="compact", help="what all runs share (default: compact)")
    parser.add_argument(
        "--labels",
        type=float,
        nargs="+",
        help="shares of labels (default: those of the data set)",
        choices=sorted({share for recipe in RECIPES.values() for share in recipe.steps}),
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=COMPARED,
        choices=METHODS,
        metavar="METHOD",
        help=f"rows of the table (default: {', '.join(COMPARED)}): {', '.join(METHODS)}",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument(
        "--draws", type=int, nargs="+", default=DRAWS, help="of the labelled samples; 0 is the published"
    )
    parser.add_argument("--paired", action="store_true", help="the first seed with the first draw alone, and so on")
    parser.add_argument(
        "--trial", nargs="+", default=[], metavar="KEY=VALUE", help="other settings: listed, not counted"
    )
    parser.add_argument("--local", nargs="+", default=[], metavar="KEY=VALUE", help="where things lie on this machine")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of each run")
    parser.add_argument("--runs", type=Path, default=Path("runs/label_regimes"), help="folder of the runs themselves")
    parser.add_argument("--results", type=Path, help="file of the lines (default: that of the data set)")
    parser.add_argument("--table", action="store_true", help="run nothing, write the table")
    parser.add_argument("--plot", action="store_true", help="run nothing, draw the plot")
    options = with_defaults(parser, parser.parse_args())
    unfit = [method for method in options.methods if not fits(options.recipe, method)]
    if unfit:
        parser.error(f"expected --recipe compact for {', '.join(unfit)}, but got {options.recipe}")
    shares = options.labels or (LABELS if options.data == "qata" else OTHER_LABELS)
    settings = {one.name for one in fields(Config)}
    trial = pairs(parser, options.trial, "--trial", settings - set(FIXED))
    options.local = pairs(parser, options.local, "--local", {"cache", "accelerator", "text_encoder", "image_weights"})
    failed = 0
    if not (options.table or options.plot):
        if options.root is None or not options.root.is_dir():
            parser.error(
                f"expected {TITLES[options.data]} as --root or below CROSSMODAL_AUG_DATA, but got {options.root}"
            )
        if options.paired and len(options.seeds) != len(options.draws):
            parser.error(f"expected as many --draws as --seeds, but got {len(options.draws)} and {len(options.seeds)}")
        pairs_of = (
            zip(options.draws, options.seeds, strict=True) if options.paired else product(options.draws, options.seeds)
        )
        # Those of the first draw and seed first, so that a stop leaves whole comparisons.
        order = product(pairs_of, shares, options.methods)
        wanted = [
            Cell(options.recipe, share, method, seed, trial, draw, options.data)
            for (draw, seed), share, method in order
        ]
        for folder in (options.runs, options.results.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            # Two of these at work for one file of results would run the same cells.
            with FileLock(options.results.with_suffix(".lock"), timeout=0):
                failed = run_missing(options, wanted)
        except Timeout:
            parser.error(f"{options.results}: another benchmark is at work for it")
    results = read_lines(options.results)
    if options.table or not options.plot:
        options.results.with_suffix(".md").write_text("\n".join(table(results)))
        print(options.results.with_suffix(".md"))
    if options.plot or not options.table:
        plot(results, options.results.with_suffix(".png"))
        print(options.results.with_suffix(".png"))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
