"""The rows of the cue file: each must change the sentence that it names, and leave the other alone."""

import re

import pytest
from pydantic import ValidationError

from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser
from crossmodal_aug.anatomy.reading.cues import CATEGORIES, Cue, english_cues, read_cues, spelt_out
from crossmodal_aug.errors import AtlasError

PARSER = PositionParser(LUNG_ZONES)
MARKED = re.compile(r"\{([-+0])([^{}]*)\}")


def unmarked(sentence):
    """Return a sentence without its marks, and for each place what it must be read as."""
    wanted, text, done = [], "", 0
    for match in MARKED.finditer(sentence):
        text += sentence[done : match.start()]
        wanted.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        done = match.end()
    return text + sentence[done:], wanted


def check(sentence):
    text, wanted = unmarked(sentence)
    assert wanted, f"{sentence!r} marks no place"
    report = PARSER(text)
    for start, end, mark in wanted:
        over = [mention for mention in report.mentions if mention.start < end and start < mention.end]
        if mark == "0":
            assert over == [], (text, text[start:end])
            continue
        assert over, (text, text[start:end], report.mentions)
        assert all(mention.negated == (mark == "-") for mention in over), (text, text[start:end], over)
    marked = [(start, end) for start, end, _ in wanted]
    for mention in report.mentions:
        assert any(mention.start < end and start < mention.end for start, end in marked), (text, mention)


@pytest.mark.parametrize("cue", english_cues(), ids=lambda cue: cue.name)
def test_a_row_reads_its_two_sentences_as_marked(cue):
    check(cue.fits)
    check(cue.fails)


@pytest.mark.parametrize("cue", english_cues(), ids=lambda cue: cue.name)
def test_a_row_is_what_decides_its_sentence(cue):
    text, _ = unmarked(cue.fits)
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
