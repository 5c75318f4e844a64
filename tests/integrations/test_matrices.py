"""Matrices read for what they do to a caption, against matrices built from known parts."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossmodal_aug import LUNG_ZONES, QUADRANTS
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.matrices import mirrored, region_shift, rotation, visible_share

SIZE = (30, 50)


def built(turn: float, scale: float, flip: bool, shift: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    """Flip first, then turn and scale about the centre, then shift (in pixels)."""
    cx, cy = (SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2
    to_origin = torch.tensor([[1.0, 0, -cx], [0, 1, -cy], [0, 0, 1]])
    back = torch.tensor([[1.0, 0, cx + shift[0]], [0, 1, cy + shift[1]], [0, 0, 1]])
    cos, sin = scale * math.cos(math.radians(turn)), scale * math.sin(math.radians(turn))
    turned = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    flipped = torch.diag(torch.tensor([-1.0 if flip else 1.0, 1.0, 1.0]))
    return (back @ turned @ flipped @ to_origin).unsqueeze(0)


@given(st.floats(-179, 179), st.floats(0.2, 4), st.booleans(), st.tuples(st.floats(-40, 40), st.floats(-40, 40)))
def test_the_turn_and_the_mirroring_that_went_in_come_out(
    turn: float, scale: float, flip: bool, shift: tuple[float, float]
) -> None:
    matrix = built(turn, scale, flip, shift)
    assert mirrored(matrix, SIZE).item() is flip
    assert rotation(matrix, SIZE).item() == pytest.approx(abs(turn), abs=1e-2)


def test_a_vertical_flip_is_a_mirroring_and_half_a_turn() -> None:
    upside_down = torch.tensor([[[1.0, 0, 0], [0, -1, SIZE[0] - 1], [0, 0, 1]]])
    assert mirrored(upside_down, SIZE).item() is True
    assert rotation(upside_down, SIZE).item() == pytest.approx(180)


def test_a_perspective_is_judged_at_the_centre_of_the_image() -> None:
    matrix = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0.01, 0, 1]]])
    step = 1e-2
    centre = torch.tensor([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2, 1.0])

    def mapped(point: torch.Tensor) -> torch.Tensor:
        out = matrix[0] @ point
        return out[:2] / out[2]

    right = (mapped(centre + torch.tensor([step, 0, 0])) - mapped(centre)) / step
    down = (mapped(centre + torch.tensor([0, step, 0])) - mapped(centre)) / step
    angle = math.degrees(math.atan2(float(right[1] - down[0]), float(right[0] + down[1])))
    assert rotation(matrix, SIZE).item() == pytest.approx(abs(angle), abs=0.1)


@pytest.mark.parametrize("atlas", [LUNG_ZONES, QUADRANTS])
@pytest.mark.parametrize("flip", [False, True])
def test_a_shift_is_measured_for_every_region_whatever_the_mirroring(atlas, flip: bool) -> None:
    matrix = built(0, 1, flip, (5.0, -6.0))
    shift = region_shift(matrix, atlas, SIZE, SIZE)
    torch.testing.assert_close(shift, torch.full_like(shift, max(5 / SIZE[1], 6 / SIZE[0])))


def test_visibility_counts_what_leaves_the_image() -> None:
    down_by_half = built(0, 1, False, (0.0, SIZE[0] / 2))
    share = visible_share(down_by_half, LUNG_ZONES.with_geometry(rows=(0.25, 0.5)), SIZE, SIZE)[0]
    assert share.tolist() == [1, 1, 0, 1, 1, 0]
    resized = torch.diag(torch.tensor([0.5, 0.5, 1.0])).unsqueeze(0)
    assert visible_share(resized, LUNG_ZONES, SIZE, (15, 25)).eq(1).all()


@pytest.mark.parametrize("wrong", [torch.eye(3), torch.zeros(2, 2, 3)])
def test_shapes_are_checked(wrong: torch.Tensor) -> None:
    with pytest.raises(InvalidValueError, match=r"`matrices` of shape \(B, 3, 3\)"):
        mirrored(wrong, SIZE)
    with pytest.raises(InvalidTypeError, match="`matrices`"):
        rotation([[1, 0, 0]], SIZE)
