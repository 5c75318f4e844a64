"""Atlases: the two of the package, geometry, and files with every kind of fault."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import crossmodal_aug.anatomy.atlas as atlas_package
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser
from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError, UnknownRegionError

LUNG_FILE = Path(atlas_package.__file__).parent / "lung_zones.toml"


def test_lung_zones_are_the_six_bit_label_of_the_field():
    assert LUNG_ZONES.names == (
        "left upper", "left middle", "left lower", "right upper", "right middle", "right lower",
    )  # fmt: skip
    assert LUNG_ZONES.mirror == (3, 4, 5, 0, 1, 2)
    assert LUNG_ZONES.sides == ((0, 1, 2), (3, 4, 5))
    third = 1 / 3
    assert LUNG_ZONES.boxes[1] == pytest.approx((third, 2 * third, 0, 0.5))
    assert LUNG_ZONES.boxes[5] == pytest.approx((2 * third, 1, 0.5, 1))


def test_quadrants_have_a_centre_over_four_corners():
    assert QUADRANTS.names == ("top-left", "top-right", "bottom-left", "bottom-right", "center")
    assert QUADRANTS.mirror == (1, 0, 3, 2, 4)
    assert QUADRANTS.sides == ((0, 2), (1, 3))
    assert QUADRANTS.boxes[-1] == (0.25, 0.75, 0.25, 0.75)


@pytest.mark.parametrize("atlas", [LUNG_ZONES, QUADRANTS], ids=lambda atlas: atlas.name)
def test_boxes_mirror_like_regions(atlas):
    patient = atlas.with_geometry(laterality="patient")
    for index, to in enumerate(atlas.mirror):
        y0, y1, x0, x1 = atlas.boxes[index]
        assert atlas.boxes[to] == pytest.approx((y0, y1, 1 - x1, 1 - x0))
        assert patient.boxes[index] == pytest.approx(atlas.boxes[to])


def test_cuts_are_image_coordinates_whatever_the_laterality():
    patient = LUNG_ZONES.with_geometry(columns=(0.4,), laterality="patient")
    assert patient.boxes[0][2:] == (0.4, 1.0)  # the patient's left lung is on the image's right
    assert patient.boxes[3][2:] == (0.0, 0.4)


def test_atlases_pickle_hash_and_compare():
    copy = pickle.loads(pickle.dumps(LUNG_ZONES))
    assert copy == LUNG_ZONES
    assert hash(copy) == hash(LUNG_ZONES)
    assert LUNG_ZONES.with_geometry(rows=(0.2, 0.5)) != LUNG_ZONES
    assert LUNG_ZONES != QUADRANTS


def test_index_names_the_regions_there_are():
    assert QUADRANTS.index("center") == 4
    with pytest.raises(UnknownRegionError, match=r"top-left, top-right.*but got 'left upper'"):
        QUADRANTS.index("left upper")


@pytest.mark.parametrize("rows", [(0.5,), (0.6, 0.4), (0.0, 0.5), (0.5, 1.0), (0.3, 0.3), (0.2, float("nan"))])
def test_cuts_that_cannot_be_are_refused(rows):
    with pytest.raises(InvalidValueError, match="rows"):
        LUNG_ZONES.with_geometry(rows=rows)


def test_geometry_of_the_wrong_type_is_refused():
    with pytest.raises(InvalidTypeError, match="rows"):
        LUNG_ZONES.with_geometry(rows="ab")
    with pytest.raises(InvalidValueError, match="laterality"):
        LUNG_ZONES.with_geometry(laterality="doctor")


FRAMES = (("a", "{Positions} shows a lesion."), ("b", "Lesion in {positions}."))


def test_phrases_change_without_a_file():
    atlas = LUNG_ZONES.with_phrases(
        present="Lesion in the {positions}.", absent="No lesion.", absent_caption="No lesions.", join=" plus ",
        frames=FRAMES,
    )  # fmt: skip
    words = atlas.phrasing
    assert (words.present, words.absent, words.absent_caption, words.join, words.frames) == (
        "Lesion in the {positions}.", "No lesion.", "No lesions.", " plus ", FRAMES,
    )  # fmt: skip
    assert words.some == LUNG_ZONES.phrasing.some
    assert atlas != LUNG_ZONES
    assert atlas.boxes == LUNG_ZONES.boxes
    assert atlas.with_phrases() == atlas
    assert atlas.with_phrases(frames=[]).phrasing.frames == ()
    assert atlas.with_phrases(frames=map(list, FRAMES)) == atlas


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("present", "Lesion."),
        ("present", "Lesion in {positions} of {side}."),
        ("present", "{positions!r}"),
        ("present", "{positions"),
        ("absent", ""),
        ("absent", "No {positions}."),
        ("absent_caption", " "),
        ("absent_caption", "{0}"),
        ("join", ""),
        ("join", "{}"),
        ("frames", [("a", "Lesion.")]),
        ("frames", [("a", "{positions} and {Positions}")]),
        ("frames", [("a", "{positions} and {positions}")]),
        ("frames", [("a", "{positions} {side}")]),
        ("frames", [("", "{positions}")]),
        ("frames", [("a", "{positions}"), ("a", "{Positions}")]),
    ],
)
def test_phrases_that_cannot_be_are_refused(name, given):
    with pytest.raises(InvalidValueError, match=rf"^Expected .*`{name}` .*but got"):
        LUNG_ZONES.with_phrases(**{name: given})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("present", 3),
        ("absent", ["No lesion."]),
        ("absent_caption", b"none"),
        ("join", ()),
        ("frames", "{positions}"),
        ("frames", 3),
        ("frames", {"a": "{positions}"}),
        ("frames", ["ab"]),
        ("frames", [("a",)]),
        ("frames", [("a", 3)]),
        ("frames", [(3, "{positions}")]),
    ],
)
def test_phrases_of_the_wrong_type_are_refused(name, given):
    with pytest.raises(InvalidTypeError, match=rf"^Expected .*`{name}`.* but got"):
        LUNG_ZONES.with_phrases(**{name: given})


def test_phrases_that_do_not_read_back_are_refused_by_the_parser():
    with pytest.raises(AtlasError, match="`absent`"):
        PositionParser(LUNG_ZONES.with_phrases(absent="Opacity in the left upper lobe."))


@pytest.mark.parametrize("module", ["crossmodal_aug", "crossmodal_aug.anatomy", "crossmodal_aug.anatomy.atlas"])
def test_importing_reads_no_atlas_and_nothing_heavy(module):
    code = (
        f"import sys, {module}; assert not {{'pydantic', 'spacy', 'torch'}} & set(sys.modules);"
        "from crossmodal_aug.anatomy.atlas import atlas; assert not atlas._package_atlas.cache_info().currsize"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_an_atlas_is_found_by_name_by_path_and_by_itself(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(LUNG_FILE.read_text())
    assert named_atlas("quadrants") is QUADRANTS
    assert named_atlas(str(path)) == LUNG_ZONES
    assert named_atlas(QUADRANTS) is QUADRANTS
    with pytest.raises(AtlasError, match="lung_zones"):
        named_atlas("lungs")
    with pytest.raises(InvalidTypeError, match="int"):
        named_atlas(3)


@pytest.mark.parametrize("given", ["lung_zones", None, "mine.toml"])
def test_a_parser_without_an_atlas_says_where_to_get_one(given):
    with pytest.raises(InvalidTypeError, match=r"LUNG_ZONES.*Atlas\.from_toml\(path\)"):
        PositionParser(given)


# What was edited, and a part of the message that must name it.
FAULTS = {
    "no TOML": ("name =", "name = = ", "TOML"),
    "unknown key": ('bare = "finding"', 'bear = "finding"', "'bear'; did you mean 'bare'"),
    "unknown bare": ('bare = "finding"', 'bare = "maybe"', "`bare` .*'maybe'"),
    "unknown laterality": ('laterality = "viewer"', 'laterality = "doctor"', "`laterality` .*'doctor'"),
    "falling rows": ("rows = [0.3333333333333333, 0.6666666666666666]", "rows = [0.6, 0.3]", r"`rows` .*0\.6, 0\.3"),
    "row outside": ("row = 2", "row = 3", "'left lower', in one of 3 rows and 2 columns.*row 3"),
    "mirror to nowhere": ('mirror = "right upper"', 'mirror = "right top"', "`mirror` of .*'left upper'.*'right top'"),
    "mirror that is no pair": ('mirror = "right upper"', 'mirror = "right lower"', "`mirror` .*'left upper' goes to"),
    "twice the same name": ('name = "left middle"', 'name = "left upper"', "'left upper' twice"),
    "unknown kind": ('kind = "zone"', 'kind = "zones"', "`kind` of .*'zones'; did you mean 'zone'"),
    "forms that are no list": ('forms = ["biapical",', 'forms = "biapical" #', "`forms` of .*got 'biapical'"),
    "words of an unknown region": (
        'regions = ["left upper", "right upper"]', 'regions = ["left top"]', "`regions` of .*'left top'",
    ),
    "words of no region": ('regions = ["left upper", "right upper"]', "regions = []", "`regions` .* have 0"),
    "noun with regions": ('kind = "place"', 'kind = "noun"', r"`regions` .*the noun words .* have \d"),
    "one-sided word without its mirror": ('["lul", "rul"],', "", "'lul', which is in no pair"),
    "mirror word that is no word": ('["lul", "rul"],', '["lul", "rul"], ["abc", "abd"],', "'abc' among the words"),
    "mirror pair of unequal length": ('["lul", "rul"],', '["lul", "rul"], ["abc", "ab d"],', "equal length.*'ab d'"),
    "implied outside": ('implied = ["left middle"]', 'implied = ["left upper"]', "`implied` of .*'left upper'"),
    "phrase without positions": ("infection in the {positions}.", "infection.", r"`\w+` of .*\{positions\}"),
    "phrase with an unknown slot": ("{parts} {side} lung", "{part} {side} lung", r"`some` of \[phrases\].*\{part\}"),
    "no region's phrase": ('phrase = "upper left lung"\n', "", "'left upper', to have `phrase`.*missing"),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_of_a_file_is_an_atlas_error(fault, tmp_path):
    old, new, message = FAULTS[fault]
    source = LUNG_FILE.read_text()
    assert old in source
    path = tmp_path / "faulty.toml"
    path.write_text(source.replace(old, new, 1))
    with pytest.raises(AtlasError, match=rf"(?s)Expected .*{message}"):
        PositionParser(Atlas.from_toml(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"nowhere\.toml"):
        Atlas.from_toml(tmp_path / "nowhere.toml")
