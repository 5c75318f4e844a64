"""Scores finished runs with every measure of the example, and says by how much each method differs from chosen ones.

    CROSSMODAL_AUG_DATA=DIR python benchmarks/label_scores.py --runs runs/label_regimes

A run is scored once, by the best checkpoint in its folder: `results/label_scores.jsonl` gets one line, and
`results/label_counts.jsonl` its counts image by image, from which the paired intervals in `results/label_scores.md`
follow. Both files only grow. The counts go to the folder of the run as well, for `examples/semimedref/compare.py`.
"""

import argparse
import hashlib
import os
import platform
import time
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path

import torch
from json_lines import Line, append_line, read_lines
from label_cells import config_of, data_id, set_of, without_places
from label_counts import images_line, packed
from label_regimes import commit
from label_scores_table import table
from semimedref.checkpoints import load_trained
from semimedref.cli import BAD_INPUT, OneLineParser, add_device, check_device, complain
from semimedref.config import Config
from semimedref.data import load_data
from semimedref.data.digest import changed_parts, data_digests
from semimedref.data.samples import DataSet
from semimedref.data_settings import DataSettings
from semimedref.evaluation.answers import readings
from semimedref.evaluation.calibration import BINS, reliability
from semimedref.evaluation.measures import measure, weighted_scores
from semimedref.evaluation.tally import Tally, tally
from semimedref.evaluation.tally_file import write_tally
from semimedref.evaluation.totals import scores
from semimedref.runs import RunFolder
from semimedref.styling import usual_caption

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import CrossModalError, InvalidValueError

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "label_scores.jsonl"
"""Beside it lie `label_counts.jsonl` and `label_images.jsonl`."""

MOST_THREADS = 1024

OF_THE_DATA = (*(one.name for one in fields(DataSettings)), "size")
"""Settings that say what is read."""


def finished(runs: Path) -> list[RunFolder]:
    """Return the runs of a folder that are complete, by name."""
    folders = map(RunFolder, sorted(path for path in runs.iterdir() if path.is_dir()))
    return [folder for folder in folders if folder.metrics.is_file() and folder.best.is_file()]


def weights_id(folder: RunFolder) -> str:
    """Return what tells the weights of a run from those of another."""
    return hashlib.sha256(folder.best.read_bytes()).hexdigest()[:12]


@cache
def data_of(settings: tuple[tuple[str, object], ...]) -> tuple[DataSet, dict[str, str]]:
    """Return the data set of some runs, and the digests of its parts; read once for all that share the settings."""
    data = load_data(Config(**dict(settings)))
    return data, data_digests(data)


def score_run(
    folder: RunFolder, picture_cache: str, regimes: list[Line], device: str = "cpu"
) -> tuple[Line, Line, Tally]:
    """Score a run.

    Args:
        folder: Its folder.
        picture_cache: Folder that keeps decoded pictures; "" keeps nothing but what the run itself kept.
        regimes: Lines of `label_regimes.py`, which know the commit that a run was trained at.
        device: Where the network works.

    Returns:
        Its line of scores, the line of its images, and its counts.

    Raises:
        CrossModalError: The checkpoint cannot be read, or the data are no longer those that it was trained on.
    """
    trained = load_trained(folder.best)
    trained.model.to(device)
    kept = picture_cache and trained.config.data != "phantom"
    config = replace(trained.config, cache=picture_cache) if kept else trained.config
    data, digests = data_of(tuple((name, getattr(config, name)) for name in OF_THE_DATA))
    changed = changed_parts(trained.digests, digests)
    if changed:
        raise CrossModalError(f"{folder.path}: expected the data of its training, but {', '.join(changed)} changed.")
    started, used = time.perf_counter(), time.process_time()
    parser = PositionParser(data.atlas)
    template = usual_caption((*data.labelled.texts, *data.unlabelled.texts), parser)
    about = {"checkpoint": folder.best.name, "step": trained.step, "part": "test", "data": digests["test"]}
    about |= {"template": template, "settings": asdict(trained.config)}
    counted = tally(trained.model, data.test, parser, readings(template), about=about)
    measured = measure(trained.model, data.test)
    whole = weighted_scores(measured, torch.ones(1, len(measured), dtype=torch.float64))
    beside = {name: whole[name].item() for name in ("precision", "recall", "hd95", "ece", "lesions", "false_lesions")}
    plain = without_places(asdict(trained.config))
    here = data_id(Path(trained.config.root))
    noted = next((one for one in reversed(regimes) if one.get("data", here) == here and config_of(one) == plain), None)
    line = {
        "run": folder.path.name,
        "set": set_of(noted) if noted else trained.config.data,
        "weights": weights_id(folder),
        "config": plain,
        "trained_at": noted["commit"] if noted else None,
        "scored_at": commit(),
        "machine": machine(device),
        "data": digests["test"][:12],
        "images": len(data.test),
        "patients": int(counted.patients.max()) + 1,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time() - used, 1),
        "valid_dice": noted.get("valid_dice") if noted else None,
        "scores": {name: rounded(value) for name, value in scores(counted).items()},
        "other": {name: rounded(value) for name, value in beside.items()} | {"without_hd95": measured.without_hd95},
        "bins": BINS,
        "reliability": [
            {name: rounded(value) for name, value in one.items()} for one in reliability(measured.bins.sum(dim=0))
        ],
    }
    return line, images_line(counted, line["data"]), counted


