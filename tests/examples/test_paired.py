"""The paired table against loops over patients and their images."""

import json
import math
import random

import numpy as np
import pytest
import torch
from semimedref.evaluation.bootstrap import Bootstrap
from semimedref.evaluation.paired import paired
from semimedref.evaluation.tally import Row, Tally
from semimedref.evaluation.tally_file import write_tally
from semimedref.evaluation.totals import measures

from crossmodal_aug.errors import InvalidValueError

PATIENTS = [0, 0, 1, 2, 2, 2, 3, 4, 5, 5]
SIDES = {"side left": [0, 1, 3, 6, 8, 9], "side right": [0, 1, 3, 6, 8]}


def drawn(seed: int, better: int = 0) -> Tally:
    """Counts as a run has them: the same masks whatever the run."""
    rng, masks = np.random.default_rng(seed), np.random.default_rng(99)
    rows = {}
    for captions, images in {"own": range(10), **SIDES}.items():
        sizes = masks.integers(20, 80, len(images))
        hit = np.minimum(sizes, rng.integers(5, 20, len(images)) + better)
        counts = np.stack([hit, rng.integers(0, 30, len(images)), sizes - hit], axis=1)
        row = Row("raw", captions, torch.tensor(list(images)), torch.from_numpy(counts))
        rows[row.key] = row
    return Tally(tuple(f"image {i}" for i in range(10)), torch.tensor(PATIENTS), rows)


def dice(counts) -> float:
    hit, extra, missed = (sum(one[k] for one in counts) for k in range(3))
    return 100 * 2 * hit / (2 * hit + extra + missed)


def by_loop(tally: Tally, name: str, images: list[int]) -> float:
    """A score of a list of images, in which one may stand several times."""
    if name == "global Dice":
        counts = tally.row("raw", "own").counts.tolist()
        return dice([counts[image] for image in images])
    if name == "per-image Dice":
        counts = tally.row("raw", "own").counts.tolist()
        return sum(dice([counts[image]]) for image in images) / len(images)
    values = []
    for side, known in SIDES.items():
        counts = dict(zip(known, tally.row("raw", side).counts.tolist(), strict=True))
        values.append(dice([counts[image] for image in images if image in counts]))
    return sum(values) / 2


NAMES = ("global Dice", "per-image Dice", "obedience by side")


def of_patients(patients) -> list[int]:
    return [image for patient in patients for image, other in enumerate(PATIENTS) if other == patient]


@pytest.mark.parametrize("name", NAMES)
def test_a_difference_is_that_of_the_scores(name):
    first, second = drawn(0, better=15), drawn(1)
    (found,) = paired([first], [second], Bootstrap(50, seed=0), exchanges=9, only=[name])
    everything = list(range(10))
    ours, theirs = by_loop(first, name, everything), by_loop(second, name, everything)
    assert (found.first, found.second) == pytest.approx((ours, theirs))
    assert found.difference.value == pytest.approx(ours - theirs)
    assert found.by_run == pytest.approx((ours - theirs,))
    assert found.over_runs is None
    assert found.patients == (6 if "side" not in name else len({PATIENTS[i] for one in SIDES.values() for i in one}))


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_interval_is_that_of_patients_drawn_in_a_loop(name):
    first, second = drawn(0, better=4), drawn(1)
    (found,) = paired([first], [second], Bootstrap(20_000, seed=0), exchanges=9, only=[name])
    rng, gaps = random.Random(0), []
    for _ in range(4000):
        images = of_patients(rng.choices(range(6), k=6))
        gaps.append(by_loop(first, name, images) - by_loop(second, name, images))
    low, high = np.percentile(gaps, [2.5, 97.5])
    spread = high - low
    assert found.difference.low == pytest.approx(low, abs=0.06 * spread)
    assert found.difference.high == pytest.approx(high, abs=0.06 * spread)


@pytest.mark.parametrize("name", NAMES)
def test_p_is_that_of_all_exchanges_of_patients(name):
    """With few patients every exchange can be made: the share of those with as large a difference is p."""
    first, second = drawn(0, better=4), drawn(1)
    (found,) = paired([first], [second], Bootstrap(10, seed=0), exchanges=20_000, only=[name])
    everything = list(range(10))
    wanted = abs(by_loop(first, name, everything) - by_loop(second, name, everything))
    extreme = 0
    for code in range(2**6):
        ours, theirs = mixed(first, second, code), mixed(second, first, code)
        extreme += abs(by_loop(ours, name, everything) - by_loop(theirs, name, everything)) >= wanted - 1e-9
    assert found.p == pytest.approx(extreme / 2**6, abs=0.012)


def mixed(first: Tally, second: Tally, code: int) -> Tally:
    """The counts of the first, but of the second for the patients whose bit is set."""
    rows = {}
    for key, row in first.rows.items():
        swap = torch.tensor([bool(code >> PATIENTS[i] & 1) for i in row.images.tolist()])
        counts = torch.where(swap[:, None], second.rows[key].counts, row.counts)
        rows[key] = Row(*key, row.images, counts)
    return Tally(first.images, first.patients, rows)


