"""What the grammar promises, sentence by sentence; the sentences were written for these tests."""

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)
IMAGE = PositionParser(QUADRANTS)

AFFIRMED = {
    # sides
    "Left-sided pleural effusion.": "L*",
    "Effusion on the right.": "R*",
    "Bilateral effusions.": "L* R*",
    "Bibasilar atelectasis.": "LL RL",
    "Biapical scarring.": "LU RU",
    "RUL nodule, RML opacity and LLL collapse.": "RU RM LL",
    "R base atelectasis.": "RL",
    "Pneumonia in the lt lower lobe.": "LL",
    # levels
    "Nodule at the left apex.": "LU",
    "Left basal opacity.": "LL",
    "Right perihilar opacity.": "RM",
    "Left suprahilar mass.": "LU",
    "Scarring in the lingula.": "LM",
    "Retrocardiac opacity.": "LL",
    "Blunting of the right costophrenic angle.": "RL",
    "Opacity in the left mid lung.": "LM",
    "Opacity in the left hemithorax.": "L*",
    # quantifiers
    "Consolidation throughout the left lung.": "L*",
    "Opacity of the entire right lung.": "R*",
    # coordination
    "Opacities in the right middle and lower lobes.": "RM RL",
    "Opacity in the upper and lower left lung.": "LU LL",
    "Opacities in the left upper and right lower lobe.": "LU RL",
    "Opacity in the upper/lower left lung.": "LU LL",
    "Nodules in the left and right upper lobes.": "LU RU",
    "Opacity in the upper, middle and lower right lung.": "R*",
    "Increase in right and decrease in left basilar opacity.": "LL RL",
    "Right greater than left basilar atelectasis.": "LL RL",
    # word order
    "Opacity in the upper lobe of the left lung.": "LU",
    "Basilar opacity in the left lung.": "LL",
    "Left lung, lower lobe: opacity.": "LL",
    "Opacity at the bases of both lungs.": "LL RL",
    "Basilar portion of the right middle lobe is opacified.": "RM",
    "Basilar atelectasis on the left.": "LL",
    "Granulomas bilaterally.": "L* R*",
    "Opacity in the retrocardiac region on the right.": "RL",
    "Scarring in the lingula and effusion on the right.": "LM R*",
    # without a side
    "Emphysema in the upper lobes.": "LU RU",
    "Nodule in the right mid lung, probably within the middle lobe.": "RM",
    # typos and joined words
    "Opacity in the rigth upper lobe and mmiddle left lung.": "RU LM",
    "all left lung andall right lung": "L* R*",
    "left lung(all), right lung(all)": "L* R*",
    # hedges affirm, growth is not presence
    "Possible pneumonia in the left lower lobe.": "LL",
    "Left basilar opacity may represent atelectasis.": "LL",
    "No change in the right apical scar.": "RU",
    "Left base infiltrate cannot be excluded.": "LL",
    # what is worst where does not narrow, what is mainly somewhere does
    "Bilateral opacities, most prominent in the lower lobes.": "L* R*",
    "Bilateral opacities, predominantly in the lower lobes.": "LL RL",
    "Opacity of the right base compared to the left.": "RL",
    # a clause ends the scope
    "No pneumothorax, but there is left basilar opacity.": "LL",
    "No effusion with mild right apical scarring.": "RU",
    "No effusion, left base opacity.": "LL",
    "Clear lungs except for a nodule in the left upper lobe.": "LU",
}
CLEAR = {
    "No opacity in the left lung.": "L*",
    "The left lung is clear.": "L*",
    "Right base is normal.": "RL",
    "Clear lungs.": "L* R*",
    "The lungs are free of infiltrates.": "L* R*",
    "Lungs show no acute abnormality.": "L* R*",
    "No opacity in either lung.": "L* R*",
    "Without consolidation in the right middle lobe.": "RM",
    "The left apical pneumothorax has resolved.": "LU",
    "Resolution of the right basilar opacity.": "RL",
    "Left effusion is not seen.": "L*",
    "Opacities with sparing of the apices.": "LU RU",
    "Neither opacity nor effusion at the left base.": "LL",
}
NEITHER = [
    "The left atrium is enlarged.",
    "Old fracture of the right clavicle.",
    "Degenerative changes of the lower thoracic spine.",
    "Left PICC tip in the lower SVC.",
    "Right internal jugular catheter.",
    "Left chest tube.",
    "Sutures along the left apex.",
    "Elevation of the right hemidiaphragm.",
    "Heart size is at the upper limits of normal.",
    "Left upper quadrant calcification.",
    "Both views show the cardiac apex.",
    "Low lung volumes.",
    "No effusion or pneumothorax.",
    "Subphrenic air on the right.",
    "",
]
LOCATIONS = {
    "a polyp in the top left of the image": {"top-left"},
    "located in center, right of the image": {"center", "top-right", "bottom-right"},
    "The lesion lies in the lower right corner.": {"bottom-right"},
    "The lesion lies in the top left corner, close to the center.": {"top-left"},
    "The lesion lies close to the center.": {"center"},
    "Left atrium cavity in two-chamber view.": set(),
    "ulcer of shape right foot, located in bottom of the image": {"bottom-left", "bottom-right"},
    "It is in the top right part and not in the center.": {"top-right"},
}


