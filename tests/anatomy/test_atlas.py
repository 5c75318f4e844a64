"""Atlases: the two of the package, geometry, and files with every kind of fault."""

import pickle
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


FAULTS = {
    "no TOML": ("name =", "name = = "),
    "unknown key": ('bare = "finding"', 'bear = "finding"'),
    "unknown bare": ('bare = "finding"', 'bare = "maybe"'),
    "unknown laterality": ('laterality = "viewer"', 'laterality = "doctor"'),
    "falling rows": ("rows = [0.3333333333333333, 0.6666666666666666]", "rows = [0.6, 0.3]"),
    "row outside": ("row = 2", "row = 3"),
    "mirror to nowhere": ('mirror = "right upper"', 'mirror = "right top"'),
    "mirror that is no pair": ('mirror = "right upper"', 'mirror = "right lower"'),
    "twice the same name": ('name = "left middle"', 'name = "left upper"'),
    "unknown kind": ('kind = "zone"', 'kind = "zones"'),
    "forms that are no list": ('forms = ["biapical", "bi-apical"]', 'forms = "biapical"'),
    "words of an unknown region": ('regions = ["left upper", "right upper"]', 'regions = ["left top"]'),
    "words of no region": ('regions = ["left upper", "right upper"]', "regions = []"),
    "noun with regions": ('kind = "place"', 'kind = "noun"'),
    "one-sided word without its mirror": ('["lul", "rul"],', ""),
    "mirror word that is no word": ('["lul", "rul"],', '["lul", "rul"], ["abc", "abd"],'),
    "mirror pair of unequal length": ('["lul", "rul"],', '["lul", "rul"], ["abc", "ab d"],'),
    "implied outside": ('implied = ["left middle"]', 'implied = ["left upper"]'),
    "phrase without positions": ("infection in the {positions}.", "infection."),
    "phrase with an unknown slot": ("{parts} {side} lung", "{part} {side} lung"),
    "no region's phrase": ('phrase = "upper left lung"\n', ""),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_fault_of_a_file_is_an_atlas_error(fault, tmp_path):
    old, new = FAULTS[fault]
    source = LUNG_FILE.read_text()
    assert old in source
    path = tmp_path / "faulty.toml"
    path.write_text(source.replace(old, new, 1))
    with pytest.raises(AtlasError):
        PositionParser(Atlas.from_toml(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"nowhere\.toml"):
        Atlas.from_toml(tmp_path / "nowhere.toml")
