"""The cells of the paper's grid, each with all of its settings."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from crossmodal_aug.errors import InvalidValueError
from semimedref.config import Config
from semimedref.settings import flag

Settings = dict[str, Any]

TRAINING_IMAGES = {"qata": 5716, "mosmed": 2183, "phantom": 1000}
"""Of the whole sets: shares of labels and passes over the unlabelled rest are counted on these."""

_PUBLISHED: Settings = {"size": 224, "batch_size": 32, "learning_rate": 3e-4, "precision": "bf16-mixed"}
RECIPES: dict[str, Settings] = {
    "mmi-unet": _PUBLISHED,
    "guide-decoder": _PUBLISHED,
    # The rate of its own paper, whose schedule and size of images are others.
    "lavt": {**_PUBLISHED, "learning_rate": 5e-5},
    "lite-unet": _PUBLISHED,
    "compact": {"size": 96, "batch_size": 16, "learning_rate": 2e-3},
}
"""By network, what all of its cells share: the first two as published, as in `configs/paper-*.yaml`."""

NETWORKS, LABELS, SEEDS = ("mmi-unet", "guide-decoder"), (0.01, 0.02, 0.05, 0.15), (0, 1, 2)
METHODS = ("supervised", "mean-teacher", "cutmix", "paper", "semimedref")
EPOCHS, PATIENCE = 100, 30
BURN_IN, RAMP_UP = 5, 15
"""Passes over the unlabelled images, as published."""

PLACES = ("root", "cache", "runs", "name", "accelerator", "text_encoder", "image_weights")
"""Settings that say where things lie: two runs that differ in them alone are the same cell."""
OF_THE_GRID = (
    *("data", "root", "atlas", "labels", "model", "method", "seed", "steps", "validate_every", "burn_in", "ramp_up"),
    *("runs", "name", "text_encoder", "image_weights"),
)
"""Settings that other options give, or that follow from them."""


@dataclass(frozen=True)
class Budget:
    """How long each cell trains.

    Attributes:
        epochs: Passes over the unlabelled images.
        steps: Optimiser steps in place of them, for a trial; 0 takes ``epochs``.
    """

    epochs: int = EPOCHS
    steps: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.steps < 0:
            raise InvalidValueError(
                f"Expected --epochs of at least 1 and --steps of 0 or more, but got {self.epochs} and {self.steps}"
            )

    def settings(self, data: str, labels: float, batch_size: int) -> Settings:
        """Return the steps, the validations and the schedule of a cell.

        A schedule of fewer than 20 passes is that of 20, shortened.
        """
        a_pass = max(1, unlabelled(data, labels) // batch_size)
        steps, whole = self.steps or self.epochs * a_pass, BURN_IN + RAMP_UP
        share = 1 / max(self.epochs, whole) if not self.steps else 1 / EPOCHS
        return {
            "steps": steps,
            "validate_every": min(a_pass, steps),
            "burn_in": BURN_IN * share,
            "ramp_up": RAMP_UP * share,
        }


def unlabelled(data: str, labels: float) -> int:
    """Return how many images of a whole training set have no mask.

    Example:
        >>> unlabelled("qata", 0.05), unlabelled("mosmed", 0.05)
        (5430, 2074)
    """
    images = TRAINING_IMAGES[data]
    return images - (int(images * labels + 1e-9) if data == "mosmed" else round(images * labels))


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        config: All of its settings.
        sources: Digests of the data and of the weights that it reads, by name: with others it is another cell.
    """

    config: Config
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> Settings:
        """What its result depends on."""
        return {"config": without_places(asdict(self.config)), "sources": dict(self.sources)}

    @property
    def name(self) -> str:
        """Folder of the run."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.title}-{digest}"

    @property
    def title(self) -> str:
        """What a reader knows the cell by."""
        one = self.config
        return f"{one.data}-{one.model}-{one.method}-{100 * one.labels:g}pct-seed{one.seed}"

    @property
    def options(self) -> list[str]:
        """What `train.py` is given: every setting that is not the usual one."""
        usual = asdict(Config(method=self.config.method))
        options = []
        for name, value in asdict(self.config).items():
            if name in ("data", "model", "method", "labels", "seed") or value != usual[name]:
                yes_or_no = flag(name) if value else f"--no-{flag(name)[2:]}"
                options.append(yes_or_no if isinstance(value, bool) else f"{flag(name)}={value}")
        return options


def without_places(config: Mapping[str, Any]) -> Settings:
    """Return the settings that a result depends on."""
    return {name: value for name, value in config.items() if name not in PLACES}


def grid(
    roots: Mapping[str, str],
    networks: Sequence[str],
    labels: Sequence[float],
    methods: Sequence[str],
    seeds: Sequence[int],
    budget: Budget,
    *,
    places: Mapping[str, Settings],
    others: Settings,
    sources: Mapping[str, Mapping[str, str]],
) -> list[Cell]:
    """Return the cells, those of the first seed first, so that a stop leaves whole comparisons.

    Args:
        roots: Folder of each data set, by its name; "" for phantoms.
        networks: Names of `--model`.
        labels: Shares of labels.
        methods: Names of `--method`.
        seeds: Seeds of everything random.
        budget: How long each trains.
        places: By network, where its weights lie.
        others: Settings that all cells have in place of the recipe's.
        sources: By data set and by network, the digests of what is read.

    Raises:
        InvalidValueError: Settings do not go together.
    """
    axes = [list(dict.fromkeys(axis)) for axis in (seeds, roots, networks, labels, methods)]
    cells = []
    for seed, data, network, share, method in product(*axes):
        recipe = {**RECIPES[network], **others}
        about = {"data": data, "root": roots[data], "model": network, "labels": share, "method": method, "seed": seed}
        schedule = budget.settings(data, share, recipe["batch_size"])
        # Patience is counted in passes, so a trial by steps has none.
        patience = {} if budget.steps else {"patience": PATIENCE}
        config = Config(**{**about, **schedule, **patience, **recipe, **places.get(network, {})})
        cells.append(Cell(config, {**sources.get(data, {}), **sources.get(network, {})}))
    return cells


def digest_of_files(root: Path) -> str:
    """Return what tells a data set from another: a digest of the names and sizes of its files."""
    files: Iterable[Path] = sorted(path for path in root.rglob("*") if path.is_file())
    listed = "".join(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()[:12]
