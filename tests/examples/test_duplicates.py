"""What is tested must not have been seen in training: pictures, file names and patients, in every layout."""

import importlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from semimedref.config import Config
from semimedref.data import load_data, load_to_score
from semimedref.data.duplicates import patient_of
from semimedref.data.folder_data import SOURCES, load_folder
from semimedref.data.layouts import ANNOTATION, read_layout
from semimedref.data.samples import DataSet

from crossmodal_aug.errors import InvalidValueError
from tests.examples.test_layouts import assert_same
from tests.examples.writers import (
    Chest,
    draw_chests,
    write_annotation,
    write_csv,
    write_frames,
    write_lvit,
    write_sets,
)

COUNTS = {"train": 12, "valid": 4, "test": 4}
STEMS = {"train": "a{}", "valid": "b{}", "test": "c{}"}
LAYOUTS = {
    "annotation": ("qata", write_annotation),
    "sets": ("qata", write_sets),
    "lvit": ("qata", write_lvit),
    "frames": ("mosmed", write_frames),
}


@pytest.fixture(scope="module")
def chests() -> list[Chest]:
    return draw_chests(COUNTS, STEMS)


def load(name: str, root: Path, **given) -> DataSet:
    return load_folder(name, root, **{"size": 16, "labels": 0.25, **given})


def changed(chests: list[Chest], old: str, /, **values) -> list[Chest]:
    return [one._replace(**values) if one.stem == old else one for one in chests]


def of(chests: list[Chest], stem: str) -> Chest:
    return next(one for one in chests if one.stem == stem)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("first", "second"), [(("a3", "train"), ("c1", "test")), (("b2", "valid"), ("c1", "test"))])
def test_a_picture_in_two_parts_is_refused(chests, tmp_path, layout, first, second):
    """Under another name, and stored in another way."""
    name, write = LAYOUTS[layout]
    root = write(tmp_path, changed(chests, "c1", image=of(chests, first[0]).image))
    [copy] = [path for path in root.rglob("c1.png") if path.parent.name in ("images", "Images", "img", "frames")]
    Image.open(copy).convert("RGB").save(copy, compress_level=1)
    pair = rf"the same picture stands in two: .*{first[0]}\.png \({first[1]}\) and .*{second[0]}\.png \({second[1]}\)"
    with pytest.raises(InvalidValueError, match=pair):
        load(name, root)
    data = load(name, root, allow_duplicates=True)
    assert len(data.test) == 4
    assert any("the same picture stands in two parts, as --allow-duplicates allows" in note for note in data.notes)


def test_a_picture_is_found_again_from_the_cache(chests, tmp_path):
    root = write_annotation(tmp_path / "data", changed(chests, "c1", image=of(chests, "a3").image))
    load("qata", root, allow_duplicates=True, cache=tmp_path / "kept")
    with pytest.raises(InvalidValueError, match="the same picture"):
        load("qata", root, cache=tmp_path / "kept")


def test_unlabelled_pictures_count_too(chests, tmp_path):
    for index in range(COUNTS["train"]):
        root = write_annotation(tmp_path / str(index), changed(chests, "c1", image=of(chests, f"a{index}").image))
        with pytest.raises(InvalidValueError, match=rf"a{index}\.png \(train\) and .*c1\.png \(test\)"):
            load("qata", root)


def test_a_picture_twice_in_one_part_is_no_leak(chests, tmp_path):
    root = write_annotation(tmp_path, changed(chests, "a1", image=of(chests, "a3").image))
    assert not any("same" in note for note in load("qata", root).notes)


def test_all_pairs_are_counted_and_the_first_are_named(tmp_path):
    chests = draw_chests({"train": 12, "valid": 4, "test": 8}, STEMS)
    for index in range(7):
        chests = changed(chests, f"c{index}", image=of(chests, f"a{index}").image)
    with pytest.raises(InvalidValueError, match=r"a0\.png.*a4\.png \(train\) and .*c4\.png \(test\); and 2 pairs more"):
        load("qata", write_annotation(tmp_path, chests))


@pytest.mark.parametrize("write", [write_annotation, write_lvit, write_sets])
def test_a_name_in_two_parts_is_refused(chests, tmp_path, write):
    """The pictures differ in their pixels, as a copy does that went through JPEG."""
    root = write(tmp_path, changed(chests, "c1", stem="A3"))
    with pytest.raises(
        InvalidValueError, match=r"the same name stands in two: .*a3\.png \(train\) and .*A3\.png \(test"
    ):
        load("qata", root)
    assert len(load("qata", root, allow_duplicates=True).test) == 4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_patient_in_two_parts_is_refused(chests, tmp_path, layout):
    name, write = LAYOUTS[layout]
    several = changed(chests, "a3", stem="sub-s07_ses-1_dx")
    several = changed(several, "c1", stem="sub-S07_ses-2_cr")
    with pytest.raises(InvalidValueError, match=r"the same patient stands in two: .*sub-s07_ses-1.*sub-S07_ses-2"):
        load(name, write(tmp_path / "two", several))
    root = write(tmp_path / "one", changed(several, "sub-S07_ses-2_cr", stem="sub-s071_ses-2"))
    assert len(load(name, root).test) == 4


def test_a_patient_at_our_own_cut_is_said(tmp_path):
    """The published cut of QaTa-COV19 goes by the number of images alone."""
    chests = draw_chests({"train": 10, "test": 4}, {"train": "sub-s{}_x", "test": "c{}"})
    chests = changed(chests, "sub-s7_x", stem="sub-s8_a")
    data = load("qata", write_sets(tmp_path, chests))
    assert len(data.valid) == 2
    [note] = [note for note in data.notes if note.startswith("patients on both sides of the cut")]
    assert "sub-s8_a.png (train)" in note
    assert "sub-s8_x.png (valid)" in note


