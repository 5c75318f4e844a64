"""The benchmark that scores finished runs: once each, from their folders, with what is committed of their counts."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from semimedref.config import Config
from semimedref.evaluation.tally import Row, Tally
from semimedref.evaluation.tally_file import read_tally
from semimedref.evaluation.totals import scores

from tests.examples.writers import draw_chests, write_annotation

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def as_a_script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def script(monkeypatch):
    one = importlib.import_module("label_scores")
    monkeypatch.setattr(one, "commit", lambda: "0123456789ab")
    return one


def call(script, monkeypatch, *given) -> int:
    monkeypatch.setattr(sys, "argv", ["label_scores.py", *map(str, given)])
    try:
        return script.main()
    except SystemExit as ended:
        return ended.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Two finished runs beside their data."""
    place = tmp_path_factory.mktemp("trained")
    counts = {"train": 28, "valid": 6, "test": 6}
    root = write_annotation(place / "qata", draw_chests(counts, {part: f"{part}-{{}}" for part in counts}))
    tiny = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
    given = ["--data", "qata", "--root", str(root), "--runs", str(place / "runs"), *tiny]
    for method in ("semimedref", "cutmix"):
        importlib.import_module("train").main(
            [*given, "--name", method, "--method", method, "--steps", "2", "--validate-every", "2"]
        )
    return place


