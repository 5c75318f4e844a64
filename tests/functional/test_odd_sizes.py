"""Mirrors at odd widths and heights: the middle column stays, and words agree with pixels but for that column."""

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas, PositionParser, SyncFlip, SyncGeometry

PATIENT = LUNG_ZONES.with_geometry(laterality="patient")
SIZES = [(1, 1), (1, 3), (7, 1), (5, 7), (8, 9), (9, 8), (23, 25), (25, 223)]


def flip_of(across: bool, down: bool) -> torch.Tensor:
    flip = torch.eye(3).unsqueeze(0)
    for axis, does in enumerate((across, down)):
        if does:
            flip[0, axis, axis], flip[0, axis, 2] = -1.0, 1.0
    return flip


@pytest.mark.parametrize("size", SIZES)
def test_column_x_becomes_column_w_minus_1_minus_x(size) -> None:
    height, width = size
    image = torch.arange(height * width).view(1, 1, height, width)
    labels, text = image % 5, ["Opacity in the upper left lung."]
    out = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)(image, text, labels, evidence=image % 2, maps=[image.float()])
    for x in range(width):
        there = width - 1 - x
        assert torch.equal(out.images[..., there], image[..., x])
        assert torch.equal(out.target[..., there], labels[..., x])
        assert torch.equal(out.evidence[..., there], image[..., x] % 2)
        assert torch.equal(out.maps[0][..., there], image[..., x].float())
    if width % 2:
        assert torch.equal(out.images[..., width // 2], image[..., width // 2])
    assert out.texts == ["Opacity in the upper right lung."]


@pytest.mark.parametrize("size", [*SIZES, (511, 513), (512, 1023)])
@pytest.mark.parametrize(("across", "down"), [(True, False), (False, True), (True, True)])
def test_a_mirror_as_a_matrix_is_the_same(size, across, down) -> None:
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    wanted = image.flip([axis for axis, does in ((-1, across), (-2, down)) if does])
    assert torch.equal(CF.warp(image, flip_of(across, down), nearest=True), wanted)


def test_sync_geometry_flips_odd_sizes_exactly() -> None:
    op = SyncGeometry(PositionParser(QUADRANTS), p=1.0, horizontal=True, vertical=True)
    image = torch.rand(16, 2, 7, 9)
    out = op(image, ["Polyp at the top left."] * 16, generator=torch.Generator().manual_seed(0))
    for before, after, (across, down) in zip(image, out.images, out.params.motions.flips.tolist(), strict=True):
        assert torch.equal(after, before.flip([axis for axis, does in ((-1, across), (-2, down)) if does]))
    assert {text.removeprefix("Polyp at the ") for text in out.texts} == {
        "top left.", "top right.", "bottom left.", "bottom right.",
    }  # fmt: skip


@pytest.mark.parametrize("size", [*SIZES, (6, 10), (24, 24), (30, 22)])
@pytest.mark.parametrize(
    ("atlas", "across", "down"),
    [
        (LUNG_ZONES, True, False),
        (PATIENT, True, False),
        (QUADRANTS, True, False),
        (QUADRANTS, False, True),
        (QUADRANTS, True, True),
    ],
    ids=["lungs", "patient", "across", "down", "both"],
)
def test_words_agree_with_pixels_but_in_the_middle(atlas: Atlas, across: bool, down: bool, size) -> None:
    """A lesion of one pixel anywhere: the regions that follow the mirror are those that hold it afterwards."""
    height, width = size
    lesions = torch.eye(height * width, dtype=torch.bool).view(-1, 1, height, width)[
        :: 1 if height * width < 999 else 7
    ]
    held = CF.region_evidence(lesions, atlas, reduce="count") > 0
    flip = flip_of(across, down).expand(len(lesions), 3, 3)
    positions, kept = CF.follow(flip, held, atlas, lesions, "image")
    assert kept.all()
    mirrored = lesions.flip([axis for axis, does in ((-1, across), (-2, down)) if does])
    agree = (positions == (CF.region_evidence(mirrored, atlas, reduce="count") > 0)).all(dim=1)
    pixel = lesions.flatten(1).int().argmax(dim=1)
    row, column = pixel // width, pixel % width
    in_the_middle = torch.zeros_like(agree)
    if across and width % 2:
        in_the_middle |= column == width // 2
    if down and height % 2:
        in_the_middle |= row == height // 2
    assert agree[~in_the_middle].all()
    if across and width % 2 and atlas is not QUADRANTS:  # no region of the lungs lies across the middle
        assert not agree[in_the_middle].any()


@pytest.mark.parametrize("width", [24, 25])
def test_a_lesion_that_reaches_beyond_the_middle_column_keeps_its_side(width) -> None:
    lesion = torch.zeros(1, 1, 9, width, dtype=torch.bool)
    lesion[..., 0:2, width // 2 + 1 : width // 2 + 4] = True
    held = CF.region_evidence(lesion, LUNG_ZONES, reduce="count") > 0
    positions, _ = CF.follow(flip_of(True, False), held, LUNG_ZONES, lesion)
    assert torch.equal(positions, CF.region_evidence(lesion.flip(-1), LUNG_ZONES, reduce="count") > 0)
    assert positions[0].nonzero().flatten().tolist() == [LUNG_ZONES.index("left upper")]
