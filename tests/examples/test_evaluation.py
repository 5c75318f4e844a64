"""Groups, other captions, and the report of evaluate.py."""

import base64
import csv
import importlib
import itertools
import json
import re
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref.checkpoints import load_trained
from semimedref.data.phantom import load_phantoms
from semimedref.evaluation.bootstrap import Interval
from semimedref.evaluation.evaluation import ObedienceRow
from semimedref.evaluation.folder import chosen_cases
from semimedref.evaluation.groups import by_position, by_size
from semimedref.evaluation.paraphrases import miscounted, paraphrased, wordings
from semimedref.evaluation.report import whose_left
from semimedref.evaluation.robustness import RobustnessRow, Variant, variants
from semimedref.evaluation.tally_file import read_tally
from semimedref.inference import predict_logits
from semimedref.styling import reads_in_style

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import InvalidValueError

PARSER = PositionParser(LUNG_ZONES)
FRAMES = wordings(LUNG_ZONES)


def test_groups_by_position_cover_every_image_once():
    texts = ["upper left lung"] * 6 + ["upper right lung"] * 9 + ["lower left lung"] * 4 + ["no infection"]
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = [texts[i] for i in order]
    groups = by_position(shuffled, PARSER)
    assert [(group.name, len(group.indices)) for group in groups] == [
        ("right upper", 9),
        ("left upper", 6),
        ("other (2 patterns)", 5),
    ]
    assert sorted(torch.cat([group.indices for group in groups]).tolist()) == list(range(len(texts)))
    assert {shuffled[i] for i in groups[0].indices} == {"upper right lung"}


def test_groups_by_size_are_thirds():
    area = torch.from_numpy(np.random.default_rng(0).permutation(np.arange(1.0, 31.0)))
    small, medium, large = by_size(area)
    assert [len(group.indices) for group in (small, medium, large)] == [10, 10, 10]
    assert area[small.indices].max() < area[medium.indices].min()
    assert area[medium.indices].max() < area[large.indices].min()
    assert small.name == "small: up to 10.00 %"
    assert large.name == "large: above 20.00 %"
    assert [len(group.indices) for group in by_size(torch.full((5,), 2.0))] == [5]


@pytest.mark.parametrize("frame", FRAMES)
def test_paraphrases_keep_every_set_of_regions(frame):
    for count in range(1, 7):
        for names in itertools.combinations(LUNG_ZONES.names, count):
            text = PARSER("One infected area, upper left lung.").with_regions(names)
            (other,) = paraphrased([text], PARSER, FRAMES[frame])
            assert other != text
            assert PARSER(other).regions == names
    assert paraphrased(["No pulmonary infection."], PARSER, FRAMES[frame]) == ["No pulmonary infection."]


def test_paraphrases_of_real_captions_say_the_same(data_root):
    with (data_root / "mosmed/captions.csv").open(encoding="utf-8-sig") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    before = PARSER.encode(texts)
    for frame in FRAMES.values():
        assert torch.equal(PARSER.encode(paraphrased(texts, PARSER, frame)), before)


def test_variants_change_what_they_say():
    data = load_phantoms(size=16, labels=0.05).test.take(range(12))
    found = {one.name: one for one in variants(data, PARSER)}
    assert set(found["no caption"].samples.texts) == {""}
    assert all(not PARSER(text).regions and "[MASK]" in text for text in found["positions masked"].samples.texts)
    bits = PARSER.encode(data.texts)
    swapped = bits[:, list(LUNG_ZONES.mirror)]
    for name in ("mirrored", "half mirrored"):
        assert torch.equal(PARSER.encode(found[name].samples.texts), swapped)
    mirrored = found["mirrored"].samples
    assert torch.equal(mirrored.images, data.images.flip(-1))
    assert all(torch.equal(a, b.flip(-1)) for a, b in zip(mirrored.full_masks, data.full_masks, strict=True))
    assert torch.equal(found["half mirrored"].samples.images, data.images)
    assert all(a != b for a, b in zip(found["other captions"].samples.texts, data.texts, strict=True))
    miscounts = found.pop("false count")
    assert list(miscounts.samples.texts) == miscounted(data.texts, PARSER)
    assert miscounts.regions_changed == 0
    assert 0 < miscounts.changed < 12
    assert all(one.changed == 12 for one in found.values())
    assert found["half mirrored"].regions_changed == int((bits != swapped).any(dim=1).sum())
    assert all(one.regions_changed == 0 for name, one in found.items() if name.startswith("in other words"))
    assert found["no caption"].regions_changed == 12


def one_interval(value, half):
    return Interval(value, value - half, value + half)