def rounded(value: float) -> float | None:
    """Return a number with four digits behind the point; None for what is undefined."""
    return None if value != value else round(value, 4)  # noqa: PLR0124


def machine(device: str = "cpu") -> str:
    """What scores."""
    cores = f"{torch.get_num_threads()} of {os.cpu_count()} cores"
    beside = f", {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else ""
    return f"{platform.machine()}, {cores}{beside}, torch {torch.__version__}"


def score_missing(options: argparse.Namespace) -> int:
    """Score the runs that have no line yet; every line is written as soon as its run is scored.

    Returns:
        How many runs could not be scored.
    """
    counts, images = beside(options.results)
    regimes = [line for path in options.regimes for line in read_lines(path)]
    known = {(line["run"], line["weights"]) for line in read_lines(options.results)}
    failed = 0
    for folder in finished(options.runs):
        if (folder.path.name, weights_id(folder)) in known:
            continue
        try:
            line, pictures, counted = score_run(folder, options.cache, regimes, options.device)
        except (CrossModalError, OSError) as error:
            complain(error)
            failed += 1
            continue
        if line["data"] not in [one["data"] for one in read_lines(images)]:
            append_line(images, pictures)
        key = {name: line[name] for name in ("run", "weights", "data")}
        append_line(counts, key | packed(counted))
        write_tally(folder.counts, counted)
        append_line(options.results, line)
        dice, used = line["scores"]["global Dice"], line["processor_seconds"]
        print(
            f"{folder.path.name}: global Dice {dice:.2f}, {line['seconds']:.0f} s, {used:.0f} s of it at work",
            flush=True,
        )
    return failed


def beside(results: Path) -> tuple[Path, Path]:
    """Return the files of counts and of images that belong to a file of scores."""
    return (
        results.with_name(results.name.replace("scores", "counts")),
        results.with_name(results.name.replace("scores", "images")),
    )


def check_files(options: argparse.Namespace) -> None:
    """Raise unless files can be read and written where they should be.

    Raises:
        InvalidValueError: They cannot.
    """
    results: Path = options.results
    if not results.parent.is_dir():
        raise InvalidValueError(f"{results.parent}: no such folder for the results.")
    for file in (results, *beside(results), *options.regimes):
        if file.is_dir():
            raise InvalidValueError(f"{file}: expected a file, but it is a folder.")
        read_lines(file)
    if options.cache and Path(options.cache).exists() and not Path(options.cache).is_dir():
        raise InvalidValueError(f"{options.cache}: expected a folder of pictures, but it is a file.")


def main() -> int:
    """Command line."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="folder of the runs; without it only the table is written")
    parser.add_argument(
        "--against", nargs="+", default=("cutmix", "semimedref"), help="methods that the others are compared with"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of scores; its name holds `scores`")
    parser.add_argument(
        "--regimes",
        type=Path,
        nargs="+",
        default=sorted(RESULTS.parent.glob("label_regimes*.jsonl")),
        help="files of `label_regimes.py`, which say with which commit a run was trained",
    )
    parser.add_argument("--cache", default="", help="folder that keeps decoded pictures between calls")
    parser.add_argument("--threads", type=int, default=1, help="threads that score (default: 1)")
    add_device(parser)
    options = parser.parse_args()
    if "scores" not in options.results.name:
        parser.error(f"expected --results with a file whose name holds `scores`, but got {options.results}")
    if options.runs is not None and not options.runs.is_dir():
        parser.error(f"expected a folder of runs as --runs, but got {options.runs}")
    if not 1 <= options.threads <= MOST_THREADS:
        wanted = "1 or more" if options.threads < 1 else f"at most {MOST_THREADS}"
        parser.error(f"expected --threads to be {wanted}, but got {options.threads}")
    torch.set_num_threads(options.threads)
    try:
        check_device(options.device)
        return scored(options)
    except (CrossModalError, OSError) as error:
        complain(error)
        return BAD_INPUT


def scored(options: argparse.Namespace) -> int:
    """Score what is not scored yet, and write the table.

    Returns:
        1 where a run could not be scored, and else 0.

    Raises:
        InvalidValueError: A file or a folder is not what it should be.
    """
    check_files(options)
    failed = score_missing(options) if options.runs is not None else 0
    counts, images = beside(options.results)
    lines = table(read_lines(options.results), read_lines(counts), read_lines(images), options.against)
    options.results.with_suffix(".md").write_text("\n".join(lines))
    print(options.results.with_suffix(".md"))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
