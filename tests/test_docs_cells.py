"""The figures of trained models that README and docs state are those of the results files, and hold what is claimed."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "docs" / "results.md").read_text()
NAMES = {
    "mean teacher": "mean-teacher",
    "CutMix": "cutmix",
    "CutMix with our geometry, flip and Focus": "cutmix + ours",
    "ours": "semimedref",
    "ours, to read": "semimedref-reads",
}
SCORES = {
    "Dice": "global Dice",
    "by side": "obedience by side",
    "upper": "obedience zone upper",
    "middle": "obedience zone middle",
    "lower": "obedience zone lower",
    "other words": "in other words",
    "in style": "in other words, in-style",
    "floor": "obedience by side, floor",
}
PARTS = ("mix", "flip", "focus", "pos_aug", "itcl", "geometry")
THREE = [(0, 0), (1, 1), (2, 2)]
"""Seed and draw of the labelled images of the runs that the main comparison has."""

EIGHT = (
    *("supervised", "mean-teacher", "cutmix", "supervised + ours", "mean-teacher + ours", "cutmix + ours"),
    *("semimedref", "semimedref-reads"),
)


def tables_of(text: str, first: str) -> list[list[list[str]]]:
    """All tables whose header begins with a word, cell by cell, without the rule below the header."""
    found = re.findall(rf"^\|\s*{re.escape(first)}\s*\|.*(?:\n\|.*)+", text, flags=re.MULTILINE)
    split = [[[cell.strip() for cell in line.strip("|").split("|")] for line in one.splitlines()] for one in found]
    return [[rows[0], *rows[2:]] for rows in split]


class Scored:
    """The scored runs of one data set and share of labels, by method and by seed and draw."""

    def __init__(self, module, lines: list[dict], title: str, share: float) -> None:
        self.module = module
        groups = [
            group
            for (_, about), group in module.comparisons(lines).items()
            if about.startswith(f"{title}, labels {share}, model compact, size 96")
        ]
        assert len(groups) == 1, (title, share, list(module.comparisons(lines)))
        self.runs = groups[0]

    def mean(self, method: str, name: str) -> float:
        found = self.runs[NAMES.get(method, method)]
        return float(np.mean([self.module.score(found[key], name) for key in sorted(found)]))


@pytest.fixture
def scored(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("label_scores_table")
    lines = importlib.import_module("json_lines").read_lines(RESULTS / "label_scores.jsonl")
    return lambda title, share: Scored(module, lines, title, share)


def differences(title: str, share: float, against: str = "cutmix") -> dict[str, str]:
    """How much more Dice than another, with its interval over patients and pairs of runs, by method."""
    text = (RESULTS / "label_scores.md").read_text().split(f"## {title}, labels {share},")[1].split("\n## ")[0]
    [[heads, *rows]] = tables_of(text.split(f"Less {against} with the same seed")[1].split("Less ")[0], "method")
    assert heads[2] == "global Dice"
    return {row[0]: row[2] for row in rows}


def shown(cell: str) -> str:
    """A difference as the pages show it: value, and the wider interval."""
    value, *limits = re.findall(r"[+-]\d+\.\d+", cell.split(", p", maxsplit=1)[0])
    low, high = limits[-2:]
    return f"{float(value):+.1f} ({float(low):+.1f} to {float(high):+.1f})"


def ahead(cell: str) -> str:
    """By how much semimedref is ahead, of the cell that says by how much another differs from it."""
    value, low, high = (-float(one) for one in re.findall(r"[+-]\d+\.\d+", shown(cell)))
    return f"{value:+.1f} ({high:+.1f} to {low:+.1f})"


def check(table: list[list[str]], group: Scored, more: dict[str, str]) -> None:
    """Each cell of a table with a row a method is that of the results."""
    heads, *rows = table
    for name, *cells in rows:
        method = name.strip("`")
        for head, cell in zip(heads[1:], cells, strict=True):
            if head == "runs":
                assert cell == str(len(group.runs[method])), method
            elif head in ("over cutmix", "over semimedref"):
                assert cell == (shown(more[method]) if method in more else ""), method
            else:
                assert cell == f"{group.mean(method, SCORES[head]):.1f}", (method, head)


def test_the_comparison_at_one_percent(scored):
    [table] = tables_of(PAGE, "1 %")
    group = scored("QaTa-COV19", 0.01)
    check(table, group, differences("QaTa-COV19", 0.01))
    assert [row[0].strip("`") for row in table[1:9]] == list(EIGHT)
    assert all(set(THREE) <= set(group.runs[method]) for method in EIGHT)


def test_what_is_said_of_it(scored):
    group, ours = scored("QaTa-COV19", 0.01), differences("QaTa-COV19", 0.01, "semimedref")
    text = " ".join(PAGE.split())
    for method in ("cutmix + ours", "supervised + ours"):
        value, low, high = (-float(one) for one in re.findall(r"[+-]\d+\.\d+", shown(ours[method])))
        assert f"of `{method}` by {value:.1f} ({high:.1f} to {low:.1f})" in text
    crop = group.mean("semimedref", "obedience by side, crop")
    assert f"cut to the named side, scores {crop:.1f} for `semimedref`" in text
    runs = [[group.module.score(one, "global Dice") for one in group.runs[method].values()] for method in EIGHT]
    assert f"the rows above differ by up to {max(max(one) - min(one) for one in runs):.1f} from run to run" in text
    for method in EIGHT:
        assert abs(group.mean(method, SCORES["in style"]) - group.mean(method, "global Dice")) < 0.05
        assert group.mean(method, "obedience by side, crop") > group.mean(method, "obedience by side")
        assert method == "semimedref-reads" or group.mean(method, SCORES["upper"]) < 50
        assert group.mean(method, SCORES["middle"]) < 20
    for place in ("upper", "middle", "lower"):
        assert group.mean("semimedref", f"obedience zone {place}, crop") > 86


def test_what_is_claimed(scored):
    group = scored("QaTa-COV19", 0.01)
    plain, fed = ("supervised", "mean-teacher", "cutmix"), ("supervised + ours", "mean-teacher + ours", "cutmix + ours")
    for before, after in zip(plain, fed, strict=True):
        assert 4 < group.mean(after, "global Dice") - group.mean(before, "global Dice") < 6.5
        assert group.mean(after, SCORES["by side"]) - group.mean(before, SCORES["by side"]) > 25
    assert max(EIGHT, key=lambda method: group.mean(method, "global Dice")) == "semimedref"
    reads = {name: group.mean("semimedref-reads", SCORES[name]) for name in SCORES}
    assert min(reads["upper"], reads["lower"]) > 70
    assert reads["Dice"] - reads["other words"] < 6.5
    for method in plain:
        low = float(re.findall(r"[+-]\d+\.\d+", shown(differences("QaTa-COV19", 0.01, "semimedref")[method]))[2])
        assert low < 0, method


def test_parts_and_other_methods(scored):
    [[heads, *parts]] = tables_of(PAGE, "1 %, parts")
    [[_, *others]] = tables_of(PAGE, "1 %, other methods")
    group = scored("QaTa-COV19", 0.01)
    of_parts, of_others = ([row[0].strip("`") for row in rows] for rows in (parts, others))
    assert sorted([*of_parts, *of_others, *EIGHT]) == sorted(group.runs)
    assert all(name.startswith("semimedref") for name in of_parts)
    more = differences("QaTa-COV19", 0.01, "semimedref")
    check([heads, *parts, *others], group, more)
    assert all(set(THREE) <= set(group.runs[f"semimedref without {part}"]) for part in PARTS)
    kept, out = group.runs["semimedref"], group.runs["semimedref without itcl"]
    assert all(kept[key]["valid_dice"] > out[key]["valid_dice"] for key in THREE)


def test_no_trial_was_ahead_on_the_validation_images(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    cells = importlib.import_module("label_cells")
    lines = importlib.import_module("json_lines").read_lines(RESULTS / "label_regimes.jsonl")
    found: dict[str, dict[str, dict[tuple[int, int], float]]] = {}
    for line in lines:
        config = cells.config_of(line)
        if not cells.counts(line) or (config["labels"], config["model"], config["steps"]) != (0.01, "compact", 800):
            continue
        other = ", ".join(cells.beside(line))
        runs = found.setdefault(cells.method_of(line), {}).setdefault(other, {})
        runs[config["seed"], config["split_seed"]] = line["valid_dice"]
    trials = {
        "semimedref": ["pseudo_views mirrored", "unknown 0.15", "views images", "feature_dropout 0.5"],
        "semimedref-reads": ["reword 0.5", "unknown 0.15", "unknown 0.3"],
    }
    for method, those in trials.items():
        assert sorted(found[method]) == sorted(["", *those])
        for trial in those:
            assert sorted(found[method][trial]) == THREE
            usual = np.mean([found[method][""][key] for key in THREE])
            assert np.mean(list(found[method][trial].values())) < usual, trial


@pytest.mark.parametrize("title", ["Kvasir-SEG", "BUSI"])
@pytest.mark.parametrize("share", [5, 15])
def test_other_data_sets(scored, title, share):
    [table] = tables_of(PAGE, f"{title}, {share} %")
    check(table, scored(title, share / 100), differences(title, share / 100))


@pytest.fixture
def trained(monkeypatch):
    """Mean of a measure over the runs of a method on QaTa-COV19 at a share of labels, and how many there are."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    cells = importlib.import_module("label_cells")
    lines = importlib.import_module("json_lines").read_lines(RESULTS / "label_regimes.jsonl")
    groups = cells.grouped(lines, "compact", lines[-1]["data"])

    def mean(share: str, method: str) -> str:
        runs = groups.get((float(share.removesuffix(" %")) / 100, method))
        if runs is None:
            return ""
        dice, side = (np.mean([read(line) for line in runs]) for read in (cells.dice_of, cells.obedience_of))
        return f"{dice:.1f} / {side:.1f} ({len(runs)})"

    return mean