def test_the_same_run_twice_differs_in_nothing():
    for one in paired([drawn(0)], [drawn(0)], Bootstrap(50, seed=0), exchanges=99):
        assert one.difference == (0, 0, 0)
        assert one.p == 1


def test_several_pairs_are_drawn_with_the_same_patients():
    """Two pairs that are the same pair tell no more than one; a mean over pairs is the mean of their differences."""
    first, second = drawn(0, better=4), drawn(1)
    bootstrap = Bootstrap(300, seed=0)
    for one, twice in zip(
        paired([first], [second], bootstrap, exchanges=500),
        paired([first, first], [second, second], bootstrap, exchanges=500),
        strict=True,
    ):
        assert twice.difference == pytest.approx(one.difference)
        assert twice.over_runs == pytest.approx(one.difference)
        assert twice.p == one.p
    other = drawn(2, better=30), drawn(3)
    found = paired([first, other[0]], [second, other[1]], bootstrap, exchanges=9)
    for one, a, b in zip(
        found,
        paired([first], [second], bootstrap, exchanges=9),
        paired([other[0]], [other[1]], bootstrap, exchanges=9),
        strict=True,
    ):
        assert one.difference.value == pytest.approx((a.difference.value + b.difference.value) / 2)
        assert one.by_run == pytest.approx((a.difference.value, b.difference.value))
        # Pairs that differ much make an interval wide that holds for other pairs too.
        assert one.over_runs.high - one.over_runs.low > one.difference.high - one.difference.low


def test_intervals_of_the_difference_cover_what_they_should():
    """Two runs that are equally good: some 95 of 100 intervals hold 0, and p is below .05 in some 5 of 100."""
    rng = np.random.default_rng(0)
    held = low = 0
    for number in range(150):
        tallies = []
        for _ in range(2):
            counts = torch.from_numpy(rng.integers(5, 30, (40, 3)))
            row = Row("raw", "own", torch.arange(40), counts)
            tallies.append(Tally(tuple(map(str, range(40))), torch.arange(40), {row.key: row}))
        (one,) = paired(tallies[:1], tallies[1:], Bootstrap(300, seed=number), exchanges=199, only=["global Dice"])
        held += one.difference.low <= 0 <= one.difference.high
        low += one.p < 0.05
    assert 0.88 <= held / 150 <= 0.99
    assert low / 150 <= 0.12


def test_what_cannot_be_compared_is_refused():
    first = drawn(0)
    other = Tally(("elsewhere", *first.images[1:]), first.patients, first.rows)
    bootstrap = Bootstrap(10, seed=0)
    with pytest.raises(InvalidValueError, match="same images in the same order, but got 10 and 10, of which 9"):
        paired([first], [other], bootstrap)
    with pytest.raises(InvalidValueError, match="as many runs of B as of A, but got 2 and 1"):
        paired([first], [first, first], bootstrap)
    with pytest.raises(InvalidValueError, match="at least 1 exchange, but got 0"):
        paired([first], [first], bootstrap, exchanges=0)


def test_only_scores_that_both_tell_are_compared():
    first = drawn(0)
    second = Tally(first.images, first.patients, {("raw", "own"): first.row("raw", "own")})
    found = [one.name for one in paired([first], [second], Bootstrap(10, seed=0), exchanges=9)]
    assert found == [one.name for one in measures(second)]
    assert "obedience by side" not in found


def test_the_script_prints_the_table(shell, tmp_path):
    runs = tmp_path / "a", tmp_path / "b"
    for run, tally in zip(runs, (drawn(0, better=15), drawn(1)), strict=True):
        run.mkdir()
        write_tally(run / "per_image_counts.jsonl", tally)
    stored = tmp_path / "table.json"
    code, printed, complaint = shell("compare", *runs, "--resamples", 200, "--exchanges", 99, "--json", stored)
    assert (code, complaint) == (0, "")
    wanted = paired([drawn(0, better=15)], [drawn(1)], Bootstrap(200, seed=0), exchanges=99)
    rows = {line[:20].strip(): line for line in printed.splitlines()}
    for one in wanted:
        line = rows[one.name]
        assert f"{one.first:.2f}" in line
        assert f"{one.difference.value:.2f} ({one.difference.low:.2f} to {one.difference.high:.2f})" in line
        assert line.endswith(f"{one.p:.4f}")
    written = json.loads(stored.read_text())
    assert [one["difference"]["value"] for one in written["scores"]] == [one.difference.value for one in wanted]
    assert "by run" not in printed
    code, printed, _ = shell("compare", *runs, "--and", *runs[::-1], "--resamples", 50, "--exchanges", 9)
    assert code == 0
    assert "over runs" in printed
    assert math.isclose(float(printed.split("global Dice")[1].split()[3]), 0, abs_tol=0.005)


def test_the_script_says_what_is_missing(shell, tmp_path):
    (tmp_path / "a").mkdir()
    code, _, complaint = shell("compare", tmp_path / "a", tmp_path / "b")
    assert code == 2
    assert "no such file of counts; `evaluate.py RUN` writes it" in complaint
    code, _, complaint = shell("compare", tmp_path / "a", tmp_path / "b", "--resamples", 0)
    assert (code, "at least 1 resample" in complaint) == (2, True)
