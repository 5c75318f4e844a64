"""Regions on the pixel grid, and calibration on masks that were made to known cuts and on the real ones."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


@given(st.sampled_from([LUNG_ZONES, QUADRANTS]), st.integers(1, 40), st.integers(1, 40))
def test_masks_tile_the_image(atlas: Atlas, height: int, width: int) -> None:
    masks = CF.region_masks(atlas, (height, width))
    assert masks.shape == (len(atlas), height, width)
    assert bool((masks.sum(dim=0) == 1).all())
    for region, (y0, y1, x0, x1) in enumerate(CF.region_boxes(atlas, (height, width)).tolist()):
        box = np.zeros((height, width), dtype=bool)
        box[y0:y1, x0:x1] = True
        later = CF.region_boxes(atlas, (height, width))[region + 1 :].tolist()
        for a, b, c, d in later:
            box[a:b, c:d] = False
        assert (masks[region].numpy() == box).all()


def test_patient_side_is_the_mirror_image() -> None:
    patient = LUNG_ZONES.with_geometry(laterality="patient")
    masks = CF.region_masks(LUNG_ZONES, (9, 8))
    assert torch.equal(CF.region_masks(patient, (9, 8)), masks[list(LUNG_ZONES.mirror)])
    assert torch.equal(CF.region_masks(patient, (9, 8)), masks.flip(-1))


@given(st.integers(0, 2**31), st.booleans())
def test_region_evidence_sums_by_region(seed: int, volume: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    spatial = (2, 7, 6) if volume else (7, 6)
    evidence = torch.rand(3, 1, *spatial, generator=generator)
    masks = CF.region_masks(QUADRANTS, (7, 6)).numpy()
    counts = CF.region_evidence(evidence, QUADRANTS, reduce="count", threshold=0.5)
    shares = CF.region_evidence(evidence, QUADRANTS)
    for b, region in np.ndindex(3, 5):
        values = evidence[b, 0].numpy()[..., masks[region]]
        assert float(counts[b, region]) == (values >= 0.5).sum()
        assert float(shares[b, region]) == pytest.approx(values.sum() / evidence[b].sum().item(), rel=1e-5)
    assert torch.equal(CF.region_evidence(torch.zeros(2, 1, 4, 4), QUADRANTS), torch.zeros(2, 5))


def test_union_mask_is_the_union() -> None:
    zones = torch.rand(20, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    masks = CF.region_masks(QUADRANTS, (7, 6))
    expected = torch.stack([masks[row].any(dim=0) for row in zones])
    assert torch.equal(CF.union_mask(zones, QUADRANTS, (7, 6)), expected)
    assert torch.equal(CF.union_mask(zones, QUADRANTS, (3, 7, 6)), expected.unsqueeze(1).expand(-1, 3, -1, -1))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: CF.region_masks("lungs", (4, 4)), InvalidTypeError),
        (lambda: CF.region_masks(LUNG_ZONES, (4,)), InvalidValueError),
        (lambda: CF.region_boxes(LUNG_ZONES, (4, 0)), InvalidValueError),
        (lambda: CF.region_boxes(LUNG_ZONES, (4, 2.0)), InvalidValueError),
        (lambda: CF.region_evidence(torch.zeros(4, 4), LUNG_ZONES), InvalidValueError),
        (lambda: CF.region_evidence([[0]], LUNG_ZONES), InvalidTypeError),
        (lambda: CF.region_evidence(torch.full((1, 4, 4), torch.nan), LUNG_ZONES), InvalidValueError),
        (lambda: CF.region_evidence(torch.zeros(1, 4, 4), LUNG_ZONES, reduce="mean"), InvalidValueError),
        (lambda: CF.union_mask(torch.zeros(1, 5).bool(), LUNG_ZONES, (4, 4)), InvalidValueError),
        (lambda: CF.calibrate(QUADRANTS, torch.ones(1, 9, 9).bool(), torch.ones(1, 5).bool()), InvalidValueError),
        (lambda: CF.calibrate(LUNG_ZONES, torch.zeros(1, 9, 9).bool(), torch.ones(1, 6).bool()), InvalidValueError),
        (lambda: CF.calibrate(LUNG_ZONES, torch.ones(1, 9, 9), torch.ones(1, 6).bool()), InvalidTypeError),
        (lambda: CF.calibrate(LUNG_ZONES, torch.ones(1, 9, 9).bool(), torch.ones(2, 6).bool()), InvalidValueError),
        (lambda: CF.calibrate(LUNG_ZONES, torch.ones(1, 2, 9).bool(), torch.ones(1, 6).bool()), InvalidValueError),
    ],
)
def test_errors(call: object, error: type) -> None:
    with pytest.raises(error, match=r"Expected `.*but"):
        call()


def _blobs(atlas: Atlas, count: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks that fill a part of each named region."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.rand(count, len(atlas), generator=generator) < 0.4
    positions[:, 0] |= ~positions.any(dim=1)
    noise = torch.rand(count, size, size, generator=generator) < 0.5
    return CF.union_mask(positions, atlas, (size, size)) & noise, positions


@pytest.mark.parametrize("rows", [(0.25, 0.5), (0.3125, 0.390625), (0.5, 0.75)])
@pytest.mark.parametrize("laterality", ["viewer", "patient"])
def test_calibration_finds_the_cuts_and_the_side(rows: tuple[float, float], laterality: str) -> None:
    truth = LUNG_ZONES.with_geometry(rows=rows, laterality=laterality)
    masks, positions = _blobs(truth, 60, 64)
    found = CF.calibrate(LUNG_ZONES, masks, positions)
    assert found.atlas.rows == pytest.approx(rows, abs=1 / 64)
    assert found.atlas.laterality == laterality
    assert found.orientation == ("upright" if laterality == "viewer" else "mirrored")
    assert found.after.exact > 0.95
    assert found.after.macro_f1 > found.before.macro_f1


def test_calibration_tells_transposed_masks() -> None:
    masks, positions = _blobs(LUNG_ZONES, 60, 64)
    found = CF.calibrate(LUNG_ZONES, masks.mT, positions)
    assert found.orientation == "transposed"
    assert found.after.exact > 0.95 > found.before.exact


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_handful_of_samples_decides_nothing(count: int) -> None:
    truth = LUNG_ZONES.with_geometry(rows=(0.25, 0.5), laterality="patient")
    masks, positions = _blobs(truth, count, 64)
    found = CF.calibrate(LUNG_ZONES, masks, positions)
    assert found.orientation == "unknown"
    assert found.atlas is LUNG_ZONES
    assert found.after is found.before


def test_captions_that_do_not_tell_the_sides_decide_nothing() -> None:
    masks, positions = _blobs(LUNG_ZONES, 60, 64)
    both = positions | positions[:, list(LUNG_ZONES.mirror)]
    assert CF.calibrate(LUNG_ZONES, masks | masks.flip(-1), both).orientation == "unknown"
    shuffled = positions[torch.randperm(60, generator=torch.Generator().manual_seed(1))]
    assert CF.calibrate(LUNG_ZONES, masks, shuffled).orientation == "unknown"


def test_transposed_masks_under_the_other_laterality() -> None:
    patient = LUNG_ZONES.with_geometry(laterality="patient")
    masks, positions = _blobs(patient, 60, 64)
    found = CF.calibrate(LUNG_ZONES, masks.mT, positions)
    assert (found.orientation, found.atlas.laterality) == ("transposed", "patient")
    assert found.after.exact > 0.95


def test_masks_of_negative_numbers_are_empty() -> None:
    with pytest.raises(InvalidValueError, match="`masks` to hold lesion pixels"):
        CF.calibrate(LUNG_ZONES, torch.full((9, 9, 9), -1), torch.ones(9, 6).bool())


def test_an_atlas_without_sides_has_no_mirrored_reading() -> None:
    rows = ((0.0, 0.25, 0.0, 1.0), (0.25, 1.0, 0.0, 1.0))
    bands = dataclasses.replace(LUNG_ZONES, names=("top", "rest"), mirror=(0, 1), cells=rows, sides=(), columns=())
    masks, positions = _blobs(bands, 60, 64)
    assert CF.calibrate(bands, masks, positions).orientation == "upright"
    assert CF.calibrate(bands, masks.mT, positions).orientation == "transposed"


@pytest.mark.parametrize("missing", ["positions", "either"])
def test_masks_and_captions_that_never_meet_are_refused(missing: str) -> None:
    masks, positions = _blobs(LUNG_ZONES, 60, 64)
    if missing == "positions":
        positions[:] = False
    else:
        positions[:30], masks[30:] = False, False
    with pytest.raises(InvalidValueError, match=r"Expected `positions` to name a region in a sample .* but no sample"):
        CF.calibrate(LUNG_ZONES, masks, positions)


def test_an_atlas_that_overlaps_is_told_the_way_forward() -> None:
    with pytest.raises(InvalidValueError, match=r"Expected `atlas` to tile.*`region_evidence`"):
        CF.calibrate(QUADRANTS, torch.ones(1, 9, 9).bool(), torch.ones(1, 5).bool())


def test_calibration_on_the_real_masks(data_root: Path) -> None:
    rows = json.loads((data_root / "qata" / "annotation.json").read_text())["train"][:857]
    folder = data_root / "qata" / "train" / "masks"
    masks = torch.stack(
        [torch.from_numpy(np.array(Image.open(folder / row["image_path"]).convert("L")) > 127) for row in rows]
    )
    positions = torch.tensor([row["pseudo_label"] for row in rows])
    found = CF.calibrate(LUNG_ZONES, masks, positions)
    assert found.orientation == "upright"
    assert found.atlas.laterality == "viewer"
    assert found.atlas.rows == pytest.approx((0.31, 0.38), abs=0.02)
    assert found.after.macro_f1 > 0.89 > found.before.macro_f1
    assert CF.calibrate(LUNG_ZONES, masks.flip(-1), positions).orientation == "mirrored"
    assert CF.calibrate(LUNG_ZONES, masks.mT, positions).orientation == "transposed"


def test_masks_of_floats_are_refused_with_what_to_give_instead() -> None:
    with pytest.raises(InvalidTypeError, match=r"got torch\.float32: give `masks > 0\.5`\."):
        CF.calibrate(LUNG_ZONES, torch.ones(1, 9, 9), torch.ones(1, 6).bool())
