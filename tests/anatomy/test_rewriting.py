"""How texts are rewritten: in the style of the source, and nothing else touched."""

import pickle

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, UnknownRegionError

LUNGS = PositionParser(LUNG_ZONES)
IMAGE = PositionParser(QUADRANTS)
LU, LM, LL, RU, RM, RL = LUNG_ZONES.names

CAPTIONS = [
    (
        "Unilateral pulmonary infection, one infected areas, left lung and middle right lung.",
        {
            (): "No pulmonary infection, zero infected areas.",
            (LL,): "Unilateral pulmonary infection, one infected areas, lower left lung.",
            (LU, RL): "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
        },
    ),
    (
        "Bilateral pulmonary infection, nine infected areas, all left lung and all right lung..",
        {
            (LU, LM, LL): "Unilateral pulmonary infection, three infected areas, all left lung..",
            (
                LU,
                LM,
                RL,
            ): "Bilateral pulmonary infection, three infected areas, upper middle left lung and lower right lung..",
        },
    ),
    (
        "unilateral pulmonary infection, one infected area, lower right lung.",
        {
            (): "no pulmonary infection, zero infected areas.",
            (LU,): "unilateral pulmonary infection, one infected area, upper left lung.",
            (RM, RL): "unilateral pulmonary infection, two infected areas, middle lower right lung.",
        },
    ),
    (
        "No pulmonary infection, zero infected areas.",
        {(LL, RL): "Bilateral pulmonary infection, two infected areas, lower left lung and lower right lung."},
    ),
    (
        "BILATERAL PULMONARY INFECTION, 2 INFECTED AREAS, LOWER LEFT LUNG AND LOWER RIGHT LUNG",
        {(LL,): "UNILATERAL PULMONARY INFECTION, 1 INFECTED AREA, LOWER LEFT LUNG"},
    ),
]
PROSE = [
    (
        "Opacity in the right middle and lower lobes, worse at the base. Heart size is normal.",
        {
            (): "Heart size is normal.",
            (RL,): "Opacity in the lower right lung, worse at the base. Heart size is normal.",
            (LL,): "Opacity in the lower left lung. Heart size is normal.",
        },
    ),
    (
        "The left lung is clear. Right basilar atelectasis.",
        {(LL,): "The upper and middle left lung is clear. Lower left lung atelectasis."},
    ),
    ("Scattered granulomas bilaterally.", {(LL,): "Scattered granulomas in the lower left lung."}),
    ("heart size is normal", {(LU, LL): "heart size is normal. pulmonary infection in the upper and lower left lung."}),
    ("Heart size is normal.\n", {(LU,): "Heart size is normal.\nPulmonary infection in the upper left lung."}),
]


def cases(table):
    return [(text, regions, wanted) for text, rewritten in table for regions, wanted in rewritten.items()]


@pytest.mark.parametrize(("text", "regions", "wanted"), cases(CAPTIONS + PROSE))
def test_rewritten(text, regions, wanted):
    assert LUNGS(text).with_regions(regions) == wanted
    assert LUNGS(wanted).regions == regions


def test_rewritten_captions_contradict_nothing():
    for text, regions, _ in cases(CAPTIONS):
        report = LUNGS(LUNGS(text).with_regions(regions))
        sides = {region.split()[0] for region in regions}
        assert report.count == len(regions)
        assert report.conflicts == ()
        assert report.laterality == {0: None, 1: "unilateral", 2: "bilateral"}[len(sides)]


def test_prompts_keep_what_is_around_the_list():
    report = IMAGE("two small white polyps located in top left, bottom right of the image")
    assert report.with_regions(["center", "top-left"]) == (
        "two small white polyps located in top left, center of the image"
    )


def test_a_caption_with_a_second_sentence_keeps_it_where_it_names_nothing():
    text = "Unilateral pulmonary infection, one infected area, upper left lung. Scar in the left base. Pacemaker."
    assert LUNGS(text).with_regions([RL]) == (
        "Unilateral pulmonary infection, one infected area, lower right lung. Pacemaker."
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Left clavicle, RIGHT lung, right-sided", "Right clavicle, LEFT lung, left-sided"),
        ("RUL and lll, R base", "LUL and rll, L base"),
        ("Lingula and Retrocardiac opacity", "Lingula (mirrored) and Retrocardiac (mirrored) opacity"),
        ("left lingula", "right lingula"),
        ("LEft lung", "RIght lung"),
        ("rigHt", "rigHt"),
        ("lingula (mirrored) (mirrored)x", "lingula (mirrored)x"),
    ],
)
def test_mirrored(text, wanted):
    mirrored = LUNGS(text).mirrored()
    assert mirrored == wanted
    assert LUNGS(mirrored).mirrored() == text


def test_coarsened_phrases_and_replacements():
    text = "Upper left lung opacity, and right lung effusion; LOWER RIGHT LUNG scar."
    report = LUNGS(text)
    assert [report.coarsened(mention) for mention in report.mentions] == ["Left lung", None, "RIGHT LUNG"]
    assert report.replace({0: "[MASK]", 2: "x"}) == "[MASK] opacity, and right lung effusion; x scar."
    assert report.replace({}) == text
    filler = LUNGS("Unilateral pulmonary infection, one infected areas, left lung and middle right lung.")
    assert [filler.coarsened(mention) for mention in filler.mentions] == [None, None]


def test_wrong_arguments_are_named():
    report = LUNGS("Upper left lung.")
    with pytest.raises(UnknownRegionError, match="left top"):
        report.with_regions(["left top"])
    with pytest.raises(InvalidTypeError, match="several region names"):
        report.with_regions("left upper")
    for nothing in (None, 3):
        with pytest.raises(InvalidTypeError, match="`names`"):
            report.with_regions(nothing)
    for wrong in (None, 3, ["x"], {"0": ""}, {True: ""}, {0: 3}):
        with pytest.raises(InvalidTypeError, match="`texts`"):
            report.replace(wrong)
    with pytest.raises(InvalidValueError, match="1 mentions"):
        report.replace({1: "x"})
    with pytest.raises(InvalidValueError, match="of this report"):
        report.coarsened(LUNGS("Lower left lung.").mentions[0])


def test_reports_and_parsers_pickle():
    report = LUNGS("Upper left lung, lingula.")
    copy = pickle.loads(pickle.dumps(report))
    assert copy == report
    assert copy.mirrored() == report.mirrored()
    parser = pickle.loads(pickle.dumps(LUNGS))
    assert parser.atlas == LUNG_ZONES
    assert parser("Upper left lung, lingula.") == report