@pytest.mark.parametrize("text", AFFIRMED)
def test_affirmed(text):
    assert set(LUNGS(text).regions) == zones(AFFIRMED[text])


@pytest.mark.parametrize("text", CLEAR)
def test_clear(text):
    report = LUNGS(text)
    assert set(report.negated) == zones(CLEAR[text])
    assert report.regions == ()


@pytest.mark.parametrize("text", NEITHER)
def test_neither(text):
    report = LUNGS(text)
    assert report.regions == report.negated == report.mentions == ()


@pytest.mark.parametrize("text", LOCATIONS)
def test_image_positions(text):
    assert set(IMAGE(text).regions) == LOCATIONS[text]


def test_a_wider_negation_leaves_out_what_is_affirmed():
    report = LUNGS("Left basilar atelectasis, otherwise clear lungs.")
    assert report.regions == ("left lower",)
    assert set(report.negated) == zones("L* R*") - {"left lower"}


def test_mentions_can_be_replaced_one_by_one():
    report = LUNGS("Opacity in lower left lung and upper right lung, and in the left-sided pleura.")
    assert [mention.text for mention in report.mentions] == ["lower left lung", "upper right lung", "left-sided"]
    assert [mention.text for mention in LUNGS("right middle and lower lobes").mentions] == [
        "right middle and lower lobes"
    ]
    assert [mention.text for mention in IMAGE("in top left, right of the image").mentions] == ["top left", "right"]


@pytest.mark.parametrize(
    ("text", "conflict"),
    [
        ("Unilateral pulmonary infection, two infected areas, all left lung and all right lung.", "both sides"),
        ("Bilateral pulmonary infection, two infected areas, lower left lung.", "only one side"),
        ("Bilateral pulmonary infection, one infected area, lower left lung and lower right lung.", "1 counted"),
        ("No pulmonary infection, zero infected areas, lower left lung opacity.", "none counted"),
        ("Unilateral pulmonary infection, one infected areas, left lung and lower right lung.", "filler"),
    ],
)
def test_contradictions_are_reported(text, conflict):
    assert any(conflict in found for found in LUNGS(text).conflicts), LUNGS(text).conflicts


def test_texts_of_the_wrong_type_are_refused():
    with pytest.raises(InvalidTypeError, match="int"):
        LUNGS(3)
    with pytest.raises(InvalidTypeError, match="item 1 is NoneType"):
        LUNGS.parse_many(["left lung", None])
    with pytest.raises(InvalidTypeError, match="one string"):
        LUNGS.parse_many("left lung")
    with pytest.raises(InvalidTypeError, match="one string"):
        LUNGS.encode("left lung")
    for nothing in (None, 3):
        with pytest.raises(InvalidTypeError, match="`texts`"):
            LUNGS.parse_many(nothing)
        with pytest.raises(InvalidTypeError, match="`texts`"):
            LUNGS.encode(nothing)
        with pytest.raises(InvalidTypeError, match="`bits`"):
            LUNGS.rewrite("left lung", nothing)
    with pytest.raises(InvalidTypeError, match="Atlas"):
        PositionParser("lung_zones")
    with pytest.raises(InvalidValueError, match="cache_size"):
        PositionParser(LUNG_ZONES, cache_size=-1)


def test_the_cache_is_bounded_and_shared():
    parser = PositionParser(LUNG_ZONES, cache_size=2)
    first, again = parser.parse_many(["left lung", "left lung"])
    assert first is again
    parser.parse_many([f"left lung {number}" for number in range(10)])
    assert len(parser._cache) == 2
    assert PositionParser(LUNG_ZONES, cache_size=0).parse_many(["left lung"])[0] == first


def test_rewritten_texts_are_remembered_and_bounded():
    parser = PositionParser(LUNG_ZONES, cache_size=2)
    bits = (True, False, False, False, False, True)
    text = "Opacity in the upper left lung."
    first = parser.rewrite(text, bits)
    assert first == parser(text).with_regions(["left upper", "right lower"])
    assert parser.rewrite(text, list(bits)) is first
    assert parser.mirror(text) == parser(text).mirrored() == "Opacity in the upper right lung."
    assert parser.mirror(text) is parser.mirror(text)
    for number in range(5):
        parser.rewrite(f"{number} left lung", bits)
        parser.mirror(f"{number} left lung")
    assert len(parser._rewritten) == len(parser._mirrored) == 2
    with pytest.raises(InvalidValueError, match="6, one a region, but got 2"):
        parser.rewrite(text, (True, False))
    for wrong in (None, 3, ["left lung"]):
        with pytest.raises(InvalidTypeError, match="string"):
            parser.mirror(wrong)
    with pytest.raises(InvalidTypeError, match="string"):
        parser.rewrite(None, bits)


def test_encode_gives_one_row_of_bits_a_text():
    bits = LUNGS.encode(["upper left lung", "lungs are clear", "RLL"])
    assert bits.dtype.is_floating_point is False
    assert bits.int().tolist() == [[1, 0, 0, 0, 0, 0], [0] * 6, [0, 0, 0, 0, 0, 1]]
    assert LUNGS.encode([]).shape == (0, 6)
