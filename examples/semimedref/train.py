"""Train a referring segmentation model with few masks.

python examples/semimedref/train.py
python examples/semimedref/train.py --data qata --root DIR --labels 0.05
python examples/semimedref/train.py --config examples/semimedref/configs/semimedref-qata.yaml --root DIR
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from semimedref.cli import OneLineParser, add_arguments, run, say
from semimedref.config import Config
from semimedref.data import load_data
from semimedref.metrics import table
from semimedref.ranks import is_first
from semimedref.runs import RunFolder, find_run, joined_run, new_run, refuse_taken, training_in
from semimedref.trainer import check_devices
from semimedref.training import check_data, make_student, train

from crossmodal_aug.errors import InvalidValueError


def main(arguments: Sequence[str]) -> None:
    """Read the settings, load the data, train, print scores and paths."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    add_arguments(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint of the run that these settings name"
    )
    parser.add_argument(
        "--accept-changed-data",
        action="store_true",
        help="with --resume: go on where the images, captions or masks have changed since the run began",
    )
    parser.add_argument("--config", type=Path, help="YAML file of settings; what is given beside it counts instead")
    given = vars(parser.parse_args(arguments))
    resume, file, accept_changed_data = (given.pop(name) for name in ("resume", "config", "accept_changed_data"))
    if accept_changed_data and not resume:
        raise InvalidValueError("Expected --resume beside --accept-changed-data, since a new run begins with any data.")
    if file is not None:
        given = {**Config.read_yaml(file), **given}

    folder: RunFolder | None = None
    if resume:
        runs, name = Path(given.get("runs", Config.runs)), given.get("name", "")
        folder = find_run(runs, name, "" if name else Config(**given).default_name)
        stored = Config.from_json(folder.config.read_bytes(), str(folder.config))
        config = stored.with_given(given, source=str(folder.config))
        if folder.metrics.exists():
            say(f"{folder.path} is complete: {folder.metrics} holds its scores")
            return
        say(f"resuming {folder.path}" + ("" if folder.last.exists() else " (no checkpoint yet: from the start)"))
    else:
        config = Config(**given)
        if is_first() and config.name:
            refuse_taken(Path(config.runs) / config.name)

    data = load_data(config)
    check_data(config, data)
    check_devices(config)
    student = make_student(config, data)
    if not is_first():
        joined = folder or joined_run(Path(config.runs), config.name)
        train(config, data, student, joined, accept_changed_data=accept_changed_data)
        return
    say(
        *data.notes,
        f"{config.data}: {len(data.labelled)} labelled, {len(data.unlabelled)} unlabelled, "
        f"{len(data.valid)} validation, {len(data.test)} test images",
    )
    if folder is None:
        # Only now: bad input must leave no folder behind.
        folder = new_run(Path(config.runs), config.name, config.default_name, config.to_json())
        say(f"writing to {folder.path}; if it is stopped, --resume --name {folder.path.name} goes on")
    with training_in(folder):
        scores = train(config, data, student, folder, accept_changed_data=accept_changed_data)
    print(f"\n{config.data} test set, {len(data.test)} images, percent\n\n{table(scores.rows)}\n\n{scores.obedience}\n")
    for name in ("ops.png", "predictions.png", "metrics.json", "metrics.csv", "best.ckpt"):
        say(folder.path / name)
    evaluate = Path(sys.argv[0]).with_name("evaluate.py")
    say("", f"next: python {evaluate} {folder.path} --out {folder.path / 'evaluation'}")


if __name__ == "__main__":
    run(main, interrupted="interrupted; --resume continues from the last checkpoint")
