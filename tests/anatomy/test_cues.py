"""The rows of the cue file: each must change the sentence that it names, and leave the other alone."""

import re

import pytest
from pydantic import ValidationError

from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser
from crossmodal_aug.anatomy.readback import check_cues
from crossmodal_aug.anatomy.reading.cues import CATEGORIES, Cue, english_cues, read_cues, spelt_out
from crossmodal_aug.errors import AtlasError

PARSER = PositionParser(LUNG_ZONES)


@pytest.mark.parametrize("cue", english_cues(), ids=lambda cue: cue.name)
def test_a_row_reads_its_two_sentences_as_marked(cue):
    check_cues([cue], PARSER.statement)
    assert cue.fits
    assert cue.fails


@pytest.mark.parametrize("cue", english_cues(), ids=lambda cue: cue.name)
def test_a_row_is_what_decides_its_sentence(cue):
    text = re.sub(r"\{[-+0]([^{}]*)\}", r"\1", cue.fits)
    rows = {term.sense.row for term in PARSER.statement(text).terms}
    assert cue.name in rows, (text, rows)


@pytest.mark.parametrize("words", [["hardly any trace of"], ["no {trace|hint} of"]])
def test_a_stranger_adds_a_cue_by_one_row(words):
    parser = PositionParser(LUNG_ZONES, cues=[{"name": "hint", "category": "denies", "words": words}])
    text = (
        "Hardly any trace of fluid at the left base." if "hardly" in words[0] else "No hint of fluid at the left base."
    )
    assert parser(text).negated == ("left lower",)
    assert parser(text).mentions[0].cue.lower() in text.lower()


def test_a_cue_may_be_a_token_pattern_of_spacy():
    row = {"name": "week", "category": "past", "pattern": [{"LOWER": "in"}, {"LOWER": "week"}, {"IS_DIGIT": True}]}
    text = "Left base nodule not seen in week 12."
    assert PARSER(text).negated == ("left lower",)
    assert PositionParser(LUNG_ZONES, cues=[row])(text).regions == ("left lower",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "x", "category": "denies"}, "`words` or a `pattern`"),
        ({"name": "x", "category": "denies", "words": ["No"]}, "lower case"),
        ({"name": "x", "category": "negates", "words": ["no"]}, "category"),
        ({"name": "x", "category": "denies", "words": "no"}, "words"),
        ({"name": "x", "category": "denies", "words": ["no"], "reech": 3}, "reech"),
        ({"name": "x", "category": "denies", "words": ["no"], "reach": 0}, "reach"),
        ({"category": "denies", "words": ["no"]}, "number 0"),
        ("no", "list of rows"),
        (["no"], "to be a table"),
    ],
)
def test_a_row_that_is_wrong_is_named(row, said):
    with pytest.raises(AtlasError, match=re.escape(said) if "`" in said else said):
        PositionParser(LUNG_ZONES, cues=row if isinstance(row, str | list) else [row])


def test_choices_are_bounded():
    with pytest.raises(AtlasError, match="at most"):
        spelt_out("{a|b|c|d|e|f|g|h} " * 5)
    assert spelt_out("no {longer|} seen") == ["no longer seen", "no seen"]


def test_rows_have_names_of_their_own_and_known_categories():
    names = [cue.name for cue in english_cues()]
    assert len(set(names)) == len(names)
    assert {cue.category for cue in english_cues()} <= set(CATEGORIES)
    with pytest.raises(ValidationError):
        Cue(name="", category="denies", words=["no"])
    assert read_cues(english_cues(), where="here") == english_cues()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fits": "Opacity at the {-left base}."}, "'left base' in 'Opacity at the left base.' is not read as denied"),
        ({"fails": "Hardly a trace of fluid at the {+left base}."}, "is not read as affirmed"),
        ({"fails": "Opacity at the {0left base}."}, "is read, and is marked as neither"),
        ({"fits": "Hardly a trace of fluid."}, "marks no place"),
        ({"reach": 41}, "reach"),
        ({"ends": ["sotp"]}, "sotp is none"),
        ({"words": ["scarcely {any|a"]}, "a choice opens with"),
    ],
)
def test_a_row_of_ones_own_that_is_wrong_is_refused(change, message):
    row = {"name": "hint", "category": "denies", "words": ["hardly a trace of"], **change}
    with pytest.raises(AtlasError, match=re.escape(message)):
        PositionParser(LUNG_ZONES, cues=[row])


def test_two_rows_of_one_name_are_refused():
    row = {"name": "hint", "category": "denies", "words": ["hardly a trace of"]}
    with pytest.raises(AtlasError, match="'hint' comes twice"):
        PositionParser(LUNG_ZONES, cues=[row, row])
