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


def check(table: list[list[str]], group: Scored, title: str, share: float) -> None:
    """Each cell of a table with a row a method is that of the results."""
    heads, *rows = table
    over = {one: differences(title, share, one) for one in ("cutmix", "semimedref") if f"over {one}" in heads}
    for name, *cells in rows:
        method = name.strip("`")
        for head, cell in zip(heads[1:], cells, strict=True):
            if head == "runs":
                assert cell == str(len(group.runs[method])), method
            elif head.startswith("over "):
                more = over[head.removeprefix("over ")]
                assert cell == (shown(more[method]) if method in more else ""), method
            elif head.endswith(" (floor)"):
                measure = SCORES[head.removesuffix(" (floor)")]
                value, floor = group.mean(method, measure), group.mean(method, f"{measure}, floor")
                assert cell == f"{value:.1f} ({floor:.1f})", (method, head)
            else:
                assert cell == f"{group.mean(method, SCORES[head]):.1f}", (method, head)


def test_the_comparison_at_one_percent(scored):
    [table] = tables_of(PAGE, "1 %")
    group = scored("QaTa-COV19", 0.01)
    check(table, group, "QaTa-COV19", 0.01)
    assert [row[0].strip("`") for row in table[1:9]] == list(EIGHT)
    assert all(set(THREE) <= set(group.runs[method]) for method in EIGHT)


def spread(group: Scored, method: str, name: str) -> list[float]:
    """A score of each run of a method, the smallest first."""
    return sorted(group.module.score(one, name) for one in group.runs[method].values())


def test_what_is_said_of_it(scored):
    group, ours = scored("QaTa-COV19", 0.01), differences("QaTa-COV19", 0.01, "semimedref")
    text = " ".join(PAGE.split())
    for method in ("cutmix + ours", "mean-teacher + ours", "supervised + ours", "semimedref, words stay"):
        assert f"of `{method}` by {ahead(ours[method]).replace('+', '')}" in text
    crop = group.mean("semimedref", "obedience by side, crop")
    assert f"cut to the named side, scores {crop:.1f} for `semimedref`" in text
    widest = max(max(runs) - min(runs) for runs in (spread(group, method, "global Dice") for method in EIGHT))
    assert f"the rows above differ by up to {widest:.1f} from run to run" in text
    middle = [group.mean(method, SCORES["middle"]) for method in EIGHT]
    assert f"nothing follows the middle one ({min(middle):.0f} to {max(middle):.0f})" in text
    low, *_, high = spread(group, "semimedref", SCORES["upper"])
    assert f"for the upper zone hides runs from {low:.0f} to {high:.0f}." in text
    first = {method: group.module.score(group.runs[method][0, 0], "global Dice") for method in EIGHT}
    assert f"`semimedref` has {first['semimedref']:.1f} Dice, `cutmix` {first['cutmix']:.1f} and" in text
    assert f"`supervised` {first['supervised']:.1f}; " in text
    patients = {one["patients"] for runs in group.runs.values() for one in runs.values()}
    assert f"the last of {patients.pop()} patients" in text
    assert not patients
    for method in EIGHT:
        assert abs(group.mean(method, SCORES["in style"]) - group.mean(method, "global Dice")) < 0.05
        assert group.mean(method, "obedience by side, crop") > group.mean(method, "obedience by side")
    for place in ("upper", "middle", "lower"):
        assert group.mean("semimedref", f"obedience zone {place}, crop") > 86


def test_what_is_claimed(scored):
    group, text = scored("QaTa-COV19", 0.01), " ".join(PAGE.split())
    plain, fed = ("supervised", "mean-teacher", "cutmix"), ("supervised + ours", "mean-teacher + ours", "cutmix + ours")
    pairs = list(zip(plain, fed, strict=True))
    gains = [group.mean(after, "global Dice") - group.mean(before, "global Dice") for before, after in pairs]
    assert f"With flip and Focus it brings {min(gains):.1f} to {max(gains):.1f} Dice to each method" in text
    for before, after in pairs:
        assert group.mean(after, SCORES["by side"]) - group.mean(before, SCORES["by side"]) > 25
    assert max(EIGHT, key=lambda method: group.mean(method, "global Dice")) == "semimedref"
    above = {
        (method, zone): group.mean(method, SCORES[zone]) - group.mean(method, f"{SCORES[zone]}, floor")
        for method in EIGHT
        for zone in ("upper", "lower")
    }
    for method in EIGHT:
        assert (above[method, "upper"] > 30) == (method == "semimedref-reads")
        assert (above[method, "lower"] > 4) == (method == "semimedref-reads")
    reads, ours = (
        {name: group.mean(one, SCORES[name]) for name in SCORES} for one in ("semimedref-reads", "semimedref")
    )
    assert min(reads["upper"], reads["lower"]) > 70
    lost, ours_lost = (one["Dice"] - one["other words"] for one in (reads, ours))
    assert lost < 3
    assert f"In other words it loses {lost:.1f} Dice, where `semimedref` loses {ours_lost:.1f}." in text
    assert f"it is {ours['Dice'] - reads['Dice']:.1f} behind" in text
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
    check([heads, *parts, *others], group, "QaTa-COV19", 0.01)
    assert all(set(THREE) <= set(group.runs[f"semimedref without {part}"]) for part in PARTS)
    more = differences("QaTa-COV19", 0.01, "semimedref")
    assert "Over three runs geometry, mix and PosAug pay; flip, Focus and ITCL are within chance in Dice." in " ".join(
        PAGE.split()
    )
    for part in PARTS:
        *_, high = re.findall(r"[+-]\d+\.\d+", more[f"semimedref without {part}"].split(", p")[0])
        assert (float(high) < 0) == (part in ("geometry", "mix", "pos_aug")), part
    for part in ("flip", "focus"):
        assert group.mean(f"semimedref without {part}", SCORES["by side"]) > 80
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
        "semimedref-reads": [
            "reword 0.5, unknown 0.0, unknown_captions 0.0",
            "unknown 0.0, unknown_captions 0.0",
            "unknown 0.3, unknown_captions 0.0",
            "unknown_captions 0.0",
        ],
    }
    for method, those in trials.items():
        assert sorted(found[method]) == sorted(["", *those])
        for trial in those:
            assert sorted(found[method][trial]) == THREE
            usual = np.mean([found[method][""][key] for key in THREE])
            assert np.mean(list(found[method][trial].values())) < usual or method == "semimedref-reads", trial