@pytest.mark.parametrize(
    ("name", "patient"),
    [("mask_sub-S08047_ses-e1_run-1.png", "s08047"), ("x_sub-01.png", "01"), ("covid_1.png", ""), ("absub-1.png", "")],
)
def test_patients_are_told_by_names(name, patient):
    assert patient_of(name) == patient


def test_a_file_in_two_parts_can_be_allowed(chests, tmp_path):
    root = write_frames(tmp_path, chests, one_sheet=True)
    with (root / "captions.csv").open("a") as file:
        file.write(f'test,a3.png,"{of(chests, "a3").caption}",\n')
    with pytest.raises(InvalidValueError, match=r"row 22: a3\.png is a test image here, but a train image in .*row 5"):
        load("mosmed", root)
    data = load("mosmed", root, allow_duplicates=True)
    assert len(data.test) == 5
    assert any(note.startswith("the same file stands in two parts") for note in data.notes)


def test_real_parts_share_nothing(data_root):
    """Of QaTa-COV19: no name and no patient."""
    parts, notes = read_layout(data_root / "qata", (ANNOTATION,))
    assert sum(map(len, parts.values())) == 4000
    assert not any("same" in note or "patient" in note for note in notes)


def only_test(root: Path, layout: str) -> None:
    """Leave the test part alone in a folder."""
    if layout == "annotation":
        stored = json.loads((root / "annotation.json").read_text())
        (root / "annotation.json").write_text(json.dumps({"test": stored["test"]}))
    for path in [*root.iterdir()]:
        if path.is_dir() and path.name.lower().startswith(("train", "val")):
            shutil.rmtree(path)
        elif path.name.lower().startswith(("train", "val")):
            path.unlink()


def only_test_rows(root: Path, chests: list[Chest]) -> None:
    """The same with one sheet for all parts."""
    tests = [("test", f"{one.stem}.png", one.caption) for one in chests if one.part == "test"]
    for sheet in root.glob("*.csv"):
        sheet.unlink()
    write_csv(root / "captions.csv", [("split", "image", "text"), *tests])


def only_test_pictures(root: Path) -> None:
    """Leave the lists of all parts, beside the pictures of the test part."""
    for path in [*root.iterdir()]:
        if path.is_dir() and path.name.lower().startswith(("train", "val")):
            shutil.rmtree(path)
    for path in [*root.glob("frames/*"), *root.glob("masks/*")]:
        if not path.name.startswith("c"):
            path.unlink()


@pytest.mark.parametrize("layout", ["annotation", "sets", "frames"])
def test_lists_of_the_whole_beside_the_test_part_can_be_scored(chests, tmp_path, layout):
    name, write = LAYOUTS[layout]
    root = write(tmp_path, chests)
    config = Config(data=name, root=str(root), size=16, labels=0.25)
    whole = load_to_score(config)
    only_test_pictures(root)
    data = load_to_score(config)
    assert_same(data.test, whole.test)
    assert [len(part) for part in (data.labelled, data.valid)] == [0, 0]
    with pytest.raises(InvalidValueError, match=r"no such f|is missing"):
        load_data(config)


def test_a_run_may_go_on_with_duplicates_allowed():
    """Runs that began before they were looked for could not go on otherwise."""
    run = Config(data="qata", root="DIR")
    assert run.with_given({"allow_duplicates": True}, source="config.json").allow_duplicates


@pytest.mark.parametrize("layout", [*LAYOUTS, "one sheet"])
def test_a_test_part_alone_can_be_scored(chests, tmp_path, layout):
    name, write = LAYOUTS.get(layout, LAYOUTS["frames"])
    root = write(tmp_path, chests)
    config = Config(data=name, root=str(root), size=16, labels=0.25)
    whole = load_to_score(config)
    if layout == "one sheet":
        only_test_rows(root, chests)
    else:
        only_test(root, layout)
    data = load_to_score(config)
    assert_same(data.test, whole.test)
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [0, 0, 0, 4]
    assert f"{root}: read without train and valid images, which are not needed here" in data.notes
    assert "masks: 0 and 255, 255 is lesion; 4 files" in data.notes
    assert data.atlas == SOURCES[name].zones.atlas
    missing = "train" if layout == "sets" else "valid"
    with pytest.raises(InvalidValueError, match=missing):
        load_to_score(config, "valid")
    with pytest.raises(InvalidValueError, match="train"):
        load_data(config)


def test_evaluation_takes_a_test_part_alone(chests, tmp_path, capsys):
    root = write_annotation(tmp_path / "data", chests)
    given = ["--data", "qata", "--root", str(root), "--runs", str(tmp_path / "runs"), "--name", "tiny"]
    tiny = ["--size", "32", "--width", "4", "--batch-size", "2", "--labels", "0.25", "--accelerator", "cpu"]
    importlib.import_module("train").main([*given, *tiny, "--steps", "1", "--validate-every", "1"])
    only_test(root, "annotation")
    capsys.readouterr()
    plain = tmp_path / "plain.json"
    scored = [str(tmp_path / "runs/tiny/best.ckpt"), "--root", str(root), "--json", str(plain), "--resamples", "5"]
    importlib.import_module("evaluate").main(scored)
    assert "read without train and valid images" in capsys.readouterr().out
    assert json.loads(plain.read_text()) == json.loads((tmp_path / "runs/tiny/metrics.json").read_text())["test"]
