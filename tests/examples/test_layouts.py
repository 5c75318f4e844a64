"""Each layout gives the same samples from the same content; what is missing or doubtful is named."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from semimedref.data.folder_data import load_folder
from semimedref.data.layouts import hold_out
from semimedref.data.rows import Row
from semimedref.data.samples import DataSet, Samples

from crossmodal_aug.errors import InvalidValueError
from tests.examples.writers import (
    Chest,
    draw_chests,
    write_annotation,
    write_csv,
    write_frames,
    write_lvit,
    write_sets,
    write_xlsx,
)

# By name, the validation images are the last fifth of those that are not for the test, as in QaTa-COV19.
COUNTS = {"train": 24, "valid": 6, "test": 6}
STEMS = {"train": "covid_{}", "valid": "sub-s{}_vp-ll_dx", "test": "sub-s1{}_vp-ap_dx"}
QATA = {"annotation": write_annotation, "sets": write_sets, "lvit": write_lvit}


@pytest.fixture(scope="module")
def chests() -> list[Chest]:
    return draw_chests(COUNTS, STEMS)


def load(root: Path, name: str = "qata", **settings) -> DataSet:
    return load_folder(name, root, **{"size": 16, "labels": 0.25, **settings})


def assert_same(one: Samples, other: Samples) -> None:
    assert one.names == other.names
    assert one.texts == other.texts
    assert torch.equal(one.images, other.images)
    assert (one.masks is None) == (other.masks is None)
    if one.masks is not None:
        assert torch.equal(one.masks, other.masks)
    assert len(one.full_masks) == len(other.full_masks)
    assert all(map(torch.equal, one.full_masks, other.full_masks))


def assert_same_data(one: DataSet, other: DataSet) -> None:
    for part in ("labelled", "unlabelled", "valid", "test"):
        assert_same(getattr(one, part), getattr(other, part))
    assert one.atlas == other.atlas


@pytest.fixture(scope="module")
def expected(chests, tmp_path_factory) -> DataSet:
    return load(write_annotation(tmp_path_factory.mktemp("expected"), chests))


@pytest.mark.parametrize("write", QATA.values(), ids=QATA)
def test_each_layout_gives_the_same_samples(chests, expected, tmp_path, write):
    data = load(write(tmp_path, chests))
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [6, 18, 6, 6]
    assert_same_data(data, expected)


def test_samples_are_what_was_drawn(chests, expected):
    drawn = {f"{one.stem}.png": one for one in chests}
    for samples in (expected.labelled, expected.unlabelled, expected.valid, expected.test):
        assert samples.texts == tuple(drawn[name].caption for name in samples.names)
    for name, mask in zip(expected.valid.names, expected.valid.full_masks, strict=True):
        assert torch.equal(mask, torch.from_numpy(drawn[name].mask))


def test_notes_say_how_it_was_read(chests, tmp_path):
    notes = "\n".join(load(write_sets(tmp_path, chests)).notes)
    assert "read as sets" in notes
    assert "the last 6 by name are held out" in notes
    assert "lateral views (vp-ll in the name): 0 train, 6 valid, 0 test" in notes


def test_hold_out_goes_by_name_and_keeps_the_order():
    rows = [Row(Path(f"{name}.png"), Path(), "", "") for name in "ecabdjfhgi"]
    train, valid = hold_out(rows)
    assert [row.image.stem for row in train] == list("ecabdfhg")
    assert [row.image.stem for row in valid] == list("ji")


def test_a_sheet_of_validation_images_is_followed(chests, tmp_path):
    """Whether their rows stand in the training sheet as well or not."""
    root = write_sets(tmp_path, chests)
    valid = [one for one in chests if one.stem in ("covid_3", "covid_5")]
    rows = [(f"mask_{one.stem}.png", one.caption) for one in valid]
    write_xlsx(root / "Val_text_for_Covid19.xlsx", [("Image", "Description"), *rows])
    data = load(root)
    assert data.valid.names == ("covid_3.png", "covid_5.png")
    assert len(data.labelled) + len(data.unlabelled) == 28


@pytest.mark.parametrize("place", ["prompt/train.csv", "Train Set/text.csv", "train.csv"])
def test_sheets_as_csv_in_other_places(chests, expected, tmp_path, place):
    root = write_sets(tmp_path, chests)
    (root / "Train_text_for_Covid19.xlsx").unlink()
    (root / place).parent.mkdir(exist_ok=True)
    rows = [(f"mask_{one.stem}.png", one.caption) for one in chests if one.part != "test"]
    write_csv(root / place, [("Image", "Description"), *rows])
    assert_same_data(load(root), expected)


def without_extension(name: str) -> str:
    return name.removesuffix(".png")


def of_the_image(name: str) -> str:
    return name.removeprefix("mask_")


def in_capitals(name: str) -> str:
    return name.upper()


def with_blanks(name: str) -> str:
    return f" {name} "


def with_another_extension(name: str) -> str:
    return name.replace(".png", ".jpg")


@pytest.mark.parametrize("change", [without_extension, of_the_image, in_capitals, with_blanks, with_another_extension])
def test_names_as_people_write_them(chests, expected, tmp_path, change):
    root = write_lvit(tmp_path, chests)
    for part, word in (("train", "Train"), ("valid", "Val"), ("test", "Test")):
        rows = [(change(f"mask_{one.stem}.png"), one.caption) for one in chests if one.part == part]
        write_xlsx(root / f"{word}_Folder" / f"{word}_text.xlsx", [("Image", "Description"), *rows])
    assert_same_data(load(root), expected)


def test_folders_in_another_case(chests, expected, tmp_path):
    root = write_lvit(tmp_path, chests)
    (root / "Val_Folder").rename(root / "val_folder")
    (root / "Test_Folder/labelcol").rename(root / "Test_Folder/LabelCol")
    assert_same_data(load(root), expected)


def test_a_row_that_is_repeated_counts_once(chests, expected, tmp_path):
    root = write_lvit(tmp_path, chests)
    rows = [(f"mask_{one.stem}.png", one.caption) for one in chests if one.part == "train"]
    again = [(rows[2][0].upper(), f"{rows[2][1]} "), rows[5]]
    write_xlsx(root / "Train_Folder/Train_text.xlsx", [("Image", "Description"), *rows, *again])
    assert_same_data(load(root), expected)


def test_images_without_a_row_are_counted(chests, tmp_path):
    root = write_lvit(tmp_path, chests)
    shutil.copy(root / "Test_Folder/img/sub-s10_vp-ap_dx.png", root / "Test_Folder/img/new.png")
    (root / "Test_Folder/img/._new.png").write_bytes(b"left by macOS")
    data = load(root)
    assert len(data.test) == 6
    assert f"{root / 'Test_Folder/img'}: 1 images without a caption are left out" in data.notes


def append(path: Path, *rows: tuple[str, str], chests: list[Chest], part: str) -> None:
    first = [(f"mask_{one.stem}.png", one.caption) for one in chests if one.part == part]
    write_xlsx(path, [("Image", "Description"), *first, *rows])


def another_caption(root, chests):
    append(root / "Test_Folder/Test_text.xlsx", ("SUB-s11_vp-ap_dx", "left lung"), chests=chests, part="test")


def no_such_image(root, chests):
    append(root / "Test_Folder/Test_text.xlsx", ("mask_covid_99.png", "left lung"), chests=chests, part="test")


def could_be_two(root, chests):
    shutil.copy(root / "Test_Folder/img/sub-s11_vp-ap_dx.png", root / "Test_Folder/img/Sub-s11_vp-ap_dx.jpg")
    append(root / "Test_Folder/Test_text.xlsx", ("sub-s11_vp-ap_dx", "left lung"), chests=chests, part="test")


def no_mask(root, chests):
    (root / "Val_Folder/labelcol/mask_sub-s2_vp-ll_dx.png").unlink()


def other_size(root, chests):
    Image.new("L", (30, 32)).save(root / "Val_Folder/labelcol/mask_sub-s2_vp-ll_dx.png")


def no_masks(root, chests):
    shutil.rmtree(root / "Val_Folder/labelcol")


def no_sheet(root, chests):
    (root / "Val_Folder/Val_text.xlsx").unlink()


def two_sheets(root, chests):
    write_csv(root / "Val_Folder/Val_text.csv", [("Image", "Description"), ("a", "b")])


def no_part(root, chests):
    shutil.rmtree(root / "Val_Folder")


FAULTS = {
    another_caption: r"Test_text\.xlsx, row 8: sub-s11_vp-ap_dx\.png has the caption 'left lung' here, but "
    r".* in .*Test_text\.xlsx, row 3",
    no_such_image: r"Test_Folder/img/covid_99\.png: no such file, but .*Test_text\.xlsx, row 8 names it",
    could_be_two: r"Test_text\.xlsx, row 8: .*img: 'sub-s11_vp-ap_dx' could be any of Sub-s11_vp-ap_dx\.jpg, sub-s11",
    no_mask: r"labelcol/mask_sub-s2_vp-ll_dx\.png: no such file, but .*Val_text\.xlsx, row 4 names it",
    other_size: r"labelcol/mask_sub-s2_vp-ll_dx\.png: expected a mask of 32x32 pixels, like its image, but got 30x32",
    no_masks: r"Val_Folder/labelcol: no such folder; expected, since this looks like LViT folders:\n\{Train,Val,Test\}",
    no_sheet: r"the sheet for the valid images is missing, beside Test_Folder/Test_text\.xlsx and Train_Folder",
    two_sheets: r"expected one sheet for the valid images, but got .*Val_text\.csv and .*Val_text\.xlsx; expected",
    no_part: r"the folder for the valid images is missing, beside Test_Folder and Train_Folder; expected",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_faults_are_named(chests, tmp_path, spoil):
    root = write_lvit(tmp_path, chests)
    spoil(root, chests)
    with pytest.raises(InvalidValueError, match=FAULTS[spoil]):
        load(root)


@pytest.mark.parametrize("name", ["qata", "mosmed"])
def test_an_unknown_folder_is_told_every_tree(tmp_path, name):
    trees = {
        "qata": ("annotation.json, {train,valid,test}", "{Train,Test} Set/Images", "{Train,Val,Test}_Folder/img"),
        "mosmed": ("frames/NAME.png, masks/NAME.png", "{Train,Val,Test}_Folder/img"),
    }
    for root, reason in ((tmp_path, "no data set found here"), (tmp_path / "nowhere", "no such folder")):
        with pytest.raises(InvalidValueError) as caught:
            load(root, name)
        assert all(part in str(caught.value) for part in (str(root), reason, *trees[name]))


def test_the_folder_one_level_down_is_pointed_out(chests, tmp_path):
    write_sets(tmp_path / "QaTa-COV19-v2", chests)
    with pytest.raises(InvalidValueError, match=r"there is one in .*QaTa-COV19-v2"):
        load(tmp_path)


def test_an_image_in_two_parts_is_refused(chests, tmp_path):
    root = write_frames(tmp_path, chests, one_sheet=True)
    with (root / "captions.csv").open("a") as file:
        file.write("test,covid_3.png,left lung,\n")
    with pytest.raises(InvalidValueError, match=r"row 38: covid_3\.png is a test image here, but a train image in .*5"):
        load(root, "mosmed")
