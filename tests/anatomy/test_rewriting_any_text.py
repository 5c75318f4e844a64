"""What holds when any text whatever is rewritten: it reads back exactly, or is declined."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.anatomy.reading.conflicts import contradicts_itself
from crossmodal_aug.errors import CannotSay
from tests.anatomy.test_rewriting_prose import DECLINED, REWRITTEN

MANY = settings(
    max_examples=100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
PARSERS = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}
SENTENCES = [row[0] for table in REWRITTEN.values() for row in table] + [row[0] for row in DECLINED] + [
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "No pulmonary infection, zero infected areas.",
    "one small pink round polyp, located in top left, center, bottom right of the image",
    "The tumour is situated in the top right region and close to the center of the image.",
]  # fmt: skip
WORDS = sorted(
    {form for atlas in (LUNG_ZONES, QUADRANTS) for entry in atlas.words for form in entry.forms}
    | {
        "no", "without", "clear", "has resolved", "and", "or", "of", "the", "a", "an", "in", "at", "on", "near", "with",
        "is", "are", "but", "there is", "there are", "effusion", "opacity", "nodules", "two", "one", "5 mm",
        "unilateral", "infected areas", "which", "except for", "none", "previously", "sparing of", "predominantly",
        "greater than", "worse", "otherwise", " (mirrored)", ".", "..", ",", ";", ":", "/", "-", "(", ")", "\n",
        "1.", "2)", "xyz",
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


def is_silent(reason: CannotSay, wanted: tuple[str, ...]) -> bool:
    """Whether a text was declined since words that are not read would hide that nothing is there."""
    return not wanted and str(reason).startswith("Expected a text that can say that nothing is there")


@MANY
@given(st.sampled_from(sorted(PARSERS)), TEXTS, st.integers(0, 63))
def test_what_is_written_states_exactly_what_is_asked(name, text, bits):
    parser = PARSERS[name]
    report = parser(text)
    wanted = tuple(region for index, region in enumerate(parser.atlas.names) if bits >> index & 1)
    try:
        same = report.with_regions(report.regions)
    except CannotSay as reason:
        assert is_silent(reason, report.regions)
    else:
        assert same == text or not report.regions  # a finding without a place goes where nothing shall be
        assert parser(same).with_regions(report.regions) == same
    try:
        rewritten = report.with_regions(wanted)
    except CannotSay as reason:
        if not is_silent(reason, wanted):
            assert str(reason).startswith("Expected a text that can state these regions")
            assert wanted != report.regions
        return
    assert parser(rewritten).regions == wanted
    assert rewritten == text or not contradicts_itself(parser.statement(rewritten))


@MANY
@given(TEXTS, st.integers(0, 31))
def test_captions_of_pictures_are_declined_only_where_they_speak_of_a_thing(text, bits):
    parser = PARSERS["quadrants"]
    wanted = tuple(region for index, region in enumerate(parser.atlas.names) if bits >> index & 1)
    try:
        written = parser(text).with_regions(wanted)
    except CannotSay as reason:
        assert "would lose what it speaks of" in str(reason)
        assert {"unknown"} <= {term.kind for term in parser.statement(text).terms}
        return
    assert parser(written).regions == wanted
