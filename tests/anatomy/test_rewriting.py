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
# The marks and the case of the source stay: a semicolon, a dash, a full stop or a bracket parts as well as a comma.
WRITTEN = [
    (
        "Unilateral pulmonary infection\uff0c one infected area\uff0c lower left lung\u3002",
        {
            (LL, RU): "Bilateral pulmonary infection\uff0c two infected areas\uff0c "
            "lower left lung and upper right lung\u3002",
            (): "No pulmonary infection, zero infected areas\u3002",
        },
    ),
    (
        "UNILATERAL PULMONARY INFECTION, ONE INFECTED AREA, LOWER LEFT LUNG.",
        {(LL, RU): "BILATERAL PULMONARY INFECTION, TWO INFECTED AREAS, LOWER LEFT LUNG AND UPPER RIGHT LUNG."},
    ),
    (
        "UNILATERAL PULMONARY INFECTION, TWO INFECTED AREAS, UPPER LOWER LEFT LUNG",
        {(LU,): "UNILATERAL PULMONARY INFECTION, ONE INFECTED AREA, UPPER LEFT LUNG"},
    ),
    (
        "Unilateral pulmonary infection; one infected area; lower left lung.",
        {(LL, RU): "Bilateral pulmonary infection; two infected areas; lower left lung and upper right lung."},
    ),
    (
        "Bilateral pulmonary infection - two infected areas - lower left lung and lower right lung.",
        {(LU,): "Unilateral pulmonary infection - one infected area - upper left lung."},
    ),
    (
        "Bilateral pulmonary infection. Two infected areas. Lower left lung and lower right lung.",
        {(LU,): "Unilateral pulmonary infection. One infected area. Upper left lung."},
    ),
    (
        "Bilateral pulmonary infection, two infected areas (lower left lung and lower right lung).",
        {
            (RM,): "Unilateral pulmonary infection, one infected area (middle right lung).",
            (): "No pulmonary infection, zero infected areas.",
        },
    ),
]
# The atlas's own sentence, and denials like it, are taken back; short texts keep their style.
SHORT = [
    ("No pulmonary infection.", {(LU,): "Pulmonary infection in the upper left lung."}),
    ("No infection.", {(LU,): "Infection in the left upper lung."}),
    ("no pneumonia", {(RL,): "pneumonia in the right lower lung"}),
    ("Upper left lung.", {(LM, RL): "Middle left lung and lower right lung.", (): "No pulmonary infection."}),
    ("RUL nodule", {(LU, RU): "RUL and LUL nodules", (LM,): "Left mid lung nodule", (): "No pulmonary infection"}),
    ("left base and right apex", {(LU, LL): "left apex and left base", (LL, RL): "both bases"}),
    (
        "Unilateral infection, upper left lung.",
        {(LU, RU): "Bilateral infection, upper left lung and upper right lung."},
    ),
]


def cases(table):
    return [(text, regions, wanted) for text, rewritten in table for regions, wanted in rewritten.items()]


@pytest.mark.parametrize(("text", "regions", "wanted"), cases(CAPTIONS + WRITTEN + SHORT))
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


@pytest.mark.parametrize(
    ("text", "regions", "wanted"),
    [
        (
            "two small white polyps located in top left, bottom right of the image",
            ["top-left", "center"],
            "two small white polyps located in top left, center of the image",
        ),
        ("one small white polyp, located in top of the image", [], "no lesion"),
        ("The tumour lies in the top right region of the scan.", ["top-left"],
         "The tumour lies in the top left region of the scan."),
        ("The tumour lies in the top right region of the scan.", ["top-left", "center"],
         "The tumour lies in the top left, center of the scan."),
        ("No tumor in the breast ultrasound image.", ["top-left"],
         "Tumor at the top left in the breast ultrasound image."),
        ("The lesions lie on both the left and right sides.", ["top-left"], "The lesions lie on the top left."),
        ("The opacity is centrally within the image.", ["top-left"], "The opacity is in the top left of the image."),
    ],
)  # fmt: skip
def test_captions_of_pictures(text, regions, wanted):
    assert IMAGE(text).with_regions(regions) == wanted
    assert IMAGE(wanted).regions == tuple(regions)


def test_an_empty_text_becomes_the_sentence_of_the_atlas():
    assert LUNGS("").with_regions([LU, LL]) == "Pulmonary infection in the upper and lower left lung."


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
