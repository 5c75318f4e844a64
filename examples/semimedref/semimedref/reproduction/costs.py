"""What a cell costs: hours and memory, estimated until cells of its kind have been run."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from semimedref.config import Config
from semimedref.reproduction.grid import Cell
from semimedref.reproduction.results import ALIKE, Line

TERAFLOPS = 15.0
"""Assumed of one GPU of the class of an A100 in bfloat16, with the batches being made beside it. Nothing was timed."""


@dataclass(frozen=True)
class Network:
    """What was counted of a network.

    Attributes:
        gigaflops: Of a forward pass over one image of 224 x 224 pixels and a caption of 24 tokens.
        saved: MiB that it keeps of such an image for the gradient, in single precision.
        trained: Million trained parameters.
        frozen: Million parameters of the text encoder.
    """

    gigaflops: float
    saved: float
    trained: float
    frozen: float = 109.0


# Counted with torch's FlopCounterMode and saved_tensors_hooks, with BERT-base.
COUNTED = {
    "mmi-unet": Network(19.5, 129, 50.9),
    "guide-decoder": Network(21.2, 134, 43.6),
    "lavt": Network(22.7, 148, 42.0),
    "lite-unet": Network(5.3, 82, 6.9),
    "compact": Network(0.9, 19, 0.4, 0.0),
}


@dataclass(frozen=True)
class Cost:
    """What a cell costs.

    Attributes:
        hours: Of its training.
        memory: GiB on the GPU.
        disk: GiB of its two checkpoints, and of the frozen encoder that both share.
        measured: Whether the hours come from cells of its kind that have been run, and not from counted operations.
    """

    hours: float
    memory: float
    disk: float
    measured: bool


def cost(cell: Cell, done: Sequence[Line], teraflops: float = TERAFLOPS) -> Cost:
    """Return what a cell costs.

    Args:
        cell: The cell.
        done: The results so far: a cell of the same network, method, size and batch in one go gives the time of a step.
        teraflops: Assumed speed.
    """
    config, network = cell.config, COUNTED[cell.config.model]
    area, steps = (config.size / 224) ** 2, config.optimiser_steps
    times = [seconds for line in done if (seconds := step_seconds(line, config)) is not None]
    # Gradients cost two forward passes more; validation about a tenth of all.
    flops = 1.1 * network.gigaflops * 1e9 * area * passes(config) * config.batch_size * config.accumulate
    seconds = statistics.median(times) if times else flops / (teraflops * 1e12)
    # Weights, gradients, two moments of AdamW, and the teacher's weights.
    weights = (20 * network.trained + 4 * network.frozen) * 1e6 / 2**30
    kept = network.saved * area * config.batch_size * views(config) * (0.6 if "bf16" in config.precision else 1.0)
    stored = (2 * 16 * network.trained + 4 * network.frozen) * 1e6 / 2**30
    return Cost(steps * seconds / 3600, 1.3 * (weights + kept / 1024), stored, bool(times))


def passes(config: Config) -> int:
    """Return how many forward passes' worth of work a step does for each labelled image.

    Example:
        >>> passes(Config(method="supervised")), passes(Config(method="cutmix"))
        (3, 7)
    """
    return 3 * views(config) + (config.method != "supervised")


def views(config: Config) -> int:
    """Return how many images a step learns from for each labelled image."""
    if config.method == "supervised":
        return 1
    return 1 + {"one": 1, "images": 3, "texts": 2}[config.views]


def step_seconds(line: Line, config: Config) -> float | None:
    """Return what a step took in a finished cell of the same kind; None for others, and for one that was resumed."""
    own = line["config"]
    if line["status"] != "finished" or line["resumed"] or not line["steps"]:
        return None
    if any(own[name] != getattr(config, name) for name in ALIKE):
        return None
    return float(line["metrics"]["seconds"]) / int(line["steps"])
