"""Data sets as people lay them out: each is read, and what does not fit is said."""

import json
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from crossmodal_aug.doctor import examine
from crossmodal_aug.doctor.layouts import read_listing
from crossmodal_aug.doctor.listing import Listing
from crossmodal_aug.doctor.sheets import read_sheet
from crossmodal_aug.errors import InvalidValueError
from tests.doctor.phantoms import Drawn, draw_set, save


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return draw_set(tmp_path / "set", train=3, test=2)


def write_table(path: Path, rows: list[list[object]]) -> None:
    if path.suffix == ".xlsx":
        book = Workbook()
        for row in rows:
            book.worksheets[0].append(row)
        book.save(path)
    else:
        mark = "\t" if path.suffix == ".tsv" else ";"
        path.write_text("\n".join(mark.join(map(str, row)) for row in rows), encoding="utf-8-sig")


def rows_of(drawn: Drawn, part: str) -> list[list[object]]:
    return [["IMAGE ", "Description"], *([row["image"], row["caption"]] for row in drawn.rows[part])]


def whole(listing: Listing) -> list[tuple[str, bool, bool]]:
    return [(row.part, row.image is not None, row.mask is not None) for row in listing.rows]


WHOLE = [("train", True, True)] * 3 + [("test", True, True)] * 2


def test_annotation(drawn: Drawn) -> None:
    listing = read_listing(drawn.root)
    assert listing.layout == "layout annotation"
    assert whole(listing) == WHOLE
    assert (listing.images_left, listing.masks_left) == ((), ())


def test_annotation_may_name_masks_or_no_ending(drawn: Drawn) -> None:
    for row in drawn.rows["train"]:
        row["image_path"] = f"mask_{row.pop('image')}"
    for row in drawn.rows["test"]:
        row["image_path"] = Path(row.pop("image")).stem.upper()
    drawn.save()
    assert whole(read_listing(drawn.root)) == WHOLE


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx"])
@pytest.mark.parametrize(("images", "masks"), [("Images", "Ground-truths"), ("img", "labelcol"), ("frames", "masks")])
def test_part_folders(drawn: Drawn, suffix: str, images: str, masks: str) -> None:
    (drawn.root / "annotation.json").unlink()
    for part, name in (("train", "Train Set"), ("test", "Test_Folder")):
        folder = (drawn.root / part).rename(drawn.root / name)
        (folder / "images").rename(folder / "x").rename(folder / images)
        (folder / "masks").rename(folder / "y").rename(folder / masks)
        write_table((folder if part == "train" else drawn.root) / f"{part}_text{suffix}", rows_of(drawn, part))
    listing = read_listing(drawn.root)
    assert listing.layout == "layout part-folders"
    assert sorted(whole(listing)) == sorted(WHOLE)


@pytest.mark.parametrize("by_part", [True, False])
def test_one_folder(drawn: Drawn, tmp_path: Path, by_part: bool) -> None:
    root = tmp_path / "one"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
        for file in drawn.root.glob(f"*/{kind}/*"):
            file.rename(root / kind / file.name)
    if by_part:
        for part in drawn.rows:
            write_table(root / f"{part}.csv", rows_of(drawn, part))
    else:
        rows = [[row["image"], row["caption"], part] for part, some in drawn.rows.items() for row in some]
        write_table(root / "captions.csv", [["Image", "Text", "Split"], *rows])
    listing = read_listing(root)
    assert listing.layout == "layout one-folder"
    assert sorted(whole(listing)) == sorted(WHOLE)


def test_images_and_masks_may_lie_in_one_folder(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4), np.uint8)
    for name in ("benign (1).png", "benign (1)_mask.png", "benign (2).png"):
        save(tmp_path / name, pixels)
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\nbenign (1),Left.\nbenign (2).png,Right.\n")
    rows = read_listing(None, images=tmp_path, masks=tmp_path, captions=captions).rows
    assert [(row.image and row.image.name, row.mask and row.mask.name) for row in rows] == [
        ("benign (1).png", "benign (1)_mask.png"),
        ("benign (2).png", None),
    ]


def test_a_name_that_could_be_several_files_names_none(tmp_path: Path) -> None:
    for name in ("a.png", "A.jpg"):
        save(tmp_path / name, np.zeros((4, 4), np.uint8))
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\na,Left.\na.png,Right.\n")
    rows = read_listing(None, images=tmp_path, captions=captions).rows
    assert [row.image and row.image.name for row in rows] == [None, "a.png"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "it is empty"),
        ("a.csv", "image,label\na,b\n", "Expected a column caption"),
        ("a.csv", 'image,caption\n"a,b\n', "Expected a table in csv"),
        ("a.json", "{", "Expected JSON"),
        ("a.json", '{"images": 3}', "Expected a list of rows under 'images'"),
        ("a.json", "[1]", "row 1: Expected an object"),
        ("a.json", "[]", "it is empty"),
        ("a.xlsx", "no archive", "Expected a readable xlsx file"),
        ("a.csv", "Image,Caption\na.png,Left base.\nb.png,Left base, right top.\n", "3.*2 cells.*got 3.*quotes"),
        ("a.csv", "Caption,Image\nLeft base, right top.,b.png\n", "2.*2 cells.*got 3.*quotes"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=words):
        read_sheet(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidValueError, match="UTF-8"):
        read_sheet(path)


def test_rows_without_a_caption_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"image": "a.png"}, {"image": 7.0, "caption": "Left."}]))
    assert [(entry.image, entry.caption) for entry in read_sheet(path)] == [("a.png", ""), ("7", "Left.")]


