"""The same statement in other words: the frames of an atlas, and texts in the style of a template."""

import itertools
import pickle
import re

import pytest

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.anatomy.writing.reword import listed, reworded
from crossmodal_aug.anatomy.writing.wording import Style, position_phrases
from crossmodal_aug.errors import AtlasError, CannotSay, InvalidTypeError, InvalidValueError

LUNGS = PositionParser(LUNG_ZONES)
IMAGE = PositionParser(QUADRANTS)
PARSERS = {"lungs": LUNGS, "image": IMAGE}
FRAMES = [(parser, name) for parser in PARSERS.values() for name, _ in parser.atlas.phrasing.frames]
LU, LM, LL, RU, RM, RL = LUNG_ZONES.names
TEMPLATE = "Unilateral pulmonary infection, one infected area, upper left lung."


def subsets(parser):
    names = parser.atlas.names
    return [chosen for size in range(1, len(names) + 1) for chosen in itertools.combinations(names, size)]


def frames_of(parser):
    return dict(parser.atlas.phrasing.frames)


def named(parser, regions):
    """A text that names regions, a sentence each."""
    words = parser.atlas.phrasing
    return " ".join(words.present.format(positions=words.regions[parser.atlas.index(region)]) for region in regions)


def phrases(parser, regions):
    mask = sum(1 << parser.atlas.index(region) for region in regions)
    return position_phrases(parser.atlas, mask, Style(stacked=False, whole=False))


@pytest.mark.parametrize(("parser", "frame"), FRAMES, ids=[f"{p.atlas.name} {frame}" for p, frame in FRAMES])
def test_every_frame_names_every_subset_and_nothing_else(parser, frame):
    for regions in subsets(parser):
        text = parser(named(parser, regions)).reworded(frame)
        report = parser(text)
        assert report.regions == regions, text
        assert report.placed
        assert (report.negated, report.conflicts, report.unread) == ((), (), ()), text
        assert (report.count, report.laterality) == (None, None), text
        before, after = re.split(r"\{positions\}", frames_of(parser)[frame], flags=re.IGNORECASE)
        words = text.removeprefix(before).removesuffix(after)
        # It is listed as English does: the list of the atlas was not needed.
        assert words.lower() == listed(phrases(parser, regions), article=before.endswith("the ")), text


def test_there_are_frames_enough_and_none_counts():
    assert len(LUNG_ZONES.phrasing.frames) == 8
    assert len(QUADRANTS.phrasing.frames) == 6
    for parser, name in FRAMES:
        assert not {"bilateral", "unilateral", "both", "a", "one", "two"} & set(frames_of(parser)[name].lower().split())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
            {
                "short": "Upper left lung and lower right lung.",
                "sentence": "There is consolidation in the upper left lung and the lower right lung.",
                "first": "Upper left lung and lower right lung: infiltrates.",
            },
        ),
        (
            "bilateral pulmonary infection, three infected areas, upper middle left lung and lower right lung.",
            {
                "short": "Upper and middle left lung, lower right lung.",
                "passive": "Opacities are seen in the upper and middle left lung and the lower right lung.",
            },
        ),
        ("LEFT LUNG OPACITY", {"site": "Site of infection: left lung.", "note": "Pneumonia, left lung."}),
        ("Bibasilar atelectasis. Heart size is normal.", {"short": "Lower left lung and lower right lung."}),
        ("No pulmonary infection, zero infected areas.", {"short": "No pulmonary infection."}),
        ("Both lungs are clear.", {"sentence": "No pulmonary infection."}),
    ],
)
def test_reports_of_lungs_in_other_words(text, wanted):
    report = LUNGS(text)
    assert {frame: report.reworded(frame) for frame in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "one large white round polyp, located in top left, center of the image",
            {
                "short": "Top left and center.",
                "sentence": "There is abnormal tissue at the top left and the center of the image.",
                "first": "Top left and center of the image: abnormal tissue.",
                "site": "Lesion location: top left and center.",
            },
        ),
        (
            "Two lesions at the top and in the center of the image.",
            {"report": "The image shows lesion tissue at the top left, top right and center."},
        ),
        ("No tumor in the breast ultrasound image.", {"passive": "No lesion."}),
    ],
)
def test_image_captions_in_other_words(text, wanted):
    report = IMAGE(text)
    assert {frame: report.reworded(frame) for frame in wanted} == wanted


def test_a_list_sets_off_what_is_a_list_itself():
    assert listed(["a"], article=True) == listed(["a"], article=False) == "a"
    assert listed(["a", "b"], article=True) == "a and the b"
    assert listed(["a", "b"], article=False) == "a and b"
    assert listed(["a", "b", "c"], article=False) == "a, b and c"
    assert listed(["a and b", "c", "d"], article=True) == "a and b, the c and the d"
    assert listed(["a and b", "c", "d"], article=False) == "a and b, c, d"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "that says where, but got ''"),
        ("COVID-19 pneumonia.", "that says where"),
        ("The left lung is clear. Right basilar atelectasis.", "calls left upper, left middle, left lower clear"),
        ("The left lung is clear.", "tells of every region, but 'The left lung is clear.' only calls"),
        ("Opacity in the upper right lung. Left glurb.", "words that are known, but got"),
    ],
)
def test_what_cannot_be_said_without_loss_is_refused(text, why):
    for frame in ("short", "sentence"):
        with pytest.raises(CannotSay, match=why):
            LUNGS(text).reworded(frame)
    for _ in range(2):  # the second time it is looked up
        with pytest.raises(CannotSay, match=why):
            LUNGS.reword(text, "short")


