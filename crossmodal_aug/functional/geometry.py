"""Geometry: 3 x 3 matrices on shares of the image, from the source to the result, and the pixels that they move."""

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.checks import check_tensor

_SINGULAR = 1e-9  # determinant over the product of the lengths of the rows
_FAR = 4.0  # image sizes; no augmentation shifts by more than one, several in a row by a few


def check_matrices(matrices: object) -> tuple[Tensor, Tensor]:
    """Do what `normalised` does with what it has checked."""
    matrices = check_tensor("matrices", matrices)
    if not matrices.is_floating_point():
        raise InvalidTypeError(f"Expected `matrices` to be a floating tensor, but got {matrices.dtype}.")
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3):
        raise InvalidValueError(f"Expected `matrices` of shape (B, 3, 3), but got {tuple(matrices.shape)}.")
    check_regular(matrices)
    matrices, sound = normalised(matrices)
    if _may_be_looked_at(matrices) and _is_all_far_off(matrices):
        raise InvalidValueError(
            "Expected `matrices` on shares of the image, where 1 is its whole width and height, but these take every "
            f"image that they move more than {_FAR:g} times its size out of view. Matrices in pixels do that, such as "
            f"{matrices[-1].tolist()}: see `crossmodal_aug.functional.matrices_from_pixels`."
        )
    return matrices, sound


def check_regular(matrices: Tensor) -> None:
    """Raise unless all matrices are finite and invertible, where looking at them costs no trip to a device."""
    if _may_be_looked_at(matrices):
        _require(_are_regular(_precise(matrices)), matrices, "to be finite and invertible")


def check_sound(matrices: Tensor, sound: Tensor) -> None:
    """Raise unless all matrices are sound, (B,) bool, where looking at them costs no trip to a device."""
    if _may_be_looked_at(matrices):
        _require(sound, matrices, "that keep the centre of the image off the horizon of their perspective")


def _require(held: Tensor, matrices: Tensor, what: str) -> None:
    if not bool(held.all()):
        sample = int((~held).int().argmax())
        raise InvalidValueError(f"Expected `matrices` {what}, but got {matrices[sample].tolist()} for sample {sample}.")


