""" "Left" that is a verb or what remains: it is no side, a flip keeps it, and what is still there keeps its place."""

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)
IMAGE = PositionParser(QUADRANTS)

# Text: what is affirmed, what is denied.
READ = {
    # what was left behind is gone from there
    "The infiltrate has left the lung.": ("", ""),
    "Infection left the lung.": ("", ""),
    "The opacities have left the upper lobes.": ("", "LU RU"),
    "By now the oedema has left both bases.": ("", "LL RL"),
    "The consolidation has left the right apex and the right base.": ("", "RU RL"),
    "The consolidation had left the right base, but there is a nodule of the left apex.": ("LU", "RL"),
    "The consolidation has not left the right base.": ("RL", ""),
    # what was left there is there
    "The pneumonia has left a scar in the right base.": ("RL", ""),
    "The abscess has left no scar in the right base.": ("", "RL"),
    "The disease left both bases scarred.": ("LL RL", ""),
    "The pneumonia which left the scars in the right base was treated.": ("RL", ""),
    # what remains
    "No infection is left.": ("", ""),
    "No infection of the right base is left.": ("", "RL"),
    "There is no infection left.": ("", ""),
    "No fluid left in the right base.": ("", "RL"),
    "Only a streak is left at the right apex.": ("RU", ""),
    "Little is left of the effusion at the right base.": ("RL", ""),
    "A scar is all that is left of the pneumonia of the right base.": ("RL", ""),
    "Whatever is left of the right lower lobe is opaque.": ("RL", ""),
    "Nothing left in the right base.": ("", "RL"),
    "No opacity is left in the lower right lung.": ("", "RL"),
    "There is opacity left in the lower right lung.": ("RL", ""),
    "There is no effusion left in the lower right lung.": ("", "RL"),
    "All that is left is an opacity in the lower right lung.": ("RL", ""),
    "What is left is opacity at the right base.": ("RL", ""),
    "Opacity left over from a pneumonia, right base.": ("RL", ""),
    "Left-over opacity in the right base.": ("RL", ""),
    "A drain left in the right base, opacity of the right apex.": ("RU", ""),
}
SIDES = {
    "She has left basal opacity.": ("LL", ""),
    "The effusion is left.": ("L*", ""),
    "The opacity is on the left.": ("L*", ""),
    "On the left a nodule, at the right base a scar.": ("L* RL", ""),
    "No effusion left, small effusion right.": ("R*", "L*"),
    "The lung has left and right basal opacities.": ("LL RL", ""),
    "The only nodule is left. The right lung is clear.": ("L*", "R*"),
    "No scar. The nodule is left.": ("L*", ""),
    "No opacity left or right.": ("", "L* R*"),
    "Opacity left in the base.": ("LL", ""),
    "Opacity left in the upper zone and right in the lower zone.": ("LU RL", ""),
    # the other side is named beside it
    "There is no effusion left, small effusion right.": ("R*", "L*"),
    "There is no opacity right; there is a small opacity left.": ("L*", "R*"),
    "The patient has left, greater than right, pleural effusions.": ("L* R*", ""),
    "She has left, and to a lesser degree right, basal opacity.": ("L* RL", ""),
    "The patient has left, right basal and right apical opacity.": ("LL RL RU", ""),
    "Infection left the lower lobe, right the upper lobe.": ("LL RU", ""),
    "Opacity left the base and right the apex.": ("LL RU", ""),
}


@pytest.mark.parametrize(("text", "wanted"), READ.items())
def test_no_side_is_read_and_none_is_exchanged(text: str, wanted: tuple[str, str]) -> None:
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(wanted[0]), zones(wanted[1]))
    kept = text.replace("left apex", "LEFT apex")
    wished = kept.replace("right", "left").replace("LEFT", "right")
    assert report.mirrored() == wished
    assert LUNGS.mirror(wished) == text


@pytest.mark.parametrize(("text", "wanted"), SIDES.items())
def test_a_side_stays_one(text: str, wanted: tuple[str, str]) -> None:
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(wanted[0]), zones(wanted[1]))
    assert LUNGS.mirror(report.mirrored()) == text
    assert report.mirrored() != text


@pytest.mark.parametrize("text", ["Consolidation right both bases.", "Infection has right the right base."])
def test_right_is_no_verb_and_takes_nothing_away(text: str) -> None:
    assert LUNGS(text).regions
    assert not LUNGS(text).negated
    assert LUNGS.mirror(LUNGS.mirror(text)) == text


@pytest.mark.parametrize("text", ["No polyp is left.", "The polyp has left a scar.", "Nothing is left of the polyp."])
def test_a_picture_has_no_side_there_either(text: str) -> None:
    assert IMAGE(text).regions == IMAGE(text).negated == ()
    assert IMAGE.mirror(text) == text


@pytest.mark.parametrize("text", ["The dog left of the tree.", "The lesion that is left of the centre.", "Polyp left."])
def test_left_of_something_is_a_place(text: str) -> None:
    assert IMAGE.mirror(text) == text.replace("left", "right")
