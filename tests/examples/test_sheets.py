"""Every quirk of a sheet that is forgiven, and every fault that is named."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from semimedref.data.sheets import is_sheet, read_sheet

from crossmodal_aug.errors import InvalidValueError
from tests.examples.writers import write_csv, write_xlsx

ROWS = [
    ("Image", "Description"),
    ("mask_covid_1.png", "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."),
    ("mask_covid_2.png", "Unilateral pulmonary infection, one infected areas, left lung and all right lung.."),
]


def said(path: Path) -> list[tuple[str, str]]:
    return [(entry.name, entry.caption) for entry in read_sheet(path)]


def repack(path: Path, old: bytes, new: bytes) -> None:
    """Write an xlsx file again with other bytes in its sheet."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet]
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(old, new) if name == sheet else content)


def written(path: Path, rows: list[tuple[object, ...]]) -> Path:
    (write_xlsx if path.suffix == ".xlsx" else write_csv)(path, rows)
    return path


@pytest.fixture(params=[".xlsx", ".csv"])
def sheet(request, tmp_path: Path) -> Path:
    return tmp_path / f"Train_text{request.param}"


def test_names_and_captions_come_as_they_stand(sheet):
    assert said(written(sheet, ROWS)) == ROWS[1:]
    assert [entry.where for entry in read_sheet(sheet)] == [f"{sheet}, row 2", f"{sheet}, row 3"]


def test_blanks_around_heads_and_cells_do_not_count(sheet):
    blank = [tuple(f"  {cell}\t " for cell in row) for row in ROWS]
    assert said(written(sheet, blank)) == ROWS[1:]


def test_blanks_within_a_caption_stay(sheet):
    assert said(written(sheet, [ROWS[0], ("a.png", "left  lung")])) == [("a.png", "left  lung")]


@pytest.mark.parametrize("heads", [("IMAGE", "description"), ("image", "Text"), ("Image", "caption")])
def test_heads_in_any_case_and_word(sheet, heads):
    assert said(written(sheet, [heads, *ROWS[1:]])) == ROWS[1:]


def test_columns_in_any_order_among_others(sheet):
    rows = [("", "Description", "label", "Split", "Image")]
    rows += [(number, caption, "[0, 1]", "val", name) for number, (name, caption) in enumerate(ROWS[1:])]
    assert said(written(sheet, rows)) == ROWS[1:]
    assert {entry.split for entry in read_sheet(sheet)} == {"val"}


def test_empty_rows_do_not_count_but_rows_are_numbered_as_shown(sheet):
    written(sheet, [ROWS[0], ROWS[1], ("", " "), ROWS[2], (None, None), ("  ", None)])
    assert said(sheet) == ROWS[1:]
    assert read_sheet(sheet)[1].where.endswith("row 4")


def test_a_byte_order_mark_is_no_part_of_a_head(tmp_path):
    path = written(tmp_path / "train.csv", ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert said(path) == ROWS[1:]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(tmp_path, delimiter):
    lines = [delimiter.join(row) for row in ROWS]
    (tmp_path / "train.csv").write_text("\r\n".join(lines))
    assert said(tmp_path / "train.csv") == ROWS[1:]


def test_names_that_became_numbers(tmp_path):
    rows = [ROWS[0], (17, "left lung"), (18.0, "left lung")]
    assert [name for name, _ in said(written(tmp_path / "a.xlsx", rows))] == ["17", "18"]


def test_lock_files_and_others_are_no_sheets():
    assert [is_sheet(Path(name)) for name in ("A.XLSX", "a.csv", "~$a.xlsx", "._a.csv", "a.txt")] == [
        *(True, True),
        *(False, False, False),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "expected rows of names and captions, but it is empty"),
        (ROWS[:1], "but got only the heads"),
        ([("Picture", "Text"), *ROWS[1:]], "expected one column Image, but got the columns Picture, Text"),
        ([("Image", "Note"), *ROWS[1:]], "expected one column Description or Text or Caption, but got the columns"),
        ([("Image", "Text", "caption"), ("a", "b", "c")], "expected one column Description or Text or Caption"),
        ([*ROWS, ("mask_covid_3.png", " ")], r"row 4 \(mask_covid_3\.png\): .*caption"),
        ([*ROWS, ("", "left lung")], r"row 4: expected a file name as Image, but got"),
        ([*ROWS, ("../a.png", "left lung")], r"row 4: expected a file name as Image, but got '\.\./a\.png'"),
    ],
)
def test_faults_are_named_with_file_and_row(sheet, rows, message):
    with pytest.raises(InvalidValueError, match=rf"{sheet.name}.*{message}"):
        read_sheet(written(sheet, rows))


