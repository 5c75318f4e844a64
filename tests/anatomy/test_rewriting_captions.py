"""Captions of the field are never declined: every one to every set of regions, and the texts of the trials."""

import csv
import itertools
import json
import os
from pathlib import Path

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import CannotSay

DATA = os.environ.get("CROSSMODAL_AUG_DATA")
PARSERS = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}
needs_data = pytest.mark.skipif(DATA is None, reason="CROSSMODAL_AUG_DATA is not set: real captions are not at hand")
SHORT = [
    ("lung_zones", text)
    for text in (
        "", "Upper left lung.", "left base and right apex", "left lung, lower lobe", "RUL, RML", "LLL & RUL",
        "LEFT BASE", "both bases", "lower lobes", "left apex/right base", "left upper lung; right lower lung",
        "Left lung: lower zone.", "RUL nodule", "Left lower lobe opacity", "left effusion", "bibasilar atelectasis",
        "bilateral opacities",
        "LUL and RML consolidation", "nodule, right upper lobe", "Opacity: LLL", "Opacities in both lungs.",
        "No infection.", "No pneumonia.", "No pulmonary infection.", "Unilateral infection, upper left lung.",
        "Unilateral pulmonary infection; one infected area; lower left lung.",
        "Unilateral pulmonary infection - one infected area - lower left lung",
        "Bilateral pulmonary infection. Two infected areas. Upper left lung and lower right lung.",
        "Bilateral pulmonary infection (two infected areas): upper left lung and lower right lung",
        "Bilateral pulmonary infection, two infected areas (upper left lung and lower right lung).",
        "One infected area, upper left lung.", "2 infected areas: upper left lung and lower right lung",
        "Pulmonary infection, two infected areas, upper left lung and middle left lung.",
        "COVID-19 infection, one infected area, upper left lung.", "Chest x-ray: one infected area, upper left lung.",
        "2 infected areas upper left lung and lower right lung", "One infected area, left perihilar region.",
        "Unilateral pulmonary infection, one infected area, upper left lung, peripheral.",
        "UNILATERAL PULMONARY INFECTION\uff0c ONE INFECTED AREA\uff0c LOWER LEFT LUNG\u3002",
    )
] + [
    ("quadrants", text)
    for text in (
        "", "top left", "left", "center of the image", "Polyp at the top left.", "No polyp.", "No tumor in the image.",
        "one small polyp, located in top of the image", "lesion in the lower right quadrant and the center",
    )
]  # fmt: skip


def check_every_subset(name, text):
    parser = PARSERS[name]
    report = parser(text)
    for size in range(len(parser.atlas) + 1):
        for regions in itertools.combinations(parser.atlas.names, size):
            rewritten = report.with_regions(regions)
            said = parser(rewritten)
            assert said.regions == regions, (text, regions, rewritten)
            assert rewritten == text or said.conflicts == (), (text, regions, rewritten)
            if regions == report.regions:
                assert rewritten == text


@pytest.mark.parametrize(("name", "text"), SHORT)
def test_every_short_text_is_rewritten_to_every_subset(name, text):
    check_every_subset(name, text)


def captions(name):
    if name == "mosmed":
        with (Path(DATA) / "mosmed/captions.csv").open(newline="") as file:
            return {row["text"] for row in csv.DictReader(file)}
    parts = json.loads((Path(DATA) / name / "annotation.json").read_text())
    return {row["caption"] for rows in parts.values() for row in rows}


@needs_data
@pytest.mark.parametrize(
    ("name", "atlas"),
    [("qata", "lung_zones"), ("mosmed", "lung_zones"), ("kvasir", "quadrants"), ("busi", "quadrants")],
)
def test_every_caption_is_rewritten_to_every_subset(name, atlas):
    for text in sorted(captions(name)):
        check_every_subset(atlas, text)


def lines(name):
    return [json.loads(line) for line in (Path(DATA) / "text" / name).read_text(encoding="utf-8").splitlines()]


@needs_data
def test_every_template_is_rewritten_to_every_subset():
    for row in lines("gold_templates.jsonl"):
        check_every_subset(row["atlas"], row["text"])


@needs_data
def test_every_trial_is_rewritten_as_wanted_or_declined():
    declined = 0
    for row in lines("trials_dev.jsonl"):
        if row["do"] != "rewrite":
            continue
        parser = PARSERS[row["atlas"]]
        names = tuple(name for name in parser.atlas.names if name in row["names"])
        try:
            rewritten = parser(row["text"]).with_regions(names)
        except CannotSay:
            declined += 1
            continue
        assert parser(rewritten).regions == names
        assert rewritten == row.get("want", rewritten)
        assert rewritten != row.get("got")
    assert declined <= 3


@needs_data
def test_a_report_is_rewritten_to_every_subset_or_declined():
    parser = PARSERS["lung_zones"]
    for row in lines("gold_openi_dev.jsonl"):
        report = parser(row["text"])
        for size in range(len(LUNG_ZONES) + 1):
            for regions in itertools.combinations(LUNG_ZONES.names, size):
                try:
                    rewritten = report.with_regions(regions)
                except CannotSay:
                    assert regions != report.regions
                else:
                    assert parser(rewritten).regions == regions, (row["text"], regions, rewritten)
