"""Which regions the phrases of a report name: lists, word order, comparisons, what is no lung."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# text: affirmed, negated
PLACES = {
    # lists
    "right middle and right lung opacification": ("R*", ""),
    "less right middle and right lower lobe shadowing opacification": ("RM RL", ""),
    "Opacity in the upper left and right lung.": ("LU RU", ""),
    "left apical and basal zones show opacity": ("LU LL", ""),
    "right upper and lower lobes, left apical and basal fields are opacified": ("RU RL LU LL", ""),
    "Mid-to-lower left lung opacity.": ("LM LL", ""),
    "Opacity in the mid- to lower left lung.": ("LM LL", ""),
    "Opacity in the right mid to upper lung.": ("RM RU", ""),
    "Streaky left upper right basilar scarring.": ("LU RL", ""),
    "Opacities in the left upper, right lower and middle lobes.": ("LU RM RL", ""),
    "Left upper, right lower and middle lobes.": ("LU RM RL", ""),
    # word order
    "Left lung: upper lobe nodule.": ("LU", ""),
    "Left lung: upper and middle zone opacities. Right lung: clear.": ("LU LM", "R*"),
    "Left: small effusion. Right: clear.": ("L*", "R*"),
    # superior and inferior are levels beside a lung or a lobe, but not beside a segment
    "Inferior left lung opacity.": ("LL", ""),
    "Superior right lung nodule.": ("RU", ""),
    "Opacity in the inferior right lung.": ("RL", ""),
    "Left superior lung nodule, right inferior lobe opacity.": ("LU RL", ""),
    "Opacity in the superior segment of the left lower lobe.": ("LL", ""),
    "Left superior mediastinal widening.": ("", ""),
    # comparisons
    "Left-greater-than-right basilar airspace disease.": ("LL RL", ""),
    "Left, greater than right, basilar atelectasis.": ("LL RL", ""),
    "Right greater than left basilar opacities.": ("LL RL", ""),
    "Opacity in the right lung base and to a lesser degree in the left.": ("RL LL", ""),
    "Opacity in the left lower lobe and to a lesser extent on the right.": ("LL RL", ""),
    # joined and misspelt words
    "midright lung granuloma": ("RM", ""),
    "midleft lung granuloma": ("LM", ""),
    "Right lowerlobe opacity.": ("RL", ""),
    "Left upperlobe opacity, right middlelobe opacity.": ("LU RM", ""),
    "Left basliar atelectasis.": ("LL", ""),
    "Right basislar atelectasis.": ("RL", ""),
    "Left perihlar opacity.": ("LM", ""),
    "Bibasliar atelectasis.": ("LL RL", ""),
    # what only lies over the chest
    "Hiatal hernia, retrocardiac.": ("", ""),
    "left chest gizmo, with its end tip in the right sided SVC": ("", ""),
    "apices not included": ("", ""),
    "The left costophrenic angle is excluded from the image.": ("", ""),
    "Left thoracentesis.": ("", ""),
    "Decreased left effusion after thoracentesis.": ("L*", ""),
}


@pytest.mark.parametrize("text", PLACES)
def test_places(text):
    affirmed, negated = PLACES[text]
    report = LUNGS(text)
    assert (set(report.regions), set(report.negated)) == (zones(affirmed), zones(negated))
