"""Scoring a model on a data set that is not where, or not what, its run was trained on."""

import importlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from semimedref.config import Config
from semimedref.data import load_data, load_to_score

from crossmodal_aug.errors import InvalidValueError
from tests.examples.conftest import COUNTS
from tests.examples.writers import draw_chests, write_annotation


def settings(root, **given):
    return Config(**{"data": "qata", "root": str(root), "size": 32, "labels": 0.3, **given})


def test_a_moved_copy_needs_no_more_masks_than_the_run(tiny_qata, tmp_path, capsys):
    labelled = load_data(settings(tiny_qata)).labelled.names
    for path in (tiny_qata / "train/masks").iterdir():
        if path.name.removeprefix("mask_") not in labelled:
            path.unlink()
    given = ["--data", "qata", "--root", str(tiny_qata), "--runs", str(tmp_path / "runs"), "--name", "tiny"]
    tiny = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
    importlib.import_module("train").main([*given, *tiny, "--steps", "1", "--validate-every", "1"])
    moved = shutil.move(tiny_qata, tmp_path / "moved")
    capsys.readouterr()
    given = [str(tmp_path / "runs/tiny/best.ckpt"), "--root", str(moved), "--json", str(tmp_path / "plain.json")]
    importlib.import_module("evaluate").main([*given, "--resamples", "5"])
    assert "lung zones: rows cut at" in capsys.readouterr().out
    trained = json.loads((tmp_path / "runs/tiny/metrics.json").read_text())
    assert json.loads((tmp_path / "plain.json").read_text()) == trained["test"]


@pytest.mark.parametrize("given", [{"labels": 0.01}, {"labels": 0.9, "total": 5716}])
def test_all_samples_are_labelled_where_the_share_cannot_be_taken(tiny_qata, given):
    config = settings(tiny_qata, **given)
    with pytest.raises(InvalidValueError, match="a share of labels that gives 1 to 28 samples"):
        load_data(config)
    data = load_to_score(config)
    assert (len(data.labelled), len(data.test)) == (28, 6)


def test_training_masks_that_lie_across_their_images_do_not_keep_the_test_part_from_being_scored(tmp_path):
    counts = {**COUNTS, "train": 60}
    chests = draw_chests(counts, {part: f"{part}-{{}}" for part in counts})
    root = write_annotation(tmp_path, [one._replace(mask=one.mask.T) if one.part == "train" else one for one in chests])
    config = settings(root, labels=1.0)
    with pytest.raises(InvalidValueError, match="rows and columns exchanged"):
        load_data(config)
    data = load_to_score(config)
    assert data.atlas.rows == pytest.approx((0.3125, 0.384))
    assert "lung zones: as measured on QaTa-COV19. The labelled masks fit their captions only" in data.notes[-1]
    assert np.array_equal(data.test.full_masks[0].numpy(), next(one.mask for one in chests if one.part == "test"))


def test_training_masks_without_lesion_do_not_keep_it_either(tiny_qata):
    for path in (tiny_qata / "train/masks").iterdir():
        Image.new("L", (32, 32)).save(path)
    with pytest.raises(InvalidValueError, match="expected masks with lesion"):
        load_data(settings(tiny_qata))
    assert len(load_to_score(settings(tiny_qata)).test) == 6
