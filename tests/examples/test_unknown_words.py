"""Words made unknown: never those that say where, in what the student sees alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semimedref.config import Config
from semimedref.data.module import StepBatches
from semimedref.data.phantom import load_phantoms
from semimedref.draws import PURPOSES, Draws, seeded
from semimedref.methods.unknown_words import MOST_WORDS, UNKNOWN, WORD, UnknownWords
from semimedref.models import make_model
from semimedref.models.tokenizer import WordTokenizer

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import CrossModalError, InvalidValueError
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


NEITHER = torch.zeros(2000, dtype=torch.bool)


def said(parser, text):
    report = parser(text)
    return report.bits, report.placed, report.negated


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.floats(0, 1), st.integers(0, 10**6))
def test_the_parser_reads_the_same_regions(case, p, seed):
    name, text = case
    [changed] = UnknownWords(PARSERS[name], words=p, captions=0.0)([text], NEITHER[:1], seeded(seed))
    assert said(PARSERS[name], changed) == said(PARSERS[name], text)
    # Word for word: what is not unknown is what it was.
    words, others = (WORD.findall(one.replace(UNKNOWN, "UNK")) for one in (text, changed))
    assert len(words) == len(others)
    assert all(new in (old, "UNK") for old, new in zip(words, others, strict=True))
    assert (p > 0) or changed == text


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_each_word_that_can_be_spared_is_found_and_no_other(name, text):
    op = UnknownWords(PARSERS[name], words=1.0, captions=0.0)
    spare = op.spare(text)
    for found in WORD.finditer(text):
        alone = text[: found.start()] + UNKNOWN + text[found.end() :]
        assert (found.span() in spare) == (said(PARSERS[name], alone) == said(PARSERS[name], text)), found[0]
    assert spare


def test_tokens_in_brackets_are_no_words():
    texts = ["Infection in the [MASK].", "[POSITION_MASK] and upper left lung", "[UNK]"]
    changed = UnknownWords(PARSERS["lung_zones"], words=1.0, captions=1.0)(texts, NEITHER[:3], seeded(0))
    assert changed == ["[UNK] [UNK] [UNK] [MASK].", "[POSITION_MASK] [UNK] [UNK] [UNK] [UNK]", "[UNK]"]
    # Nor in a vocabulary, where a caption has it already.
    tokenizer = WordTokenizer.from_texts(["left [UNK] lung", "[MASK]"])
    assert tokenizer.vocabulary == ["left", "lung"]
    assert tokenizer(["left [UNK] lung"]).ids.tolist() == tokenizer(["left strange lung"]).ids.tolist()


def test_masks_of_the_published_mix_stay_what_they_are():
    data = load_phantoms(size=32, labels=0.05)
    batch = StepBatches(data, 16, 0)[0]
    for name in ("paper", "released"):
        seen = []
        for unknown in (0.0, 0.5):
            module = method(data, name, unknown=unknown, batch_size=16)
            weak = module.weak_view(batch.unlabelled, Draws(0, 1))
            pseudo = torch.rand(weak.images.shape, generator=seeded(1))
            texts = module.strong_views(weak, pseudo, Draws(0, 1))[0].texts
            seen.append(sum(text.count("MASK]") for text in texts))
        assert seen[0] == seen[1] > 0, name


def test_a_long_report_is_read_no_more_often_than_its_first_words():
    text = "There is haze. " * 400 + "Opacity in the upper left lung."
    assert len(UnknownWords(PARSERS["lung_zones"], words=1.0, captions=0.0).spare(text)) <= MOST_WORDS


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan"), "x"])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(CrossModalError, match="words"):
        UnknownWords(PARSERS["lung_zones"], words=wrong, captions=0.0)
    with pytest.raises(CrossModalError, match="captions"):
        UnknownWords(PARSERS["lung_zones"], words=0.0, captions=wrong)


@pytest.mark.parametrize("name", ["supervised", "mean-teacher", "unimatch"])
def test_both_kinds_of_images_come_under_unknown_words_and_draw_for_themselves(name):
    data = load_phantoms(size=32, labels=0.05)
    batch = StepBatches(data, 8, 0)[0]
    module = method(data, name, unknown=0.5)
    assert any(UNKNOWN in text for text in module.labelled_inputs(batch, Draws(0, 1)).texts)
    if name != "supervised":
        weak = module.weak_view(batch.unlabelled, Draws(0, 1))
        pseudo = torch.rand(weak.images.shape, generator=seeded(1))
        views = module.strong_views(weak, pseudo, Draws(0, 1))
        assert all(any(UNKNOWN in text for text in view.texts) for view in views)
        assert len({tuple(view.texts) for view in views}) == len(views)


def test_what_is_drawn_for_a_purpose_depends_on_no_purpose_that_came_later():
    earlier = ("zoom", "photometric", "flip", "patch", "zone", "focus", "fuzz", "mask", "geometry", "reword")
    assert PURPOSES[:12] == (*earlier, "copy", "features")
    first = {torch.rand(1, generator=Draws(0, 1)("labelled", one)).item() for one in PURPOSES}
    assert len(first) == len(PURPOSES)


def test_words_go_as_often_as_asked():
    text = "Pulmonary infection, one infected area, upper left lung."
    op = UnknownWords(PARSERS["lung_zones"], words=0.3, captions=0.0)
    changed = op([text] * 2000, NEITHER, seeded(0))
    share = sum(one.count(UNKNOWN) for one in changed) / (2000 * len(op.spare(text)))
    assert share == pytest.approx(0.3, abs=0.02)
    assert changed == op([text] * 2000, NEITHER, seeded(0))
    assert changed != op([text] * 2000, NEITHER, seeded(1))


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


def test_of_a_whole_caption_nothing_is_known_unless_it_was_narrowed():
    text = "Pulmonary infection, one infected area, upper left lung."
    narrowed = torch.arange(2000) % 2 == 0
    changed = UnknownWords(PARSERS["lung_zones"], words=0.0, captions=0.2)([text] * 2000, narrowed, seeded(0))
    gone = WORD.sub(UNKNOWN, text)
    assert set(changed[::2]) == {text}
    assert set(changed[1::2]) == {text, gone}
    assert changed.count(gone) / 1000 == pytest.approx(0.2, abs=0.04)
    assert not PARSERS["lung_zones"](gone).placed
    # What is drawn for the words is not shifted by it.
    both = UnknownWords(PARSERS["lung_zones"], words=0.3, captions=0.2)([text] * 2000, narrowed, seeded(0))
    words = UnknownWords(PARSERS["lung_zones"], words=0.3, captions=0.0)([text] * 2000, narrowed, seeded(0))
    assert all(one in (other, gone) for one, other in zip(both, words, strict=True))


def test_what_focus_narrowed_is_never_lost():
    data = load_phantoms(size=32, labels=0.05)
    module = method(data, "mean-teacher", unknown_captions=1.0, focus=0.5)
    altered = module.labelled_inputs(StepBatches(data, 8, 0)[0], Draws(0, 3))
    assert altered.focused.any()
    assert [UNKNOWN in text for text in altered.texts] == (~altered.focused).tolist()


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
