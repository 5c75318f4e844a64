"""Places that captions are narrowed to, in words and in pixels."""

import itertools

import pytest
import torch
from semimedref.evaluation.places import narrowed, places

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import CannotSay

ATLASES = {"lungs": LUNG_ZONES.with_geometry(rows=(0.3125, 0.384)), "quadrants": QUADRANTS}


def named(atlas, unit):
    return [place.name for place in places(atlas, (unit,))]


def test_places_are_named_by_what_their_regions_share():
    assert named(LUNG_ZONES, "side") == ["left", "right"]
    assert named(LUNG_ZONES, "zone") == ["upper", "middle", "lower"]
    assert named(LUNG_ZONES, "region") == list(LUNG_ZONES.names)
    assert named(QUADRANTS, "zone") == ["top", "bottom"]
    assert [place.regions for place in places(QUADRANTS, ("zone",))] == [
        ("top-left", "top-right"),
        ("bottom-left", "bottom-right"),
    ]


@pytest.mark.parametrize("atlas", ATLASES.values(), ids=ATLASES)
@pytest.mark.parametrize("size", [(7, 9), (224, 224), (50, 64)])
def test_sides_and_zones_part_the_image(atlas, size):
    mask = torch.ones(size, dtype=torch.bool)
    for unit in ("side", "zone"):
        parts = torch.stack([place.cut(mask) for place in places(atlas, (unit,))])
        assert (parts.sum(dim=0) == 1).all()
    left, right = (place.cut(mask) for place in places(atlas, ("side",)))
    assert left[:, : size[1] // 2].all()
    assert abs(int(left.sum()) - int(right.sum())) <= size[0] * (size[1] % 2)
    for place, (top, bottom, start, stop) in zip(places(atlas, ("region",)), atlas.boxes, strict=True):
        box = torch.zeros(size, dtype=torch.bool)
        box[round(size[0] * top) : round(size[0] * bottom), round(size[1] * start) : round(size[1] * stop)] = True
        assert torch.equal(place.cut(mask), box)


def test_a_cut_keeps_what_lies_inside_and_leaves_the_mask_alone():
    mask = torch.rand(12, 10, generator=torch.Generator().manual_seed(0)) < 0.5
    before = mask.clone()
    upper = places(LUNG_ZONES, ("zone",))[0].cut(mask)
    assert torch.equal(upper[:4], mask[:4])
    assert not upper[4:].any()
    assert torch.equal(mask, before)


def test_sides_are_those_of_the_atlas():
    mask = torch.ones(4, 6, dtype=torch.bool)
    left = places(LUNG_ZONES.with_geometry(laterality="patient"), ("side",))[0]
    assert left.name == "left"
    assert left.cut(mask)[:, 3:].all()
    assert not left.cut(mask)[:, :3].any()


def test_captions_are_narrowed_to_each_place_and_only_where_they_name_another():
    parser = PositionParser(LUNG_ZONES)
    sets = [names for count in (1, 2, 4, 6) for names in itertools.combinations(LUNG_ZONES.names, count)]
    template = parser("Pulmonary infection, one infected area, upper left lung.")
    texts = ["No pulmonary infection.", "Pneumonia.", *(template.with_regions(names) for names in sets)]
    reports = parser.parse_many(texts)
    for place in places(LUNG_ZONES):
        indices, short = narrowed(reports, place, LUNG_ZONES)
        inside = [set(names) & set(place.regions) for names in sets]
        wanted = [i for i, names in enumerate(sets) if inside[i] and set(names) - inside[i]]
        assert [index - 2 for index in indices] == wanted
        for i, text in zip(wanted, short, strict=True):
            assert set(parser(text).regions) == inside[i]


def test_a_centre_is_on_no_side():
    parser = PositionParser(QUADRANTS)
    reports = parser.parse_many(["A growth at the top left, center.", "A growth at the top left, top right, center."])
    left = places(QUADRANTS, ("side",))[0]
    indices, texts = narrowed(reports, left, QUADRANTS)
    assert indices == [1]
    assert parser(texts[0]).regions == ("top-left",)


def test_what_cannot_be_said_is_left_out():
    class Mute:
        regions = ("left upper", "right upper")

        def with_regions(self, names):
            raise CannotSay("no")

    assert narrowed([Mute()], places(LUNG_ZONES, ("side",))[0], LUNG_ZONES) == ([], [])
