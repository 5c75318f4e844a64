"""The cells of `label_regimes.py`: which settings each run has, and what its line in the results says."""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "semimedref"))

from json_lines import Line
from semimedref.cli import OneLineParser, add_arguments
from semimedref.config import Config
from semimedref.settings import flag

Settings = dict[str, Any]

DATA: dict[str, Settings] = {
    "qata": {"data": "qata"},
    "kvasir": {"data": "folder", "atlas": "quadrants"},
    "busi": {"data": "folder", "atlas": "quadrants"},
}
"""By name of the folder below CROSSMODAL_AUG_DATA: how each data set is read."""

TITLES = {"qata": "QaTa-COV19", "kvasir": "Kvasir-SEG", "busi": "BUSI"}

LABELS = (0.01, 0.05)
OTHER_LABELS = (0.05, 0.15)
"""Of data sets that hold fewer images than QaTa-COV19."""
SEEDS = (0, 1, 2)
DRAWS = (0,)


@dataclass(frozen=True)
class Recipe:
    """What all cells of a comparison share.

    Attributes:
        settings: By option of `train.py`.
        steps: Optimiser steps by share of labels: more labels deserve a longer schedule.
    """

    settings: Settings
    steps: dict[float, int]


_MMI: Settings = {
    "model": "mmi-unet",
    "size": 224,
    "batch-size": 16,
    "learning-rate": 3e-4,
    "validate-every": 100,
    "precision": "bf16-mixed",
}
_LITE: Settings = {
    "model": "lite-unet",
    "size": 224,
    "batch-size": 16,
    "learning-rate": 1e-3,
    "validate-every": 100,
}
_LITE_STEPS = {0.01: 1500, 0.02: 2000, 0.05: 2500, 0.15: 4000}

RECIPES = {
    "compact": Recipe(
        {"model": "compact", "size": 96, "batch-size": 16, "validate-every": 50},
        {0.01: 800, 0.02: 1000, 0.05: 1200, 0.15: 1600},
    ),
    # What was run before there was a geometry.
    "compact, no geometry": Recipe(
        {"model": "compact", "size": 96, "batch-size": 16, "validate-every": 50, "geometry": 0.0},
        {0.01: 500, 0.05: 1200},
    ),
    "mmi-unet": Recipe(_MMI, {0.01: 3000, 0.02: 4000, 0.05: 6000, 0.15: 10000}),
    # Where no ImageNet weights are at hand, for some minutes of a GPU.
    "mmi-unet, words alone": Recipe({**_MMI, "pretrained": "text"}, {0.01: 1000, 0.05: 2000}),
    "lite-unet": Recipe(_LITE, _LITE_STEPS),
    # The same from an image encoder at random: what its ImageNet weights bring.
    "lite-unet, words alone": Recipe({**_LITE, "pretrained": "text"}, _LITE_STEPS),
}

GEOMETRY: Settings = {"geometry": 0.7}
OURS: Settings = {**GEOMETRY, "flip": 0.5, "focus": 0.1, "alter": "both"}
"""What of ours any method can have: words that follow a geometry and a flip, and captions that are narrowed."""

WORDS_STAY: Settings = {"geometry_words": "stay", "flip_words": "stay"}
"""The same images are moved and flipped, and their captions are left as they were."""

THREE_FAULTS: Settings = {
    "pos_aug": "paper",
    "photometric": "unit",
    "loss": "dice-ce",
    "positives": "jaccard",
    "itcl_image": "before",
}
"""What the first edition's `released` had beside its mix."""

