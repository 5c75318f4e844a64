"""Run the paper's whole grid on a GPU machine: data sets, networks, shares of labels, methods and seeds.

python examples/semimedref/reproduce.py --qata DIR --mosmed DIR --list
python examples/semimedref/reproduce.py --qata DIR --mosmed DIR
python examples/semimedref/reproduce.py --data phantom --networks compact --steps 2 --seeds 0 --set size=32
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout
from semimedref.cli import OneLineParser, add_arguments, run, say
from semimedref.config import Config
from semimedref.files import naming
from semimedref.presets import PRESETS
from semimedref.reproduction import grid, weights
from semimedref.reproduction.costs import TERAFLOPS, cost
from semimedref.reproduction.grid import Cell
from semimedref.reproduction.results import finished, read_lines, table
from semimedref.reproduction.running import run_missing
from semimedref.settings import flag

from crossmodal_aug.errors import InvalidValueError, shown

FOLDERS, WEIGHTS = ("qata", "mosmed"), ("--convnext", "--swin", "--lite", "--text-encoder")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    about, _, usage = (__doc__ or "").partition("\n")
    parser = OneLineParser(
        description=about, epilog=usage.strip(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--list", action="store_true", help="run nothing: list cells, hours, memory, disk and weight files")
    add("--data", nargs="+", choices=tuple(grid.TRAINING_IMAGES), default=FOLDERS, help="(default: qata mosmed)")
    for name in FOLDERS:
        add(f"--{name}", metavar="DIR", type=Path, help=f"folder of that data set, as --root of train.py --data {name}")
    add("--networks", nargs="+", choices=tuple(grid.RECIPES), default=grid.NETWORKS, help="(default: the paper's two)")
    add("--labels", nargs="+", type=float, default=grid.LABELS, help="shares of labels (default: 0.01 0.02 0.05 0.15)")
    add("--methods", nargs="+", choices=tuple(PRESETS), default=grid.METHODS, metavar="METHOD",
        help=f"as of train.py (default: {' '.join(grid.METHODS)})")  # fmt: skip
    add("--seeds", nargs="+", type=int, default=grid.SEEDS, help="(default: 0 1 2)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=int, default=grid.EPOCHS,
                        help="passes over the unlabelled images of the whole set (default: 100)")  # fmt: skip
    length.add_argument("--steps", type=int, default=0, help="optimiser steps in place of --epochs, for a trial")
    add("--set", nargs="+", default=[], metavar="KEY=VALUE",
        help="settings of train.py for all cells in place of the recipe's, such as batch-size=16")  # fmt: skip
    add(
        "--convnext", type=Path, metavar="FILE", help="ImageNet weights of mmi-unet and guide-decoder (else downloaded)"
    )
    add("--swin", type=Path, metavar="FILE", help="ImageNet weights of lavt (else downloaded)")
    add("--lite", type=Path, metavar="FILE", help="ImageNet weights of lite-unet, which are not downloaded")
    add("--text-encoder", type=Path, metavar="DIR", help="folder of the frozen BERT (else downloaded)")
    add(
        "--digests", type=Path, metavar="FILE", help="sha256 that the weight files must have, beside the published ones"
    )
    add("--record-digests", type=Path, metavar="FILE", help="write those of the weight files that are given")
    add("--teraflops", type=float, help=f"for --list: assumed speed of the GPU (default: {TERAFLOPS:g})")
    add("--hours", type=float, default=float("inf"), help="start no cell after this long")
    add("--drop-last", action="store_true", help="remove last.ckpt of a finished cell, which only resuming needs")
    add("--runs", type=Path, default=Path("runs/grid"), help="folder of the runs (default: runs/grid)")
    add("--results", type=Path, help="file of the lines, one a cell (default: results.jsonl in --runs)")
    options = parser.parse_args(arguments)
    check_options(options)
    return options


def check_options(options: argparse.Namespace) -> None:
    """Raise where an option is missing, or has no effect.

    Raises:
        InvalidValueError: One is, or has none.
    """
    for name in FOLDERS:
        folder = getattr(options, name)
        if (folder is not None) != (name in options.data):
            wanted = f"--{name} DIR" if folder is None else f"no --{name}, since --data leaves it out"
            came = "none" if folder is None else shown(str(folder))
            raise InvalidValueError(f"Expected {wanted}, but got {came}.")
        if folder is not None and not folder.is_dir():
            raise InvalidValueError(f"{folder}: no such folder, for --{name}.")
    given = vars(options)
    read = {option for network in options.networks for option in weights.READ_BY.get(network, ())}
    files = [option for option in WEIGHTS if given[option[2:].replace("-", "_")] is not None]
    unread = [option for option in files if option not in read]
    if unread:
        raise InvalidValueError(f"Expected no {unread[0]}, since none of {', '.join(options.networks)} reads it.")
    for name in ("digests", "record_digests"):
        if given[name] is not None and not files:
            raise InvalidValueError(f"Expected {' or '.join(WEIGHTS)} beside {flag(name)}, but got neither.")
    if options.teraflops is not None and not (options.list and 0 < options.teraflops < float("inf")):
        raise InvalidValueError(f"Expected --teraflops above 0, and with --list, but got {options.teraflops}.")
    if options.list and (options.hours != float("inf") or options.drop_last):
        raise InvalidValueError("Expected no --hours or --drop-last beside --list, which runs nothing.")
    if not options.hours > 0:
        raise InvalidValueError(f"Expected --hours above 0, but got {options.hours}.")


def settings_of(rows: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE as `train.py` would.

    Raises:
        InvalidValueError: A key is not a setting, or another option of the grid gives it.
    """
    parser = OneLineParser(allow_abbrev=False)
    add_arguments(parser)
    found: dict[str, Any] = {}
    for row in rows:
        key, equals, value = row.partition("=")
        name = key.replace("-", "_")
        if not equals or name not in Config.__dataclass_fields__ or name in (*grid.OF_THE_GRID, *found):
            raise InvalidValueError(
                f"Expected --set KEY=VALUE with a setting of train.py that no other option gives, once, but got {row}."
            )
        switch = {"true": [flag(name)], "false": [f"--no-{flag(name)[2:]}"]}.get(value, [])
        is_switch = Config.__dataclass_fields__[name].type is bool
        if is_switch and not switch:
            raise InvalidValueError(f"Expected --set {key}=true or false, but got {row}.")
        found |= vars(parser.parse_args(switch if is_switch else [f"{flag(name)}={value}"]))
    return found


