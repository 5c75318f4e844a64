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


# A finding without a place beside a denial of one: where it is, nobody says.
SILENT = [
    "Consolidation is present. The right lung is clear.",
    "COVID-19 pneumonia. The right lung is clear.",
    "Multifocal opacities. No opacity in the right apex.",
    "Pneumonia persists; the right base is clear.",
    "Opacity in a region of the lung. The right lung is clear.",
    "A region of the lung is opacified. The right lung is clear.",
    "Two infected areas. The right lung is clear.",
    "A lesion is seen. The left lung is clear.",
    "Pneumonia, right lung clear.",
    "Pneumonia with a clear right lung.",
    "Pneumonia sparing the right lung.",
    "Pneumonia, no effusion on the left.",
    "The right lung is clear but there is pneumonia.",
    "The right lung is clear and consolidation is present.",
    "No opacity in the right apex, consolidation is present.",
    "No opacity in the right apex and multifocal consolidation.",
    "Consolidation is present, the right effusion has resolved.",
    "No effusion in either lung. Consolidation is present.",
    "Left glurb. The right lung is clear.",
    # no place is denied either
    "Consolidation is present, the effusion has resolved.",
    "The lung is opacified. No effusion.",
    "COVID-19 pneumonia. No effusion.",
]
PLACED = [
    "The right lung is clear.",
    "No opacity in the left lung.",
    "The left lung is clear of infiltrate.",
    "Left lung free of infiltrate. No effusion.",
    "The left lung is not affected.",
    "Opacity in the left lung has resolved.",
    "The right effusion has resolved.",
    "Opacity of the right base is no longer seen.",
    "Effusion: absent on both sides.",
    "I would expect fluid at the bases, but there is none.",
    "Neither lung shows consolidation.",
    "No effusion or consolidation in the left lung.",
    "No pneumonia in the right lung, effusion or nodule.",
    "No mass, nodule or effusion in the left lung; no pneumothorax.",
    "No consolidation at the left base and no effusion on the right.",
    "There is no pneumonia, and the left lung is clear.",
    "Pneumonia in the right lung and effusion on the left have resolved.",
    "In 2018 there was an effusion on the left; today the left lung is clear.",
    "History of pneumonia. The right lung is clear.",
    "HISTORY: Pneumonia. FINDINGS: The right lung is clear.",
    "The left lung is clear. Calcification of the aorta.",
    "The left lung is clear. Old rib fracture.",
    "The kidney contains a simple cyst; the left base is clear.",
    "Lungs are clear. Vascular markings are normal.",
    "LUNGS: Clear. PLEURA: No effusion. HEART: Normal.",
    "FINDINGS: No infection.",
]


@pytest.mark.parametrize("text", SILENT)
def test_a_finding_without_a_place_is_not_nothing(text):
    report = LUNGS(text)
    assert not report.regions
    assert not report.placed


@pytest.mark.parametrize("text", PLACED)
def test_a_denial_alone_says_that_nothing_is_there(text):
    report = LUNGS(text)
    assert not report.regions
    assert report.placed


def test_what_is_placed_stays_so_beside_a_finding_without_a_place():
    report = LUNGS("Left base opacity. Consolidation is present. The right lung is clear.")
    assert report.placed
    assert report.regions == ("left lower",)