METHODS: dict[str, Settings] = {
    "supervised": {"method": "supervised"},
    "supervised + ours": {"method": "supervised", **OURS},
    "mean-teacher": {"method": "mean-teacher"},
    "mean-teacher + geometry": {"method": "mean-teacher", **GEOMETRY},
    "mean-teacher + ours": {"method": "mean-teacher", **OURS},
    "cutmix": {"method": "cutmix"},
    "cutmix on all": {"method": "cutmix", "alter": "both"},
    "cutmix + geometry": {"method": "cutmix", **GEOMETRY},
    "cutmix + ours": {"method": "cutmix", **OURS},
    "cutmix + ours, words stay": {"method": "cutmix", **OURS, **WORDS_STAY},
    "text-flip": {"method": "text-flip"},
    "paper": {"method": "paper"},
    "paper, by probability": {"method": "paper", "patch_where": "probability"},
    "paper, words corrected": {"method": "paper", "mix": "paper"},
    "released": {"method": "released"},
    "released, three faults": {"method": "released", "mix": "released", **THREE_FAULTS},
    "fixmatch": {"method": "fixmatch"},
    "unbiased-teacher": {"method": "unbiased-teacher"},
    "cutmix-boxes": {"method": "cutmix-boxes"},
    "unimatch": {"method": "unimatch"},
    "bcp": {"method": "bcp"},
    "mixgen": {"method": "mixgen"},
    "keyword-flip": {"method": "keyword-flip"},
    "patchmix": {"method": "patchmix"},
    "cmmix": {"method": "cmmix"},
    "textmatch": {"method": "textmatch"},
    "lvit": {"method": "lvit"},
    "remixmatch": {"method": "remixmatch"},
    "zone-gate": {"method": "zone-gate"},
    "no-text": {"method": "no-text", "model": "compact"},
    "zone-channel": {"method": "zone-channel", "model": "compact"},
    "own-caption": {"method": "own-caption", "model": "compact"},
    "cutmix + flip + focus": {"method": "cutmix", "flip": 0.5, "focus": 0.1, "alter": "both"},
    "semimedref": {"method": "semimedref"},
    "semimedref-reads": {"method": "semimedref-reads"},
    "semimedref, CLIP positives": {"method": "semimedref", "positives": "identity"},
    "semimedref without mix": {"method": "semimedref", "mix": "none"},
    "semimedref without flip": {"method": "semimedref", "flip": 0.0},
    "semimedref without focus": {"method": "semimedref", "focus": 0.0},
    "semimedref without pos_aug": {"method": "semimedref", "pos_aug": "none"},
    "semimedref without itcl": {"method": "semimedref", "itcl": 0.0},
    "semimedref without geometry": {"method": "semimedref", "geometry": 0.0},
    "semimedref, words stay": {"method": "semimedref", **GEOMETRY, **WORDS_STAY},
}
"""By name in the table: the presets of `train.py`, baselines with what of ours they can have, ours without a part."""

COMPARED = ("supervised", "mean-teacher", "cutmix", "cutmix + ours", "semimedref")

LOCAL = ("root", "cache", "runs", "name", "accelerator", "text_encoder", "image_weights")
"""Settings that say where things lie and where to compute: two runs that differ in them alone are the same cell."""

FIXED = ("data", "atlas", "labels", "method", "seed", "model", "steps", *LOCAL)
"""Settings that a trial cannot change: they say which cell a run is, or where."""


def fits(recipe: str, method: str) -> bool:
    """Return whether a method can have the network of a recipe: some read what only one network can read."""
    model = RECIPES[recipe].settings["model"]
    return bool(METHODS[method].get("model", model) == model)


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        recipe: Name in `RECIPES`.
        share: Share of labels.
        method: Name in `METHODS`.
        seed: Seed of everything random but which samples are labelled.
        trial: Options beside those of the comparison; a run that has some is listed, but not counted in the means.
        draw: Which samples are labelled: 0 for the published choice.
        data: Name in `DATA`.
    """

    recipe: str
    share: float
    method: str
    seed: int
    trial: tuple[str, ...] = ()
    draw: int = 0
    data: str = "qata"

    @property
    def options(self) -> list[str]:
        """What `train.py` is given, but for where things lie."""
        recipe = RECIPES[self.recipe]
        about = {"labels": self.share, "split-seed": self.draw, "seed": self.seed, "steps": recipe.steps[self.share]}
        settings = {**about, **recipe.settings, **METHODS[self.method]}
        settings = {**DATA[self.data], **settings}
        return [*(f"{flag(key)}={value}" for key, value in settings.items()), *self.trial]

    @property
    def config(self) -> Settings:
        """All settings of the run, those that come with its method too."""
        parser = OneLineParser()
        add_arguments(parser)
        return without_places(asdict(Config(**vars(parser.parse_args([*self.options, "--root=DIR"])))))

    @property
    def name(self) -> str:
        """Folder of the run; its last part tells other settings of the same cell apart."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:8]
        share, method = f"{100 * self.share:g}pct", self.method.replace(" ", "-")
        drawn = f"-draw{self.draw}" if self.draw else ""
        data = "" if self.data == "qata" else f"{self.data}-"
        return f"{data}{self.recipe}-{method}-{share}{drawn}-seed{self.seed}-{digest}"