@pytest.mark.parametrize(
    ("should", "change", "half", "wanted"),
    [
        ("hold", -0.9, 2.0, True),
        ("hold", 3.0, 0.5, True),
        ("hold", -1.1, 0.1, False),
        ("fall", -3.0, 2.9, True),
        ("fall", -3.0, 3.1, False),
        ("fall", 1.0, 0.1, False),
        ("", -50.0, 0.1, None),
    ],
)
def test_what_should_hold_or_fall_is_marked_where_it_does_not(should, change, half, wanted):
    variant = Variant("a change", "", None, 3, 0, should)
    counts = torch.zeros(1, 3)
    row = RobustnessRow(variant, counts, one_interval(80, 1), one_interval(80, 1), one_interval(change, half))
    assert row.as_it_should is wanted
    same = replace(row, variant=replace(variant, changed=0))
    assert same.as_it_should is None  # no caption was changed, so nothing could hold or fall


@pytest.mark.parametrize(
    ("obeyed", "reads", "beats_crop"),
    [(one_interval(70, 1), True, True), (one_interval(60, 1), True, False), (one_interval(52, 2), False, False)],
)
def test_a_narrowed_caption_is_read_where_it_tells_more_than_the_floor(obeyed, reads, beats_crop):
    row = ObedienceRow("side left", 5, obeyed, one_interval(50, 1), one_interval(65, 1))
    assert (row.reads, row.beats_crop) == (reads, beats_crop)


def test_the_report_says_whose_left_is_meant():
    assert whose_left(LUNG_ZONES.with_geometry(laterality="patient")).endswith(
        "the patient's left: the right of the image."
    )


def test_a_run_is_scored_by_its_folder_and_keeps_its_counts(trained, capsys):
    evaluate = importlib.import_module("evaluate").main
    run = trained.parent
    before = read_tally(run / "per_image_counts.jsonl")
    capsys.readouterr()
    evaluate([str(run), "--resamples", "5"])
    printed = capsys.readouterr().out
    assert str(run / "per_image_counts.jsonl") in printed
    assert f"{run / 'best.ckpt'}, step 2" in printed
    after = read_tally(run / "per_image_counts.jsonl")
    for key, row in before.rows.items():
        assert torch.equal(after.rows[key].counts, row.counts)
    assert {reading for reading, _ in after.rows} == {"raw", "in-style", "mirrored", "in-style, mirrored"}
    assert {captions for _, captions in before.rows} < {captions for _, captions in after.rows}
    evaluate([str(run), "--part", "valid", "--resamples", "5"])
    assert read_tally(run / "per_image_counts.jsonl").about["part"] == "test"