def _may_be_looked_at(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _is_all_far_off(matrices: Tensor) -> bool:
    """Whether each image that is moved at all lands far from the view, as far seen from its side too.

    A window far smaller than the image and an image far smaller than the view are far off by one measure alone.
    """
    moved = (matrices != torch.eye(3, dtype=matrices.dtype)).flatten(1).any(dim=1)
    back, _ = normalised(cofactors_of(matrices).mT)
    far = (_distance_of(matrices) > _FAR) & (_distance_of(back) > _FAR)
    return bool(moved.any()) and bool(far[moved].all())


def _distance_of(matrices: Tensor) -> Tensor:
    """How far the image lands beside the unit square, (B,); 0 where a corner comes to lie behind the viewer."""
    corners, ahead = map_points(matrices, matrices.new_tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    gaps = torch.maximum(corners.amin(dim=1) - 1, -corners.amax(dim=1)).amax(dim=1)
    return gaps.where(ahead.all(dim=1), 0.0)


def normalised(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices with a third coordinate of 1 at the centre of the image.

    Args:
        matrices: (B, 3, 3) floating.

    Returns:
        matrices: The same up to a factor, float32 at the least. A perspective whose horizon runs through the centre has
            no such factor, and stays as it is.
        sound: (B,) bool: which are finite and invertible, with the centre off the horizon.
    """
    matrices = _precise(matrices)
    across, down, shift = matrices[:, 2].unbind(dim=1)
    scale = (across + down) / 2 + shift
    # Up to rounding: no sign tells which half of the image lies in front of the horizon.
    ahead = scale.abs() > 4 * torch.finfo(matrices.dtype).eps * matrices[:, 2].abs().sum(dim=1)
    return matrices / scale.where(ahead, 1.0).view(-1, 1, 1), _are_regular(matrices) & ahead


def _precise(matrices: Tensor) -> Tensor:
    matrices = matrices.detach()
    return matrices if matrices.dtype == torch.float64 else matrices.float()


def _are_regular(matrices: Tensor) -> Tensor:
    """Which are finite and invertible, (B,) bool."""
    determinant = (matrices * cofactors_of(matrices)).sum(dim=2)[:, 0]
    lengths = matrices.square().sum(dim=2).sqrt().prod(dim=1)
    return matrices.isfinite().flatten(1).all(dim=1) & (determinant.abs() > _SINGULAR * lengths)


def sources_of(matrices: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Source pixel that each pixel of the result shows, and whether there is one: (B, H * W) int64 and bool."""
    height, width = size
    down, across = _centres(height, matrices), _centres(width, matrices)
    centres = torch.stack((across.expand(height, width), down.unsqueeze(1).expand(height, width)), dim=2)
    shares, ahead = map_points(_signed_inverse(matrices), centres.flatten(0, 1))
    inside = ((shares >= 0) & (shares < 1)).all(dim=2) & ahead
    column, row = torch.where(inside.unsqueeze(2), shares, 0.0).unbind(dim=2)
    # Just below 1 a product may round up to the size.
    row, column = (row * height).long().clamp_max(height - 1), (column * width).long().clamp_max(width - 1)
    return row * width + column, inside


def in_front(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """Which pixels of the result show what lies in front of the viewer: (B, H, W) bool, all for affine matrices."""
    x, y, shift = _signed_inverse(matrices)[:, 2].unbind(dim=1)
    across = x.unsqueeze(1) * _centres(size[1], matrices) + shift.unsqueeze(1)
    return (y.unsqueeze(1) * _centres(size[0], matrices)).unsqueeze(2) + across.unsqueeze(1) > 0


def _signed_inverse(matrices: Tensor) -> Tensor:
    cofactors = cofactors_of(matrices)
    return cofactors.mT / (matrices * cofactors).sum(dim=2)[:, :1].unsqueeze(2)


def _centres(length: int, matrices: Tensor) -> Tensor:
    return (torch.arange(length, dtype=matrices.dtype, device=matrices.device) + 0.5) / length


def map_points(matrices: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Points (N, 2) through each matrix, (B, N, 2), and whether they are in front of the viewer, (B, N) bool."""
    # Written out: a matrix product would run in lower precision under autocast.
    x, y = points.unbind(dim=1)
    across, down, scale = (row[:, :1] * x + row[:, 1:2] * y + row[:, 2:] for row in matrices.unbind(dim=1))
    return torch.stack((across / scale, down / scale), dim=2), scale > 0


def linear_of(matrices: Tensor, aspect: float) -> Tensor:
    """The derivative at the centre, in pixels, (B, 2, 2): that of a perspective differs from place to place."""
    across, down, scale = matrices.unbind(dim=1)
    centre = torch.stack([(row[:, 0] + row[:, 1]) / 2 + row[:, 2] for row in (across, down)], dim=1)
    linear = matrices[:, :2, :2] - centre.unsqueeze(2) * scale[:, None, :2]
    return linear * linear.new_tensor([[1.0, aspect], [1 / aspect, 1.0]])


def turn_of(matrices: Tensor, aspect: float) -> tuple[Tensor, Tensor]:
    """Whether the image is mirrored, and the degrees that it is turned by once that is undone: (B,) each."""
    (a, b), (c, d) = (row.unbind(dim=1) for row in linear_of(matrices, aspect).unbind(dim=1))
    mirrored = a * d < b * c
    sign = torch.where(mirrored, -1.0, 1.0)
    # The angle of the polar factor; undoing a mirror first negates the first column.
    return mirrored, torch.rad2deg(torch.atan2(sign * c - b, sign * a + d)).abs()


def turned(matrices: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what becomes of left and right.

    Args:
        matrices: (B, 3, 3) with a third coordinate of 1 at the centre of the image.
        size: (H, W) of the image.

    Returns:
        (B,) int64: 0 they stay, 1 they are exchanged, 2 they become up and down.
    """
    linear = linear_of(matrices, size[1] / size[0])
    along, aside = linear[:, 0, 0], linear[:, 0, 1]
    # Up to rounding; at 45 degrees left is still left.
    sideways = aside.abs() > along.abs() * (1 + 1e-4)
    return torch.where(sideways, 2, (along < 0).long())


def cofactors_of(matrices: Tensor) -> Tensor:
    """Cofactors of 3 x 3 matrices: a determinant or an inverse by torch would look at the device."""
    first, second, third = matrices.unbind(dim=1)
    crosses = [torch.linalg.cross(*pair, dim=1) for pair in ((second, third), (third, first), (first, second))]
    return torch.stack(crosses, dim=1)
