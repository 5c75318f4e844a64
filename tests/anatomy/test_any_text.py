"""What holds for any text whatever: arbitrary unicode, lexicon salad and mutated reports."""

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.anatomy.reading.conflicts import contradicts_itself
from crossmodal_aug.errors import CannotSay

# 10^3 examples of each in CI, 10^5 with HYPOTHESIS_PROFILE=nightly.
MANY = settings(
    max_examples=100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
PARSERS = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}
SENTENCES = [
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "unilateral pulmonary infection, one infected area, lower right lung.",
    "Unilateral pulmonary infection, three infected areas, left lung and all right lung..",
    "No pulmonary infection, zero infected areas.",
    "There is patchy opacity in the right middle and lower lobes, worse at the base.",
    "The left lung is clear; RUL nodule, lingula and retrocardiac scarring.",
    "No effusion or pneumothorax, but mild bibasilar atelectasis, right greater than left.",
    "Left PICC tip in the lower SVC, degenerative changes of the right shoulder.",
    "one small pink round polyp, located in top left, center, bottom right of the image",
    "The tumour is situated in the top right region and close to the center of the image.",
]
WORDS = sorted(
    {form for atlas in (LUNG_ZONES, QUADRANTS) for entry in atlas.words for form in entry.forms}
    | {
        "no", "without", "clear", "normal", "resolved", "and", "or", "of", "the", "in", "near", "with", "is", "but",
        "there is", "effusion", "opacity", "two", "infected areas", "unilateral", "all", "sided", "compared to",
        "which", "except for", "lt.", "left:", "none", "previously", "not seen", "sparing of",
        "predominantly", "greater than", " (mirrored)", ".", "..", ",", ";", "/", "-", "(", ")", "\n", "7", "xyz",
    }
)  # fmt: skip


def in_some_case(word):
    return st.sampled_from([word, word.title(), word.upper(), word.swapcase()[:2] + word[2:]])


SALAD = st.lists(
    st.tuples(st.sampled_from(WORDS).flatmap(in_some_case), st.sampled_from([" ", " ", " ", "", "  "])), max_size=30
).map(lambda parts: "".join(word + gap for word, gap in parts))


@st.composite
def mutated(draw):
    text = draw(st.sampled_from(SENTENCES))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 6))
        text = text[:place] + draw(st.one_of(st.just(""), st.text(max_size=4), SALAD)) + text[place + gone :]
    return text


TEXTS = st.one_of(st.text(max_size=200), SALAD, mutated())
NAMES = st.sampled_from(sorted(PARSERS))


@MANY
@given(NAMES, TEXTS)
def test_mentions_slice_back_and_reports_add_up(name, text):
    parser = PARSERS[name]
    report = parser(text)
    affirmed, clear = set(), set()
    for mention in report.mentions:
        assert text[mention.start : mention.end] == mention.text != ""
        (clear if mention.negated else affirmed).update(mention.regions)
    assert affirmed == set(report.regions)
    assert clear - affirmed == set(report.negated)
    starts = [edge for mention in report.mentions for edge in (mention.start, mention.end)]
    assert starts == sorted(starts)
    assert report.bits == tuple(region in report.regions for region in parser.atlas.names)


@MANY
@given(NAMES, TEXTS)
def test_mirroring_permutes_the_bits_and_undoes_itself(name, text):
    parser = PARSERS[name]
    report = parser(text)
    mirrored = parser(report.mirrored())
    assert mirrored.mirrored() == text
    for index, to in enumerate(parser.atlas.mirror):
        assert mirrored.bits[to] == report.bits[index]
    assert len(mirrored.mentions) == len(report.mentions)


@MANY
@given(NAMES, TEXTS, st.integers(0, 63))
def test_rewriting_states_exactly_what_is_asked(name, text, bits):
    parser = PARSERS[name]
    report = parser(text)
    wanted = tuple(region for index, region in enumerate(parser.atlas.names) if bits >> index & 1)
    try:
        same = report.with_regions(report.regions)
    except CannotSay:
        assert not report.regions  # of what stands like a finding nobody knows whether it is one
        assert not report.placed
    else:
        assert same == text or not report.regions  # a finding without a place goes where nothing shall be
        assert parser(same).with_regions(report.regions) == same
    try:
        rewritten = report.with_regions(wanted)
    except CannotSay:
        return  # what cannot be said well is declined, by that one name
    assert parser(rewritten).regions == wanted
    assert rewritten == text or not contradicts_itself(parser.statement(rewritten))


@MANY
@given(NAMES, TEXTS)
def test_a_coarser_phrase_claims_no_less(name, text):
    parser = PARSERS[name]
    report = parser(text)
    for index, mention in enumerate(report.mentions):
        coarse = report.coarsened(mention)
        if coarse is not None:
            assert set(mention.regions) < set(parser(coarse).regions)
            assert report.replace({index: coarse}).startswith(text[: mention.start] + coarse)


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize(
    "piece",
    ["left ", "upper and ", "left, ", "left upper lung, ", "no ", "(mirrored) lingula ", "of the ", "a", ". ", "left-",
     "bilateral opacity, ", "two infected areas, ", "clear ", "right greater than left ", "in the left but "],
)  # fmt: skip
def test_time_grows_no_faster_than_the_text(name, piece):
    parser = PARSERS[name]

    def seconds(repeats):
        text = piece * repeats
        begin = time.process_time()
        parser(text)
        return time.process_time() - begin

    short, long = (min(seconds(repeats) for _ in range(5)) for repeats in (1_000, 10_000))
    # Ten times the text: linear time is ten times as long, quadratic time a hundred times. Between them is room for a
    # busy machine.
    assert long < 60 * short + 0.03
