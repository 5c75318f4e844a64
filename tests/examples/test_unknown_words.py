"""Words made unknown: never those that say where, in what the student sees alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semimedref.config import Config
from semimedref.data.module import StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.draws import Draws, seeded
from semimedref.methods.unknown_words import UNKNOWN, WORD, UnknownWords
from semimedref.models import make_model

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import InvalidValueError
from tests.examples.rows import method

PARSERS = {atlas.name: PositionParser(atlas) for atlas in (LUNG_ZONES, QUADRANTS)}
TEXTS = [
    ("lung_zones", "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."),
    ("lung_zones", "No consolidation in the left lung. There is haze over the right middle zone."),
    ("lung_zones", "Findings: ill-defined haze, left lower zone."),
    ("lung_zones", "Unilateral pulmonary infection, three infected areas, all right lung."),
    ("lung_zones", "The heart is of normal size."),
    ("quadrants", "A growth sits at the top left of the picture, none at the bottom right."),
]


def said(parser, text):
    report = parser(text)
    return report.bits, report.placed, report.negated


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.floats(0, 1), st.integers(0, 10**6))
def test_the_parser_reads_the_same_regions(case, p, seed):
    name, text = case
    [changed] = UnknownWords(PARSERS[name], p)([text], seeded(seed))
    assert said(PARSERS[name], changed) == said(PARSERS[name], text)
    # Word for word: what is not unknown is what it was.
    words, others = (WORD.findall(one.replace(UNKNOWN, "UNK")) for one in (text, changed))
    assert len(words) == len(others)
    assert all(new in (old, "UNK") for old, new in zip(words, others, strict=True))
    assert (p > 0) or changed == text


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_each_word_that_can_be_spared_is_found_and_no_other(name, text):
    op = UnknownWords(PARSERS[name], 1.0)
    spare = op.spare(text)
    for found in WORD.finditer(text):
        alone = text[: found.start()] + UNKNOWN + text[found.end() :]
        assert (found.span() in spare) == (said(PARSERS[name], alone) == said(PARSERS[name], text)), found[0]
    assert spare


def test_words_go_as_often_as_asked():
    text = "Pulmonary infection, one infected area, upper left lung."
    op = UnknownWords(PARSERS["lung_zones"], 0.3)
    changed = op([text] * 2000, seeded(0))
    share = sum(one.count(UNKNOWN) for one in changed) / (2000 * len(op.spare(text)))
    assert share == pytest.approx(0.3, abs=0.02)
    assert changed == op([text] * 2000, seeded(0))
    assert changed != op([text] * 2000, seeded(1))


def test_the_student_meets_the_unknown_word_and_the_teacher_does_not(monkeypatch):
    data = load_phantoms(size=32, labels=0.05)
    module = method(data, "mean-teacher", unknown=0.5)
    seen, taught = [], []
    see, found = module.see, module.found
    monkeypatch.setattr(module, "see", lambda images, texts, **keys: seen.extend(texts) or see(images, texts, **keys))
    monkeypatch.setattr(module, "found", lambda plain: taught.extend(plain.texts) or found(plain))
    loss, _ = module.objective(StepBatches(data, 8, 0)[0], Draws(0, 1))
    loss.backward()
    assert any(UNKNOWN in text for text in seen)
    assert taught
    assert not any(UNKNOWN in text for text in taught)
    assert module.student.words.embedding.weight.grad[1].abs().sum() > 0


def test_one_that_reads_no_words_is_refused():
    with pytest.raises(InvalidValueError, match="--unknown 0 for --reads zones"):
        Config(method="zone-channel", unknown=0.1)
    with pytest.raises(InvalidValueError, match="unknown"):
        Config(unknown=1.5)


def test_it_is_one_word_to_every_network():
    config = Config(data="phantom", width=4)
    model = make_model(["upper left lung"], config, LUNG_ZONES)
    assert model.tokenize([UNKNOWN]).ids.tolist() == [[1]]
    assert torch.equal(model.tokenize(["strange left lung"]).ids, model.tokenize([f"{UNKNOWN} left lung"]).ids)