def test_what_the_trials_of_reading_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    lines = importlib.import_module("json_lines").read_lines(RESULTS / "reading_trials.jsonl")
    found: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for line in lines:
        config, dice = line["config"], dict(line["dice"])
        own = dice.pop("own")
        key = config["reword"], config.get("unknown_captions", 0.0)
        found.setdefault(key, []).append((own, float(np.mean(list(dice.values())))))
    assert {key: len(runs) for key, runs in found.items()} == {(0.3, 0.15): 3, (0.3, 0.0): 3, (0.5, 0.0): 3}
    (own, other), (old, old_other), (_, often) = (
        np.mean(found[key], axis=0) for key in ((0.3, 0.15), (0.3, 0.0), (0.5, 0.0))
    )
    text = " ".join(PAGE.split())
    assert f"bring {other - old_other:.1f} Dice, and cost {old - own:.1f} under the captions of the data set" in text
    assert other > max(old_other, often)


@pytest.mark.parametrize(("title", "share"), [("Kvasir-SEG", 5), ("Kvasir-SEG", 15), ("BUSI", 5), ("BUSI", 15)])
def test_other_data_sets(scored, title, share):
    [table] = tables_of(PAGE, f"{title}, {share} %")
    check(table, scored(title, share / 100), title, share / 100)


def test_what_is_said_of_other_data(scored, monkeypatch):
    text, stay = " ".join(PAGE.split()), "semimedref, words stay"
    less = {
        share: ahead(differences("Kvasir-SEG", share, "semimedref")[stay]).replace("+", "") for share in (0.05, 0.15)
    }
    assert f"cost {less[0.05].replace(' ', ' Dice ', 1)} at 5 % and {less[0.15]} in the one run at 15 %" in text
    assert f"captions that stay cost {less[0.05].split()[0]} Dice (below)" in text
    for share in (0.05, 0.15):
        group = scored("Kvasir-SEG", share)
        assert group.mean("semimedref", "global Dice") > group.mean(stay, "global Dice")
    for title in ("Kvasir-SEG", "BUSI"):
        group = scored(title, 0.05)
        for method in group.runs:
            assert group.mean(method, SCORES["by side"]) < group.mean(method, f"{SCORES['by side']}, floor") + 2
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    cells = importlib.import_module("label_cells")
    lines = importlib.import_module("json_lines").read_lines(RESULTS / "label_regimes_kvasir.jsonl")
    runs = cells.grouped(lines, "compact", lines[-1]["data"])[0.05, "semimedref"]
    own, other = (np.mean([read(line) for line in runs]) for read in (cells.dice_of, cells.other_captions_of))
    assert f"of `semimedref` on Kvasir-SEG from {own:.1f} to {other:.1f}." in text


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


def test_more_labels(trained, scored):
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
        group = scored("QaTa-COV19", share)
        gaps = {method: float(ahead(more[method]).split()[0]) for method in ("cutmix", "cutmix + ours")}
        assert share == 0.02 or max(map(abs, gaps.values())) <= 0.5
        ours, theirs = (group.runs[method] for method in ("semimedref", "cutmix + ours"))
        behind = [
            group.module.score(theirs[key], "global Dice") > group.module.score(ours[key], "global Dice")
            for key in ours
        ]
        assert share != 0.02 or (len(behind) == 2 and all(behind))
        obeyed = [group.mean(method, SCORES["by side"]) for method in ("semimedref", "cutmix")]
        assert obeyed[0] > obeyed[1] + 10


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
    text, group = " ".join(README.split()), scored("QaTa-COV19", 0.01)
    value, low, high = (
        float(one) for one in re.findall(r"[+-]\d+\.\d+", shown(differences("QaTa-COV19", 0.01)["semimedref"]))
    )
    beside = ahead(differences("QaTa-COV19", 0.01, "semimedref")["cutmix + ours"]).replace("+", "")
    assert (
        f"ours is {value:.1f} Dice ahead of CutMix (95 % interval {low:.1f} to {high:.1f}), and {beside} ahead of "
        "CutMix with our geometry, flip and Focus."
    ) in text
    floors = [group.mean(method, "obedience by side, floor") for method in EIGHT]
    assert f"A model that ignores the caption has {min(floors):.0f} to {max(floors):.0f} by side." in text
    lost, ours = (
        group.mean(method, "global Dice") - group.mean(method, "in other words")
        for method in ("semimedref-reads", "semimedref")
    )
    assert f"loses {lost:.1f} Dice in wordings that it never saw, where ours loses {ours:.1f}." in text
    for share in (0.05, 0.15):
        lesions = shown(differences("BUSI", share, "semimedref")["semimedref, words stay"])
        _, low, high = (float(one) for one in re.findall(r"[+-]\d+\.\d+", lesions))
        assert low < 0 < high
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
