"""The command `crossmodal-aug parse`."""

import io
import json

import pytest

from crossmodal_aug.cli import main


def test_a_text_as_a_table(capsys):
    assert main(["parse", "Unilateral pulmonary infection, one infected areas, left lung and middle right lung."]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "regions  right middle",
        "phrases  left lung = nothing, filler",
        "         middle right lung = right middle",
        "sides    unilateral",
        "count    1",
        "conflict unilateral, and 'left lung' names no zone: read as filler",
    ]


def test_a_file_as_json(tmp_path, capsys):
    path = tmp_path / "reports.txt"
    path.write_text("RUL nodule.\n\nleft lung clear\n")
    assert main(["parse", "--json", str(path)]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["regions"] for record in records] == [["right upper"], []]
    assert records[0]["mentions"] == [
        {"start": 0, "end": 3, "text": "RUL", "regions": ["right upper"], "negated": False}
    ]
    assert records[1]["negated"] == ["left upper", "left middle", "left lower"]


def test_a_mistyped_file_is_no_text(tmp_path, capsys):
    assert main(["parse", str(tmp_path / "missing.txt")]) == 2
    assert "missing.txt: no such file" in capsys.readouterr().err
    assert main(["parse", "Opacity, left base."]) == 0


def test_stdin_and_another_atlas(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("a polyp in the top left\na polyp in the center\n"))
    assert main(["parse", "--atlas", "quadrants", "-"]) == 0
    out = capsys.readouterr().out
    assert "a polyp in the top left\nregions  top-left" in out
    assert "regions  center" in out


@pytest.mark.parametrize("arguments", [["--atlas", "lungs", "x"], ["--atlas", "none.toml", "x"], ["EMPTY"], ["BINARY"]])
def test_bad_input_is_one_line_and_code_2(arguments, tmp_path, capsys):
    (tmp_path / "EMPTY").write_text("\n")
    (tmp_path / "BINARY").write_bytes(b"\xff\xfe\x00")
    arguments = [str(tmp_path / word) if word.isupper() else word for word in arguments]
    assert main(["parse", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("crossmodal-aug: ")
    assert error.count("\n") == 1


def test_a_very_long_text_is_a_text(capsys):
    assert main(["parse", "left lung " * 3000]) == 0
    assert capsys.readouterr().out.startswith("regions  left upper, left middle, left lower")
