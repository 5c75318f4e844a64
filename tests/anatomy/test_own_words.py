"""Words of the reader's own atlas and cues count more than the library's, and faults in cues are named."""

from pathlib import Path

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser
from crossmodal_aug.errors import AtlasError, InvalidValueError

PAGES = Path(__file__).parents[2] / "docs" / "anatomy"
BRAIN = PositionParser(Atlas.from_toml(PAGES / "brain_lobes.toml"))
BREAST = PositionParser(Atlas.from_toml(PAGES / "breast_quadrants.toml"))
LUNG = PositionParser(LUNG_ZONES)


@pytest.mark.parametrize(
    ("parser", "text", "affirmed", "negated"),
    [
        (BRAIN, "Infarct in both frontal lobes.", ("left frontal", "right frontal"), ()),
        (BRAIN, "Both frontal lobes are normal.", (), ("left frontal", "right frontal")),
        (BRAIN, "Brain: infarct in the left frontal lobe.", ("left frontal",), ()),
        (BRAIN, "No infarct in either hemisphere.", (), BRAIN.atlas.names),
        (BRAIN, "Neither hemisphere shows an infarct.", (), BRAIN.atlas.names),
        (BREAST, "Breasts: mass in the left upper outer quadrant.", ("left upper outer",), ()),
        (LUNG, "Nodule seen on both frontal films, at the left base.", ("left lower",), ()),
        (LUNG, "Kidneys: left stone.", (), ()),
        (LUNG, "Brain: left infarct.", (), ()),
    ],
)
def test_a_word_of_the_atlas_is_not_hidden_by_the_library(parser, text, affirmed, negated):
    report = parser(text)
    assert report.regions == affirmed
    assert report.negated == negated


def test_a_pattern_of_ones_own_denies_where_no_other_cue_stands():
    text = "Scarcely any opacity at the left base."
    row = {
        "name": "scarce",
        "category": "denies",
        "pattern": [{"LOWER": {"REGEX": "^(scarce|bare)ly$"}}, {"LOWER": "any"}],
    }
    assert LUNG(text).regions == ("left lower",)
    assert PositionParser(LUNG_ZONES, cues=[row])(text).negated == ("left lower",)


@pytest.mark.parametrize("key", ["LEMMA", "POS", "LOWR"])
def test_a_pattern_that_asks_for_what_nothing_here_knows_is_refused(key):
    with pytest.raises(AtlasError, match=f"cannot ask for {key}"):
        PositionParser(LUNG_ZONES, cues=[{"name": "mine", "category": "denies", "pattern": [{key: "scarce"}]}])


def test_a_template_that_calls_regions_clear_gives_no_style():
    with pytest.raises(InvalidValueError, match="call none clear"):
        LUNG.in_style("RUL opacity", "Left lower lobe pneumonia, right lung clear.")


@pytest.mark.parametrize(
    "text", ["Small left pleural effusion. Heart size is normal.", "(Left base opacity.)", "Nodule at the left base."]
)
def test_a_text_that_was_emptied_says_that_nothing_is_there(text):
    emptied = LUNG(text).with_regions([])
    assert LUNG(emptied).placed
    assert LUNG(emptied).regions == ()


@pytest.mark.parametrize(
    "text", ["Lingula /L(mirrored) ", "lingulaL", "R.T.A. with left base opacity", "\ud800 left base"]
)
def test_odd_letters_mirror_back(text):
    assert LUNG.mirror(LUNG.mirror(text)) == text


def test_a_text_of_more_than_a_million_characters_is_read():
    text = "Opacity at the left base. " + "Heart size is normal. " * 50_000
    assert LUNG.statement(text).affirmed == LUNG.statement("Opacity at the left base.").affirmed


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no polyp", "polyp in top right of the image"),
        ("No polyp.", "Polyp in top right of the image."),
        ("There is no polyp in the image.", "Located in top right of the image."),
        ("no dog", "located in top right of the image."),
        ("dog", "dog. located in top right of the image."),
    ],
)
def test_a_denial_in_a_caption_of_a_picture_gets_the_words_of_its_atlas(text, written):
    assert PositionParser(QUADRANTS)(text).with_regions(["top-right"]) == written
