"""The command `crossmodal-aug parse`."""

import io
import json
import os
import subprocess
import sys

import pytest

import crossmodal_aug
from crossmodal_aug.cli import main


def test_a_text_as_a_table(capsys):
    assert main(["parse", "Unilateral pulmonary infection, one infected areas, left lung and middle right lung."]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "regions    right middle",
        "phrases    left lung = nothing, filler",
        "           middle right lung = right middle",
        "laterality unilateral",
        "count      1",
        "conflict   unilateral, and 'left lung' names no zone: read as filler",
    ]


def test_a_file_as_json_has_a_row_for_each_line(tmp_path, capsys):
    path = tmp_path / "reports.txt"
    path.write_bytes(b"\xef\xbb\xbfRUL nodule.\r\n\n  left lung clear \xe2\x80\xa8 still\n")
    assert main(["parse", "--json", str(path)]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["text"] for record in records] == ["RUL nodule.", "", "  left lung clear \u2028 still"]
    assert [record["regions"] for record in records] == [["right upper"], [], []]
    assert records[0]["mentions"] == [
        {"start": 0, "end": 3, "text": "RUL", "regions": ["right upper"], "negated": False, "cue": ""}
    ]
    assert records[2]["negated"] == ["left upper", "left middle", "left lower"]


def test_texts_and_names_steer_no_terminal(tmp_path, capsys):
    steering = "\x1b[2J\x9b1m\u202e\x07"
    path = tmp_path / f"reports{steering}.txt"
    path.write_text(f"RUL nodule {steering}.\nzun{steering}gula{steering} left base\n", encoding="utf-8")
    for given in (["parse", str(path)], ["parse", "--unknown", str(path)], ["parse", f"left base {steering}"]):
        assert main(given) == 0
    assert main(["parse", f"/missing{steering}.txt"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert r"missing\x1b[2J" in captured.err
    assert r"RUL nodule \x1b[2J\x9b1m\u202e\x07." in captured.out
    for line in (captured.out + captured.err).removesuffix("\n").split("\n"):
        assert line.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "missing.txt",
        "my reports.txt",
        "brian.toml",
        "data/reports",
        ".",
        "/",
        "REPORTS.CSV",
        "reports.json.gz",
        "a/b c.txt",
    ],
)
def test_a_mistyped_file_is_no_text(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["parse", name]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"crossmodal-aug: {name}: ")
    assert captured.err.count("\n") == 1
    assert not captured.out


@pytest.mark.parametrize("text", ["Opacity, left base.", "B/L effusions", "Left base.\nNo scar.", "Nodule, 2.5 cm"])
def test_a_text_is_no_file(text, capsys):
    assert main(["parse", text]) == 0
    assert capsys.readouterr().out.startswith("regions")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_refused_like_an_empty_file(text, monkeypatch, capsys):
    assert main(["parse", text]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["parse", "-"]) == 2
    assert capsys.readouterr().err.count("Expected at least one text") == 2


def test_a_file_that_is_no_text_is_named(tmp_path, capsys):
    path = tmp_path / "image.txt"
    path.write_bytes(b"\xff\xd8\xff")
    assert main(["parse", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"crossmodal-aug {crossmodal_aug.__version__}\n"


def test_unknown_words_are_listed_the_most_frequent_first(tmp_path, capsys):
    path = tmp_path / "reports.txt"
    path.write_text("Glurb in the left zungula.\nNo glurb.\n")
    assert main(["parse", "--unknown", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == ["2 glurb", "1 zungula"]
    assert main(["parse", "--unknown", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"word": "glurb", "count": 2}


def shell(arguments, encoding="utf-8", **options):
    command = [sys.executable, "-m", "crossmodal_aug.cli", "parse", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("flags", [[], ["--json"], ["--unknown"]])
def test_a_narrow_terminal_gets_escapes(flags):
    with shell([*flags, "left “base”, μ-nodule 🫁; tête"], encoding="ascii") as process:
        out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, b"")
    if flags == ["--json"]:
        assert json.loads(out)["text"] == "left “base”, μ-nodule 🫁; tête"


@pytest.mark.parametrize("lines", [3, 20000])
def test_a_reader_that_goes_away_is_no_error(lines, tmp_path):
    path = tmp_path / "reports.txt"
    path.write_text("left base opacity\n" * lines)
    with shell([str(path)]) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=600) == 0
    assert err == b""


def test_stdin_and_another_atlas(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("a polyp in the top left\na polyp in the center\n"))
    assert main(["parse", "--atlas", "quadrants", "-"]) == 0
    out = capsys.readouterr().out
    assert "a polyp in the top left\nregions    top-left" in out
    assert "regions    center" in out


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
    assert capsys.readouterr().out.startswith("regions    left upper, left middle, left lower")
