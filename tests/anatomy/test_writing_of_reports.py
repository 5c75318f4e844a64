"""How reports are written down: wrapped lines, hard spaces, abbreviations with a full stop, joined words."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# text: affirmed, negated
WRITTEN = {
    # a line break inside a sentence
    "Opacity in the right\nlower lobe. Left lung is\nclear.": ("RL", "L*"),
    "There is no focal consolidation in the left\nlower lobe.": ("", "LL"),
    "No evidence of pneumonia in\nthe right lung.": ("", "R*"),
    "No evidence of pneumonia in the\nRUL.": ("", "RU"),
    # and one that ends it
    "No effusion\nLeft base opacity\n": ("LL", ""),
    "No pneumothorax\n\nleft base opacity": ("LL", ""),
    "No pneumothorax\r\n\r\nleft base opacity": ("LL", ""),
    "No pneumothorax\n- left base opacity": ("LL", ""),
    "1. No effusion\n2. left base opacity": ("LL", ""),
    # hard spaces and the hyphens of typesetters
    "left\u00a0lower\u00a0lobe opacity": ("LL", ""),
    "Left\u2010sided effusion.": ("L*", ""),
    "Left\u2011sided effusion, peri\u2011hilar opacity on the right.": ("L* RM", ""),
    # abbreviations
    "L. lower lobe opacity": ("LL", ""),
    "Rt. lower lobe infiltrate. Heart is normal.": ("RL", ""),
    "Infiltrate in rt. lower lobe.": ("RL", ""),
    "LT. LOWER LOBE INFILTRATE.": ("LL", ""),
    "R. effusion": ("R*", ""),
    "Bilat. effusions": ("L* R*", ""),
    "B/L effusions": ("L* R*", ""),
    "(L) base opacity": ("LL", ""),
    "Opacity at (R) base.": ("RL", ""),
    "Effusion (L).": ("L*", ""),
    "No effusion on the rt. Left base opacity.": ("LL", "R*"),
    "Effusion on the left. Lower right lung is clear.": ("L*", "RL"),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_written(text):
    affirmed, negated = WRITTEN[text]
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(affirmed), zones(negated))


def test_a_number_of_any_length_is_read():
    report = LUNGS("Unilateral pulmonary infection, " + "9" * 5000 + " infected areas, left lung")
    assert report.regions == LUNG_ZONES.names[:3]
    assert report.count is None
    assert LUNGS(report.with_regions(["right upper"])).regions == ("right upper",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(L) base, R. effusion, Lt. lung", "(R) base, L. effusion, Rt. lung"),
        ("leftwards, RIGHTMOST", "rightwards, LEFTMOST"),
        ("LIJ line, RUQ and rlq clips", "RIJ line, LUQ and llq clips"),
        ("Levoscoliosis, dextrocurvature", "Dextroscoliosis, levocurvature"),
        ("LLLs and RULs", "RLLs and LULs"),
    ],
)
def test_words_that_carry_a_side_are_mirrored(text, wanted):
    assert LUNGS(text).mirrored() == wanted
    assert LUNGS(wanted).mirrored() == text
