"""The cells of `label_regimes.py`: which settings each run has, and what its line in the results says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Settings = dict[str, Any]

LABELS = (0.01, 0.05)
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Recipe:
    """What all cells of a comparison share.

    Attributes:
        settings: By option of `train.py`.
        steps: Optimiser steps by share of labels: more labels deserve a longer schedule.
    """

    settings: Settings
    steps: dict[float, int]


RECIPES = {
    "compact": Recipe(
        {"model": "compact", "size": 96, "batch-size": 16, "validate-every": 50},
        {0.01: 500, 0.05: 1200},
    ),
    "mmi-unet": Recipe(
        {
            "model": "mmi-unet",
            "size": 224,
            "batch-size": 16,
            "learning-rate": 3e-4,
            "validate-every": 100,
            "precision": "bf16-mixed",
        },
        {0.01: 3000, 0.05: 6000},
    ),
}

METHODS: dict[str, Settings] = {
    "supervised": {"method": "supervised"},
    "mean-teacher": {"method": "mean-teacher"},
    "cutmix": {"method": "cutmix"},
    "cutmix on all": {"method": "cutmix", "alter": "both"},
    "text-flip": {"method": "text-flip"},
    "paper": {"method": "paper"},
    "released": {"method": "released"},
    "semimedref": {"method": "semimedref"},
}
"""By name in the table: the presets of `train.py`, and CutMix made on labelled images too."""

COMPARED = ("supervised", "mean-teacher", "cutmix", "semimedref")

# At 5 % half of the samples narrowed is too many: chosen by the validation scores of the runs in the results.
TUNED: dict[tuple[str, float], Settings] = {("semimedref", 0.05): {"focus": 0.1}}


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        recipe: Name in `RECIPES`.
        share: Share of labels.
        method: Name in `METHODS`.
        seed: Seed of everything random.
        trial: Settings beside those of the comparison; a run that has some is listed, but not counted in the means.
    """

    recipe: str
    share: float
    method: str
    seed: int
    trial: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings of the run, by option of `train.py`."""
        recipe = RECIPES[self.recipe]
        about = {"labels": self.share, **METHODS[self.method], "seed": self.seed, "steps": recipe.steps[self.share]}
        return about | recipe.settings | TUNED.get((self.method, self.share), {}) | dict(self.trial)

    @property
    def name(self) -> str:
        """Folder of the run."""
        parts = (self.recipe, self.method.replace(" ", "-"), f"{100 * self.share:g}pct", f"seed{self.seed}")
        return "-".join([*parts, str(self.settings["steps"]), *(f"{key}{value}" for key, value in self.trial)])


def cells(recipe: str, labels: list[float], methods: list[str], seeds: list[int], trial: dict[str, str]) -> list[Cell]:
    """All cells, those of the first seed first, so that a stop leaves whole comparisons."""
    extra = tuple(trial.items())
    return [Cell(recipe, share, method, seed, extra) for seed, share, method in product(seeds, labels, methods)]


def read_results(path: Path) -> list[Line]:
    """Runs made so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def same(some: Settings, others: Settings) -> bool:
    """Return whether two runs have the same settings; those of a trial come from the command line, as text."""
    return {key: str(value) for key, value in some.items()} == {key: str(value) for key, value in others.items()}


def missing(results: list[Line], wanted: list[Cell]) -> list[Cell]:
    """Cells whose settings no finished run has."""
    done = [one["settings"] for one in results if one["status"] == "finished"]
    return [cell for cell in wanted if not any(same(cell.settings, one) for one in done)]


def grouped(results: list[Line], recipe: str) -> dict[tuple[float, str], list[Line]]:
    """The newest finished run of each cell of a recipe, by share of labels and method."""
    groups: dict[tuple[float, str], list[Line]] = {}
    shares, seeds = RECIPES[recipe].steps, sorted({line["settings"]["seed"] for line in results})
    for share, method, seed in product(shares, METHODS, seeds):
        settings = Cell(recipe, share, method, seed).settings
        lines = [one for one in results if one["status"] == "finished" and same(one["settings"], settings)]
        if lines:
            groups.setdefault((share, method), []).append(lines[-1])
    return groups


def dice_of(line: Line) -> float:
    """Global test Dice of the model to use: the teacher where there is one."""
    test = line.get("metrics", {}).get("test", {})
    rows = [row for name, row in test.items() if "captions" not in name]
    return float(rows[-1]["global_dice"]) if rows else float("nan")


def other_captions_of(line: Line) -> float:
    """The same under the captions of other images."""
    [row] = [row for name, row in line["metrics"]["test"].items() if "captions" in name]
    return float(row["global_dice"])


def obedience_of(line: Line) -> float:
    """Dice under captions narrowed to one side, the mean of both sides."""
    value = line.get("metrics", {}).get("obedience")
    return float("nan") if value is None else float(value)


def method_of(line: Line) -> str:
    """Name of the method in the table."""
    shown = line["settings"]
    names = [name for name, own in METHODS.items() if all(shown.get(key) == value for key, value in own.items())]
    return max(names, key=lambda name: len(METHODS[name]))


def beside(line: Line) -> Iterator[str]:
    """What a run's settings hold beside its recipe, method, share, seed and steps."""
    shown = line["settings"]
    known = RECIPES[shown["model"]].settings | METHODS[method_of(line)]
    for key, value in shown.items():
        if key not in ("labels", "method", "seed", "steps") and known.get(key) != value:
            yield f"{key} {value}"
