"""The words that the writer puts down: styles, their names of regions, plurals."""

import itertools

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.anatomy.writing.naming import articled, items_of, listed
from crossmodal_aug.anatomy.writing.number import is_discrete, number_of, plural_of, singular_of
from crossmodal_aug.anatomy.writing.styles import styles_for, tables

LUNGS = PositionParser(LUNG_ZONES)
STYLES = styles_for(LUNG_ZONES)
MASKS = range(1, 1 << len(LUNG_ZONES))


def style(word):
    return STYLES.of(word.split())


def named(mask):
    return tuple(name for index, name in enumerate(LUNG_ZONES.names) if mask >> index & 1)


@pytest.mark.parametrize("table", tables()["style"], ids=lambda table: table["words"][0])
def test_every_style_reads_back(table):
    own = style(table["words"][0])
    for mask, attribute in itertools.product(MASKS, (False, True)):
        items = items_of(LUNG_ZONES, mask, own, (0, 1), attribute=attribute)
        if items is None:
            assert own.bound
            continue
        if attribute and len(items) > 1 and any(" and " in item.words for item in items):
            continue  # too heavy to stand before a noun; the writer says them behind it
        if attribute:
            text = f"{listed([item.words for item in items])} opacities."
        else:
            text = f"Opacities in {articled(items)}."
        assert LUNGS(text).regions == named(mask), text


def test_every_word_of_a_style_is_known_to_it():
    for table in tables()["style"]:
        for word in table["words"]:
            assert style(word) is style(table["words"][0]), word


def test_an_atlas_without_these_words_has_no_such_styles():
    assert styles_for(QUADRANTS).of(["base"]) is None


@pytest.mark.parametrize(
    ("word", "mask", "noun", "attribute"),
    [
        ("lobe", 0b000001, "the left upper lobe", "left upper lobe"),
        ("lobe", 0b010000, "the right middle lobe", "right middle lobe"),
        ("lobe", 0b000010, "the left mid lung", "left mid lung"),
        ("lobe", 0b000110, "the left mid and lower lung zones", "left mid and lower lung"),
        ("lobe", 0b001001, "both upper lobes", "bilateral upper lobe"),
        ("basal", 0b100100, "both bases", "bibasal"),
        ("basal", 0b101100, "both bases and the right apex", "bibasal and right apical"),
        ("base", 0b000101, "the left apex and the left base", "left apical and basilar"),
        ("rll", 0b100001, "the LUL and the RLL", "LUL and RLL"),
        ("lung", 0b101101, "the upper and lower zones of both lungs", "bilateral upper and lower lung"),
        ("zone", 0b111000, "the right lung", "right lung"),
        ("zone", 0b111111, "both lungs", "bilateral"),
    ],
)
def test_regions_are_named(word, mask, noun, attribute):
    assert articled(items_of(LUNG_ZONES, mask, style(word), (0, 1), attribute=False)) == noun
    assert listed([item.words for item in items_of(LUNG_ZONES, mask, style(word), (0, 1), attribute=True)]) == attribute


@pytest.mark.parametrize(
    ("one", "several"),
    [("nodule", "nodules"), ("opacity", "opacities"), ("mass", "masses"), ("upper lobe", "upper lobes"),
     ("apex", "apices"), ("pneumothorax", "pneumothoraces"), ("bulla", "bullae"), ("abscess", "abscesses")],
)  # fmt: skip
def test_plurals(one, several):
    assert (plural_of(one), singular_of(several)) == (several, one)
    assert number_of(several) == "several"


def test_mass_nouns_and_lesions():
    assert {number_of(word) for word in ("pneumonia", "atelectasis", "airspace disease", "actinomycosis")} == {"mass"}
    assert [is_discrete(word) for word in ("lung nodule", "opacity")] == [True, False]
