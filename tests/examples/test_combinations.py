"""Models with methods on data sets: three steps through Lightning, tiny and from random weights."""

import csv
from itertools import product
from pathlib import Path

import pytest
import torch
from semimedref.config import Config
from semimedref.data import load_data
from semimedref.data.module import SamplesModule
from semimedref.data.samples import DataSet
from semimedref.methods import METHODS
from semimedref.models import MODELS
from semimedref.presets import PRESETS
from semimedref.runs import RunFolder
from semimedref.trainer import make_trainer
from semimedref.training import make_student

from tests.examples.writers import draw_captioned, draw_chests, write_frames, write_sets

COUNTS = {"train": 24, "valid": 4, "test": 4}
SETTINGS = {
    "size": 32,
    "batch_size": 3,
    "steps": 3,
    "validate_every": 3,
    "burn_in": 0.0,
    "ramp_up": 0.0,
    "labels": 0.25,
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory, data_root: Path, lung_parser) -> dict[str, Path]:
    """Drawn chests: QaTa-COV19 in a public layout, MosMedData+ in its own under its real captions."""
    folder = tmp_path_factory.mktemp("data")
    with (data_root / "mosmed" / "captions.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = [
            ({"val": "valid"}.get(row["split"], row["split"]), row["image"], row["text"])
            for row in csv.DictReader(file)
        ]
    captions = [row for part, count in COUNTS.items() for row in [one for one in rows if one[0] == part][:count]]
    return {
        "phantom": folder,
        "qata": write_sets(folder / "qata", draw_chests({"train": 28, "test": 4}, {p: f"{p}-{{}}" for p in COUNTS})),
        "mosmed": write_frames(folder / "mosmed", draw_captioned(captions, lung_parser)),
    }


EVERYWHERE = [
    "supervised",
    "mean-teacher",
    "cutmix",
    "text-flip",
    "paper",
    "released",
    "semimedref",
    "semimedref-reads",
]
# What asks something of the network that no other method does, and what is the same for all of them.
NETWORKS = [("mmi-unet", "unimatch", "qata"), ("guide-decoder", "unimatch", "qata"), ("mmi-unet", "bcp", "mosmed")]
WIDTHS = {"compact": 4, "lite-unet": 0}
CASES = [
    *product([one for one in MODELS if one != "lite-unet"], EVERYWHERE, ("phantom", "qata", "mosmed")),
    # It differs from the others in the image encoder alone, to which all data are alike.
    *(("lite-unet", method, "qata") for method in EVERYWHERE),
    *(("compact", method, data) for method in PRESETS if method not in EVERYWHERE for data in ("phantom", "mosmed")),
    *NETWORKS,
]


@pytest.mark.parametrize(("model", "method", "data"), CASES)
def test_three_steps(model, method, data, roots, tiny_bert, tmp_path):
    about = {"model": model, "method": method, "data": data, "root": "" if data == "phantom" else str(roots[data])}
    if model != "compact":
        about |= {"pretrained": "none", "text_encoder": str(tiny_bert)}
    config = Config(**SETTINGS, **about, width=WIDTHS.get(model, 8), accelerator="cpu")
    found = load_data(config)
    few = DataSet(
        found.labelled,
        found.unlabelled.take(range(9)),
        found.valid.take(range(2)),
        found.test.take(range(2)),
        found.atlas,
    )
    module = METHODS[method](make_student(config, few), config, few.atlas, steps=3, steps_a_pass=3)
    before = {name: value.clone() for name, value in module.student.state_dict().items()}
    batches = SamplesModule(few, batch_size=3, steps_an_epoch=3, seed=0, accumulate=1)
    trainer = make_trainer(module, RunFolder(tmp_path), 1)
    trainer.fit(module, batches)
    assert trainer.global_step == 3
    assert trainer.callback_metrics["loss"].isfinite()
    assert any(not torch.equal(value, before[name]) for name, value in module.student.state_dict().items())
