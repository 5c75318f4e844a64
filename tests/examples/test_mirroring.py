"""Averaging over mirrored pairs: the words follow, and the raw scores stand beside."""

import importlib
import json
import re

import pytest
import torch
from semimedref.checkpoints import load_trained
from semimedref.data.phantom import load_phantoms
from semimedref.inference import predict_logits, score
from semimedref.mirroring import averages_mirrored, mirror_average
from semimedref.styling import reads_in_style

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.examples.readers import BrightPixels, BrightPixelsOfTheSide

PARSER = PositionParser(LUNG_ZONES)
TEXTS = ["Unilateral pulmonary infection, one infected area, upper left lung.", "Pneumonia.", "Lower right lung."]


class OnItsLeft(BrightPixels):
    """Finds lesion in the left half of the image alone, bright or not, as no mirrored image has taught it better."""

    def segment(self, images, tokens):
        return torch.where(torch.arange(images.shape[-1]) < images.shape[-1] // 2, 3.0, -1.0).expand_as(images)


def test_left_and_right_are_exchanged_in_the_caption():
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
    plain, averaged = BrightPixelsOfTheSide(), BrightPixelsOfTheSide()
    averages_mirrored(averaged, PARSER)
    # A model that reads the side finds the same in a mirrored pair; under the old words it would find nothing there.
    found = predict_logits(averaged, images, TEXTS)
    assert torch.allclose(found, predict_logits(plain, images, TEXTS), atol=1e-3)
    assert averaged.read == [*TEXTS, *map(PARSER.mirror, TEXTS)]
    assert averaged.read[3] == "Unilateral pulmonary infection, one infected area, upper right lung."


def test_probabilities_are_averaged_as_the_image_lies():
    model = OnItsLeft()
    averages_mirrored(model, PARSER)
    found = predict_logits(model, torch.zeros(2, 1, 4, 6, dtype=torch.uint8), TEXTS[:2]).sigmoid()
    mean = torch.tensor([3.0, -1.0]).sigmoid().mean()
    assert torch.allclose(found, mean.expand_as(found))
    logits = torch.randn(4, 1, 3, 5, generator=torch.Generator().manual_seed(0))
    halves = logits.sigmoid()
    assert torch.allclose(mirror_average(logits).sigmoid(), (halves[:2] + halves[2:].flip(-1)) / 2)


def test_sure_and_spoilt_probabilities_stay_what_they_are():
    assert mirror_average(torch.full((2, 1, 2, 2), 200.0)).isfinite().all()
    assert mirror_average(torch.full((2, 1, 2, 2), float("nan"))).isnan().all()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    tiny = ["--size", "32", "--width", "4", "--accelerator", "cpu", "--name", "drawn"]
    given = [*tiny, "--steps", "30", "--validate-every", "30", "--learning-rate", "0.02"]
    importlib.import_module("train").main([*given, "--runs", str(runs), "--method", "supervised", "--flip", "0"])
    return runs / "drawn/best.ckpt"


def test_raw_scores_stand_beside_those_of_the_switches(checkpoint, tmp_path, capsys):
    capsys.readouterr()
    given = [str(checkpoint), "--mirrored", "--in-style", "--out", str(tmp_path / "out"), "--resamples", "5"]
    importlib.import_module("evaluate").main(given)
    printed = capsys.readouterr().out
    stored = json.loads((tmp_path / "out/scores.json").read_text())
    names = [row["name"] for row in stored["switches"]]
    style, mirror = "captions in the words of the template", "averaged with its mirror image"
    assert names == ["as it is", style, f"{style}, {mirror}"]
    # A long name runs over several lines, of which the first has the figures.
    rows = re.findall(r"^(as it is|captions in the\b.*?) +[0-9.]+ \(", printed, flags=re.MULTILINE)
    assert len(rows) == 3
    assert all(name.startswith(row) for name, row in zip(names, rows, strict=True))
    raw, _, last = stored["switches"]
    metrics = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert raw["global_dice"]["value"] == pytest.approx(metrics["test"]["student"]["global_dice"])
    assert raw["obedience"]["value"] == pytest.approx(metrics["obedience"])
    assert raw["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert last["global_dice"]["value"] == stored["whole"]["scores"]["global_dice"]["value"]
    assert last["obedience"] == stored["obedience"]["side"]["obeyed"]
    change = last["global_dice"]["value"] - raw["global_dice"]["value"]
    assert change != 0
    assert last["difference"]["value"] == pytest.approx(change)
    # The phantoms of the run, scored by hand.
    trained = load_trained(checkpoint)
    test = load_phantoms(size=32, labels=trained.config.labels).test
    [template] = re.findall(r'read in the words of "(.+)": 0 of', printed)
    # The words of the template come last: a mirrored caption has them too, in their order.
    reads_in_style(trained.model, PARSER, template)
    averages_mirrored(trained.model, PARSER)
    found = score(trained.model, test).scores()
    assert found.global_dice == pytest.approx(last["global_dice"]["value"])
    mirrored = next(row for row in stored["robustness"] if row["name"] == "mirrored")
    assert mirrored["difference"]["value"] == pytest.approx(0, abs=0.05)
    assert "note: the model was trained without --flip" in printed
    assert "trained without --flip" in stored["about"]["mirrored"]


def test_without_switches_nothing_more_is_said(checkpoint, tmp_path, capsys):
    importlib.import_module("evaluate").main([str(checkpoint), "--out", str(tmp_path / "out"), "--resamples", "5"])
    assert "switched on" not in capsys.readouterr().out
    assert json.loads((tmp_path / "out/scores.json").read_text())["switches"] == []


def test_a_prediction_of_a_mirrored_pair(checkpoint, tmp_path, capsys):
    import numpy as np
    from PIL import Image
    from semimedref.data.images import read_image, resize_image
    from semimedref.data.phantom import draw_phantom

    predict = importlib.import_module("predict").main
    image = tmp_path / "chest.png"
    Image.fromarray(draw_phantom(64, (9, 0)).image).resize((32, 32)).save(image)
    caption = "Unilateral pulmonary infection, one infected area, upper left lung."
    capsys.readouterr()
    predict([str(checkpoint), str(image), caption, "--mirrored", "--out", str(tmp_path / "pair")])
    printed = capsys.readouterr().out
    predict([str(checkpoint), str(image), caption, "--out", str(tmp_path / "raw")])
    raw = re.findall(r"found: ([0-9.]+) % of the image", capsys.readouterr().out)
    found = re.findall(r"found: ([0-9.]+) % \(([0-9.]+) % unmirrored\) of the image", printed)
    assert [share[1] for share in found] == raw
    assert "note: the model was trained without --flip" in printed
    model = load_trained(checkpoint).model
    averages_mirrored(model, PARSER)
    logits = predict_logits(model, resize_image(read_image(image), 32)[None], [caption])[0, 0]
    mask = np.asarray(Image.open(tmp_path / "pair/chest_mask.png"))
    assert np.array_equal(mask, np.where(logits.numpy() >= 0, 255, 0))
    assert found[0][0] == f"{100 * float((logits >= 0).float().mean()):.1f}"

    # With a template the mirrored caption is in its words and their order too: the left lung first.
    both, template = (
        f"Bilateral pulmonary infection, two infected areas, {zone} left lung and upper right lung."
        for zone in ("upper", "lower")
    )
    predict([str(checkpoint), str(image), both, "--in-style", template, "--mirrored", "--out", str(tmp_path / "style")])
    model = load_trained(checkpoint).model
    reads_in_style(model, PARSER, template)
    averages_mirrored(model, PARSER)
    logits = predict_logits(model, resize_image(read_image(image), 32)[None], [both])[0, 0]
    mask = np.asarray(Image.open(tmp_path / "style/chest_mask.png"))
    assert np.array_equal(mask, np.where(logits.numpy() >= 0, 255, 0))

    capsys.readouterr()
    (tmp_path / "many").mkdir()
    image.rename(tmp_path / "many/chest.png")
    predict([str(checkpoint), str(tmp_path / "many"), caption, "--mirrored", "--out", str(tmp_path / "folder")])
    assert f"chest.png: left upper; {found[0][0]} % ({raw[0]} % unmirrored) found" in capsys.readouterr().out
