"""Questions and what points back: an answer says what holds of the place asked for, and "its apex" has an owner."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# Text: what is affirmed, what is denied.
ANSWERS = {
    # nothing answers: what is asked for stands
    "Is there a cavity in the right apex?": ("RU", ""),
    "Is there a cavity in the right apex? A:": ("RU", ""),
    "Scar at the right base? Perhaps a vessel.": ("RL", ""),
    # yes and no
    "Is there a cavity in the right apex? Yes.": ("RU", ""),
    "Is there a cavity in the right apex? No.": ("", "RU"),
    "Is there a cavity in the right apex? No, nothing.": ("", "RU"),
    "Is the right apex clear? Yes.": ("", "RU"),
    "Is the right apex clear? No.": ("RU", ""),
    "Question: is the right apex clear? Answer: no.": ("RU", ""),
    "Q. Is the right apex clear? A. Yes.": ("", "RU"),
    "Q. Is the right apex clear? A. No.": ("RU", ""),
    # answers without either word
    "And the apices? Clear.": ("", "LU RU"),
    "Is the cavity at the right apex still there? It has gone.": ("", "RU"),
    "Is there a mass in the left base? There is none.": ("", "LL"),
    "Is there a mass in the left base? None seen.": ("", "LL"),
    "What is at the right base? A small effusion.": ("RL", ""),
    "What about the right base? Unclear.": ("", ""),
    # the answer names the places itself
    "Is there a nodule in the left lung? Yes, at the left apex.": ("LU", ""),
    "Is there a nodule in the left lung? Yes, in the lower zone.": ("LL", ""),
    "Which base is scarred? The right.": ("RL", ""),
    "Which base has the effusion? At both.": ("LL RL", ""),
    "Is there an effusion at either base? Yes, the right one.": ("RL", ""),
    "Are there nodules in the upper zones? Yes, on both sides.": ("LU RU", ""),
    "Which lobes are normal? The right upper lobe.": ("", "RU"),
    "Which zones are free of fibrosis? Both lower zones.": ("", "LL RL"),
}
POINTERS = {
    "The left apex is scarred, and its counterpart on the right is clear.": ("LU", "RU"),
    "The left lung is small, but its counterpart is clear.": ("L*", "R*"),
    "The left base is opaque; its opposite counterpart is clear.": ("LL", "RL"),
    "The right upper lobe is collapsed; the lower lobe on the same side is clear.": ("RU", "RL"),
    "The right upper lobe is collapsed; the opposite lower lobe is clear.": ("RU", "LL"),
    "Left lung\n- apex: scar\n- base: clear": ("LU", "LL"),
    "LEFT LUNG\n- clear\nRIGHT LUNG\n- apex: scar": ("RU", "L*"),
    "Bases: bilateral scarring.": ("LL RL", ""),
    "Hilum, right: enlarged.": ("RM", ""),
    "Apical and basal scars on the left.": ("LU LL", ""),
    "The right lung shows a nodule in its apex.": ("RU", ""),
    "There is a scar in its apex.": ("LU RU", ""),
    "The lungs are large. A nodule lies in its apex.": ("LU RU", ""),
    "The whole of the right lung is opaque except its base.": ("RU RM", "RL"),
}


@pytest.mark.parametrize(("text", "wanted"), (ANSWERS | POINTERS).items())
def test_what_a_text_says_by_asking_and_by_pointing(text: str, wanted: tuple[str, str]) -> None:
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(wanted[0]), zones(wanted[1]))


def test_an_answer_denies_by_its_own_word() -> None:
    (mention,) = LUNGS("Is there a cavity in the right apex? No.").mentions
    assert (mention.text, mention.cue) == ("right apex", "No")