@pytest.fixture
def runs(trained, tmp_path) -> Path:
    """The same, one that is still going on, and what else lies there."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    going_on = tmp_path / "runs/going-on"
    shutil.copytree(tmp_path / "runs/cutmix", going_on)
    (going_on / "metrics.json").unlink()
    (tmp_path / "runs/cutmix.log").write_text("a log")
    return tmp_path / "runs"


def test_runs_are_scored_once_and_their_counts_are_enough_for_the_table(script, runs, tmp_path, monkeypatch, capsys):
    results = tmp_path / "label_scores.jsonl"
    given = ("--runs", runs, "--results", results)
    regimes = tmp_path / "label_regimes.jsonl"
    assert call(script, monkeypatch, *given, "--regimes", regimes) == 0
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["run"] for line in lines] == ["cutmix", "semimedref"]
    for line in lines:
        metrics = json.loads((runs / line["run"] / "metrics.json").read_text())
        assert line["scores"]["global Dice"] == pytest.approx(metrics["test"]["teacher"]["global_dice"], abs=1e-4)
        if metrics["obedience"] is not None:
            assert line["scores"]["obedience by side"] == pytest.approx(metrics["obedience"], abs=1e-4)
        assert {"hd95", "ece", "lesions", "false_lesions"} <= set(line["other"])
        assert sum(one["pixels"] for one in line["reliability"]) > 0
        assert line["config"]["method"] == line["run"]
        assert "root" not in line["config"]
        assert str(tmp_path) not in json.dumps(line)
        assert line["scored_at"] == "0123456789ab"
        assert line["trained_at"] is None
        kept = read_tally(runs / line["run"] / "per_image_counts.jsonl")
        assert {name: round(one, 4) for name, one in scores(kept).items() if one == one} == {
            name: one for name, one in line["scores"].items() if one is not None
        }
    table = results.with_suffix(".md").read_text()
    assert "## QaTa-COV19, labels 0.3, model compact, size 32, steps 2" in table
    assert "| semimedref | 1 | " in table
    before = results.read_bytes(), *(path.read_bytes() for path in script.beside(results))
    capsys.readouterr()
    assert call(script, monkeypatch, *given, "--regimes", regimes) == 0
    assert before == (results.read_bytes(), *(path.read_bytes() for path in script.beside(results)))
    # The table needs neither runs nor data.
    shutil.rmtree(runs)
    results.with_suffix(".md").unlink()
    assert call(script, monkeypatch, "--results", results, "--regimes", regimes) == 0
    assert results.with_suffix(".md").read_text() == table


def test_a_run_that_cannot_be_scored_is_named_and_the_others_are_scored(script, runs, tmp_path, monkeypatch, capsys):
    spoilt = runs / "cutmix/best.ckpt"
    spoilt.write_bytes(spoilt.read_bytes()[:-100] + b"x" * 100)
    results = tmp_path / "label_scores.jsonl"
    regimes = tmp_path / "label_regimes.jsonl"
    assert call(script, monkeypatch, "--runs", runs, "--results", results, "--regimes", regimes) == 1
    assert [json.loads(line)["run"] for line in results.read_text().splitlines()] == ["semimedref"]
    assert "cutmix/best.ckpt" in capsys.readouterr().err


def test_changed_data_are_no_data_to_score_on(script, runs, trained, tmp_path, monkeypatch, capsys):
    annotation = trained / "qata/annotation.json"
    before = annotation.read_text()
    stored = json.loads(before)
    stored["test"][0]["caption"] = stored["test"][1]["caption"] + " "
    annotation.write_text(json.dumps(stored))
    script.data_of.cache_clear()
    results = tmp_path / "label_scores.jsonl"
    assert call(script, monkeypatch, "--runs", runs, "--results", results, "--regimes", tmp_path / "none.jsonl") == 1
    assert "expected the data of its training, but test changed" in capsys.readouterr().err
    assert not results.exists()
    annotation.write_text(before)
    script.data_of.cache_clear()


def test_the_commit_of_the_training_is_looked_up(script, runs, tmp_path, monkeypatch):
    cells = importlib.import_module("label_cells")
    config = cells.without_places(json.loads((runs / "cutmix/config.json").read_text()))
    regimes = tmp_path / "label_regimes.jsonl"
    line = {"config": config, "commit": "abc", "valid_dice": 12.5, "set": "busi"}
    # Settings that are the same on other data are another run.
    other = {**line, "data": "elsewhere", "commit": "def", "set": "kvasir"}
    regimes.write_text("".join(json.dumps(one) + "\n" for one in (line, other)))
    results = tmp_path / "label_scores.jsonl"
    assert call(script, monkeypatch, "--runs", runs, "--results", results, "--regimes", regimes) == 0
    lines = {line["run"]: line for line in map(json.loads, results.read_text().splitlines())}
    assert [lines["cutmix"][name] for name in ("trained_at", "valid_dice", "set")] == ["abc", 12.5, "busi"]
    assert lines["semimedref"]["trained_at"] is None


def test_packed_counts_are_those_that_were_packed():
    label_counts = importlib.import_module("label_counts")
    generator = torch.Generator().manual_seed(0)
    rows = []
    own = torch.randint(70_000, (9, 3), generator=generator)
    for reading, captions, images in (
        ("raw", "own", range(9)),
        ("raw", "words a verb", range(9)),
        ("raw", "side left", [1, 4, 8]),
        ("raw", "side left floor", [1, 4, 8]),
        ("raw", "side left crop", [1, 4, 8]),
        ("raw", "zone upper", []),
        ("raw", "zone upper crop", []),
        ("raw", "region left upper", [2]),
        ("in-style", "own", range(9)),
        ("mirrored", "own", range(9)),
        ("mirrored", "side left", [1, 4, 8]),
    ):
        places = torch.tensor(list(images), dtype=torch.int64)
        size = own[places, 0] + own[places, 2]
        missed = (size * torch.rand(len(places), generator=generator)).long()
        extra = torch.randint(9, (len(places),), generator=generator)
        counts = torch.stack([size - missed, extra, missed], dim=1)
        rows.append(Row(reading, captions, places, own if reading == "in-style" or captions == "own" else counts))
    tally = Tally(tuple(map(str, range(9))), torch.arange(9) // 2, {row.key: row for row in rows})
    line = json.loads(json.dumps(label_counts.packed(tally)))
    back = label_counts.unpacked(line, json.loads(json.dumps(label_counts.images_line(tally, "x"))))
    assert set(back.rows) == {
        *(("raw", one) for one in ("own", "words a verb", "side left", "side left crop", "zone upper")),
        *(("in-style", "own"), ("mirrored", "own")),
    }
    for key, row in back.rows.items():
        assert torch.equal(row.counts, tally.rows[key].counts)
        assert torch.equal(row.images, tally.rows[key].images)
    assert back.images == tally.images
    assert torch.equal(back.patients, tally.patients)


def test_runs_are_compared_where_all_but_method_and_seeds_is_the_same():
    shown = importlib.import_module("label_scores_table")
    cells = importlib.import_module("label_cells")

    def line(method="cutmix", scored_at="a", **other):
        config = cells.without_places(vars(Config(data="qata", root="DIR", labels=0.01, method=method, **other)))
        return {"config": dict(config), "data": "d", "scored_at": scored_at, "run": "r", "weights": "w"}

    lines = [
        line(),
        line(seed=1),
        line(seed=2, scored_at="b-dirty"),
        line("semimedref", seed=1),
        line("semimedref", seed=1, focus=0.35),
        line(size=128),
        line(learning_rate=1e-3),
    ]
    groups = shown.comparisons(lines)
    heads = [about for _, about in groups]
    assert len(heads) == 3
    assert heads[2] == f"{heads[0]}, learning_rate 0.001"
    methods = groups["d", heads[0]]
    assert list(methods) == ["cutmix", "semimedref", "semimedref, focus 0.35"]
    assert sorted(seed for seed, _ in methods["cutmix"]) == [0, 1]
