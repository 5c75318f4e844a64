"""How far a denial, and what calls a place clear, reach in a sentence."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# Text: what is affirmed, what is denied.
READ = {
    # what is denied of a place is not there, whichever verb closes the sentence
    "No nodule is present in the left lung.": ("", "L*"),
    "No nodule, of any kind, is present in the right lung.": ("", "R*"),
    "No nodule present at the right apex.": ("", "RU"),
    "No infection of the right base is seen.": ("", "RL"),
    "No scar of the left apex remains.": ("", "LU"),
    "No nodule is seen, scar present in the left lung.": ("L*", ""),
    # what begins anew is not denied
    "No pneumothorax, effusion positive on the left.": ("L*", ""),
    "No effusion yes at the left base.": ("LL", ""),
    "No effusion at the right base and left base nodule.": ("LL", "RL"),
    "No nodule at the left apex, right base cavity.": ("RL", "LU"),
    "No scar and the left base shows fibrosis.": ("LL", ""),
    "No left scar and a small right nodule.": ("R*", "L*"),
    "No scar is seen on the left and a large one is seen on the right.": ("R*", "L*"),
    "No fibrosis of the left base: nodule of the right apex.": ("RU", "LL"),
    "No scar more marked in the left base.": ("LL", ""),
    "Neither his drug nor the reflux explains the opacity in his left base.": ("LL", ""),
    # a denial beside a finding is one of its own
    "Nodule without effusion is seen at the left base.": ("LL", ""),
    "Nodule without cavity in the left base.": ("LL", ""),
    # what closes a list of places closes it for all of them
    "None on the left or right.": ("", "L* R*"),
    "Infected areas: none in the left lung or the right base.": ("", "L* RL"),
    "Scar not seen at the left apex or at the right base.": ("", "LU RL"),
    "None on the left, small scar on the right.": ("R*", "L*"),
    "None on the left or a scar on the right.": ("R*", "L*"),
    # lists and headings
    "No fibrosis: left base.": ("", "LL"),
    "Impression: no fibrosis of the left base.": ("", "LL"),
    "Scar, no effusion: left base.": ("LL", ""),
    "No cavity, nodule or fibrosis at the apices.": ("", "LU RU"),
    # clear words
    "Apices clear, mid zones hazy, bases clear.": ("LM RM", "LU LL RU RL"),
    "The clear left lung contrasts with the scarred right lung.": ("R*", "L*"),
    "Clear is the right lung.": ("", "R*"),
    "Clear on today's film: the right base and the left apex.": ("", "LU RL"),
    "Fluid on the right, negative on the left.": ("R*", "L*"),
    "Right base scar has resolved and a new one has formed in the left apex.": ("LU", "RL"),
}


@pytest.mark.parametrize(("text", "wanted"), READ.items())
def test_what_is_reached(text: str, wanted: tuple[str, str]) -> None:
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(wanted[0]), zones(wanted[1]))
