"""What ops and loss cost in training: their share of a step, and the share of making the batch, from a run's own log.

    python benchmarks/step_share.py                              # mmi-unet at 224 px, as published, random weights
    python benchmarks/step_share.py --model compact --size 96

Trains `semimedref` on drawn chests for a few steps, through the example's own trainer, with the teacher and every op
in use from the first step. The shares are the columns `time/ops share` (ops, rewriting of captions, parsing and the
forward pass of ITCL) and `time/data share` of its log. The backward pass of ITCL, which the log cannot tell from that
of the network, is timed by itself, on embeddings of the same size, and added to the former. Time does not depend on
what the weights are, so BERT starts at random; its real vocabulary and config are read from CROSSMODAL_AUG_DATA, or
from --text-encoder.
"""

import argparse
import csv
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from json_lines import append_line

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples" / "semimedref"))

from semimedref.config import Config  # noqa: E402
from semimedref.data import load_data  # noqa: E402
from semimedref.data.module import SamplesModule  # noqa: E402
from semimedref.data.samples import DataSet  # noqa: E402
from semimedref.methods import METHODS, Method  # noqa: E402
from semimedref.runs import RunFolder  # noqa: E402
from semimedref.trainer import make_trainer  # noqa: E402
from semimedref.training import make_student  # noqa: E402


def shares(config: Config) -> dict[str, float]:
    """Train and return the last line of the log that holds the shares."""
    data = load_data(config)
    # One image to validate on: what is asked is the time of a step.
    one = DataSet(data.labelled, data.unlabelled, data.valid.take([0]), data.test.take([0]), data.atlas)
    steps = config.optimiser_steps
    module = METHODS[config.method](make_student(config, one), config, one.atlas, steps=steps, steps_a_pass=100)
    batches = SamplesModule(one, batch_size=config.batch_size, steps_an_epoch=steps, seed=0, accumulate=1)
    with tempfile.TemporaryDirectory() as folder:
        make_trainer(module, RunFolder(Path(folder)), 1).fit(module, batches)
        with (Path(folder) / "logs" / "version_0" / "metrics.csv").open(newline="") as file:
            lines = [line for line in csv.DictReader(file) if line.get("time/ops share")]
    found = {part: float(lines[-1][f"time/{part} share"]) for part in ("ops", "data")}
    # Each step has two contrastive losses: of labelled and of unlabelled samples.
    return found | {"itcl_backward": 2 * itcl_backward(module, one) / (module.clock.seconds / steps)}


def itcl_backward(module: Method, data: DataSet, repeats: int = 20) -> float:
    """Return the seconds that the gradient of one contrastive loss takes, the median of some repeats."""
    texts = data.labelled.texts[: module.config.batch_size]
    text = module.student.embed_texts(module.tokens(texts)).detach()
    seconds = []
    for _ in range(repeats):
        leaves = [text.clone().requires_grad_(), torch.randn_like(text).requires_grad_()]
        loss, _ = module.contrast(*leaves, texts, "unlabelled")
        start = time.perf_counter()
        loss.backward()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = os.environ.get("CROSSMODAL_AUG_DATA", "")
    parser.add_argument("--model", default="mmi-unet", choices=("compact", "mmi-unet", "guide-decoder"))
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--text-encoder", default=f"{root}/cxr_bert" if root else "")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "step_share.jsonl")
    options = parser.parse_args()
    if options.model != "compact" and not options.text_encoder:
        parser.error("expected CROSSMODAL_AUG_DATA to be set, or a BERT's folder as --text-encoder")
    about = {key: getattr(options, key) for key in ("model", "size", "batch_size", "steps")}
    extra = {} if options.model == "compact" else {"pretrained": "none", "text_encoder": options.text_encoder}
    config = Config(**about, **extra, validate_every=options.steps, burn_in=0.0, ramp_up=0.0, accelerator="cpu")
    found = shares(config)
    machine = f"{platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores, torch {torch.__version__}"
    append_line(options.results, {**about, **found, "machine": machine})
    print(f"ops and loss {found['ops'] + found['itcl_backward']:.2%} of a step, data {found['data']:.2%}")


if __name__ == "__main__":
    main()
