"""What a parser remembers is what it would read anew."""

import random
from itertools import product

import pytest
import spacy
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.anatomy.reading import pipeline
from crossmodal_aug.errors import CannotSay

TEXTS = (
    "Patchy consolidation in the left lower zone, no effusion.",
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "The right lung is clear. Opacity at the left base.",
)


def outcome(parser: PositionParser, text: str, bits: tuple[bool, ...]) -> str | None:
    try:
        return parser.rewrite(text, bits)
    except CannotSay:
        return None


def test_a_parser_that_remembers_rewrites_as_one_that_forgets():
    keeps, forgets = PositionParser(LUNG_ZONES), PositionParser(LUNG_ZONES, cache_size=0)
    cases = [(text, bits) for text in TEXTS for bits in product((False, True), repeat=6)]
    random.Random(0).shuffle(cases)
    first = [outcome(keeps, *case) for case in cases]
    assert first == [outcome(forgets, *case) for case in cases]
    written = sorted({text for text in first if text is not None})
    assert len(written) > 100
    assert keeps.parse_many(written) == forgets.parse_many(written)
    assert [report.mentions for report in keeps.parse_many(written)] == [forgets(text).mentions for text in written]


def test_what_was_written_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = PositionParser(LUNG_ZONES)
    written = [parser.rewrite(TEXTS[0], bits) for bits in product((False, True), repeat=6) if any(bits)]
    monkeypatch.setattr(pipeline, "read_terms", None)  # nothing can be read from now on
    with pytest.raises(TypeError):
        parser("Another text.")
    assert parser.encode(written).tolist() == [list(bits) for bits in product((False, True), repeat=6) if any(bits)]


class Loose(Tokenizer):
    """A tokenizer that does not keep the text."""

    def __call__(self, text: str) -> Doc:
        return Doc(self.vocab, words=text.replace(".", " . ").split())


def test_a_pipeline_that_reads_another_text_than_it_was_given_rewrites_none_the_less():
    nlp = spacy.blank("en")
    nlp.tokenizer = Loose(nlp.vocab)
    parser = PositionParser(LUNG_ZONES, nlp=nlp)
    text = "Opacity in the upper left lung."
    assert parser(parser.rewrite(text, parser(text).bits)).bits == parser(text).bits


def test_long_reports_are_not_kept_whole():
    parser = PositionParser(LUNG_ZONES)
    bits = (True, False, False, False, False, False)
    parser.rewrite("Opacity in the lower left lung.", bits)
    parser.rewrite("Opacity in the lower left lung. " + "The heart is normal. " * 100, bits)
    assert list(parser._sources) == ["Opacity in the lower left lung."]
