"""The round trip with nnU-Net: its data set written, masks from outside scored."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from semimedref.data.folder_data import load_folder
from semimedref.data.rows import Row
from semimedref.nnunet import case_names

from crossmodal_aug.errors import InvalidValueError
from tests.examples.keeping import contents, no_file_above, one_line


def picture(path):
    with Image.open(path) as opened:
        return np.asarray(opened)


@pytest.fixture
def exported(tiny_qata, tmp_path, shell):
    folder = tmp_path / "raw" / "Dataset101_Chests"
    folder.parent.mkdir()
    code, out, _ = shell("export_nnunet", "--data", "qata", "--root", tiny_qata, "--labels", "0.3", "--out", folder)
    assert code == 0
    assert "nnUNetv2_train 101 2d all" in out
    return folder


def test_the_folder_is_as_nnu_net_asks(exported, tiny_qata):
    about = json.loads((exported / "dataset.json").read_text())
    assert about["channel_names"] == {"0": "image"}
    assert about["labels"] == {"background": 0, "lesion": 1}
    assert (about["numTraining"], about["file_ending"]) == (8, ".png")
    assert {path.name for path in exported.iterdir()} == {
        "dataset.json",
        "imagesTr",
        "labelsTr",
        "imagesTs",
        "labelsTs",
    }
    for part, count in (("Tr", 8), ("Ts", 6)):
        images = {path.name for path in (exported / f"images{part}").iterdir()}
        labels = {path.name for path in (exported / f"labels{part}").iterdir()}
        assert len(labels) == count
        assert images == {name.replace(".png", "_0000.png") for name in labels}
    for file in (exported / "labelsTr").iterdir():
        true = picture(tiny_qata / "train/masks" / f"mask_{file.name}") > 0
        assert np.array_equal(picture(file), true.astype(np.uint8))
        image = picture(exported / "imagesTr" / f"{file.stem}_0000.png")
        assert np.array_equal(image, picture(tiny_qata / "train/images" / file.name))


@pytest.mark.parametrize("draw", [0, 3])
def test_the_labelled_samples_are_those_of_a_run(draw, tiny_qata, tmp_path, shell):
    folder = tmp_path / "Dataset007_Draw"
    given = ["--data", "qata", "--root", tiny_qata, "--labels", "0.2", "--split-seed", draw, "--out", folder]
    assert shell("export_nnunet", *given)[0] == 0
    run = load_folder("qata", tiny_qata, size=32, labels=0.2, draw=draw)
    assert {path.name for path in (folder / "labelsTr").iterdir()} == set(run.labelled.names)
    assert {path.name for path in (folder / "labelsTs").iterdir()} == set(run.test.names)


def test_masks_of_no_labelled_image_are_not_read(tiny_qata, tmp_path, shell):
    run = load_folder("qata", tiny_qata, size=32, labels=0.2)
    for name in run.unlabelled.names:
        (tiny_qata / "train/masks" / f"mask_{name}").unlink()
    given = ["--data", "qata", "--root", tiny_qata, "--labels", "0.2", "--out", tmp_path / "Dataset001_A"]
    assert shell("export_nnunet", *given)[0] == 0


def test_the_round_trip_with_the_true_masks_scores_100(exported, tmp_path, shell):
    predicted = shutil.copytree(exported / "labelsTs", tmp_path / "predicted")
    # nnU-Net leaves files of its own there.
    (predicted / "plans.json").write_text("{}")
    given = ["--masks", predicted, "--truth", exported / "labelsTs", "--json", tmp_path / "scores.json"]
    code, out, _ = shell("evaluate", *given)
    assert code == 0
    assert "note: " in out
    assert "plans.json, which are not scored" in out
    assert re.search(r"global Dice +100\.00 \(100\.00 to 100\.00\)", out)
    assert "with 95 % intervals\nscore " in out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {name: scores[name]["value"] for name in ("global_dice", "image_iou", "hd95", "false_lesions")} == {
        "global_dice": 100, "image_iou": 100, "hd95": 0, "false_lesions": 0
    }  # fmt: skip
    assert "ece" not in scores


def test_other_masks_score_what_they_hit(tmp_path, shell):
    for folder, rows in (("truth", slice(0, 4)), ("found", slice(2, 6))):
        mask = np.zeros((8, 8), dtype=np.uint8)
        mask[rows] = 255 if folder == "found" else 1
        (tmp_path / folder).mkdir()
        Image.fromarray(mask).save(tmp_path / folder / "a.png")
    given = ["--masks", tmp_path / "found", "--truth", tmp_path / "truth", "--json", tmp_path / "scores.json"]
    assert shell("evaluate", *given)[0] == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["global_dice"]["value"] == 50
    assert scores["global_iou"]["value"] == pytest.approx(100 / 3)


def test_masks_that_do_not_fit_are_refused(exported, tmp_path, shell):
    truth = exported / "labelsTs"
    predicted = shutil.copytree(truth, tmp_path / "predicted")
    first = min(predicted.iterdir())
    Image.fromarray(np.zeros((8, 9), dtype=np.uint8)).save(first)
    error = one_line(shell("evaluate", "--masks", predicted, "--truth", truth))
    assert f"{first.name}: expected a mask of 32 x 32 pixels" in error
    assert "but got 9 x 8" in error
    Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32) % 3).save(first)
    assert "which of its values are lesion" in one_line(shell("evaluate", "--masks", predicted, "--truth", truth))
    assert shell("evaluate", "--masks", predicted, "--truth", truth, "--mask-values", "1")[0] == 0
    first.unlink()
    error = one_line(shell("evaluate", "--masks", predicted, "--truth", truth))
    assert f"1 are not there, such as {first.name}" in error
    (tmp_path / "empty").mkdir()
    assert "there are no true ones" in one_line(shell("evaluate", "--masks", truth, "--truth", tmp_path / "empty"))
    assert "no such folder of masks" in one_line(shell("evaluate", "--masks", truth, "--truth", tmp_path / "none"))


def test_how_masks_were_understood_is_said_and_must_agree(tmp_path, shell):
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[:4] = 1
    for folder, factors in (("truth", (255, 255)), ("found", (1, 2))):
        (tmp_path / folder).mkdir()
        for name, factor in zip("ab", factors, strict=True):
            Image.fromarray(factor * mask).save(tmp_path / folder / f"{name}.png")
    given = ["--masks", tmp_path / "found", "--truth", tmp_path / "truth"]
    assert "expected masks that mean one thing" in one_line(shell("evaluate", *given))
    assert "expected masks that hold 9" in one_line(shell("evaluate", *given, "--mask-values", "9"))
    code, said, _ = shell("evaluate", *given, "--mask-values", "1,2")
    assert code == 0
    assert f"{tmp_path / 'truth'}: masks: 0 and 255, 255 is lesion; 2 files" in said
    assert f"{tmp_path / 'found'}: masks: 1,2 is lesion" in said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "RUN, or both --masks and --truth"),
        (["runs/NAME", "--truth", "T"], "RUN, or both --masks and --truth"),
        (["--masks", "M"], "--truth, and no RUN, beside --masks"),
        (["runs/NAME", "--masks", "M", "--truth", "T"], "--truth, and no RUN, beside --masks"),
        (["--masks", "M", "--truth", "T", "--mirrored"], "no --mirrored beside --masks"),
        (["--masks", "M", "--truth", "T", "--out", "O"], "no --out beside --masks"),
        (["--masks", "M", "--truth", "T", "--part", "valid"], "no --part beside --masks"),
        (["--masks", "M", "--truth", "T", "--in-style"], "no --in-style beside --masks"),
    ],
)
def test_what_has_no_effect_is_refused(given, message, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in one_line(shell("evaluate", *given))


def test_a_folder_that_exists_stays_as_it_is(exported, tiny_qata, shell):
    before = contents(exported)
    given = ["--data", "qata", "--root", tiny_qata, "--labels", "0.5", "--out", exported]
    assert "exists: choose another folder" in one_line(shell("export_nnunet", *given))
    assert contents(exported) == before


def test_nothing_is_left_of_an_export_that_fails(tiny_qata, tmp_path, shell):
    folder = tmp_path / "new" / "Dataset001_A"
    folder.parent.mkdir()
    given = ["--data", "qata", "--root", tiny_qata, "--labels", "0.3", "--out", folder]
    with no_file_above(100):
        assert one_line(shell("export_nnunet", *given))
    assert not list(folder.parent.iterdir())


def test_names_that_nnu_net_could_not_tell_apart(tiny_qata, tmp_path, shell):
    given = ["--data", "qata", "--root", tiny_qata, "--labels", "0.3", "--out"]
    assert "Dataset, three digits, _ and a name" in one_line(shell("export_nnunet", *given, tmp_path / "qata_export"))
    rows = [
        Row(Path("a") / name, Path("m"), "left lung", "a list") for name in ("chest.png", "chest.1.png", "CHEST.tif")
    ]
    assert list(case_names(rows[:2]).values()) == ["chest", "chest.1"]
    with pytest.raises(
        InvalidValueError, match=r"differ in more than their ending, but got a/chest.png and a/CHEST.tif"
    ):
        case_names(rows)
