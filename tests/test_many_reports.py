"""The page on millions of reports: its file, its worker, and its figures, which are measured."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "how-to" / "many-reports.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results" / "reports_at_scale.json"
TEXTS = ["Opacity in the left base; the right lung is clear.", "COVID-19 pneumonia.", None]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    import read_reports

    return read_reports


def test_the_page_shows_the_file() -> None:
    file = (ROOT / "docs" / "examples" / "read_reports.py").read_text(encoding="utf-8")
    (shown,) = re.findall(r'```python title="read_reports.py"\n(.*?)```', PAGE, flags=re.DOTALL)
    assert file.partition('"""\n\n')[2] == shown


@pytest.mark.parametrize("column", [list, tuple, lambda texts: np.array(texts, dtype=object)])
def test_a_batch_is_read_as_each_engine_hands_it_over(worker, column) -> None:
    assert worker.read({"text": column(TEXTS), "id": [1, 2, 3]}) == {
        "regions": ["left lower", "", ""],
        "clear": ["right upper; right middle; right lower", "", ""],
        "placed": [True, False, False],
    }
    assert worker.read({"text": np.array(TEXTS[:2])})["placed"] == [True, False]
    assert worker.read({"text": column([])}) == {"regions": [], "clear": [], "placed": []}


def test_a_partition_is_read_row_by_row_whatever_its_length(worker) -> None:
    places = ["right upper", "left lower", "right middle"]
    rows = ({"id": number, "text": f"Opacity in the {places[number % 3]} zone."} for number in range(2345))
    read = list(worker.read_partition(rows))
    assert read == [(number, places[number % 3], "", True) for number in range(2345)]
    assert list(worker.read_partition(iter(()))) == []


def test_one_parser_a_process(worker) -> None:
    assert worker.parser() is worker.parser()


def test_no_round_of_the_benchmark_reads_what_another_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import reports_at_scale

    for make in (reports_at_scale.reports, reports_at_scale.numbered_captions):
        texts = [*make(300, 1), *make(300, 2)]
        assert len(set(texts)) == 600


def test_the_figures_are_the_measured_ones() -> None:
    results = json.loads(RESULTS.read_text())
    rows = re.findall(r"^\| `([\w.]+)`, (\w+) \|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert [(name, kind) for name, kind, _ in rows] == [
        (name, kind) for kind in ("reports", "captions") for name in ("read", "nlp.pipe", "datasets.map")
    ]
    for name, kind, cells in rows:
        one = results[kind][name]
        rates, costs = one["best_per_second"], one["processor_milliseconds"]
        wanted = [*(f"{rate:,}" for rate in rates), f"{one['two_over_one']:.2f}", *(f"{cost:.2f}" for cost in costs)]
        assert [cell.strip() for cell in cells.split("|")] == wanted
    machine = results["machine"]
    assert f"{machine['processor']}, {machine['cores']} cores" in PAGE
    assert f"load of {machine['load'][0]:.0f} to {max(machine['load'][0], results['load_at_the_end'][0]):.0f}" in PAGE
    assert f"{results['rounds']} rounds of {results['texts_a_round']:,} texts" in PAGE
    for kind in ("reports", "captions"):
        assert f"{kind} of {results[kind]['mean_characters']} characters" in PAGE
