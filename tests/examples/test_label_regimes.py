"""What the benchmark of few labels counts, and what it does when a run fails or is cut off."""

import dataclasses
import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STORED = BENCHMARKS / "results" / "label_regimes.jsonl"


@pytest.fixture(autouse=True)
def as_a_script(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def cells():
    return importlib.import_module("label_cells")


@pytest.fixture
def json_lines():
    return importlib.import_module("json_lines")


@pytest.fixture
def benchmark(cells, monkeypatch):
    """The script, with a recipe that takes seconds."""
    script = importlib.import_module("label_regimes")
    settings = {"model": "compact", "size": 32, "width": 4, "batch-size": 4, "validate-every": 2}
    monkeypatch.setitem(cells.RECIPES, "compact", cells.Recipe(settings, {0.3: 2}))
    monkeypatch.setattr(script, "LABELS", (0.3,))
    monkeypatch.setattr(script, "commit", lambda: "0123456789ab")
    return script


def call(script, monkeypatch, *given):
    monkeypatch.setattr(sys, "argv", ["label_regimes.py", *map(str, given)])
    try:
        return script.main()
    except SystemExit as ended:
        return ended.code


def line(cells, cell, **other):
    return {"config": cell.config, "data": "here", "commit": "a", "status": "finished", **other}


def test_the_table_is_that_of_the_results(json_lines):
    results = importlib.import_module("label_results")
    assert STORED.with_suffix(".md").read_text() == "\n".join(results.table(json_lines.read_lines(STORED)))


def test_a_run_counts_where_settings_data_and_code_are_those_of_the_cell(cells):
    cell = cells.Cell("compact", 0.05, "semimedref", 0)
    trial = dataclasses.replace(cell, trial=("--focus=0.9",))
    spoiled = [
        line(cells, cell, status="failed"),
        line(cells, cell, commit="a-dirty"),
        line(cells, cell, data="there"),
        line(cells, trial),
    ]
    assert cells.missing(spoiled, [cell], "here") == [cell]
    assert cells.grouped(spoiled, "compact", "here") == {}
    assert cells.missing(spoiled, [trial], "here") == []
    good = [line(cells, cell, commit="old"), line(cells, cell, commit="new")]
    assert cells.missing(good, [cell], "here") == []
    assert cells.grouped([*good, *spoiled], "compact", "here") == {(0.05, "semimedref"): [good[1]]}
    assert list(cells.beside(spoiled[3])) == ["focus 0.9"]
    assert list(cells.beside(good[0])) == []


def test_each_draw_of_the_labelled_images_is_a_run_of_its_own(cells):
    published, other = (cells.Cell("compact", 0.01, "cutmix", 0, draw=draw) for draw in (0, 1))
    assert published.name != other.name
    results = [line(cells, other), line(cells, published)]
    assert cells.missing(results[:1], [published, other], "here") == [published]
    assert cells.grouped(results, "compact", "here") == {(0.01, "cutmix"): results[::-1]}
    assert list(cells.beside(results[0])) == []


def test_a_run_of_before_there_was_a_setting_counts_for_what_it_was(cells, json_lines):
    """A line that lacks settings is that of a run without what they bring, whatever its preset has by now."""
    new = ("geometry", "geometry_order", "zone_unit", "focus_unit", "reword", "mask_values", "allow_duplicates")
    new += ("split_seed",)
    plain, ours, without = (
        cells.Cell("compact", 0.05, name, 0) for name in ("cutmix", "semimedref", "semimedref without geometry")
    )
    old = [line(cells, cell) for cell in (plain, without)]
    for one in old:
        one["config"] = {name: value for name, value in one["config"].items() if name not in new}
        assert len(one["config"]) == len(plain.config) - len(new)
    assert cells.missing(old, [plain, ours, without], "here") == [ours]
    assert cells.grouped(old, "compact", "here").keys() == {(0.05, "cutmix"), (0.05, "semimedref without geometry")}
    # Under the recipe without geometry the two are one method, which stands there once, under the name it had.
    assert cells.grouped(old, "compact, no geometry", "here").keys() == {(0.05, "cutmix"), (0.05, "semimedref")}
    assert [cells.method_of(one) for one in old] == ["cutmix", "semimedref without geometry"]
    assert [list(cells.beside(one)) for one in old] == [[], []]
    stored = json_lines.read_lines(STORED)
    named = cells.grouped(stored, "compact, no geometry", stored[-1]["data"])
    assert {method for _, method in named} >= {"supervised", "mean-teacher", "cutmix", "semimedref"}
    # What was called so in the first edition is not what is published, word for word.
    assert {method for _, method in named if "paper" in method or "released" in method} == {
        "paper, words corrected",
        "released, three faults",
    }


def test_every_method_is_one_of_its_own(cells):
    configs = [cells.Cell("compact", 0.01, name, 0).config for name in cells.METHODS]
    assert all(one not in configs[:place] for place, one in enumerate(configs))
    assert [cells.method_of({"config": one}) for one in configs] == list(cells.METHODS)
    assert set(cells.COMPARED) <= set(cells.METHODS)
    ours = dict(zip(cells.METHODS, configs, strict=True))
    shared = ("geometry", "flip", "focus", "steps", "alter")
    for name in ("cutmix + ours", "mean-teacher + ours", "supervised + ours"):
        assert [ours[name][one] for one in shared] == [ours["semimedref"][one] for one in shared]
    for part in ("mix", "flip", "focus", "pos_aug", "itcl", "geometry"):
        pairs = zip(ours["semimedref"].items(), ours[f"semimedref without {part}"].items(), strict=True)
        assert [mine[0] for mine, other in pairs if mine != other] == [part]


def test_two_recipes_of_one_network_are_counted_apart(cells):
    both = [cells.Cell(recipe, 0.01, "cutmix", 0) for recipe in ("lite-unet", "lite-unet, words alone")]
    results = [line(cells, cell) for cell in both]
    assert len({cell.name for cell in both}) == 2
    assert cells.missing(results[:1], both, "here") == both[1:]
    for cell, own in zip(both, results, strict=True):
        assert cells.grouped(results, cell.recipe, "here") == {(0.01, "cutmix"): [own]}
    # A list of all runs names what tells the second from the first.
    assert [list(cells.beside(one)) for one in results] == [[], ["pretrained text"]]
    changed = {key for key in both[0].config if both[0].config[key] != both[1].config[key]}
    assert changed == {"pretrained"}


def test_what_only_one_network_reads_has_no_cell_of_another(benchmark, cells, tmp_path, monkeypatch, capsys):
    assert all(cells.fits(recipe, "no-text") == recipe.startswith("compact") for recipe in cells.RECIPES)
    assert all(cells.fits(recipe, "semimedref") for recipe in cells.RECIPES)
    given = ["--recipe", "lite-unet", "--methods", "cutmix", "no-text", "--results", tmp_path / "r.jsonl", "--table"]
    assert call(benchmark, monkeypatch, *given) == 2
    assert "expected --recipe compact for no-text, but got lite-unet" in capsys.readouterr().err


def test_what_comes_with_a_method_is_a_setting_too(cells):
    plain, everywhere = (cells.Cell("compact", 0.01, method, 0) for method in ("cutmix", "cutmix on all"))
    assert plain.config["mix"] == everywhere.config["mix"] == "cutmix"
    assert [cells.method_of(line(cells, one)) for one in (plain, everywhere)] == ["cutmix", "cutmix on all"]
    trial = dataclasses.replace(plain, trial=("--flip=0.25",))
    assert len({one.name for one in (plain, everywhere, trial)}) == 3
    assert not set(cells.LOCAL) & plain.config.keys()


def test_a_line_that_was_cut_off_is_left_out_and_replaced(json_lines, tmp_path):
    path = tmp_path / "results.jsonl"
    assert json_lines.read_lines(path) == []
    for number in (1, 2):
        json_lines.append_line(path, {"number": number})
    path.write_text(path.read_text() + '{"number": ')
    assert json_lines.read_lines(path) == [{"number": 1}, {"number": 2}]
    json_lines.append_line(path, {"number": 3})
    assert json_lines.read_lines(path) == [{"number": 1}, {"number": 2}, {"number": 3}]


def test_every_file_of_lines_survives_a_kill():
    """What appends to or reads a file of JSON lines does it by `json_lines` alone."""
    for path in BENCHMARKS.glob("*.py"):
        source = path.read_text()
        assert path.name == "json_lines.py" or '.open("a")' not in source.replace('.log").open("a")', ""), path
        assert ".jsonl" not in source or "json.loads(line) for line in path.read_text().splitlines()" not in source


def test_half_a_line_of_a_log_is_no_score(benchmark, tmp_path):
    log = tmp_path / "logs/version_0/metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text("step,valid/dice\n1,41.5\n2,")
    assert benchmark.valid_dice(tmp_path) == 41.5
    log.write_text("step,valid/dice\n1,4.5\n2,5.1e")
    assert benchmark.valid_dice(tmp_path) == 4.5


def test_another_data_set_is_told_by_its_files(cells, tmp_path):
    (tmp_path / "a").write_text("one")
    first = cells.data_id(tmp_path)
    (tmp_path / "a").write_text("three")
    assert cells.data_id(tmp_path) != first


def test_cells_of_other_data_sets_are_their_own(cells):
    polyps, breasts, chests = (
        cells.Cell("compact", 0.05, "cutmix", 0, data=name) for name in ("kvasir", "busi", "qata")
    )
    assert len({one.name for one in (polyps, breasts, chests)}) == 3
    assert chests == cells.Cell("compact", 0.05, "cutmix", 0)
    assert chests.options[0] == "--data=qata"
    assert (polyps.config["data"], polyps.config["atlas"]) == ("folder", "quadrants")
    results = [line(cells, polyps, set="kvasir"), line(cells, breasts, set="busi", data="there")]
    assert cells.missing(results, [polyps, breasts], "here") == []
    assert cells.missing(results[1:], [polyps], "here") == [polyps]
    assert cells.grouped(results, "compact", "here") == {(0.05, "cutmix"): results[:1]}
    assert cells.grouped(results, "compact", "there") == {(0.05, "cutmix"): results[1:]}
    assert list(cells.beside(results[0])) == []
    assert [cells.set_of(one) for one in (*results, line(cells, chests))] == ["kvasir", "busi", "qata"]


def test_a_line_of_before_there_were_other_data_sets_stays_what_it_was(cells, json_lines):
    stored = json_lines.read_lines(STORED)
    assert {cells.set_of(one) for one in stored} == {"qata"}
    assert {cells.config_of(one)["atlas"] for one in stored} == {""}
    finished = [one for one in stored if cells.counts(one)]
    steps = cells.RECIPES["compact"].steps
    usual = [one for one in finished if one["config"]["steps"] == steps.get(one["config"]["labels"])]
    old = next(one for one in reversed(usual) if not list(cells.beside(one)))
    config = cells.config_of(old)
    cell = cells.Cell("compact", config["labels"], cells.method_of(old), config["seed"], draw=config["split_seed"])
    assert cells.missing(finished, [cell], old["data"]) == []


def test_runs_on_two_data_sets_share_no_file_and_are_not_mixed(benchmark, cells, tmp_path, monkeypatch, capsys):
    path = tmp_path / "r.jsonl"
    cell = cells.Cell("compact", 0.3, "supervised", 0)
    path.write_text(json.dumps(line(cells, cell)) + "\n")
    assert call(benchmark, monkeypatch, "--data", "busi", "--table", "--results", path) == 2
    assert "expected runs on busi alone, but got some on qata" in capsys.readouterr().err
    monkeypatch.setattr(benchmark, "HERE", tmp_path)
    (tmp_path / "results").mkdir()
    assert call(benchmark, monkeypatch, "--data", "busi", "--table") == 0
    assert (tmp_path / "results/label_regimes_busi.md").exists()


@pytest.mark.parametrize(
    "given", [["--trial", "seed=3"], ["--trial", "atlas=x.toml"], ["--trial", "nonsense"], ["--local", "steps=3"]]
)
def test_options_that_would_spoil_the_comparison_are_refused(benchmark, tmp_path, monkeypatch, capsys, given):
    assert call(benchmark, monkeypatch, "--results", tmp_path / "r.jsonl", *given) == 2
    assert f"expected {given[0]} KEY=VALUE" in capsys.readouterr().err


@pytest.mark.slow
def test_cells_are_run_once_and_failures_are_listed(benchmark, cells, json_lines, tiny_qata, tmp_path, monkeypatch):
    path = tmp_path / "new" / "r.jsonl"
    given = [
        "--methods",
        "supervised",
        "--seeds",
        "0",
        "--runs",
        tmp_path / "runs",
        "--results",
        path,
        "--threads",
        "1",
    ]
    given += ["--local", "accelerator=cpu"]
    assert call(benchmark, monkeypatch, "--root", tiny_qata, *given) == 0
    (first,) = json_lines.read_lines(path)
    assert cells.counts(first)
    assert first["config"] == cells.Cell("compact", 0.3, "supervised", 0).config
    assert first["metrics"]["test"]["student"]["images"] == 6
    assert path.with_suffix(".md").exists()
    assert path.with_suffix(".png").exists()
    assert call(benchmark, monkeypatch, "--root", tiny_qata, *given) == 0
    assert json_lines.read_lines(path) == [first]
    broken = Path(shutil.copytree(tiny_qata, tmp_path / "broken"))
    (broken / "annotation.json").write_text(json.dumps({"train": []}))
    assert call(benchmark, monkeypatch, "--root", broken, *given, "--runs", tmp_path / "others") == 1
    failed = json_lines.read_lines(path)[1]
    assert (failed["status"], failed["exit_code"]) == ("failed", 2)
    assert failed["data"] != first["data"]
