"""How free reports are rewritten: in the style of the source, with nothing in the air, or not at all."""

import time

import pytest

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import CannotSay
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)

# kind: (text, regions asked for, text wanted)
REWRITTEN = {
    "the same words for the other side": [
        ("Left lower lobe pneumonia.", "RL", "Right lower lobe pneumonia."),
        ("The right costophrenic angle is blunted.", "LL", "The left costophrenic angle is blunted."),
        ("The left hemidiaphragm is elevated and the left base shows atelectasis.", "RL",
         "The right hemidiaphragm is elevated and the right base shows atelectasis."),
        ("Right middle lobe opacity silhouetting the right heart border.", "LM",
         "Left mid lung opacity silhouetting the left heart border."),
        ("Asymmetric edema, worse in the right lung.", "L*", "Asymmetric edema, worse in the left lung."),
        ("LEFT APICAL PNEUMOTHORAX.", "RU", "RIGHT APICAL PNEUMOTHORAX."),
    ],
    "the words of the neighbours": [
        ("Nodule in the left base. Heart is normal.", "RU", "Nodule in the right apex. Heart is normal."),
        ("Left lower lobe consolidation.", "RM", "Right middle lobe consolidation."),
        ("Right middle lobe consolidation.", "LM", "Left mid lung consolidation."),
        ("Right basilar opacity, likely atelectasis.", "LU", "Left apical opacity, likely atelectasis."),
        ("Opacity in RUL.", "LL", "Opacity in LLL."),
        ("Opacities in the left lower zone.", "RM", "Opacities in the right mid zone."),
        ("Minor atelectasis in the lingula.", "RL", "Minor atelectasis in the right lower lobe."),
        ("Small left pleural effusion.", "RL", "Small right basal pleural effusion."),
        ("Left-sided airspace disease.", "R*", "Right-sided airspace disease."),
        ("Infection spreads over the whole left lung and the lower right lung.", "L*",
         "Infection spreads over the whole left lung."),
    ],
    "several places": [
        ("Hazy opacity at the left base.", "LL RL", "Hazy opacity at both bases."),
        ("Consolidation in the right middle lobe.", "LL RM RL",
         "Consolidation in both lower lobes and the right middle lobe."),
        ("Opacities in the left lower lobe.", "LM LL", "Opacities in the left mid and lower lung zones."),
        ("Left lung volume loss.", "LL", "Left lower lung volume loss."),
        ("RUL and RLL airspace disease.", "LU LL", "LUL and LLL airspace disease."),
        ("Opacities in the right upper and right middle lobes.", "RU", "Opacities in the right upper lobe."),
        ("Diffuse opacity throughout the right lung.", "L* R*", "Diffuse opacity throughout both lungs."),
        ("Left base opacity may be edema.", "L* RM RL",
         "Opacities in the left lung and the right mid and lower lung zones may be edema."),
        ("Opacities in the upper and lower zones of the right lung.", "LU LL RU RL",
         "Opacities in the upper and lower zones of both lungs."),
    ],
    "number and article": [
        ("The left base is opacified.", "LL RL", "Both bases are opacified."),
        ("Both bases show opacity.", "RU", "The right apex shows opacity."),
        ("RUL nodule, stable.", "LU RU", "RUL and LUL nodules, stable."),
        ("There is a small right basal pneumothorax.", "LL RL", "There are small bibasal pneumothoraces."),
        ("A cavity is seen in the left apex.", "LU RU", "Cavities are seen in both apices."),
        ("There is an upper lobe opacity.", "LL", "There is a left lower lobe opacity."),
        ("Bilateral pleural effusions.", "RL", "Right basal pleural effusion."),
        ("Small right and moderate left effusions are unchanged.", "LL RL",
         "Small right basal and moderate left basal effusions are unchanged."),
    ],
    "comparisons and asides that no longer hold": [
        ("Bibasilar atelectasis, left greater than right.", "LL", "Left basilar atelectasis."),
        ("RLL>LLL atelectasis.", "LL", "LLL atelectasis."),
        ("Opacity in both lower lobes, worse on the left. Heart is normal.", "RL",
         "Opacity in the right lower lobe. Heart is normal."),
        ("Opacity in the right middle and lower lobes, worse at the base.", "LL", "Opacity in the left lower lobe."),
        ("Perihilar haze is present bilaterally.", "RM", "Right perihilar haze is present."),
        ("Unilateral effusion on the left.", "LL RL", "Effusions at both bases."),
        ("Unilateral opacification of the left lung.", "LL RL", "Opacification of both lower lung zones."),
    ],
    "what is placed is no longer called clear": [
        ("The left lung is clear. Right basilar atelectasis.", "LL",
         "The left upper and mid lung zones are clear. Left basilar atelectasis."),
        ("The apices and the left base are clear; the right base is hazy.", "LL RU RL",
         "The left apex is clear; both bases and the right apex are hazy."),
        ("Left base opacity. The lungs are clear.", "RU", "Right apical opacity. The lungs are otherwise clear."),
        ("Small right effusion. No effusion on the left.", "LL", "Small left basal effusion."),
        ("No consolidation in the right lung. Left lower lobe consolidation.", "RL",
         "No consolidation in the right upper and mid lung zones. Right lower lobe consolidation."),
        ("Lungs are clear except for left base atelectasis.", "RL",
         "Lungs are clear except for right base atelectasis."),
        ("Right lung clear, left upper lung opacity.", "RU", "Left lung clear, right upper lung opacity."),
        ("The left base is clear; the right base shows opacity.", "LL RL", "Both bases show opacity."),
    ],
    "nothing is left behind": [
        ("Opacity consistent with RLL pneumonia.", "", "No pulmonary infection."),
        ("Cavity in the left apex with fluid level.", "", "No pulmonary infection."),
        ("RLL pneumonia. Follow-up to resolution is advised.", "", "No pulmonary infection."),
        ("Small left effusion. Mild congestion.", "", "No pulmonary infection."),
        ("There is a left base opacity, which may represent pneumonia. Heart is normal.", "",
         "Heart is normal. No pulmonary infection."),
        ("No pneumothorax, but there is left basilar opacity.", "", "No pneumothorax."),
        ("Aside from left basilar scarring, the lungs are clear.", "", "The lungs are clear."),
        ("left base opacity, no effusion.", "", "no effusion."),
        ("PERSISTENT RML ATELECTASIS.", "", "NO PULMONARY INFECTION."),
        ("1. Right base nodule. 2. Left lung clear.", "", "1. Left lung clear."),
        ("1. Left base opacity. 2. No effusion. 3. Right apical scar.", "", "1. No effusion."),
        ("Lungs: Left base opacity. No effusion. Bones: Intact.", "", "Lungs: No effusion. Bones: Intact."),
        ("Pleura: Small right effusion. Lungs: Clear.", "", "Lungs: Clear."),
        ("Location: right lower lobe nodule. Size: 9 mm.", "", "No pulmonary infection."),
    ],
    "sentences and clauses of their own": [
        ("Nodule in the left base. Heart is normal. Scar at the right apex.", "LM",
         "Nodule in the left mid lung zone. Heart is normal."),
        ("Nodule in the left base. Heart is normal. Scar at the right apex.", "LM RU",
         "Nodule in the left mid lung zone. Heart is normal. Scar at the right apex."),
        ("Left apical opacity. Left basal opacity. No effusion.", "RU RL",
         "Right apical opacity. Right basal opacity. No effusion."),
        ("RML opacity, RLL opacity.", "LU", "LUL opacity."),
        ("Left upper lobe opacity has decreased, and left lower lobe opacity has increased.", "RU",
         "Right upper lobe opacity has decreased."),
        ("Opacity in the right lower lobe, and right hilar fullness.", "LU RM RL",
         "Opacity in the right lower lobe and the left upper lobe, and right hilar fullness."),
        ("Left lung: Upper zone nodule.", "RL", "Right lung: Lower zone nodule."),
        ("Behind the heart there is dense consolidation.", "LM LL",
         "In the left mid and lower lung zones there is dense consolidation."),
    ],
}  # fmt: skip
# text, regions asked for, what the reason says
DECLINED = [
    # the text names nothing that could be there
    ("The lungs are clear.", "LU", "places nothing"),
    ("heart size is normal", "LU", "places nothing"),
    ("No effusion or pneumothorax.", "LU", "places nothing"),
    # one thing is in one place
    ("Solitary nodule in the left upper lobe.", "LU RU", "one thing in one place"),
    ("A 5 mm nodule is noted in the left apex.", "RM RL", "one thing in one place"),
    ("The known nodule in the right apex is stable.", "LU RU", "one thing in one place"),
    ("A nodule in the left lower lobe; it has grown.", "LL RL", "goes on about"),
    ("An air-fluid level is noted within a cavity in the right lower lobe.", "LL RL", "another single thing"),
    # what hangs on the old place
    ("Blunting of the left costophrenic angle.", "LU", "not found at every place"),
    ("An abscess in the superior segment of the right lower lobe.", "LU", "not found at every place"),
    ("Status post right pneumonectomy.", "LL", "not found at every place"),
    ("Right upper lobe volume loss with elevation of the minor fissure.", "LU", "one side alone"),
    ("Right heart strain and an infarct in the left lower lobe.", "RL", "keeps its side"),
    ("Unilateral opacity. Scar at the left apex.", "LU RU", ""),
    ("The left apex is scarred, and the opposite apex is clear.", "LL", "points at"),
    # what cannot be kept apart
    ("The right lower lobe is affected more than the right middle lobe.", "LL", "belong together"),
]


