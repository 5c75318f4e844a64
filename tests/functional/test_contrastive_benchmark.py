"""What the scaling benchmark does with results that are stored already."""

import importlib.util
import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("itcl_scaling", BENCHMARKS / "itcl_scaling.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)  # as for a script, whose folder python looks in first
        spec.loader.exec_module(module)
    return module


def cell(form, size, seconds=1.0):
    return {"form": form, "size": size, "seconds": seconds, "runs": 1, "loss": 1.0, "peak_bytes": 10}


SETTING = {"device": "a", "threads": 1, "torch": "2", "chunk_size": 256, "width": 512}


def test_a_cell_takes_the_place_of_its_own_kind_and_all_others_stay(benchmark):
    results = benchmark.started(None, SETTING)
    for new in (cell("chunked", 512), cell("plain", 512), cell("plain", 256), cell("plain", 512, seconds=2.0)):
        results = benchmark.merged(results, cell=new)
    assert results["cells"] == [cell("plain", 256), cell("plain", 512, seconds=2.0), cell("chunked", 512)]


def test_a_cell_left_out_today_keeps_what_was_measured_before_and_a_measured_one_fills_the_gap(benchmark):
    gaps = [{"form": "plain", "size": size, "need_bytes": 2, "free_bytes": 1} for size in (256, 512)]
    results = benchmark.merged(benchmark.started(None, SETTING), cell=cell("plain", 256))
    for gap in gaps:
        results = benchmark.merged(results, left_out=gap)
    assert (results["cells"], results["left_out"]) == ([cell("plain", 256)], gaps[1:])
    assert benchmark.merged(results, cell=cell("plain", 512))["left_out"] == []


def test_results_of_another_setting_are_not_mixed(benchmark):
    stored = benchmark.started(None, SETTING)
    assert benchmark.started(stored, SETTING) is stored
    with pytest.raises(SystemExit, match="device 'a' and now 'b': --fresh"):
        benchmark.started(stored, {**SETTING, "device": "b"})


def test_a_partial_run_stores_after_every_cell_and_keeps_the_rest(benchmark, monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)
    monkeypatch.setattr(benchmark, "write_report", lambda *_: None)
    path = tmp_path / "itcl_scaling_cpu.json"
    base = ["itcl_scaling.py", "--device", "cpu", "--forms", "chunked", "--sizes"]
    sizes = []

    def run(size):
        monkeypatch.setattr("sys.argv", [*base, str(size)])
        benchmark.main()
        sizes.append([found["size"] for found in json.loads(path.read_text())["cells"]])

    for size in (32, 16):
        run(size)
    assert sizes == [[32], [16, 32]]


def test_the_guess_of_what_fits_is_not_below_what_was_measured(benchmark):
    results = json.loads((BENCHMARKS / "results" / "itcl_scaling_cpu.json").read_text())
    for found in results["cells"]:
        if found["size"] >= 4096 and found["form"] != "chunked":
            assert found["peak_bytes"] <= benchmark.MATRICES[found["form"]] * 4 * found["size"] ** 2
