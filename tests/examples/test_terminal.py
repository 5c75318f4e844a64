"""What the scripts print fits a terminal, and bad input takes one line of it."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semimedref.evaluation.tables import WIDTH, Table
from semimedref.evaluation.tally import Tally
from semimedref.evaluation.tally_file import write_tally
from semimedref.metrics import Scores
from semimedref.metrics import table as scores_table

from tests.examples.keeping import CAPTION, one_line
from tests.examples.test_paired import drawn

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
INTERVAL = "81.23 (79.00 to 83.50)"


def test_the_tables_of_an_evaluation_fit(drawn_run, shell):
    code, printed, _ = shell("evaluate", drawn_run, "--in-style", "--mirrored", "--resamples", "20")
    assert code == 0
    lines = printed.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("Scores of the"))
    tables = "\n".join(lines[start:]).split("\n\n")
    assert len(tables) > 6
    # Behind the tables stands a list of sentences.
    shown = [line for table in tables for line in table.split("\n") if not line.startswith(("- ", "/"))]
    assert [line for line in shown if len(line) > WIDTH] == []


def test_the_tables_of_training_and_predicting_fit(drawn_run, shell, chest, tmp_path):
    rows = {name: Scores(100.0, 100.0, 100.0, 100.0, 9) for name in ("student", "teacher", "teacher, other captions")}
    assert all(len(line) <= WIDTH for line in scores_table(rows).split("\n"))
    _, printed, _ = shell("predict", drawn_run / "best.ckpt", chest, CAPTION, "--out", tmp_path / "o")
    told = [line for line in printed.split("\n") if str(tmp_path) not in line]
    assert told and all(len(line) <= WIDTH for line in told)


def test_a_comparison_of_many_pairs_fits(tmp_path, shell):
    given = []
    for number in range(8):
        for name in "AB":
            write_tally(tmp_path / f"{name}{number}.jsonl", drawn(2 * number + (name == "B"), 9 * (name == "A")))
        given += (["--and"] if number else []) + [tmp_path / f"A{number}.jsonl", tmp_path / f"B{number}.jsonl"]
    code, printed, _ = shell("compare", *given, "--resamples", "20", "--exchanges", "20")
    assert code == 0
    table = printed[printed.index("A less B") :]
    assert all(len(line) <= WIDTH for line in table.split("\n"))
    assert "over runs" in " ".join(table.split())


@given(
    st.lists(st.lists(st.text(alphabet="ab ", max_size=60), min_size=9, max_size=9), min_size=1, max_size=4),
    st.integers(0, 9),
)
@settings(deadline=None, max_examples=50)
def test_a_table_fits_and_loses_no_word(rows, intervals):
    rows = [[INTERVAL if place < intervals else cell for place, cell in enumerate(row)] for row in rows]
    heads = ("images", *["global Dice"] * 8)
    text = Table("Title", heads, tuple(map(tuple, rows))).to_text()
    assert all(len(line) <= WIDTH for line in text.split("\n"))
    letters = "".join(text.split("\n", 1)[1].split()).replace("-", "")
    assert sorted(letters) == sorted("".join("".join([*heads, *map("".join, rows)]).split()))


def test_a_table_that_fits_is_left_as_it_is():
    text = Table("Title", ("", "Dice"), (("own", INTERVAL),)).to_text()
    assert text == f"Title\n{'Dice':>27}\n{'-' * 27}\nown  {INTERVAL}"


HEAD = {"format": 1, "about": {}, "images": ["a", "b"], "patients": [0, 1]}
ROW = {"reading": "raw", "captions": "own", "of": "all", "counts": [[1, 2, 3], [4, 5, 6]]}
HOSTILE = {
    "empty": "",
    "not JSON": "no counts",
    "not text": b"\xff\xfe\x00",
    "a list": "[]",
    "deep": "[" * 100_000,
    "a long number": "9" * 5000,
    "another format": {**HEAD, "format": 2},
    "no format": {"images": []},
    "a number of images": {**HEAD, "images": 5},
    "images without a name": {**HEAD, "images": [[], {}]},
    "too few patients": {**HEAD, "patients": [0]},
    "a patient before the first": {**HEAD, "patients": [0, -1]},
    "a patient behind the last": {**HEAD, "patients": [0, 10**12]},
    "half a patient": {**HEAD, "patients": [0, 0.5]},
    "a patient beyond all numbers": {**HEAD, "patients": [0, 10**400]},
    "about a number": {**HEAD, "about": 5},
}
HOSTILE_ROWS = {
    "a list as row": [],
    "no reading": {"captions": "own"},
    "a list as reading": {**ROW, "reading": []},
    "an image that is none": {**ROW, "of": [0, 7]},
    "an image too few": {**ROW, "of": [0]},
    "no three counts": {**ROW, "counts": [[1, 2], [3, 4]]},
    "a count below none": {**ROW, "counts": [[-1, 2, 3], [4, 5, 6]]},
    "a count beyond all numbers": {**ROW, "counts": [[10**400, 2, 3], [4, 5, 6]]},
    "a word as count": {**ROW, "counts": [["a", 2, 3], [4, 5, 6]]},
    "half a count": {**ROW, "counts": [[0.5, 2, 3], [4, 5, 6]]},
    "no count": {**ROW, "counts": None},
}


@pytest.mark.parametrize(
    "written",
    [*HOSTILE.values(), *([HEAD, row] for row in HOSTILE_ROWS.values()), [HEAD], [HEAD, ROW, ROW]],
    ids=[*HOSTILE, *HOSTILE_ROWS, "no row", "a row twice"],
)
def test_what_is_no_file_of_counts_takes_one_line(tmp_path, shell, written):
    whole, path = tmp_path / "whole.jsonl", tmp_path / "hostile.jsonl"
    whole.write_text(f"{json.dumps(HEAD)}\n{json.dumps(ROW)}\n")
    if isinstance(written, dict):
        written = [written]
    if isinstance(written, list):
        written = "".join(json.dumps(line) + "\n" for line in written)
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    for pair in ((whole, path), (path, whole)):
        one_line(shell("compare", *pair, "--resamples", "5", "--exchanges", "5"))


def test_what_cannot_be_compared_takes_one_line(tmp_path, shell):
    first, second, other = (tmp_path / name for name in ("a", "b", "c.jsonl"))
    for seed, path in enumerate((first, second)):
        path.mkdir()
        write_tally(path / "per_image_counts.jsonl", drawn(seed))
    write_tally(other, Tally(("image 0",), torch.tensor([0]), drawn(0).rows))
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder/per_image_counts.jsonl").mkdir(parents=True)
    quick = ("--resamples", "5", "--exchanges", "5")
    cases = {
        "no such file of counts": (first, tmp_path / "none"),
        "empty/per_image_counts.jsonl: no such file of counts": (tmp_path / "empty", first),
        "folder/per_image_counts.jsonl: no such file of counts": (first, tmp_path / "folder"),
        "Expected two runs to compare, but got": (first, first),
        "a/per_image_counts.jsonl, which are one": (first, first / "per_image_counts.jsonl"),
        "Expected each pair of runs once": (first, second, "--and", first, first / "../b"),
        "exists": (first, second, "--json", tmp_path),
        "at least 1 resample": (first, second, "--resamples", "0"),
        "at least 1 exchange": (first, second, "--exchanges", "-1"),
        "--seed to be 0 or more": (first, second, "--seed", "-1"),
        "see --help": (first, second, "--and", first),
    }
    for message, pairs in cases.items():
        assert message in one_line(shell("compare", *quick, *pairs)), message
    assert shell("compare", *quick, first, second)[0] == 0
    shutil.copytree(first, tmp_path / "copy")
    assert shell("compare", *quick, first, tmp_path / "copy")[0] == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--threads", "0"], "expected --threads to be 1 or more, but got 0"),
        (["--threads", "-3"], "expected --threads to be 1 or more, but got -3"),
        (["--threads", "9999999999999"], "expected --threads to be at most"),
        (["--runs", "none"], "expected a folder of runs as --runs"),
        (["--results", "here/scores"], "scores: expected a file, but it is a folder"),
        (["--results", "none/scores.jsonl"], "none: no such folder"),
        (["--regimes", "here"], "here: expected a file, but it is a folder"),
        (["--results", "bad-scores.jsonl"], "bad-scores.jsonl, line 2: not a JSON object"),
        (["--results", "list-scores.jsonl"], "list-scores.jsonl, line 1: not a JSON object"),
        (["--results", "bytes-scores.jsonl"], "bytes-scores.jsonl: expected UTF-8"),
        (["--cache", "bad-scores.jsonl"], "bad-scores.jsonl: expected a folder"),
    ],
)
def test_scoring_runs_with_bad_arguments_takes_one_line(tmp_path, monkeypatch, capsys, given, message):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.chdir(tmp_path)
    Path("here/scores").mkdir(parents=True)
    Path("bad-scores.jsonl").write_text('{"run": "a"}\nno line\n')
    Path("list-scores.jsonl").write_text("[1]\n")
    Path("bytes-scores.jsonl").write_bytes(b"\xff\n")
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", ["label_scores.py", "--runs", "here", "--results", "scores.jsonl", *given])
    try:
        code = importlib.import_module("label_scores").main()
    except SystemExit as ended:
        code = ended.code
    finally:
        torch.set_num_threads(threads)
    errors = capsys.readouterr().err
    assert code == 2
    assert message in one_line((code, "", errors))