def test_a_caption_names_all_that_is_there():
    """What it calls clear beside that is left out."""
    text = "Unilateral pulmonary infection, one infected area, lower left lung. The right lung is clear."
    assert LUNGS(text).negated
    assert LUNGS(text).reworded("short") == "Lower left lung."


def test_a_frame_that_does_not_read_back_is_refused():
    atlas = LUNG_ZONES.with_phrases(frames=[("clear", "{Positions} clear.")])
    with pytest.raises(AtlasError, match=r"\[\[frames\]\] 'clear' to read as 'left upper', but 'Upper left"):
        PositionParser(atlas)


def test_the_atlas_s_own_list_is_taken_where_the_english_one_does_not_read_back():
    def read(text):
        return None if " and " in text else IMAGE.statement(text)

    statement = IMAGE.statement("One polyp at the top left and the center of the image.")
    assert reworded(statement, QUADRANTS, "Lesion: {positions}.", IMAGE.statement) == "Lesion: top left and center."
    assert reworded(statement, QUADRANTS, "Lesion: {positions}.", read) == "Lesion: top left, center."


def test_wrong_arguments_are_named():
    report = LUNGS("Upper left lung.")
    with pytest.raises(InvalidValueError, match=r"'lung_zones', one of short, sentence, .*, but got 'long'"):
        report.reworded("long")
    with pytest.raises(InvalidTypeError, match="name of a frame"):
        report.reworded(3)
    with pytest.raises(InvalidTypeError, match="`text`"):
        LUNGS.reword(None, "short")
    bare = LUNG_ZONES.with_phrases(frames=[])
    with pytest.raises(InvalidValueError, match="of which it has none"):
        PositionParser(bare)("Upper left lung.").reworded("short")
    with pytest.raises(InvalidTypeError, match="`text`"):
        LUNGS.in_style(None, TEMPLATE)
    with pytest.raises(InvalidTypeError, match="`template`"):
        LUNGS.in_style("Upper left lung.", None)
    with pytest.raises(InvalidTypeError, match="`texts`"):
        LUNGS.in_style_many("Upper left lung.", TEMPLATE)
    for template in ("", "Pneumonia.", "No pulmonary infection.", "The left lung is clear."):
        with pytest.raises(InvalidValueError, match="`template` to name regions"):
            LUNGS.in_style("Upper left lung.", template)


def test_a_parser_that_travelled_rewords_alike():
    copy = pickle.loads(pickle.dumps(LUNGS))
    assert copy.reword(TEMPLATE, "first") == LUNGS.reword(TEMPLATE, "first")
    forgetful = PositionParser(LUNG_ZONES, cache_size=0)
    assert forgetful.reword(TEMPLATE, "first") == LUNGS.reword(TEMPLATE, "first")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Lower left lung.", "Unilateral pulmonary infection, one infected area, lower left lung."),
        (
            "There is patchy consolidation at both bases.",
            "Bilateral pulmonary infection, two infected areas, lower left lung and lower right lung.",
        ),
        (
            "RUL and RML airspace disease. The left lung is clear.",
            "Unilateral pulmonary infection, two infected areas, upper middle right lung.",
        ),
        ("Upper left lung: infiltrates.", TEMPLATE),
        ("The lungs are clear.", "No pulmonary infection, zero infected areas."),
        (TEMPLATE, TEMPLATE),
    ],
)
def test_a_text_in_the_words_of_a_template(text, wanted):
    assert LUNGS.in_style(text, TEMPLATE) == wanted


def test_in_style_undoes_every_frame():
    for parser, template in ((LUNGS, TEMPLATE), (IMAGE, "one small white polyp, located in center of the image")):
        for regions in subsets(parser):
            wanted = parser(template).with_regions(regions)
            for frame, _ in parser.atlas.phrasing.frames:
                assert parser.in_style(parser(wanted).reworded(frame), template) == wanted


def test_texts_that_were_not_read_are_named_and_stay():
    texts = [
        "Lower left lung.",
        "Pneumonia.",
        "",
        "The left lung is clear.",
        "Opacity in the upper right lung. Left glurb.",
    ]
    styled, unread = LUNGS.in_style_many(texts, TEMPLATE)
    assert styled == ["Unilateral pulmonary infection, one infected area, lower left lung.", *texts[1:]]
    assert list(unread) == [1, 2, 3, 4]
    assert "says where" in unread[1]
    assert "only calls left upper" in unread[3]
    assert "'Left glurb'" in unread[4]
    for index in unread:
        with pytest.raises(CannotSay):
            LUNGS.in_style(texts[index], TEMPLATE)
    assert LUNGS.in_style_many([], TEMPLATE) == ([], {})