def test_more_labels(trained):
    [[heads, *rows]] = tables_of(PAGE, "more labels")
    assert heads[1:] == ["2 %", "5 %", "15 %"]
    for name, *cells in rows:
        assert cells == [trained(share, name.strip("`")) for share in heads[1:]], name
    [[heads, *rows]] = tables_of(PAGE, "semimedref ahead of")
    assert heads[1:] == ["2 %", "5 %", "15 %"]
    for place, share in enumerate((0.02, 0.05, 0.15), 1):
        more = differences("QaTa-COV19", share, "semimedref")
        for row in rows:
            method = row[0].strip("`")
            assert row[place] == (ahead(more[method]) if method in more else ""), (share, method)


def test_the_table_of_the_readme(scored, trained):
    [[heads, *rows]] = tables_of(README, "labels")
    group = scored("QaTa-COV19", 0.01)
    assert rows[0] == [
        "1 %",
        *(f"{group.mean(one, 'global Dice'):.1f} / {group.mean(one, SCORES['by side']):.1f}" for one in heads[1:]),
    ]
    for share, *cells in rows[1:]:
        assert cells == [trained(share, NAMES.get(one, one)).split(" (")[0] for one in heads[1:]]


def test_what_the_readme_says_of_it(scored):
    text = " ".join(README.split())
    value, low, high = (
        float(one) for one in re.findall(r"[+-]\d+\.\d+", shown(differences("QaTa-COV19", 0.01)["semimedref"]))
    )
    assert f"ours is {value:.1f} Dice ahead of CutMix (95 % interval {low:.1f} to {high:.1f})" in text
    polyps = scored("Kvasir-SEG", 0.05)
    follow, stay = (polyps.mean(method, "global Dice") for method in ("semimedref", "semimedref, words stay"))
    assert follow > stay
    less = shown(differences("Kvasir-SEG", 0.05, "semimedref")["semimedref, words stay"])
    value, low, high = (-float(one) for one in re.findall(r"[+-]\d+\.\d+", less))
    assert high > 0
    assert (
        f"gives {follow:.1f} Dice with words that follow and {stay:.1f} with words that stay "
        f"({value:.1f} less, 95 % interval {high:.1f} to {low:.1f})"
    ) in text
