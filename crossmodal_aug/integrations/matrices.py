"""What a geometric transformation does to a caption, read from its 3 x 3 matrix.

A matrix takes homogeneous pixel coordinates (x, y, 1) of the input to those of the output, as in kornia; pixel
centres lie at whole numbers. A perspective matrix is judged by its linear part at the centre of the image.
"""

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.checks import check_tensor

_POINTS = 8


def mirrored(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """Whether the image is seen from behind: the sign of the determinant of the linear part.

    A vertical flip counts as mirrored, and as turned by 180 degrees; see `rotation`.

    Args:
        matrices: (B, 3, 3).
        size: (H, W) of the input.

    Returns:
        (B,) bool.

    Raises:
        InvalidTypeError: ``matrices`` is no tensor.
        InvalidValueError: ``matrices`` is not (B, 3, 3).

    Example:
        >>> flip = torch.tensor([[[-1.0, 0.0, 3.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> mirrored(flip, (4, 4))
        tensor([True])
    """
    linear = _linear_part(matrices, size)
    return linear[:, 0, 0] * linear[:, 1, 1] < linear[:, 0, 1] * linear[:, 1, 0]


def rotation(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """Angle by which the image is turned once a horizontal mirroring is undone.

    It is the angle of the rotation nearest to the linear part (its polar factor), so that scale does not matter
    and a shear counts as the turn that it contains. A vertical flip is a horizontal one and a turn by 180 degrees.

    Args:
        matrices: (B, 3, 3).
        size: (H, W) of the input.

    Returns:
        (B,) degrees in [0, 180], in the dtype of ``matrices``.

    Raises:
        InvalidTypeError: ``matrices`` is no tensor.
        InvalidValueError: ``matrices`` is not (B, 3, 3).

    Example:
        >>> upside_down = torch.diag(torch.tensor([1.0, -1.0, 1.0])).unsqueeze(0)
        >>> rotation(upside_down, (4, 4))
        tensor([180.])
    """
    linear = _linear_part(matrices, size)
    # Undoing the mirroring before the transformation negates the first column.
    first = torch.where(mirrored(matrices, size).unsqueeze(1), -linear[:, :, 0], linear[:, :, 0])
    second = linear[:, :, 1]
    return torch.rad2deg(torch.atan2(first[:, 1] - second[:, 0], first[:, 0] + second[:, 1])).abs()


def visible_share(matrices: Tensor, atlas: Atlas, size: tuple[int, int], output_size: tuple[int, int]) -> Tensor:
    """Share of each region's place that lies inside the output image, measured on 8 x 8 points.

    Args:
        matrices: (B, 3, 3).
        atlas: K regions.
        size: (H, W) of the input.
        output_size: (H, W) of the output.

    Returns:
        (B, K) float in [0, 1].

    Raises:
        InvalidTypeError: ``matrices`` is no tensor.
        InvalidValueError: ``matrices`` is not (B, 3, 3).

    Example:
        >>> from crossmodal_aug import QUADRANTS
        >>> half_out = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]]])
        >>> visible_share(half_out, QUADRANTS, (8, 8), (8, 8))[0, :2]
        tensor([0.5000, 0.5000])
    """
    steps = (torch.arange(_POINTS, dtype=matrices.dtype, device=matrices.device) + 0.5) / _POINTS
    down, across = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing="ij"))
    y0, y1, x0, x1 = _boxes(atlas, matrices)
    placed = _mapped(matrices, x0 + (x1 - x0) * across, y0 + (y1 - y0) * down, size, output_size)
    return ((placed >= 0) & (placed < 1)).all(dim=-1).to(matrices.dtype).mean(dim=-1)


def region_shift(matrices: Tensor, atlas: Atlas, size: tuple[int, int], output_size: tuple[int, int]) -> Tensor:
    """How far the middle of each region lies from where the atlas has it, once a mirroring is undone.

    Args:
        matrices: (B, 3, 3).
        atlas: K regions.
        size: (H, W) of the input.
        output_size: (H, W) of the output.

    Returns:
        (B, K) float: the larger of the shifts along the two axes, as a share of the output image.

    Raises:
        InvalidTypeError: ``matrices`` is no tensor.
        InvalidValueError: ``matrices`` is not (B, 3, 3).

    Example:
        >>> from crossmodal_aug import QUADRANTS
        >>> flip = torch.tensor([[[-1.0, 0.0, 7.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]]])
        >>> region_shift(flip, QUADRANTS, (8, 8), (8, 8))[0, 0]
        tensor(0.2500)
    """
    y0, y1, x0, x1 = _boxes(atlas, matrices)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    placed = _mapped(matrices, x, y, size, output_size)
    expected_x = torch.where(mirrored(matrices, size).view(-1, 1, 1), 1 - x, x)
    wanted = torch.stack((expected_x, y.expand_as(expected_x)), dim=-1)
    return (placed - wanted).abs().amax(dim=(-2, -1))


def _boxes(atlas: Atlas, like: Tensor) -> tuple[Tensor, ...]:
    """Sides of the regions' boxes, each (K, 1)."""
    return torch.tensor(atlas.boxes, dtype=like.dtype, device=like.device).unsqueeze(-1).unbind(dim=1)


def _linear_part(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 2, 2): the derivative of the transformation at the centre of the image."""
    _check(matrices)
    centre = matrices.new_tensor([(size[1] - 1) / 2, (size[0] - 1) / 2, 1.0])
    x, y, scale = (matrices @ centre).unbind(dim=1)
    place = torch.stack((x, y), dim=1) / scale.unsqueeze(1)
    return (matrices[:, :2, :2] - place.unsqueeze(2) * matrices[:, 2:, :2]) / scale.view(-1, 1, 1)


def _mapped(matrices: Tensor, x: Tensor, y: Tensor, size: tuple[int, int], output_size: tuple[int, int]) -> Tensor:
    """Points given and returned as shares of the image: (K, N) twice to (B, K, N, 2) of (x, y)."""
    _check(matrices)
    pixels = torch.stack((x * size[1] - 0.5, y * size[0] - 0.5, torch.ones_like(x)), dim=-1)
    mapped = torch.einsum("bij,knj->bkni", matrices, pixels)
    height, width = output_size
    return (mapped[..., :2] / mapped[..., 2:] + 0.5) / mapped.new_tensor([width, height])


def _check(matrices: Tensor) -> None:
    check_tensor("matrices", matrices)
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3):
        raise InvalidValueError(f"Expected `matrices` of shape (B, 3, 3), but got {tuple(matrices.shape)}.")
