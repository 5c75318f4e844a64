"""MosMedData+ in its real layout, under its real captions; the images are drawn."""

import csv
import importlib
import random
import sys
from pathlib import Path

import pytest
import torch
from semimedref import cli
from semimedref.data.folder_data import load_folder
from semimedref.data.samples import Samples
from semimedref.data.splits import labelled_names
from semimedref.data.zones import MOSMED_ZONES, QATA_ZONES, fit_atlas

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import region_masks
from tests.examples.test_layouts import assert_same_data
from tests.examples.writers import draw_captioned, write_frames, write_lvit

PUBLISHED = {0.01: 21, 0.02: 43, 0.05: 109, 0.15: 327}
COUNTS = {"train": 60, "valid": 8, "test": 8}


@pytest.fixture(scope="module")
def captions(data_root: Path) -> list[tuple[str, str, str]]:
    with (data_root / "mosmed" / "captions.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return [({"val": "valid"}.get(row["split"], row["split"]), row["image"], row["text"]) for row in rows]


@pytest.fixture(scope="module")
def chests(captions, lung_parser):
    """A few of each part, among them the captions with quirks."""
    chosen = []
    for part, count in COUNTS.items():
        rows = [row for row in captions if row[0] == part]
        odd = [row for row in rows if row[2].endswith("..")][:2] + [row for row in rows if row[2].startswith("No ")][:2]
        chosen += (odd + [row for row in rows[:: len(rows) // count] if row not in odd])[:count]
    return draw_captioned(chosen, lung_parser)


@pytest.mark.parametrize(("ratio", "count"), PUBLISHED.items())
def test_real_captions_give_the_published_labelled_sets(captions, ratio, count):
    names = [name for part, name, _ in captions if part == "train"]
    assert len(names) == 2183
    # The published rule by another road: sort the indices as the shuffle would put them.
    order = list(range(2183))
    random.Random(42).shuffle(order)
    ordered = sorted(names)
    chosen = labelled_names(names, ratio, rule="mosmed")
    assert len(chosen) == count
    assert chosen == [ordered[index] for index in order[:count]]
    assert labelled_names(names[::-1], ratio, rule="mosmed") == chosen


def test_a_count_is_rounded_down_but_not_for_floating_point():
    names = [str(number) for number in range(100)]
    assert len(labelled_names(names, 0.29, rule="mosmed")) == 29
    assert len(labelled_names(names, 0.299, rule="mosmed")) == 29


def test_each_layout_gives_the_same_samples(chests, tmp_path):
    settings = {"size": 16, "labels": 0.1}
    roots = [
        write_frames(tmp_path / "three", chests),
        write_frames(tmp_path / "one", chests, one_sheet=True),
        write_lvit(tmp_path / "lvit", chests, prefix=""),
    ]
    data, *others = (load_folder("mosmed", root, **settings) for root in roots)
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [6, 54, 8, 8]
    for other in others:
        assert_same_data(data, other)


def test_captions_stay_as_they_are(chests, tmp_path):
    data = load_folder("mosmed", write_frames(tmp_path, chests), size=16, labels=1.0)
    drawn = {f"{one.stem}.png": one.caption for one in chests}
    assert [drawn[name] for name in data.labelled.names] == list(data.labelled.texts)
    assert sum(text.endswith("..") for text in data.labelled.texts) == 2
    assert len(data.unlabelled) == 0


def test_lesions_lie_where_the_captions_say(chests, lung_parser):
    # Phantoms have their own rows: the side is what the captions and they share.
    for one in chests:
        bits = lung_parser(one.caption).bits
        middle = one.mask.shape[1] // 2
        assert one.mask[:, :middle].any() == any(bits[:3])
        assert one.mask[:, middle:].any() == any(bits[3:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("val,", "validate,"), r"captions\.csv, row \d+ \(.*\): expected train, val or test in a column Split, but"),
        (("val,", ","), r"but got nothing"),
        (("split,", "fold,"), r"captions\.csv, row 2 \(.*\): expected train, val or test in a column Split"),
    ],
)
def test_parts_that_cannot_be_told(chests, tmp_path, change, message):
    path = write_frames(tmp_path, chests, one_sheet=True) / "captions.csv"
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(InvalidValueError, match=message):
        load_folder("mosmed", tmp_path, size=16, labels=0.1)


def test_no_sheet_at_all(chests, tmp_path):
    root = write_frames(tmp_path, chests)
    for path in root.glob("*.csv"):
        path.unlink()
    with pytest.raises(
        InvalidValueError, match=r"expected one sheet with a column Split, but got none; expected, since"
    ):
        load_folder("mosmed", root, size=16, labels=0.1)


def lesions(rows: tuple[float, float], parser: PositionParser, captions: list[str]) -> Samples:
    """Masks that fill the zones which the captions name, with the rows cut at ``rows``."""
    bits = parser.encode(captions)
    cells = region_masks(MOSMED_ZONES.atlas.with_geometry(rows=rows), (64, 64))
    masks = (bits.float() @ cells.flatten(1).float() > 0).reshape(-1, 1, 64, 64)
    images = torch.zeros(len(captions), 1, 64, 64, dtype=torch.uint8)
    return Samples(images, tuple(captions), tuple(map(str, range(len(captions)))), masks)


def test_thirds_are_kept_unless_a_fit_is_clearly_better(captions, lung_parser):
    texts = [text for _, _, text in captions if not text.startswith("No ")][::20]
    near, note = fit_atlas(lesions((0.34, 0.66), lung_parser, texts), MOSMED_ZONES)
    assert near.rows == (1 / 3, 2 / 3)
    assert f"kept, since a fit to {len(texts)} masks would only raise" in note
    far, note = fit_atlas(lesions((0.2, 0.4), lung_parser, texts), MOSMED_ZONES)
    assert far.rows == pytest.approx((0.2, 0.4), abs=0.05)
    assert f"fitted to {len(texts)} masks" in note


def test_too_few_masks_leave_what_is_known(captions, lung_parser):
    texts = [text for _, _, text in captions if not text.startswith("No ")][:21]
    for known in (MOSMED_ZONES, QATA_ZONES):
        atlas, note = fit_atlas(lesions((0.2, 0.4), lung_parser, texts), known)
        assert atlas.rows == known.rows
        assert atlas.laterality == "viewer"
        assert known.source in note


def test_it_can_be_trained_on(chests, tmp_path, monkeypatch, capsys):
    root = write_frames(tmp_path / "mosmed", chests)
    tiny = "--size 32 --width 4 --batch-size 4 --labels 0.1 --accelerator cpu --steps 2 --validate-every 2"
    folders = ["--root", str(root), "--runs", str(tmp_path / "runs"), "--cache", str(tmp_path / "kept")]
    monkeypatch.setattr(sys, "argv", ["train.py", "--data", "mosmed", *folders, *tiny.split()])
    with pytest.raises(SystemExit) as ended:
        cli.run(importlib.import_module("train").main)
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "mosmed: 6 labelled, 54 unlabelled, 8 validation, 8 test images" in printed
    assert "rows cut at 0.333 and 0.667, thirds" in printed
    assert len(list((tmp_path / "kept").iterdir())) == 6
    assert (tmp_path / "runs/mosmed-compact-semimedref-10pct/metrics.json").is_file()