def test_a_number_is_no_caption(tmp_path):
    with pytest.raises(InvalidValueError, match=r"row 2 \(a\.png\): expected text as Description, but got 3"):
        read_sheet(written(tmp_path / "a.xlsx", [ROWS[0], ("a.png", 3)]))


def test_a_missing_sheet(sheet):
    with pytest.raises(InvalidValueError, match=r"Train_text.*: no such file"):
        read_sheet(sheet)


def test_a_damaged_xlsx_file(tmp_path):
    path = written(tmp_path / "a.xlsx", ROWS)
    whole = path.read_bytes()
    for damaged in (b"", b"Image,text", whole[:1000], whole[: len(whole) // 2] + bytes(200) + whole[-2000:]):
        path.write_bytes(damaged)
        with pytest.raises(InvalidValueError, match=r"a\.xlsx: not a readable xlsx file"):
            read_sheet(path)


@pytest.mark.parametrize("where", ["row", "cell"])
def test_a_row_of_a_number_that_no_sheet_has(tmp_path, where):
    path = written(tmp_path / "a.xlsx", ROWS)
    old, new = {"row": (b'<row r="3"', b'<row r="2000000000"'), "cell": (b'r="A3"', b'r="A2000000000"')}[where]
    repack(path, old, new)
    if where == "cell":  # the number of its row counts
        assert said(path) == ROWS[1:]
        return
    with pytest.raises(InvalidValueError, match=r"a\.xlsx: expected at most 1048576 rows, as a spreadsheet has"):
        read_sheet(path)


def test_a_row_far_down_keeps_its_number(tmp_path):
    path = written(tmp_path / "a.xlsx", ROWS)
    repack(path, b'<row r="3"', b'<row r="900000"')
    assert [entry.where for entry in read_sheet(path)] == [f"{path}, row 2", f"{path}, row 900000"]


def test_a_cell_that_no_sheet_has_is_named_in_a_short_line(tmp_path):
    path = written(tmp_path / "a.xlsx", ROWS)
    repack(path, b'r="A3"', b'r="' + b"A" * 5000 + b'3"')
    with pytest.raises(InvalidValueError, match=r"a\.xlsx: not a readable xlsx file") as caught:
        read_sheet(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_many_long_heads_are_named_in_a_short_line(sheet):
    with pytest.raises(InvalidValueError, match="but got the columns x") as caught:
        read_sheet(written(sheet, [["x" * 1000] * 1000, ["a"] * 1000]))
    assert len(str(caught.value)) < 1200 + len(str(sheet))


def test_a_csv_file_of_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("Image,Text\na.png,links unten, größer\n".encode("utf-16"))
    with pytest.raises(InvalidValueError, match=r"a\.csv: not a csv file in UTF-8"):
        read_sheet(tmp_path / "a.csv")


def test_an_open_quote(tmp_path):
    (tmp_path / "a.csv").write_text('Image,Text\na.png,"left lung\nb.png,right lung\n')
    with pytest.raises(InvalidValueError, match=r"a\.csv: not a readable csv file"):
        read_sheet(tmp_path / "a.csv")
