"""Kinds of faults that readers found in rewritten reports: mended, or declined."""

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import CannotSay
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# kind: (text, regions asked for, text wanted)
MENDED = {
    "all verbs of a subject agree": [
        ("A nodule is noted in the right apex and is unchanged.", "LU RU",
         "Nodules are noted in both apices and are unchanged."),
        ("A left basal nodule is smaller now and probably represents scarring.", "LL RL",
         "Bibasal nodules are smaller now and probably represent scarring."),
        ("The left base is opacified and has lost volume.", "LL RL", "Both bases are opacified and have lost volume."),
    ],
    "capitals behind headings and list numbers": [
        ("FINDINGS: Left lower lobe consolidation.", "LU LM RL",
         "FINDINGS: Consolidation in the left upper and mid lung zones and the right lower lobe."),
        ("1) A nodule in the left base\n2) Normal heart", "LL RL", "1) Nodules in both bases\n2) Normal heart"),
    ],
    "no stump without a verb": [
        ("Opacities are present at both bases, with the apices clear.", "", "No pulmonary infection."),
    ],
    "a note without prepositions": [
        ("Consolidation both bases.", "RL", "Consolidation right base."),
    ],
    "nothing that hangs in the air": [
        ("ET tube above the carina. Left lower lobe collapse, no change since yesterday.", "",
         "ET tube above the carina. No pulmonary infection."),
        ("Basal infiltrates, right more than left, and moderate congestion.", "LM",
         "Left mid zone infiltrates and moderate congestion."),
    ],
    "no left middle lobe": [
        ("Changes of consolidation in the right upper and middle lobes.", "LU LM",
         "Changes of consolidation in the left upper and mid lung zones."),
    ],
    "no comma before the verb": [
        ("Basal opacities, left worse than right, are stable.", "LU", "Left apical opacities are stable."),
    ],
    "a new subject with its article": [
        ("All zones of both lungs show opacities.", "RU", "The right upper lung shows opacities."),
        ("Lower zones are clear. Opacity in the left upper zone.", "LU RL",
         "The left lower zone is clear. Opacity in the left upper zone and the right lower zone."),
    ],
    "what is dropped gives way to no other finding": [
        ("Small right pneumothorax. Right lower lobe contusion is unchanged.", "LU LL",
         "Left upper and lower lobe contusions are unchanged."),
    ],
    "what is bilateral stays where both sides are asked for": [
        ("Pulmonary oedema in both lungs.", "LL RL", "Pulmonary oedema in both lower lung zones."),
        ("Edema in the right lung.", "L*", "Edema in the left lung."),
    ],
    "segments of both lungs": [
        ("Nodule in the superior segment of the right lower lobe.", "LL",
         "Nodule in the superior segment of the left lower lobe."),
    ],
}  # fmt: skip

# kind: (text, regions asked for, part of the reason)
DECLINED = {
    "a denial beside a finding without a place": [
        ("No pneumothorax. Patchy consolidation persists.", "RU", "beside what it denies"),
    ],
    "one thing is in one place": [
        ("A new focus is seen in the right upper lobe.", "LL RU", "one thing"),
        ("Rounded opacity in the left mid zone, possibly abscess.", "LM RM", "one thing"),
    ],
    "one of a pair, or a part of one thing": [
        ("Focal opacity, right base.", "LU RM", "one thing"),
        ("Lucency at the left apex consistent with a large bulla.", "LM RU", "one thing"),
    ],
    "what is said aside has the number of its subject": [
        ("The left apex, which was clear in June, is opacified.", "LU RU", "has its number"),
    ],
    "a sentence builds on what goes": [
        ("Changes at the left base. Viral picture elsewhere.", "RL", "hangs on"),
    ],
    "one on each side": [
        ("Tiny left apical pneumothorax.", "RU RL", "one on each side"),
    ],
}


def _rows(table):
    return [pytest.param(*row, id=f"{kind}: {row[0][:40]}") for kind, rows in table.items() for row in rows]


@pytest.mark.parametrize(("text", "regions", "wanted"), _rows(MENDED))
def test_mended(text, regions, wanted):
    assert LUNGS(text).with_regions(zones(regions)) == wanted


@pytest.mark.parametrize(("text", "regions", "reason"), _rows(DECLINED))
def test_declined(text, regions, reason):
    with pytest.raises(CannotSay, match=reason):
        LUNGS(text).with_regions(zones(regions))
