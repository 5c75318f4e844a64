"""Score a checkpoint on the data set that it was trained on, or on another one of the same layout.

python examples/semimedref/evaluate.py runs/NAME/best.ckpt
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semimedref.checkpoints import load_trained
from semimedref.cli import OneLineParser, run
from semimedref.data import load_data
from semimedref.inference import other_captions, score
from semimedref.metrics import table
from semimedref.runs import write_text

from crossmodal_aug.errors import InvalidValueError


def main(arguments: Sequence[str]) -> None:
    """Load checkpoint and data, print the table."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    parser.add_argument("--root", help="folder of the data set, where it is not the one of the run")
    parser.add_argument("--part", choices=("valid", "test"), default="test", help="what to score (default: test)")
    parser.add_argument("--json", type=Path, help="also write the scores to this file, which must not exist")
    options = parser.parse_args(arguments)
    if options.json is not None and options.json.exists():
        raise InvalidValueError(f"{options.json} exists: choose another file for --json")

    trained = load_trained(options.checkpoint)
    if options.root is not None and trained.config.data == "phantom":
        raise InvalidValueError(
            f"Expected no --root, since {options.checkpoint} was trained on phantoms, which are drawn"
        )
    config = trained.config if options.root is None else replace(trained.config, root=options.root)
    data = load_data(config)
    samples = data.test if options.part == "test" else data.valid
    rows = {name: score(model, samples).scores() for name, model in trained.models.items()}
    used = list(rows)[-1]
    rows[f"{used}, other captions"] = score(trained.model, samples, other_captions(samples)).scores()
    print(
        f"{options.checkpoint}, step {trained.step}: {config.data} {options.part} set, {len(samples)} images, percent\n"
    )
    print(table(rows))
    if options.json is not None:
        write_text(options.json, json.dumps({name: one.to_dict() for name, one in rows.items()}, indent=2) + "\n")
        print(f"\n{options.json}")


if __name__ == "__main__":
    run(main)
