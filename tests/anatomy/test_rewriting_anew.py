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
        ("Possible consolidation at the left base, which is new.", "RU RM",
         "Possible consolidation in the right upper and mid lung zones."),
        ("Consolidation at the left base, which may need drainage.", "RU", "Consolidation at the right apex."),
        ("Atelectasis or consolidation at the left base, which is new.", "RU",
         "Possible consolidation at the right apex."),
    ],
    "what is there already": [
        ("Opacity at the right base. Scarring in the left apex is also noted.", "LU", "Scarring at the left apex."),
    ],
    "what is around it": [
        ("- Opacity at the left base, which is new.\n- No effusion.", "LU",
         "- Opacity at the left apex.\n- No effusion."),
        ("?Consolidation in the left base that is new.", "LU", "Possible consolidation at the left apex."),
        ("TB cavities in the left apex, which are new.", "RL LL", "TB cavities at both bases."),
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
    ("(Opacity at the left base, which is new.)", "LU"),
    ("Nipple shadows at both bases, which are symmetric.", "LU"),
    ("Opacity at the left base, which is an artifact.", "LU"),
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


@pytest.mark.parametrize(
    ("text", "regions", "wanted"),
    [
        ("No opacity in the left lung.", "RL", "Opacity in the right lower lung."),
        ("No consolidation in the left lung. Heart size is normal.", "LL",
         "Consolidation in the left lower lung. Heart size is normal."),
    ],
)  # fmt: skip
def test_a_denial_at_a_place_is_turned(text, regions, wanted):
    assert LUNGS(text).with_regions(zones(regions)) == wanted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("COVID-19 pneumonia.", "No pulmonary infection."),
        ("Unilateral pulmonary infection.", "No pulmonary infection."),
        ("Infiltrates, no effusion.", "No pulmonary infection."),
        ("Pneumonia with no pneumothorax. Heart size is normal.", "Heart size is normal. No pulmonary infection."),
        ("Pneumonia, heart normal.", "No pulmonary infection."),
        ("Two infected areas.", "No pulmonary infection, zero infected areas."),
        ("Elevated right hemidiaphragm with overlying atelectasis.", "No pulmonary infection."),
        ("5 mm nodule in the left lower lobe.", "No pulmonary infection."),
        ("Opacity at the left base, no pneumothorax. It is new.", "No pneumothorax."),
        ("Opacity in the left base. Heart border is silhouetted.", "No pulmonary infection."),
        ("Unilateral pulmonary infection, one infected area, upper left lung. It measures 9 mm.",
         "No pulmonary infection, zero infected areas."),
        ("Unilateral pulmonary infection, one infected area, upper left lung. Follow-up is advised.",
         "No pulmonary infection, zero infected areas."),
        ("The lungs are clear.", "The lungs are clear."),
        ("No effusion or pneumonia.", "No effusion or pneumonia."),
        ("Pneumonia has resolved. Heart size is normal.", "Pneumonia has resolved. Heart size is normal."),
        ("Splenic calcification. No effusion.", "Splenic calcification. No effusion."),
    ],
)  # fmt: skip
def test_the_empty_set_leaves_no_claim_and_no_more_than_it_must(text, left):
    emptied = LUNGS(text).with_regions([])
    assert emptied == left
    assert LUNGS(emptied).with_regions([]) == emptied
    assert LUNGS(emptied).placed or text == left
