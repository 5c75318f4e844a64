"""Texts that an earlier parser read or mirrored wrongly: every one must be right now."""

import json
import os
from pathlib import Path

import pytest

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser

DATA = os.environ.get("CROSSMODAL_AUG_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="CROSSMODAL_AUG_DATA is not set: the trials are not at hand")
PARSERS = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}


def rows(what):
    if DATA is None:
        return []
    lines = (Path(DATA) / "text/trials_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["do"] == what]


def test_every_text_is_read_right():
    assert DATA is None or len(rows("read")) >= 140
    for row in rows("read"):
        report = PARSERS[row["atlas"]](row["text"])
        assert set(report.regions) == set(row.get("regions", report.regions)), row
        if row.get("negated") is not None:
            assert set(report.negated) == set(row["negated"]), row


def test_every_text_is_mirrored_right_and_back():
    for row in rows("mirror"):
        parser = PARSERS[row["atlas"]]
        mirrored = parser.mirror(row["text"])
        assert parser.mirror(mirrored) == row["text"]
        if row.get("want"):
            assert mirrored == row["want"]
