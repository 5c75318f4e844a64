"""The parser against hand-labelled sentences, indexed reports and image-position prompts."""

import os
from pathlib import Path

import pytest

from benchmarks import parser_prompts, parser_reports
from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser

DATA = os.environ.get("CROSSMODAL_AUG_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="CROSSMODAL_AUG_DATA is not set: real reports are not at hand")
PARSER = PositionParser(LUNG_ZONES)


def test_hand_labelled_sentences():
    scores = parser_reports.score_gold(PARSER, Path(DATA) / "text/gold_openi_dev.jsonl", misses=False)
    assert scores["affirmed_f1"] >= 0.93
    assert scores["negated_f1"] >= 0.85
    assert scores["exact"] >= 0.80


def test_locations_that_indexers_gave_and_reports_state():
    assert parser_reports.score_index(PARSER, Path(DATA) / "text/openi_mesh_dev.csv", misses=False)["share"] >= 0.90


def test_lists_of_image_positions_are_read_as_they_stand(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["parser_prompts.py"])
    assert parser_prompts.main() == 0
    assert "2196/2196 lists" in capsys.readouterr().out
