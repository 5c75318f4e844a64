"""Verbs and articles that follow the number of a place, and sentences that are declined because they could not."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import CannotSay

LUNGS = PositionParser(LUNG_ZONES)
RIGHT, BOTH = ["right lower"], ["left lower", "right lower"]


@pytest.mark.parametrize(
    ("regions", "text", "written"),
    [
        (
            RIGHT,
            "The bases are scarred and represent old disease.",
            "The right base is scarred and represents old disease.",
        ),
        (RIGHT, "The bases are scarred and are now clear.", "The right base is scarred and is now clear."),
        (BOTH, "The right base is scarred and shows fluid.", "Both bases are scarred and show fluid."),
        (BOTH, "The right base is hazy and there is fluid.", "Both bases are hazy and there is fluid."),
        (BOTH, "The right base is scarred and", "Both bases are scarred and"),
        (BOTH, "The right base also now", "Both bases also now"),
        (
            ["left upper", "left lower"],
            "The left base is hazy. The apices are now clear.",
            "The left apex and the left base are hazy. The right apex is now clear.",
        ),
        (BOTH, "The left base is scarred and now clear.", "Both bases are scarred and now clear."),
        (
            ["right upper"],
            "Scar of the left base. The lungs are clear.",
            "Scar of the right apex. The lungs are otherwise clear.",
        ),
        (
            ["right upper"],
            "The bases have cleared. The apices show scars.",
            "The bases have cleared. The right apex shows scars.",
        ),
    ],
)
def test_what_shares_a_subject_has_its_number(regions: list[str], text: str, written: str) -> None:
    assert LUNGS(text).with_regions(regions) == written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The right base is hazy and otherwise looks normal.", "'looks' may be a verb that would not agree"),
        ("The right base is hazy, and slowly clears.", "'clears' may be a verb that would not agree"),
        ("The right base, which was clear, is opaque.", "what is said aside of 'right base' has its number"),
        ("The right base is the site of a scar.", "what is said of 'right base' has its number"),
        ("The right base lies low and is hazy.", "the verb of 'right base' would not agree"),
    ],
)
def test_what_would_not_agree_is_declined(text: str, words: str) -> None:
    with pytest.raises(CannotSay, match=words):
        LUNGS(text).with_regions(BOTH)


@pytest.mark.parametrize(
    "clear", ["The lungs are fully expanded and clear.", "The lungs are clear today.", "Clear lungs."]
)
def test_lungs_that_cannot_be_otherwise_clear_are_not_contradicted(clear: str) -> None:
    with pytest.raises(CannotSay, match=r"[Ll]ungs' is called clear"):
        LUNGS(f"Scar of the left base. {clear}").with_regions(["right upper"])
