import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from semimedref.data.layouts import hold_out
from semimedref.data.rows import Row
from semimedref.data.splits import is_published_order, labelled_names

from crossmodal_aug.errors import InvalidValueError

PUBLISHED = {0.01: 57, 0.02: 114, 0.05: 286, 0.15: 857}


@pytest.fixture(scope="module")
def real_names(data_root: Path) -> list[str]:
    rows = json.loads((data_root / "qata" / "annotation.json").read_text())["train"]
    return [row["image_path"] for row in rows]


@pytest.mark.parametrize(("ratio", "count"), PUBLISHED.items())
def test_real_file_gives_the_published_labelled_sets(real_names, ratio, count):
    assert labelled_names(real_names, ratio) == real_names[:count]


def test_the_published_order_is_told_by_its_first_57_names(real_names):
    assert is_published_order(real_names)
    assert is_published_order([name.removeprefix("mask_") for name in real_names])
    assert not is_published_order([real_names[1], real_names[0], *real_names[2:]])


@pytest.mark.parametrize(("ratio", "count"), PUBLISHED.items())
def test_an_unshuffled_file_of_that_size_is_shuffled_as_published(ratio, count):
    names = [f"image-{number}.png" for number in range(5716)]
    # The published rule by another road: sort the indices as the shuffle would put them.
    order = list(range(5716))
    random.Random(42).shuffle(order)
    chosen = labelled_names(names, ratio)
    assert len(chosen) == count
    assert chosen == [names[index] for index in order[:count]]


@pytest.fixture(scope="module")
def whole_sheet(real_names: list[str], data_root: Path) -> list[str]:
    """All 7145 names of the original training set: the real ones in their places, the others made up in between."""
    shuffled = list(range(5716))
    random.Random(42).shuffle(shuffled)
    train = dict(zip(shuffled, real_names, strict=False))
    valid = json.loads((data_root / "qata" / "annotation.json").read_text())["valid"]
    names: list[str] = []
    for place in range(5716):
        names.append(train.get(place) or f"{names[-1]}~")
    names += sorted(row["image_path"] for row in valid)
    return names + [f"{names[-1]}~{number:04d}" for number in range(7145 - len(names))]


@pytest.mark.parametrize(("ratio", "count"), PUBLISHED.items())
def test_the_original_sheet_gives_the_published_parts_and_labelled_sets(whole_sheet, real_names, ratio, count):
    assert whole_sheet == sorted(whole_sheet)
    rows = [Row(Path(name.removeprefix("mask_")), Path(name), "", "") for name in whole_sheet]
    train, valid = hold_out(rows)
    assert (len(train), len(valid)) == (5716, 1429)
    assert set(real_names) <= {row.mask.name for row in train}
    chosen = labelled_names([row.image.name for row in train], ratio)
    assert [f"mask_{name}" for name in chosen] == real_names[:count]


def test_smaller_ratios_are_contained_in_larger_ones():
    names = [str(number) for number in range(1000)]
    sets = [labelled_names(names, ratio) for ratio in sorted(PUBLISHED)]
    assert all(large[: len(small)] == small for small, large in pairwise(sets))


def test_repeated_names_count_once():
    assert sorted(labelled_names(["b", "a", "b", "a", "c"], 1.0)) == ["a", "b", "c"]


def test_an_excerpt_can_say_what_it_is_an_excerpt_of():
    names = [str(number) for number in range(300)]
    assert labelled_names(names, 0.05, split="file-order", total=2000) == names[:100]


def test_another_draw_has_other_samples_and_is_nested_too():
    names = [str(number) for number in range(1000)]
    draws = [labelled_names(names, 0.01, draw=draw) for draw in (0, 1, 2)]
    assert draws[0] == labelled_names(names, 0.01)
    assert [len(set(one)) for one in draws] == [10, 10, 10]
    assert len(set(draws[0]) | set(draws[1]) | set(draws[2])) > 20
    assert draws[1] == labelled_names(names, 0.02, draw=1)[:10]


@pytest.mark.parametrize(
    ("ratio", "total", "message"), [(0.001, 0, "0.001 of 100 gives 0"), (0.5, 1000, "0.5 of 1000 gives 500")]
)
def test_a_share_that_cannot_be_had_is_refused(ratio, total, message):
    with pytest.raises(InvalidValueError, match=message):
        labelled_names([str(number) for number in range(100)], ratio, total=total)
