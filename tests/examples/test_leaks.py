"""What may be learnt from which part of a data set, and by whose score the model to use is chosen."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from semimedref.checkpoints import load_trained
from semimedref.config import Config
from semimedref.data.folder_data import load_folder
from semimedref.data.module import SamplesModule
from semimedref.data.samples import DataSet, Samples
from semimedref.data.zones import ENOUGH_TO_CALIBRATE
from semimedref.inference import score
from semimedref.methods import METHODS, base
from semimedref.metrics import Confusion
from semimedref.models import MODELS
from semimedref.runs import RunFolder
from semimedref.trainer import make_trainer

from crossmodal_aug import LUNG_ZONES
from tests.examples.test_batches import samples
from tests.examples.writers import Chest, draw_chests, write_annotation

COUNTS = {"train": 132, "valid": 80, "test": 80}
LABELLED = 52


@pytest.fixture(scope="module")
def chests() -> list[Chest]:
    return draw_chests(COUNTS, {part: f"{part}-{{}}" for part in COUNTS})


def load(root: Path) -> DataSet:
    return load_folder("qata", root, size=32, labels=LABELLED / COUNTS["train"])


def lowered(chests: list[Chest], names: tuple[str, ...]) -> list[Chest]:
    """Move the masks of these files down by an eighth: the zones of the captions seem to lie lower."""
    return [
        one._replace(mask=np.roll(one.mask, one.mask.shape[0] // 8, axis=0)) if f"{one.stem}.png" in names else one
        for one in chests
    ]


def test_the_atlas_is_fitted_to_the_labelled_training_masks_alone(chests, tmp_path):
    data = load(write_annotation(tmp_path / "true", chests))
    parts = {part: getattr(data, part) for part in ("labelled", "unlabelled", "valid", "test")}
    # Each part would be enough by itself, and outnumber the labelled samples beside them.
    assert ENOUGH_TO_CALIBRATE <= len(data.labelled) == LABELLED
    assert all(len(parts[part]) == 80 for part in ("unlabelled", "valid", "test"))
    assert data.atlas.rows == pytest.approx((0.4, 0.6), abs=0.03)
    atlases = {
        part: load(write_annotation(tmp_path / part, lowered(chests, found.names))).atlas
        for part, found in parts.items()
    }
    assert [part for part, atlas in atlases.items() if atlas != data.atlas] == ["labelled"]
    assert atlases["labelled"].rows == pytest.approx((0.525, 0.725), abs=0.03)


def test_validation_is_served_the_validation_part_alone():
    drawn = samples(26)
    valid = drawn.take(range(5))
    labelled, test = (drawn.take(range(start, start + 5)) for start in (5, 10))
    data = DataSet(labelled, drawn.take(range(15, 26)).without_masks(), valid, test, LUNG_ZONES)
    served = list(SamplesModule(data, batch_size=2, steps_an_epoch=1, seed=0).val_dataloader())
    assert [len(part) for part in served] == [4, 1]
    assert tuple(name for part in served for name in part.names) == valid.names
    assert tuple(text for part in served for text in part.texts) == valid.texts
    assert torch.equal(torch.cat([part.images for part in served]), valid.images)
    masks = [mask for part in served for mask in part.full_masks]
    assert all(torch.equal(one, other) for one, other in zip(masks, valid.full_masks, strict=True))


def with_masks(found: Samples, filled: float) -> Samples:
    """The samples, the upper share of each mask lesion."""
    mask = torch.zeros(32, 32, dtype=torch.bool)
    mask[: round(32 * filled)] = True
    return Samples(found.images, found.texts, found.names, None, (mask,) * len(found))


def made(data: DataSet, method: str, folder: Path, *, stretches: int = 1, **settings):
    """A method with its trainer and its batches, one step between validations."""
    torch.manual_seed(0)
    config = Config(method=method, size=32, width=4, batch_size=4, accelerator="cpu", **settings)
    model = MODELS["compact"].for_run(data.labelled.texts, config)
    module = METHODS[method](model, config, data.atlas, steps=stretches, steps_a_pass=2)
    batches = SamplesModule(data, batch_size=4, steps_an_epoch=1, seed=0)
    return module, batches, make_trainer(module, RunFolder(folder), stretches)


@pytest.fixture
def tiny(tiny_qata) -> DataSet:
    return load_folder("qata", tiny_qata, size=32, labels=0.3)


def says_everywhere(model, *, lesion: bool, logit: float = 1e4) -> None:
    with torch.no_grad():
        model.head[0].bias.fill_(logit if lesion else -logit)


@pytest.mark.parametrize("name", list(METHODS))
def test_the_validation_score_is_that_of_the_model_to_use(tiny, tmp_path, name):
    quarter, half = with_masks(tiny.valid, 0.25), with_masks(tiny.test, 0.5)
    module, batches, trainer = made(DataSet(tiny.labelled, tiny.unlabelled, quarter, half, tiny.atlas), name, tmp_path)
    taught = name != "supervised"
    says_everywhere(module.student, lesion=not taught)
    if taught:
        says_everywhere(module.teacher.model, lesion=True)
    [scores] = trainer.validate(module, batches, verbose=False)
    # All called lesion where a quarter is: 2 x 1/4 / (1 + 1/4). Where half is, in the test part, it would be 2/3.
    assert scores["valid/dice"] == pytest.approx(40.0)
    if taught:
        assert scores["valid/teacher dice"] == pytest.approx(40.0)
        assert scores["valid/student dice"] == 0
    assert list(module.models)[-1] == ("teacher" if taught else "student")


def test_the_best_checkpoint_is_that_of_the_best_validation(tiny, tmp_path, monkeypatch):
    # The student is best at the third validation and the teacher, whose counts come second, at the second.
    told = iter([10, 30, 20, 60, 90, 50, 40, 40])

    class Told(Confusion):
        def scores(self):
            return replace(super().scores(), global_dice=float(next(told)))

    monkeypatch.setattr(base, "Confusion", Told)
    module, batches, trainer = made(tiny, "mean-teacher", tmp_path, stretches=4)
    trainer.fit(module, batches)
    assert load_trained(RunFolder(tmp_path).best).step == 2
    assert load_trained(RunFolder(tmp_path).last).step == 4


def test_training_never_looks_at_the_test_part(tiny, tmp_path):
    """Two runs whose test parts contradict each other log the same and keep the same weights."""
    logs, weights = [], []
    for filled in (0.25, 0.75):
        data = DataSet(tiny.labelled, tiny.unlabelled, tiny.valid, with_masks(tiny.test, filled), tiny.atlas)
        folder = tmp_path / str(filled)
        module, batches, trainer = made(data, "semimedref", folder, stretches=2, burn_in=0.0, ramp_up=0.0)
        for model in module.models.values():
            # A network that finds nothing scores the same against any masks.
            says_everywhere(model, lesion=True, logit=2.0)
        trainer.fit(module, batches)
        [path] = folder.glob("logs/version_*/metrics.csv")
        with path.open() as file:
            logs.append([row["valid/dice"] for row in csv.DictReader(file) if row["valid/dice"]])
        weights.append(load_trained(RunFolder(folder).best).model)
    assert logs[0] == logs[1]
    assert len(logs[0]) == 2
    assert all(float(dice) > 1 for dice in logs[0])
    first, second = (model.state_dict() for model in weights)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert float(logs[0][-1]) == pytest.approx(score(module.teacher.model, tiny.valid).scores().global_dice, abs=1e-3)
