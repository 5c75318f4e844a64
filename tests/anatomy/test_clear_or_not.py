"""What a report calls clear, what it affirms, and what it denies only of another image."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)
ALL = "L* R*"

# text: affirmed, negated
SAID = {
    # the lungs in a list of what is clear
    "The lungs and pleural spaces are clear.": ("", ALL),
    "The lungs and pleura are clear.": ("", ALL),
    "Lungs/pleura: clear": ("", ALL),
    "The lungs, pleura, and mediastinum are clear.": ("", ALL),
    "Lungs, heart and mediastinum are normal.": ("", ALL),
    "Both lungs look hyperinflated but otherwise clear bilaterally.": ("", ALL),
    "Lungs are hyperinflated but clear bilaterally.": ("", ALL),
    "The lungs are hyperexpanded, but otherwise clear.": ("", ALL),
    "The lungs are hyperexpanded, clear.": ("", ALL),
    "Left lung, clear.": ("", "L*"),
    "Left lower lobe, unremarkable.": ("", "LL"),
    "Left lung opacity, heart normal.": ("L*", ""),
    "Left lung scar, pleura clear.": ("L*", ""),
    "Nodule in the left base, otherwise unremarkable.": ("LL", ""),
    "Nodule in the left base, but otherwise clear.": ("LL", ""),
    "Opacity in the left lung, unremarkable otherwise.": ("L*", ""),
    "The upper left lung, right lung and heart are clear.": ("", "LU R*"),
    "Opacity in the left lower lobe, heart and mediastinum are normal.": ("LL", ""),
    "Normal heart and lungs.": ("", ALL),
    "Normal heart, lungs and bones.": ("", ALL),
    "Normal heart, left base scar.": ("LL", ""),
    "Left lung: no effusion. Right lung: small nodule, no effusion.": ("R*", "L*"),
    "No opacity in left lung: right base scar.": ("RL", "L*"),
    "No pneumothorax on the left: small one at the right apex.": ("RU", "L*"),
    "Heart normal left base atelectasis": ("LL", ""),
    "Lungs clear heart normal left base scar": ("LL", "LU LM R*"),
    # sparing
    "Airspace disease in the left lung sparing the apex.": ("LM LL", "LU"),
    "Left lung airspace disease with sparing of the apex.": ("LM LL", "LU"),
    "Diffuse opacities in both lungs, sparing the bases.": ("LU LM RU RM", "LL RL"),
    "Bilateral opacities with relative sparing of the left apex.": ("LM LL R*", "LU"),
    # what is nearly gone is there
    "Near-complete resolution of right upper lobe pneumonia.": ("RU", ""),
    "Near complete resolution of the left effusion.": ("L*", ""),
    "Right upper lobe pneumonia has almost completely resolved.": ("RU", ""),
    "Right upper lobe pneumonia has mostly resolved.": ("RU", ""),
    "Right upper lobe pneumonia has largely resolved.": ("RU", ""),
    "Right upper lobe pneumonia is nearly completely resolved.": ("RU", ""),
    "The left effusion is nearly gone.": ("L*", ""),
    "Significant resolution of the left effusion.": ("L*", ""),
    "Complete resolution of the left effusion.": ("", "L*"),
    "The left effusion has completely resolved.": ("", "L*"),
    # not seen elsewhere
    "Left base opacity not seen on prior exam.": ("LL", ""),
    "Left base opacity not present previously.": ("LL", ""),
    "Left base opacity, not identified on the lateral view.": ("LL", ""),
    "Left base opacity is not seen on today's exam.": ("", "LL"),
    # word order of denial
    "No longer seen is the left effusion.": ("", "L*"),
    "Neither lung shows consolidation.": ("", ALL),
    "Ruled out right lower lobe pneumonia.": ("", "RL"),
    "Effusion on left, none on right.": ("L*", "R*"),
}


@pytest.mark.parametrize("text", SAID)
def test_said(text):
    affirmed, negated = SAID[text]
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(affirmed), zones(negated))
