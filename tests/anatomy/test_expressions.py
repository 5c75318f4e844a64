"""Other people's expressions: QUADRANTS reads where in a picture something is, and what is no place of it."""

import pytest

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser

IMAGE = PositionParser(QUADRANTS)
LUNGS = PositionParser(LUNG_ZONES)
LEFT, RIGHT = {"top-left", "bottom-left"}, {"top-right", "bottom-right"}
TOP, BOTTOM = {"top-left", "top-right"}, {"bottom-left", "bottom-right"}


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("left boat", LEFT),
        ("cat left", LEFT),
        ("woman on the far right", RIGHT),
        ("top right slice of cake", {"top-right"}),
        ("middle cup", {"center"}),
        ("sky top", TOP),
        ("bottom window", BOTTOM),
        ("middle left plant", LEFT),
        ("bottom center", BOTTOM),
        ("l shoe rack", LEFT),
        ("rt lamp", RIGHT),
        ("topleft kite", {"top-left"}),
        ("riight tree", RIGHT),
        ("left side of the picture", LEFT),
        ("bird above the man on the left", LEFT),
        ("the man on the left's hat", LEFT),
    ],
)
def test_a_place_in_the_picture_is_read(text, regions):
    assert set(IMAGE(text).regions) == regions
    assert IMAGE(text).placed


@pytest.mark.parametrize(
    "text",
    [
        "second from left",
        "3rd horse from the right",
        "two from the right",
        "last one on the left",
        "lamp left of the sofa",
        "to the right of her",
        "left side of the bench",
        "top of the tower",
        "her left hand",
        "right arm of the goalkeeper",
        "left ventricle",
        "right next to the door",
        "you were right",
    ],
)
def test_what_is_no_place_of_the_picture_is_not_read(text):
    report = IMAGE(text)
    assert report.regions == ()
    assert not report.placed


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("second from left", "second from right"),
        ("man left of the car", "man right of the car"),
        ("her left hand", "her right hand"),
        ("l shoe rack", "r shoe rack"),
        ("rt lamp, LT door", "lt lamp, RT door"),
        ("topleft kite", "topright kite"),
        ("leftest one, rightside", "rightest one, leftside"),
        ("lft cup", "rgt cup"),
        ("bird right above the roof", "bird right above the roof"),
        ("chair right in front of the right window", "chair right in front of the left window"),
        ("the one you were right about on the left", "the one you were right about on the right"),
        ("lamp on the right above the table", "lamp on the left above the table"),
        ("left ventricle, right of the image", "left ventricle, left of the image"),
    ],
)
def test_a_flip_exchanges_sides_and_leaves_adverbs_and_names_alone(text, mirrored):
    assert IMAGE.mirror(text) == mirrored
    assert IMAGE.mirror(mirrored) == text


def test_chambers_keep_their_side_in_reports_too():
    assert LUNGS.mirror("Left ventricular lead, left base clear.") == "Left ventricular lead, right base clear."
    assert LUNGS("Right atrial enlargement.").regions == ()
