"""What a change of the training does to other wordings, on the validation images, where such changes are decided.

    python benchmarks/reading_trials.py --runs runs/label_regimes --only semimedref-reads

Scores the best checkpoint of each run whose folder's name holds a word, in the words of the data set and in those of
`evaluate.py`, of which no sentence is in the training. `results/reading_trials.jsonl` gets one line a run.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "semimedref"))

import torch
from json_lines import append_line, read_lines
from label_cells import without_places
from label_regimes import commit
from label_scores import finished, rounded, weights_id
from semimedref.checkpoints import load_trained
from semimedref.cli import BAD_INPUT, OneLineParser, add_device, check_device, complain
from semimedref.data import load_data
from semimedref.evaluation.paraphrases import paraphrased, wordings
from semimedref.inference import score

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import CrossModalError

RESULTS = Path(__file__).parent / "results" / "reading_trials.jsonl"


def main() -> int:
    """Command line."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", default="", help="runs whose folder's name holds this")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of the lines")
    parser.add_argument("--cache", default="", help="folder that keeps decoded pictures between calls")
    add_device(parser)
    options = parser.parse_args()
    if not options.runs.is_dir():
        parser.error(f"expected a folder of runs as --runs, but got {options.runs}")
    torch.set_num_threads(1)
    try:
        score_missing(options)
    except (CrossModalError, OSError) as error:
        complain(error)
        return BAD_INPUT
    return 0


def score_missing(options: argparse.Namespace) -> None:
    """Score the runs that have no line yet; every line is written as soon as its run is scored.

    Raises:
        CrossModalError: There is no such device, or a checkpoint or its data cannot be read.
    """
    check_device(options.device)
    known = {(line["run"], line["weights"]) for line in read_lines(options.results)}
    for folder in finished(options.runs):
        key = (folder.path.name, weights_id(folder))
        if options.only not in folder.path.name or key in known:
            continue
        trained = load_trained(folder.best)
        trained.model.to(options.device)
        data = load_data(replace(trained.config, cache=options.cache or trained.config.cache))
        reader = PositionParser(data.atlas)
        asked = {"own": list(data.valid.texts)}
        asked |= {name: paraphrased(data.valid.texts, reader, words) for name, words in wordings(data.atlas).items()}
        found = {
            name: rounded(score(trained.model, data.valid, texts).scores().global_dice) for name, texts in asked.items()
        }
        line = {"run": key[0], "weights": key[1], "config": without_places(vars(trained.config)), "scored_at": commit()}
        append_line(options.results, line | {"images": len(data.valid), "dice": found})
        print(f"{key[0]}: {found}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