def test_a_folder_that_fits_no_layout_is_told_which_there_are(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    with pytest.raises(InvalidValueError, match=r"scans.*annotation.*part-folders.*one-folder"):
        read_listing(tmp_path)


def test_a_layout_that_is_named_is_the_only_one_tried(drawn: Drawn) -> None:
    with pytest.raises(InvalidValueError, match="the layout one-folder"):
        read_listing(drawn.root, layout="one-folder")


def test_two_lists_for_one_part_are_refused(drawn: Drawn) -> None:
    (drawn.root / "annotation.json").unlink()
    write_table(drawn.root / "test" / "a.csv", rows_of(drawn, "test"))
    for name in ("a.csv", "b.csv"):
        write_table(drawn.root / "train" / name, rows_of(drawn, "train"))
    with pytest.raises(InvalidValueError, match=r"a\.csv and b\.csv"):
        read_listing(drawn.root)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.csv", 'Caption\n"Left\nbase."\n\nRight apex.\n\n\n', "line 4"),
        ("a.csv", "Image,Caption\na.png,Left base.\n,\nb.png,Right apex.\n", "line 3"),
        ("a.jsonl", '\n{"caption": "Left base."}\n{"caption": ""}\n', "line 3"),
        ("a.json", '{"train": [{"caption": "Left base."}, {"caption": " "}]}', "train row 2"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_a_row_without_a_caption_is_named_by_its_line(
    tmp_path: Path, name: str, text: str, place: str, folder: bool
) -> None:
    path, images = tmp_path / name, tmp_path / "images"
    path.write_text(text)
    images.mkdir()
    for image in ("a.png", "b.png"):
        save(images / image, np.arange(144, dtype=np.uint8).reshape(12, 12))
    found = examine(captions=path, images=images if folder else None)
    (empty,) = (finding for finding in found.findings if finding.name == "empty-captions")
    assert found.rows(empty) == [place]
    assert f"{path}, {place}" in empty.text
    assert empty.text.count(place) == 1
    named = [row for finding in found.findings if finding.name == "missing-images" for row in found.rows(finding)]
    assert place not in named


def test_an_empty_caption_is_named_by_its_image(drawn: Drawn) -> None:
    image = drawn.recaption("train", 1, "")
    (empty,) = (one for one in examine(drawn.root, size=48).findings if one.name == "empty-captions")
    assert f"{image} ({drawn.root / 'annotation.json'}, train row 2)" in empty.text


def test_an_empty_row_of_a_spreadsheet_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_table(path, [["Caption"], ["Left base."], [None], ["Right apex."], [None]])
    assert [(entry.place, entry.caption) for entry in read_sheet(path)] == [
        ("row 2", "Left base."), ("row 3", ""), ("row 4", "Right apex."),
    ]  # fmt: skip


def one_folder(root: Path, lists: dict[str, int]) -> Path:
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for name, count in lists.items():
        write_table(root / name, [["Image", "Caption"], *([f"{i}.png", "Left base."] for i in range(count))])
    return root


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"train.csv": 5, "train_extra.csv": 3}, r"one list of captions for train, but got train\.csv and train_extra"),
        ({"train.csv": 5, "other.csv": 4}, r"in the name of each list, but got other\.csv beside train\.csv"),
        ({"a.csv": 5, "b.csv": 4}, r"got a\.csv and b\.csv"),
    ],
)
def test_no_list_of_one_folder_is_left_out(tmp_path: Path, lists: dict[str, int], words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        read_listing(one_folder(tmp_path / "set", lists))


def test_lists_of_several_parts_are_all_read(tmp_path: Path) -> None:
    listing = read_listing(one_folder(tmp_path / "set", {"train.csv": 5, "val.csv": 3, "test.csv": 2}))
    assert [row.part for row in listing.rows] == ["test"] * 2 + ["train"] * 5 + ["valid"] * 3


def test_empty_cells_behind_the_last_column_are_no_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Image,Caption\na.png,Left base.,,\n")
    assert [(entry.image, entry.caption) for entry in read_sheet(path)] == [("a.png", "Left base.")]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
def test_a_line_of_json_ends_where_the_line_ends(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"image": "a.png", "caption": f"Left{sign}base."}, {"image": "b.png", "caption": "Right."}]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(text.encode())
    assert [entry.caption for entry in read_sheet(path)] == [row["caption"] for row in rows]


def test_a_name_too_long_for_a_file_is_one_missing_image(tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        save(tmp_path / kind / "a.png", np.zeros((4, 4), np.uint8))
    captions = tmp_path / "captions.csv"
    captions.write_text(f"image,caption,mask\n{'x' * 300},Left.,\na.png,Right.,{'y' * 300}\na.png,Right.,\n")
    rows = read_listing(None, images=tmp_path / "images", masks=tmp_path / "masks", captions=captions).rows
    assert [(row.image is not None, row.mask is not None) for row in rows] == [
        (False, False),
        (True, False),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("named", "words"),
    [({"root": "."}, "`data`"), ({"layout": "annotation"}, "`layout`"), ({"root": ".", "layout": "x"}, "`data`")],
)
def test_a_folder_and_a_list_of_captions_are_not_both_taken(tmp_path: Path, named: dict[str, str], words: str) -> None:
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\na,Left.\n")
    root = Path(named["root"]) if "root" in named else None
    with pytest.raises(InvalidValueError, match=f"Expected either .*`captions`.*got {words}"):
        read_listing(root, layout=named.get("layout"), captions=captions)


def test_a_file_where_a_folder_is_expected_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    path.write_text("image,caption\na,Left.\n")
    with pytest.raises(InvalidValueError, match=r"`data` to be a folder, but .* is a file"):
        read_listing(path)
    with pytest.raises(InvalidValueError, match=r"a file, but .* is a folder"):
        read_sheet(tmp_path)
