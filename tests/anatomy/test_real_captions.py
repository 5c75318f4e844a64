"""The parser against the label columns of the two public data sets and the hand-labelled templates."""

import csv
import itertools
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import CannotSay

DATA = os.environ.get("CROSSMODAL_AUG_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="CROSSMODAL_AUG_DATA is not set: real captions are not at hand")
PARSERS = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}


def qata_rows():
    parts = json.loads((Path(DATA) / "qata/annotation.json").read_text())
    return [row for rows in parts.values() for row in rows]


def mosmed_rows():
    with (Path(DATA) / "mosmed/captions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def gold_rows(name):
    with (Path(DATA) / "text" / name).open() as file:
        return [json.loads(line) for line in file]


def test_every_qata_caption_reads_as_its_label():
    rows = qata_rows()
    assert len(rows) >= 4000
    for row in rows:
        report = PARSERS["lung_zones"](row["caption"])
        assert [int(bit) for bit in report.bits] == row["pseudo_label"], row["caption"]
        assert report.count == row["infected_area"], row["caption"]
        assert report.laterality == {1: "unilateral", 2: "bilateral"}[row["pulmonary_infection"]]
        assert report.conflicts == ()


def test_every_mosmed_caption_reads_as_its_label():
    rows = mosmed_rows()
    assert len(rows) == 2729
    for row in rows:
        report = PARSERS["lung_zones"](row["text"])
        assert [int(bit) for bit in report.bits] == json.loads(row["label"]), row["text"]


def test_every_gold_template_reads_as_its_label():
    rows = gold_rows("gold_templates.jsonl")
    assert len(rows) == 60
    for row in rows:
        assert set(PARSERS[row["atlas"]](row["text"]).regions) == set(row["regions"]), row["text"]


def real_texts():
    if DATA is None:
        return []
    captions = {row["caption"] for row in qata_rows()} | {row["text"] for row in mosmed_rows()}
    texts = [("lung_zones", text) for text in sorted(captions)]
    texts += [("lung_zones", row["text"]) for row in gold_rows("gold_openi_dev.jsonl")]
    return texts + [(row["atlas"], row["text"]) for row in gold_rows("gold_templates.jsonl")]


def test_every_real_text_is_rewritten_to_every_subset_and_only_prose_declines():
    prose = set() if DATA is None else {row["text"] for row in gold_rows("gold_openi_dev.jsonl")}
    for name, text in real_texts():
        parser = PARSERS[name]
        report = parser(text)
        for size in range(len(parser.atlas) + 1):
            for regions in itertools.combinations(parser.atlas.names, size):
                try:
                    rewritten = report.with_regions(regions)
                except CannotSay:
                    assert text in prose, (text, regions)
                    continue
                assert parser(rewritten).regions == regions, (text, regions, rewritten)
                if regions == report.regions and rewritten != text:
                    # A finding without a place goes where nothing shall be.
                    assert not regions and text in prose, (text, rewritten)


def image_captions(name):
    parts = json.loads((Path(DATA) / name / "annotation.json").read_text())
    return [row["caption"] for rows in parts.values() for row in rows]


def captions_of_data_sets():
    if DATA is None:
        return []
    return [
        ("lung_zones", "qata", [row["caption"] for row in qata_rows()]),
        ("lung_zones", "mosmed", [row["text"] for row in mosmed_rows()]),
        ("quadrants", "kvasir", image_captions("kvasir")),
        ("quadrants", "busi", image_captions("busi")),
    ]


@pytest.mark.parametrize(("atlas", "name", "captions"), captions_of_data_sets(), ids=lambda given: str(given)[:10])
def test_every_caption_says_the_same_in_every_frame(atlas, name, captions):
    parser = PARSERS[atlas]
    for caption in sorted(set(captions)):
        for frame, _ in parser.atlas.phrasing.frames:
            text = parser(caption).reworded(frame)
            said = parser(text)
            assert (said.bits, said.placed, said.negated) == (parser(caption).bits, True, ()), (caption, text)


@pytest.mark.parametrize(("atlas", "name", "captions"), captions_of_data_sets(), ids=lambda given: str(given)[:10])
def test_every_caption_in_the_style_of_the_most_frequent_one(atlas, name, captions):
    parser = PARSERS[atlas]
    template = next(text for text, _ in Counter(captions).most_common() if parser(text).regions)
    styled, unread = parser.in_style_many(captions, template)
    assert unread == {}
    assert [parser(text).bits for text in styled] == [parser(text).bits for text in captions]
    if name == "qata":  # one template, whose count is that of the zones
        assert styled == captions
    for frame, _ in parser.atlas.phrasing.frames:
        reworded = [parser.reword(caption, frame) for caption in captions]
        assert parser.in_style_many(reworded, template) == (styled, {})


def test_every_real_text_mirrors_with_its_bits_and_back():
    for name, text in real_texts():
        parser = PARSERS[name]
        report = parser(text)
        mirrored = parser(report.mirrored())
        for index, to in enumerate(parser.atlas.mirror):
            assert mirrored.bits[to] == report.bits[index], text
        assert mirrored.mirrored() == text
