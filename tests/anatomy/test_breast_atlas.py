"""The example atlas of the documentation: a user's own, with clock positions and two axes beside the side."""

import itertools
from pathlib import Path

import pytest

from crossmodal_aug import Atlas, PositionParser
from crossmodal_aug.errors import CannotSay

FILE = Path(__file__).parents[2] / "docs/anatomy/breast_quadrants.toml"
ATLAS = Atlas.from_toml(FILE)
PARSER = PositionParser(ATLAS)
UO, UI, LO, LI = "upper outer", "upper inner", "lower outer", "lower inner"


def of(side, *parts):
    return {f"{side} {part}" for part in parts}


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("Mass in the upper outer quadrant of the left breast.", of("left", UO)),
        ("Left breast, upper outer quadrant: irregular mass.", of("left", UO)),
        ("Left breast mass at 2 o'clock.", of("left", UO)),
        ("Mass at 2 o'clock in the left breast.", of("left", UO)),
        ("Mass at 2 o'clock in the right breast.", of("right", UI)),
        ("Mass in the right breast at the 10:00 position.", of("right", UO)),
        ("Cyst in the left breast, 6 o\u2019clock.", of("left", LO, LI)),
        ("Lesion in the upper left breast.", of("left", UO, UI)),
        ("Lesions in the upper outer and lower inner quadrants of the right breast.", of("right", UO, LI)),
        ("Subareolar mass in the left breast.", of("left", "central")),
        ("UOQ mass of the left breast; the right breast is normal.", of("left", UO)),
        ("Bilateral masses at 12 o'clock.", of("left", UO, UI) | of("right", UO, UI)),
        ("left breast upper outer quadrant mass", of("left", UO)),
        ("Both breasts, upper outer quadrants: cysts.", of("left", UO) | of("right", UO)),
        ("Left breast: upper inner quadrant calcifications.", of("left", UI)),
        ("Left breast mass, upper outer.", of("left", UO)),
        ("Left breast mass, upper outer quadrant.", of("left", UO)),
        ("Left UOQ and LOQ quadrants mass.", of("left", UO, LO)),
        ("Right breast, upper inner and lower outer quadrants: cysts.", of("right", UI, LO)),
        ("Left breast upper outer and right breast lower inner cysts.", of("left", UO) | of("right", LI)),
        ("Skin thickening of the left nipple, left axillary node.", set()),
    ],
)
def test_breast_reports(text, regions):
    assert set(PARSER(text).regions) == regions


def test_a_flip_moves_the_clock_hand():
    report = PARSER("Mass at 2 o'clock in the left breast, cyst at 7:00 in the Right breast.")
    mirrored = report.mirrored()
    assert mirrored == "Mass at 10 o'clock in the right breast, cyst at 5:00 in the Left breast."
    assert set(PARSER(mirrored).regions) == of("right", UO) | of("left", LO)
    assert PARSER(mirrored).mirrored() == report.text


@pytest.mark.parametrize(
    "text", ["Mass at 2 o'clock in the left breast.", "Both breasts are normal.", "Two lesions.", "", "LEFT UOQ MASS"]
)
def test_every_subset_is_written_or_declined(text):
    report, declined = PARSER(text), 0
    for size in range(len(ATLAS) + 1):
        for regions in itertools.combinations(ATLAS.names, size):
            try:
                written = report.with_regions(regions)
            except CannotSay:
                declined += 1
                continue
            assert PARSER(written).regions == regions
    assert text != "LEFT UOQ MASS" or not declined


def test_patient_laterality_puts_the_left_breast_on_the_right():
    assert ATLAS.laterality == "patient"
    for index, name in enumerate(ATLAS.names):
        _, _, x0, x1 = ATLAS.boxes[index]
        assert (x0 >= 0.5) == name.startswith("left"), (name, x0, x1)
    y0, y1, x0, x1 = ATLAS.boxes[ATLAS.index("left upper outer")]
    assert (y0, y1, x0, x1) == (0.0, 0.5, 0.75, 1.0)
