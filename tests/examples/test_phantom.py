import numpy as np
import pytest
import torch
from semimedref.data import phantom
from semimedref.data.phantom import ROWS, draw_phantom, load_phantoms

from crossmodal_aug import LUNG_ZONES, PositionParser
from crossmodal_aug.functional import region_masks

SIZE = 64


@pytest.fixture(scope="module")
def phantoms():
    return [draw_phantom(SIZE, (7, index)) for index in range(60)]


@pytest.fixture(scope="module")
def cells():
    return region_masks(LUNG_ZONES.with_geometry(rows=ROWS, laterality="viewer"), (SIZE, SIZE)).numpy()


def test_the_same_key_draws_the_same_phantom():
    first, second, other = draw_phantom(32, (1, 2)), draw_phantom(32, (1, 2)), draw_phantom(32, (1, 3))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert first.caption == second.caption
    assert not np.array_equal(first.image, other.image)


def test_captions_name_the_zones_that_the_mask_lies_in(phantoms, cells, lung_parser):
    inside = total = 0
    for one in phantoms:
        named = np.array(lung_parser(one.caption).bits)
        inside += (one.mask & cells[named].any(axis=0)).sum()
        total += one.mask.sum()
        # Each named zone holds something.
        assert all((one.mask & cell).any() for cell in cells[named])
    assert inside / total > 0.97


def test_captions_agree_with_themselves(phantoms, lung_parser):
    for one in phantoms:
        report = lung_parser(one.caption)
        assert report.conflicts == ()
        assert report.count == len(report.regions)
        assert report.laterality == (
            "bilateral" if len({name.split()[0] for name in report.regions}) == 2 else "unilateral"
        )


@pytest.mark.parametrize("named", [[], [4], [0, 1, 2], [5, 0]])
def test_what_is_asked_for_is_drawn_and_nothing_else(cells, lung_parser, named):
    one = draw_phantom(SIZE, (7, 1), named)
    found = [zone for zone, cell in enumerate(cells) if (one.mask & cell).sum() > 0.03 * one.mask.sum()]
    assert found == sorted(named)
    assert not one.distractors.any()
    assert [zone for zone, bit in enumerate(lung_parser(one.caption).bits) if bit] == sorted(named)


def test_distractors_lie_where_the_caption_names_nothing(phantoms, cells, lung_parser):
    inside = total = 0
    for one in phantoms:
        assert one.distractors.any()
        assert not (one.mask & one.distractors).any()
        named = np.array(lung_parser(one.caption).bits)
        inside += (one.distractors & cells[named].any(axis=0)).sum()
        total += one.distractors.sum()
    assert inside / total < 0.03


def test_distractors_look_like_what_is_named(phantoms):
    def brightness(masks):
        return np.concatenate([one.image[mask] for one, mask in zip(phantoms, masks, strict=True)]).astype(float)

    named, distracting = brightness(one.mask for one in phantoms), brightness(one.distractors for one in phantoms)
    assert abs(named.mean() - distracting.mean()) < 0.25 * named.std()


def test_whoever_does_not_read_cannot_do_well(phantoms, lung_parser, cells):
    """Perfect eyes without the caption stay below 75; the same eyes with the caption of another image, below 50."""

    def dice(found):
        hit = sum((one & phantom.mask).sum() for one, phantom in zip(found, phantoms, strict=True))
        return 200 * hit / sum(one.sum() + phantom.mask.sum() for one, phantom in zip(found, phantoms, strict=True))

    everything = [one.mask | one.distractors for one in phantoms]
    zones = [cells[np.array(lung_parser(one.caption).bits)].any(axis=0) for one in phantoms]
    assert dice(everything) < 75
    assert dice([one & zone for one, zone in zip(everything, zones, strict=True)]) > 97
    assert dice([one & zone for one, zone in zip(everything, zones[1:] + zones[:1], strict=True)]) < 50


def test_the_data_set_keeps_its_parts_apart(monkeypatch):
    monkeypatch.setattr(phantom, "COUNTS", {"train": 40, "valid": 5, "test": 7})
    data = load_phantoms(size=16, labels=0.05)
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [2, 38, 5, 7]
    assert data.unlabelled.masks is None
    names = [name for part in (data.labelled, data.unlabelled, data.valid, data.test) for name in part.names]
    assert len(set(names)) == len(names)
    assert torch.equal(data.test.masks[3, 0], data.test.full_masks[3])
    assert PositionParser(data.atlas).encode(data.labelled.texts).any(dim=1).all()
