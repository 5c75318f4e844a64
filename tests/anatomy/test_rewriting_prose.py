"""How free reports are rewritten: nothing contradicts itself, hangs in the air, or loses its agreement."""

import time

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from tests.anatomy.zones import zones

LUNGS = PositionParser(LUNG_ZONES)
IMAGE = PositionParser(QUADRANTS)

# text, regions asked for, text wanted
REWRITTEN = [
    # what is named is no longer called clear
    ("Lungs are clear except for left base atelectasis.", "L*", "Lungs are clear except for left lung atelectasis."),
    (
        "Right lung clear. Right base scarring.",
        "RU RL",
        "Middle right lung clear. Upper and lower right lung scarring.",
    ),
    (
        "Right lower lobe pneumonia with small left pleural effusion; the left upper lobe is clear.",
        "LU",
        "Small upper left lung pleural effusion.",
    ),
    (
        "Left lung clear. Right base scar, left apex clear.",
        "LU",
        "Middle and lower left lung clear. Upper left lung scar.",
    ),
    # what hangs on a clause goes with it
    ("There is a left base opacity, which may represent pneumonia. Heart is normal.", "", "Heart is normal."),
    ("Bibasilar atelectasis, left greater than right. No effusion.", "", "No effusion."),
    (
        "Small bilateral pleural effusions, right larger than left, with right lower lobe airspace disease. No mass.",
        "",
        "No mass.",
    ),
    ("Aside from left basilar scarring, the lungs are clear.", "", "The lungs are clear."),
    ("RUL nodule, unchanged. No effusion.", "", "No effusion."),
    ("Bandlike scarring in the right base, unchanged.", "", "No pulmonary infection."),
    ("Nodular right lower lobe opacity, 5 mm, nipple shadow.", "", "No pulmonary infection."),
    ("1. Left base opacity. 2. No effusion. 3. Right apical scar.", "", "2. No effusion."),
    ("Left base opacity, no effusion.", "", "No effusion."),
    ("Left base opacity, heart size is normal.", "", "Heart size is normal."),
    ("No pneumothorax, but there is left basilar opacity.", "", "No pneumothorax."),
    ("left base opacity, no effusion.", "", "no effusion."),
    # what is asked for takes the place of what goes
    ("Nodule in the left base. Clear lungs otherwise.", "RU", "Nodule in the upper right lung. Clear lungs otherwise."),
    (
        "Nodule in the left base. Heart is normal. Scar at the right apex.",
        "LM",
        "Nodule in the middle left lung. Heart is normal.",
    ),
    (
        "Nodule in the left base. Heart is normal. Scar at the right apex.",
        "LM RU",
        "Nodule in the middle left lung. Heart is normal. Scar at the right apex.",
    ),
    # words on sides, verbs, articles, capitals
    ("Unilateral effusion on the left.", "LL RL", "Effusion on the lower left lung and lower right lung."),
    (
        "Unilateral opacity. Scar at the left apex.",
        "LL RL",
        "Opacity. Scar at the lower left lung and lower right lung.",
    ),
    ("The lungs are clear. Left lung opacity.", "L*", None),
    ("The lungs are clear.", "L*", "The right lung is clear. Pulmonary infection in the left lung."),
    (
        "The left lung is clear.",
        "LU RU",
        "The middle and lower left lung is clear. Pulmonary infection in the upper left lung and upper right lung.",
    ),
    ("The left lung is hazy.", "LU RU", "The upper left lung and upper right lung are hazy."),
    ("There is a left lung opacity.", "LU", "There is an upper left lung opacity."),
    ("There is an upper lobe opacity on the left.", "LL", None),
    ("Opacities in both lungs.", "L*", "Opacities in the left lung."),
    ("Scar on left.", "LL", "Scar on the lower left lung."),
    ("Opacity in RUL.", "LL", "Opacity in the lower left lung."),
    ("RUL nodule.", "LU", "Upper left lung nodule."),
    ("Blunting of the left costophrenic angle.", "LU", "Blunting of the upper left lung."),
]


@pytest.mark.parametrize(("text", "regions", "wanted"), REWRITTEN, ids=[text for text, _, _ in REWRITTEN])
def test_rewritten(text, regions, wanted):
    names = [name for name in LUNG_ZONES.names if name in zones(regions)]
    rewritten = LUNGS(text).with_regions(names)
    assert LUNGS(rewritten).regions == tuple(names)
    assert wanted is None or rewritten == wanted


def seconds(work, repeats):
    begin = time.process_time()
    work(repeats)
    return time.process_time() - begin


def rewrite(repeats):
    LUNGS("left base. " * repeats).with_regions(["left upper"])


def rewrite_one_sentence(repeats):
    LUNGS("left base, " * repeats).with_regions(["right upper"])


def coarsen(repeats):
    report = LUNGS("left base. " * repeats)
    assert {report.coarsened(mention) for mention in report.mentions} == {"left lung"}


@pytest.mark.parametrize("work", [rewrite, rewrite_one_sentence, coarsen])
def test_time_grows_no_faster_than_the_text(work):
    short, long = (min(seconds(work, repeats) for _ in range(5)) for repeats in (400, 4_000))
    # Ten times the text: linear time is ten times as long, quadratic time a hundred times. Between them is room for a
    # busy machine.
    assert long < 60 * short + 0.03
