import importlib

import numpy as np
import pytest
import torch
from semimedref.data.samples import Samples
from semimedref.evaluation.obedience import obedience, obedience_in
from semimedref.evaluation.tally_file import read_tally
from semimedref.evaluation.totals import scores

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.examples.readers import BrightPixels, BrightPixelsOfTheSide

TEXTS = (
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "Unilateral pulmonary infection, one infected area, upper left lung.",
    "Bilateral pulmonary infection, four infected areas, all left lung and middle right lung.",
    "No pulmonary infection, zero infected areas.",
)
PARSER = PositionParser(LUNG_ZONES)


@pytest.fixture
def samples() -> Samples:
    """Every bright pixel is lesion, two thirds of it on the left."""
    images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
    images[:, :, 1:3, 0:2] = 200
    images[:, :, 5:6, 6:8] = 200
    images[1, :, :, 4:] = images[3] = 0
    return Samples(
        images, TEXTS, tuple(f"{i}.png" for i in range(4)), full_masks=tuple(image[0] > 100 for image in images)
    )


def test_a_model_that_obeys_has_it_all(samples):
    model = BrightPixelsOfTheSide()
    found = obedience(model, samples, PARSER)
    assert found.images == 2
    assert found.to_dict() == {"obedience_left": 100.0, "obedience_right": 100.0, "obedience": 100.0}
    assert model.read == [
        "Unilateral pulmonary infection, one infected area, upper left lung.",
        "Unilateral pulmonary infection, three infected areas, all left lung.",
        "Unilateral pulmonary infection, one infected area, lower right lung.",
        "Unilateral pulmonary infection, one infected area, middle right lung.",
    ]


def test_a_model_that_ignores_the_caption_finds_too_much(samples):
    found = obedience(BrightPixels(), samples, PARSER).to_dict()
    # An image holds 4 pixels on the left and 2 on the right, and all 6 are found.
    left, right = 100 * 2 * 4 / (2 * 4 + 2), 100 * 2 * 2 / (2 * 2 + 4)
    assert found == pytest.approx({"obedience_left": left, "obedience_right": right, "obedience": (left + right) / 2})


def test_sides_are_those_of_the_atlas(samples):
    """In the patient's words left is the right of the image, so the same model does the opposite."""
    patient = PositionParser(LUNG_ZONES.with_geometry(laterality="patient"))
    assert obedience(BrightPixelsOfTheSide(), samples, patient).to_dict()["obedience"] == 0


def test_without_a_bilateral_caption_nothing_is_said(samples):
    found = obedience(BrightPixels(), samples.take([1, 3]), PARSER)
    assert found.to_dict() == {"obedience_left": None, "obedience_right": None, "obedience": None}
    assert str(found) == "obedience: no caption names both sides"


def test_weights_count_an_image_as_often_as_they_say(samples):
    found = obedience(BrightPixels(), samples, PARSER)
    twice = found.dice(torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64))
    for side, counts in found.counts.items():
        hit, extra, missed = counts[0].tolist()
        assert twice[side][0].item() == pytest.approx(100 * 2 * hit / (2 * hit + extra + missed))
        assert twice[side][1].item() == pytest.approx(found.dice()[side].item())


def test_real_captions_narrow_to_the_regions_of_one_side(data_root):
    import json

    rows = json.loads((data_root / "qata/annotation.json").read_text())["test"]
    texts = tuple(row["caption"] for row in rows)
    images = torch.zeros(len(texts), 1, 2, 2, dtype=torch.uint8)
    masks = tuple(torch.zeros(2, 2, dtype=torch.bool) for _ in texts)
    model = BrightPixels()
    found = obedience(model, Samples(images, texts, texts, full_masks=masks), PARSER)
    bits = np.array([row["pseudo_label"] for row in rows], dtype=bool)
    both = bits[:, :3].any(axis=1) & bits[:, 3:].any(axis=1)
    assert found.images == both.sum()
    narrowed = PARSER.encode(model.read).numpy()
    wanted = np.concatenate([bits[both] * [1, 1, 1, 0, 0, 0], bits[both] * [0, 0, 0, 1, 1, 1]])
    assert (narrowed == wanted).all()


def test_a_run_stores_it(tiny_qata, tmp_path, capsys):
    import json

    train = importlib.import_module("train").main
    given = ["--data", "qata", "--root", str(tiny_qata), "--runs", str(tmp_path), "--name", "tiny", "--steps", "1"]
    tiny = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
    train([*given, *tiny, "--method", "supervised", "--validate-every", "1"])
    stored = json.loads((tmp_path / "tiny/metrics.json").read_text())
    counted = read_tally(tmp_path / "tiny/per_image_counts.jsonl")
    assert obedience_in(counted).to_dict() == {name: stored[name] for name in stored if "obedience" in name}
    assert scores(counted)["global Dice"] == pytest.approx(stored["test"]["student"]["global_dice"])
    printed = capsys.readouterr().out
    assert {"obedience_left", "obedience_right", "obedience"} <= set(stored)
    if stored["obedience"] is None:
        assert "no caption names both sides" in printed
    else:
        assert f"mean {stored['obedience']:.2f}" in printed
        assert stored["obedience"] == pytest.approx((stored["obedience_left"] + stored["obedience_right"]) / 2)