def cells_of(options: argparse.Namespace, found: dict[str, str]) -> list[Cell]:
    """Return the cells that the options ask for; ``found`` are the digests of the weight files that are given."""
    roots = {name: str(getattr(options, name)) if name in FOLDERS else "" for name in options.data}
    sources = {name: {"data": grid.digest_of_files(Path(root))} for name, root in roots.items() if root}
    places: dict[str, dict[str, Any]] = {}
    for network in options.networks:
        read = weights.READ_BY.get(network, ())
        sources[network] = {name: digest for name, digest in found.items() if name.split()[0] in read}
        given = {option: getattr(options, option[2:].replace("-", "_")) for option in read}
        names = {"--text-encoder": "text_encoder"}
        places[network] = {
            names.get(one, "image_weights"): str(path) for one, path in given.items() if path is not None
        }
    axes = (options.networks, options.labels, options.methods, options.seeds)
    budget = grid.Budget(options.epochs, options.steps)
    return grid.grid(roots, *axes, budget, places=places, others=settings_of(options.set), sources=sources)


def check_weights(cells: Sequence[Cell]) -> None:
    """Raise where a cell would start from weights that are neither given nor downloaded.

    Args:
        cells: Those that are to run.

    Raises:
        InvalidValueError: One does.
    """
    for cell in cells:
        one, read = cell.config, weights.READ_BY.get(cell.config.model, ())
        wanted = [option for option in read if option in weights.NOT_DOWNLOADED]
        if wanted and one.pretrained == "imagenet" and not one.image_weights:
            [file] = weights.told(wanted)
            raise InvalidValueError(
                f"Expected the weights of {one.model}, which are not downloaded, or --set pretrained=text, but got "
                f"neither; {file}."
            )


def list_cells(options: argparse.Namespace, cells: Sequence[Cell]) -> None:
    """Print what would run, and what it needs."""
    lines = read_lines(options.results)
    done = finished(cells, lines)
    costs = [cost(cell, lines, options.teraflops or TERAFLOPS) for cell in cells]
    for cell, line, one in zip(cells, done, costs, strict=True):
        state = "done" if line else f"{one.hours:.2g} h {'measured' if one.measured else 'estimated'}"
        say(f"{cell.title}: {cell.config.optimiser_steps} steps, {state}")
    left = [one for one, line in zip(costs, done, strict=True) if not line]
    sure = "measured" if all(one.measured for one in left) else "estimated"
    hours, disk = sum(one.hours for one in left), sum(one.disk for one in left)
    memory = max((one.memory for one in left), default=0)
    say(
        "",
        f"{len(cells)} cells, {len(left)} to run: about {hours:.3g} h on one GPU ({sure}), {memory:.2g} GiB of its "
        f"memory (estimated), {disk:.3g} GiB of disk for checkpoints (estimated)",
    )
    read = {option for network in options.networks for option in weights.READ_BY.get(network, ())}
    say("", "weight files:" if read else "no weight files", *weights.told(sorted(read)))


def main(arguments: Sequence[str]) -> None:
    """Check the weights, list the cells or run those that are missing, print the table."""
    options = parsed(arguments)
    options.results = options.results or options.runs / "results.jsonl"
    given = {option: getattr(options, option[2:].replace("-", "_")) for option in WEIGHTS}
    found = weights.digests({option: path for option, path in given.items() if path is not None})
    read = {option for network in options.networks for option in weights.READ_BY.get(network, ())}
    downloaded = [
        f"{option} is not given: train.py downloads what it needs of it, and no digest is recorded"
        for option in sorted(read)
        if given[option] is None and option not in weights.NOT_DOWNLOADED
    ]
    for line in (*weights.check(found, weights.read_digests(options.digests) if options.digests else {}), *downloaded):
        say(line)
    if options.record_digests is not None:
        weights.write_digests(options.record_digests, found)
    cells = cells_of(options, found)
    if options.list:
        list_cells(options, cells)
        return
    done = finished(cells, read_lines(options.results))
    check_weights([cell for cell, line in zip(cells, done, strict=True) if not line])
    with naming(options.runs):
        options.runs.mkdir(parents=True, exist_ok=True)
    with naming(options.results.parent):
        options.results.parent.mkdir(parents=True, exist_ok=True)
    # A scheduler that ends this process ends the training too.
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with FileLock(options.results.with_name(options.results.name + ".lock"), timeout=0):
            failed = run_missing(cells, options.runs, options.results, hours=options.hours, drop_last=options.drop_last)
    except Timeout as error:
        raise InvalidValueError(f"{options.results}: another process is at work for it.") from error
    say("", *table(cells, read_lines(options.results)).splitlines())
    if failed:
        sys.exit(1)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Take SIGTERM for Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    run(main, interrupted="interrupted; the same command goes on")
