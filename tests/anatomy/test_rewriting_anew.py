"""Where a sentence cannot follow, its finding is said of the new places in a short sentence of its own."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import CannotSay
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# kind: (text, regions asked for, text wanted)
ANEW = {
    "words that lean on each other": [
        ("The left lower lobe is the source of bleeding opacities.", "LL RL", "Opacities in both lower lobes."),
        ("Consolidation affects the left base but not the right.", "RM RL",
         "Consolidation in the right mid and lower lung zones."),
        ("Consolidation in two lobes, namely the right upper and the left lower.", "LM RU",
         "Consolidation in the right upper lung and the left mid lung."),
        ("There are nodules in the left apex and the right base; the latter is calcified.", "RL",
         "Nodules at the right base."),
    ],
    "what lies at the old place alone": [
        ("Right upper lobe consolidation bulges the horizontal fissure.", "LU",
         "Consolidation in the left upper lobe."),
        ("Nodule in the posterior segment of the right upper lobe.", "LU", "Nodule in the left upper lobe."),
        ("Opacity in the left base behind the aorta.", "RU", "Opacity at the right apex."),
    ],
    "what is bilateral by nature": [
        ("Batwing opacities in both lungs.", "LM", "Opacities in the left mid lung."),
        ("Bilateral infiltrates. This may be ARDS.", "RL", "Infiltrates in the right lower lung."),
    ],
    "the number of the finding": [
        ("The opacity that was seen at the left base is smaller.", "LU RU", "Opacities at both apices."),
        ("The opacity that was seen at the left base is smaller.", "LU", "Opacity at the left apex."),
        ("Two nodules: one in the right apex, another in the left base.", "LU LL RL",
         "Nodules at both bases and the left apex."),
        ("Effusions on both sides, that on the left is larger.", "RL", "Effusion at the right base."),
    ],
    "what stays open": [
        ("Consolidation at the left base, which may be pneumonia.", "RU RM",
         "Possible consolidation in the right upper and mid lung zones."),
    ],
    "what is there already": [
        ("Opacity at the right base. Scarring in the left apex is also noted.", "LU", "Scarring at the left apex."),
    ],
    "what is around it": [
        ("IMPRESSION: ATELECTASIS THAT IS SEEN AT THE LEFT BASE. NO EFFUSION.", "RM",
         "IMPRESSION: ATELECTASIS IN THE RIGHT MID LUNG ZONE. NO EFFUSION."),
        ("1) Atelectasis of the left base, compared with June. 2) Heart size is normal. 3) Repeat the film.", "RU",
         "1) Atelectasis at the right apex. 2) Heart size is normal."),
        ("The right apex is clear. Atelectasis of the left base, compared with June.", "RU",
         "Atelectasis at the right apex."),
    ],
}  # fmt: skip

# text, regions asked for
DECLINED = [
    ("The nodule that was seen at the left base is smaller.", "LU RU"),
    ("Rounded opacity in the left mid zone, possibly abscess.", "LM RM"),
    ("A 12 mm opacity at the left base, which has grown.", "RU RM"),
    ("Pneumonia, which has resolved, in the left base.", "RU"),
    ("Blunting of the left costophrenic angle, which is new.", "LU"),
    ("Effusion on the left, nodule in the right apex, which is new.", "LM RM"),
]


@pytest.mark.parametrize(("text", "regions", "wanted"), [row for rows in ANEW.values() for row in rows])
def test_said_anew(text, regions, wanted):
    assert LUNGS(text).with_regions(zones(regions)) == wanted


@pytest.mark.parametrize(("text", "regions"), DECLINED)
def test_declined(text, regions):
    with pytest.raises(CannotSay):
        LUNGS(text).with_regions(zones(regions))
