"""The component on the tokens of other pipelines says what the parser says, on every hand-labelled set."""

import json
import os
import re
from pathlib import Path

import pytest
import spacy
from spacy.tokenizer import Tokenizer

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser

DATA = os.environ.get("CROSSMODAL_AUG_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="CROSSMODAL_AUG_DATA is not set: the gold sets are not at hand")
ATLASES = {"lung_zones": LUNG_ZONES, "quadrants": QUADRANTS}
PARSERS = {name: PositionParser(atlas) for name, atlas in ATLASES.items()}


def texts():
    folder = Path(DATA) / "text"
    found = []
    for name in ("gold_openi_dev.jsonl", "gold_templates.jsonl", "trials_dev.jsonl"):
        for row in map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines()):
            found.append((row.get("atlas", "lung_zones"), row["text"]))
    return found


def plain_english():
    return spacy.blank("en")


def of_any_language():
    return spacy.blank("xx")


def by_white_space():
    nlp = spacy.blank("en")
    nlp.tokenizer = Tokenizer(nlp.vocab)
    return nlp


def by_every_mark():
    nlp = spacy.blank("en")
    mark = re.compile(r"[^\w\s]")
    nlp.tokenizer = Tokenizer(
        nlp.vocab, prefix_search=mark.match, suffix_search=re.compile(r"[^\w\s]$").search, infix_finditer=mark.finditer
    )
    return nlp


@pytest.mark.parametrize("make", [plain_english, of_any_language, by_white_space, by_every_mark])
def test_the_component_says_what_the_parser_says(make):
    pipelines = {}
    for name in ATLASES:
        pipelines[name] = make()
        pipelines[name].add_pipe("anatomical_positions", config={"atlas": name})
    rows = texts()
    assert len(rows) > 350
    for name, text in rows:
        doc, report = pipelines[name](text), PARSERS[name](text)
        assert doc._.position_regions == report.regions, text
        assert doc._.position_negated == report.negated, text
        assert doc._.position_placed == report.placed, text
        spans = doc.spans["positions"]
        assert len(spans) == len(report.mentions), text
        if len({(span.start, span.end) for span in spans}) < len(spans):
            continue  # two mentions inside one token, "RLL>LLL": a span knows of one
        for span, mention in zip(spans, report.mentions, strict=True):
            assert span._.position_regions == mention.regions
            assert span._.position_negated == mention.negated
            assert span._.position_cue == mention.cue


@pytest.mark.parametrize("make", [plain_english, by_white_space])
def test_a_parser_on_such_a_pipeline_says_the_same(make):
    own = {name: PositionParser(atlas, nlp=make()) for name, atlas in ATLASES.items()}
    for name, text in texts():
        ours, theirs = PARSERS[name](text), own[name](text)
        assert theirs.regions == ours.regions, text
        assert theirs.negated == ours.negated, text
        assert [mention.text for mention in theirs.mentions] == [mention.text for mention in ours.mentions], text