@pytest.mark.parametrize("images", [1, 2, 3, 7, 40])
def test_cases_are_the_ends_and_the_middle(images):
    dice = np.random.default_rng(images).permutation(images).astype(float).tolist()
    cases = chosen_cases(dice)
    shown = [index for indices in cases.values() for index in indices]
    assert len(shown) == len(set(shown)) == min(12, max(3 * (images // 3), min(images, 2)))
    assert dice[cases["worst"][0]] == 0
    assert dice[(cases["best"] or cases["median"] or cases["worst"])[0]] == images - 1
    if images == 40:
        assert sorted(dice[i] for i in cases["median"]) == [18, 19, 20, 21]


FORMULAS = ('=HYPERLINK("a.b";"c");=1;', "+1;", "-1;", "@SUM(1);", "\uff1d1;")


class Reader(HTMLParser):
    """Checks that elements nest, and collects what a browser would load or run."""

    VOID = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def hostile_qata(whole_qata, tmp_path_factory) -> Path:
    """The folder of the tiny data set with captions that would do harm where they are shown."""
    root = Path(shutil.copytree(whole_qata, tmp_path_factory.mktemp("hostile") / "qata"))
    # A caption that would break out of a page that did not escape it.
    annotation = root / "annotation.json"
    stored = json.loads(annotation.read_text())
    stored["test"][0]["caption"] += ' <script>alert(1)</script> & "more"'
    # Captions that a spreadsheet program would work out.
    for row, start in zip(stored["test"][1:], FORMULAS, strict=False):
        row["caption"] = start + row["caption"]
    annotation.write_text(json.dumps(stored))
    return root


@pytest.fixture(scope="module")
def run_of_two_steps(hostile_qata, tmp_path_factory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    given = ["--data", "qata", "--root", str(hostile_qata), "--runs", str(runs), "--name", "tiny"]
    tiny = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
    importlib.import_module("train").main([*given, *tiny, "--steps", "2", "--validate-every", "2"])
    return runs / "tiny"


@pytest.fixture
def trained(run_of_two_steps, tmp_path) -> Path:
    """The checkpoint of a copy of the run, whose folder a test may write into."""
    return Path(shutil.copytree(run_of_two_steps, tmp_path / "runs/tiny")) / "best.ckpt"


@pytest.fixture
def other_qata(hostile_qata, tmp_path) -> Path:
    """A copy of its data that a test may spoil."""
    return Path(shutil.copytree(hostile_qata, tmp_path / "qata"))


def test_the_report_stands_on_its_own(trained, hostile_qata, tmp_path, capsys):
    evaluate = importlib.import_module("evaluate").main
    out = tmp_path / "deep" / "report"
    capsys.readouterr()
    evaluate([str(trained), "--out", str(out), "--json", str(tmp_path / "plain.json"), "--resamples", "50"])
    printed = capsys.readouterr().out
    scores = json.loads((out / "scores.json").read_text())
    metrics = json.loads((trained.parent / "metrics.json").read_text())
    assert scores["models"] == json.loads((tmp_path / "plain.json").read_text()) == metrics["test"]
    assert scores["whole"]["scores"]["global_dice"]["value"] == pytest.approx(metrics["test"]["teacher"]["global_dice"])
    for one in scores["whole"]["scores"].values():
        if one["value"] is not None:
            assert one["low"] <= one["high"]
            assert f"{one['value']:.2f} (" in printed
    obeyed = scores["obedience"].get("side", {"obeyed": {"value": None}})["obeyed"]["value"]
    assert obeyed == pytest.approx(metrics["obedience"])
    assert sum(one["images"] for one in scores["by_size"]) == sum(one["images"] for one in scores["by_position"]) == 6

    with (out / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert "<script>" in rows[0]["caption"]
    stored = json.loads((hostile_qata / "annotation.json").read_text())["test"]
    captions = [row["caption"] for row in stored]
    assert [row["caption"].replace("'", "") for row in rows] == captions
    assert all(row["caption"].startswith("'") for row in rows[1:])
    for opened in (",", ";"):  # what parts cells where commas stand in numbers
        with (out / "per_image.csv").open(newline="") as file:
            for cell in (cell for row in csv.reader(file, delimiter=opened) for cell in row):
                assert not cell.strip().startswith(("=", "+", "@"))
    hit, extra, missed = (sum(int(row[name]) for row in rows) for name in ("hit", "extra", "missed"))
    assert 100 * 2 * hit / (2 * hit + extra + missed) == pytest.approx(metrics["test"]["teacher"]["global_dice"])

    gallery = sorted(path.name for path in (out / "gallery").iterdir())
    names = [f"{kind}-{i}" for kind in ("best", "median", "worst") for i in (1, 2)]
    assert gallery == sorted([f"{name}.png" for name in names] + [f"{name}-image.png" for name in names])
    for path in [*(out / "gallery").iterdir(), out / "reliability.png", out / "sizes.png"]:
        with Image.open(path) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20

    page = (out / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert len(reader.loaded) == 2 + 2 * 6
    assert all(one.startswith("data:image/png;base64,") for one in reader.loaded)
    assert not reader.tags & {"script", "link", "iframe", "object", "embed"}
    assert not [word for word in ("http:", "https:", "@import", "url(") if word in page]
    assert '"Left" in the captions is the viewer\'s left: the left of the image.' in reader.text
    # The untouched image stands there pixel by pixel, as it is on disk.
    for name in names:
        with Image.open(out / f"gallery/{name}-image.png") as shown:
            pixels = np.asarray(shown)
        files = [np.asarray(Image.open(path).convert("L")) for path in (hostile_qata / "test/images").iterdir()]
        assert any(pixels.shape == one.shape and (pixels == one).all() for one in files)
        assert base64.b64encode((out / f"gallery/{name}-image.png").read_bytes()).decode() in page
    wrong = [row["name"] for row in scores["robustness"] if row["as_it_should"] is False]
    assert page.count('<td class="bad">does NOT</td>') == len(wrong)
    for name in wrong:
        assert f"{name}: should" in reader.text
        assert f"- {name}: should" in printed
    assert (out / "per_image_counts.jsonl").is_file()
    for fact in (str(trained), "6 images", "qata, test set", "step 2", "UTC", "50 samples of the patients, seed 0"):
        assert fact in reader.text
    for caption in (captions[1], '<script>alert(1)</script> & "more"'):
        assert caption in unescape(page)

    with pytest.raises(InvalidValueError, match="exists: choose another place"):
        evaluate([str(trained), "--out", str(out)])
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report"]


def test_captions_in_any_words_score_like_those_of_the_training(trained, other_qata, tmp_path, capsys):
    evaluate = importlib.import_module("evaluate").main
    capsys.readouterr()
    evaluate([str(trained), "--out", str(tmp_path / "plain"), "--resamples", "5"])
    evaluate([str(trained), "--out", str(tmp_path / "styled"), "--resamples", "5", "--in-style"])
    printed = capsys.readouterr().out
    template = re.findall(r'read in the words of "(.+)": 0 of 6 captions could not be read', printed)
    captions = [row["caption"] for row in json.loads((other_qata / "annotation.json").read_text())["train"]]
    assert captions.count(template[0]) == max(map(captions.count, captions))
    scores = json.loads((tmp_path / "styled/scores.json").read_text())
    assert scores["about"]["captions"].startswith(f'read in the words of "{template[0]}"')
    assert not (tmp_path / "styled/unread_captions.txt").exists()
    changes = {
        row["name"]: row["difference"]["value"]
        for row in scores["robustness"]
        if row["name"].startswith(("in other words", "false count"))
    }
    assert set(changes.values()) == {0.0}
    assert len(changes) == len(FRAMES) + 1

    annotation = json.loads((other_qata / "annotation.json").read_text())
    annotation["test"][1]["caption"] = "Pneumonia."
    (other_qata / "annotation.json").write_text(json.dumps(annotation))
    given = ["--root", str(other_qata), "--out", str(tmp_path / "again"), "--resamples", "5"]
    evaluate([str(trained), *given, "--in-style", template[0]])
    assert "1 of 6 captions could not be read" in capsys.readouterr().out
    (line,) = (tmp_path / "again/unread_captions.txt").read_text().splitlines()
    assert line.endswith("Expected a text that says where, but got 'Pneumonia.'.")


def test_a_model_that_reads_in_style_hears_one_wording(trained):
    images = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    captions = [
        "Unilateral pulmonary infection, one infected area, lower left lung.",
        "Bilateral pulmonary infection, two infected areas, upper left lung and upper right lung.",
    ]
    plain, styled = load_trained(trained).model, load_trained(trained).model
    reads_in_style(styled, PARSER, captions[0])
    usual = predict_logits(plain, images, captions)
    assert torch.equal(predict_logits(styled, images, captions), usual)
    for frame in FRAMES.values():
        other = paraphrased(captions, PARSER, frame)
        assert torch.equal(predict_logits(styled, images, other), usual)
        assert not torch.equal(predict_logits(plain, images, other), usual)
    unread = ["Pneumonia.", ""]
    assert torch.equal(predict_logits(styled, images, unread), predict_logits(plain, images, unread))


def test_another_data_set_is_scored_whatever_its_number_of_labels(trained, hostile_qata, other_qata, tmp_path):
    evaluate = importlib.import_module("evaluate").main
    own = hostile_qata / "annotation.json"
    kept = own.read_text()
    annotation = json.loads(kept)
    annotation["train"] = annotation["train"][:1]
    own.write_text(json.dumps(annotation))
    try:
        with pytest.raises(InvalidValueError, match=r"0\.3 of 1 gives 0"):
            evaluate([str(trained)])
    finally:
        own.write_text(kept)
    (other_qata / "annotation.json").write_text(json.dumps(annotation))
    evaluate([str(trained), "--root", str(other_qata), "--json", str(tmp_path / "new/folder/plain.json")])
    stored = json.loads((tmp_path / "new/folder/plain.json").read_text())
    assert stored["teacher"]["images"] == 6


@pytest.mark.parametrize(
    ("json_file", "folder"), [("new/x", "new/x"), ("out/deep/plain.json", "out"), ("x", "x/out"), ("a/../x", "x")]
)
def test_places_within_each_other_are_refused_at_once(tmp_path, json_file, folder):
    given = ["nothing.ckpt", "--json", str(tmp_path / json_file), "--out", str(tmp_path / folder)]
    with pytest.raises(InvalidValueError, match=r"places apart from each other, but got .* for --"):
        importlib.import_module("evaluate").main(given)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_to_are_refused_at_once(tmp_path):
    evaluate = importlib.import_module("evaluate").main
    (tmp_path / "file").write_text("in the way")
    for option in ("--json", "--out"):
        with pytest.raises(InvalidValueError, match=rf"file/x: .*file cannot be made \(.*\), for {option}"):
            evaluate(["nothing.ckpt", option, str(tmp_path / "file/x")])


def test_a_folder_is_written_whole_or_not_at_all(trained, tmp_path, monkeypatch):
    from semimedref.evaluation import folder

    def fail(*given):
        raise OSError("no space left")

    monkeypatch.setattr(folder, "draw_sizes", fail)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="no space left"):
        importlib.import_module("evaluate").main(
            [str(trained), "--part", "valid", "--out", str(tmp_path / "out/new"), "--resamples", "5"]
        )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--resamples", "0"], "at least 1 resample"),
        (["--resamples", "1000000000000"], "at most 100000 resamples, but got 1000000000000"),
        (["--seed", "-1"], "0 or more"),
        (["--root", "x", "--in-style"], "--in-style with a TEMPLATE"),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(more, message):
    with pytest.raises(InvalidValueError, match=message):
        importlib.import_module("evaluate").main(["nothing.ckpt", *more])