def without_places(config: Settings) -> Settings:
    """Return the settings that a result depends on."""
    return {key: value for key, value in config.items() if key not in LOCAL}


def config_of(line: Line) -> Settings:
    """Return all settings of a run; one that there was no setting for yet did without what it brings."""
    return without_places(asdict(Config.of_run({**line["config"], "root": "DIR"}, "a line of results")))


def set_of(line: Line) -> str:
    """Return the name of the data set of a run in `DATA`; before lines named it, there was one."""
    return str(line.get("set", "qata"))


def data_id(root: Path) -> str:
    """Return what tells a data set from another: a digest of the names and sizes of its files."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    listed = "".join(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:12]


def counts(line: Line) -> bool:
    """Return whether a run is counted: it finished, and its commit says all about its code."""
    return line["status"] == "finished" and not line["commit"].endswith("-dirty")


def missing(results: list[Line], wanted: list[Cell], data: str) -> list[Cell]:
    """Cells whose settings no counted run on these data has."""
    done = [config_of(one) for one in results if counts(one) and one["data"] == data]
    return [cell for cell in wanted if cell.config not in done]


def grouped(results: list[Line], recipe: str, data: str) -> dict[tuple[float, str], list[Line]]:
    """The newest counted run of each cell of a recipe on a data set, by share of labels and method.

    Where a recipe makes two methods one, it stands under the first name alone.
    """
    groups: dict[tuple[float, str], list[Line]] = {}
    counted = [(config_of(line), line) for line in results if counts(line) and line["data"] == data]
    counted = [one for one in counted if one[0]["model"] == RECIPES[recipe].settings["model"]]
    pairs, taken = sorted({(config["split_seed"], config["seed"]) for config, _ in counted}), []
    name = next((set_of(line) for _, line in counted), "qata")
    methods = [method for method in METHODS if fits(recipe, method)]
    for share, method, (draw, seed) in product(RECIPES[recipe].steps, methods, pairs):
        config = Cell(recipe, share, method, seed, draw=draw, data=name).config
        lines = [line for own, line in counted if own == config]
        if lines and config not in taken:
            taken.append(config)
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


def obedience_of(line: Line, part: str = "obedience") -> float:
    """Dice under captions narrowed to one side, the mean of both sides; NaN where no caption names both."""
    value = line.get("metrics", {}).get(part)
    return float("nan") if value is None else float(value)


def method_of(line: Line) -> str:
    """Name of the method in the table."""
    config = config_of(line)
    names = [name for name, own in METHODS.items() if all(config[key] == value for key, value in own.items())]
    return max(names, key=lambda name: len(METHODS[name]))


def beside(line: Line) -> Iterator[str]:
    """What tells the settings of a run from those of its cell, but for the number of steps."""
    config = config_of(line)
    recipe = next(name for name, one in RECIPES.items() if one.settings["model"] == config["model"])
    usual = Cell(
        recipe, config["labels"], method_of(line), config["seed"], draw=config["split_seed"], data=set_of(line)
    ).config
    for key, value in config.items():
        if key != "steps" and usual[key] != value:
            yield f"{key} {value}"
