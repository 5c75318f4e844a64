"""The figures that README and docs state are those of the results files."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = (ROOT / "docs" / "results.md").read_text()


def rows_of(text: str, first: str) -> list[list[str]]:
    """The table whose header begins with a word, cell by cell."""
    match = re.search(rf"^\|\s*{first}\s.*(?:\n\|.*)+", text, flags=re.MULTILINE)
    assert match, first
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in match.group().splitlines()]
    return [lines[0], *lines[2:]]


def alignment_of(data: str) -> dict[str, list[str]]:
    """The rows of one data set where the evidence is the true mask, its header among them."""
    text = (RESULTS / "alignment.md").read_text().split(f"### {data}, evidence: true masks")[1]
    return {row[0]: row for row in rows_of(text, "augmentation")}


def exact(row: str) -> str:
    """Captions of QaTa-COV19 that name exactly the regions of their masks, after an augmentation."""
    stored = alignment_of("qata")
    share = stored[row][stored["augmentation"].index("exact after")]
    return f"{float(share.rstrip('%')):.0f} %"


def test_the_shares_of_the_picture(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import draw_problem

    drawn = [[f"{draw_problem.agreement(row)} %" for row in rows] for rows in draw_problem.MEASURED.values()]
    assert drawn == [[exact(row) for row in rows] for rows in draw_problem.MEASURED.values()]
    (own, flip, flip_ours), (_, cutmix, cutmix_ours) = drawn
    for page in ("README.md", "docs/index.md"):
        text = (ROOT / page).read_text()
        assert f"{flip} and {cutmix} of the captions fit their masks" in text
        assert f"with the words in step, {flip_ours} and {cutmix_ours}." in text
        assert re.search(rf"name exactly the regions of their\s+masks\s+in {own} as they come", text)
        assert "1500 real images" in text


def test_what_fitted_rows_bring():
    thirds, fitted = exact("none, row thirds instead of fitted cuts"), exact("none")
    assert re.search(
        rf"{thirds} of QaTa's captions agree with their masks, with fitted rows {fitted}",
        (ROOT / "README.md").read_text(),
    )
    page = " ".join((ROOT / "docs" / "concepts" / "regions-and-frames.md").read_text().split())
    assert (
        f"Of 1500 training images of QaTa-COV19, {thirds} of the captions name exactly the regions of their masks"
        in page
    )
    assert f"where the rows are thirds of the image. Where they were fitted, {fitted} do." in page


def test_agreement():
    stored = alignment_of("qata")
    heads, *rows = rows_of(PAGE, "augmentation")
    columns = [stored["augmentation"].index(head) for head in heads]
    assert len(rows) > 5
    for row in rows:
        assert row == [stored[row[0]][column] for column in columns]


def test_agreement_after_a_geometry():
    _, *rows = rows_of(PAGE, "data and geometry")
    assert len(rows) == 8
    for name, *cells in rows:
        data, geometry = name.split(", ", 1)
        stored = alignment_of(data)
        kept = stored["augmentation"].index("kept")
        ours = stored[f"SyncGeometry: {geometry}"]
        assert cells == [
            ours[stored["augmentation"].index("altered")],
            ours[kept],
            *(stored[f"{other}, caption untouched: {geometry}"][kept] for other in ("kornia", "torchvision")),
        ]


def test_times():
    stored = rows_of((RESULTS / "ops_speed.md").read_text(), "")
    column = stored[0].index("cpu, 224 px, B = 32, kept memory, 1 threads")
    times = {row[0]: row[column].split(" (")[0] for row in stored}
    rows = rows_of(PAGE, "op")[1:]
    assert len(rows) > 5
    for name, value in rows:
        assert value == times[name], name


def test_single_figures():
    step = json.loads((RESULTS / "step_share.jsonl").read_text().splitlines()[-1])
    assert f"{100 * (step['ops'] + step['itcl_backward']):.2f} % of a step of `mmi-unet` at 224 px" in PAGE
    assert (step["model"], step["size"]) == ("mmi-unet", 224)
    speed = json.loads((RESULTS / "parser_speed.json").read_text())
    assert f"{speed['distinct_per_second']:,.0f} distinct captions a second" in PAGE
    assert f"{speed['times_medspacy']:.0f} times as many as\nmedspaCy" in PAGE
    assert "N = 32,768: chunked takes 1/67" in (RESULTS / "itcl_scaling_cpu.md").read_text()
    assert re.search(r"chunks takes 1/67 of the plain\s+form's memory at 32,768 pairs", PAGE)


def test_rewritten_sentences():
    page = (ROOT / "docs" / "anatomy" / "reading-reports.md").read_text()
    results = json.loads((RESULTS / "rewriting_sheet.json").read_text())
    _, *rows = rows_of(page, "set")
    assert len(rows) == len(results) == 7
    for row, figures in zip(rows, results.values(), strict=True):
        judged = figures["when judged"]
        shares = (judged["declined_share"], judged["ungrammatical"]["either_share"], judged["false"]["either_share"])
        assert int(row[1]) == judged["asked"]
        assert [float(cell.removesuffix(" %")) for cell in row[2:]] == pytest.approx(
            [100 * x for x in shares], abs=0.06
        )