def rows():
    return [pytest.param(*row, id=f"{kind}: {row[0]} {row[1]}") for kind, table in REWRITTEN.items() for row in table]


@pytest.mark.parametrize(("text", "regions", "wanted"), rows())
def test_rewritten(text, regions, wanted):
    names = [name for name in LUNG_ZONES.names if name in zones(regions)]
    assert LUNGS(text).with_regions(names) == wanted
    assert LUNGS(wanted).regions == tuple(names)


@pytest.mark.parametrize(("text", "regions", "reason"), DECLINED, ids=[text for text, _, _ in DECLINED])
def test_declined(text, regions, reason):
    with pytest.raises(CannotSay, match=reason):
        LUNGS(text).with_regions(zones(regions))


def test_other_sentences_are_untouched():
    before, behind = "  Old  rib fractures;lines\tunchanged. ", " Heart  is normal .\r\n"
    rewritten = LUNGS(f"{before}Left base opacity.{behind}").with_regions(["right lower"])
    assert rewritten == f"{before}Right base opacity.{behind}"


def test_a_text_is_read_once_and_read_back_once(monkeypatch):
    read = []
    parser = PositionParser(LUNG_ZONES)
    statement = parser.statement
    monkeypatch.setattr(parser, "statement", lambda text: read.append(text) or statement(text))
    rewritten = parser.rewritten("Left base opacity. The right lung is clear.", 0b100000)
    assert read == ["Left base opacity. The right lung is clear.", rewritten]


def seconds(work, repeats):
    begin = time.process_time()
    work(repeats)
    return time.process_time() - begin


def rewrite(repeats):
    LUNGS("left base. " * repeats).with_regions(["left upper"])


def rewrite_one_sentence(repeats):
    LUNGS("left base, " * repeats).with_regions(["right upper"])


def decline(repeats):
    with pytest.raises(CannotSay):
        LUNGS("(left lung" * repeats).with_regions(["right upper"])


def coarsen(repeats):
    report = LUNGS("left base. " * repeats)
    assert {report.coarsened(mention) for mention in report.mentions} == {"left lung"}


@pytest.mark.parametrize("work", [rewrite, rewrite_one_sentence, decline, coarsen])
def test_time_grows_no_faster_than_the_text(work):
    short, long = (min(seconds(work, repeats) for _ in range(5)) for repeats in (400, 4_000))
    # Ten times the text: linear time is ten times as long, quadratic time a hundred times. Between them is room for a
    # busy machine.
    assert long < 60 * short + 0.03
