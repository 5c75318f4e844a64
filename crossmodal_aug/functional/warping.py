"""Warping: images and maps moved by a 3 x 3 matrix for each sample."""

from __future__ import annotations

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.bits import as_bits, on_bits
from crossmodal_aug.functional.checks import check_flag, check_number, check_tensor
from crossmodal_aug.functional.filling import Fill, check_held, fill_of
from crossmodal_aug.functional.geometry import check_matrices, check_sound, cofactors_of, in_front, sources_of
from crossmodal_aug.functional.precision import full_precision


def warp(tensor: Tensor, matrices: Tensor, *, nearest: bool = False, fill: float = 0.0) -> Tensor:
    """Move an image or a map by a matrix for each sample.

    Args:
        tensor: (B, ..., H, W). What stands between, channels or the depth of a volume, is moved alike.
        matrices: (B, 3, 3) floating: homogeneous, from source to result, on (x, y) in shares of the image: x to the
            right, y down, both in [0, 1]. `matrices_from_pixels` brings those of other libraries there.
        nearest: Whether each pixel of the result is the source pixel in which its centre comes to lie, exactly as
            `follow` looks at evidence; for masks and labels. Else it is interpolated between four (kornia's
            `warp_perspective`); integers are rounded.
        fill: What pixels become that lie outside the source.

    Returns:
        A tensor of the same shape and dtype.

    Raises:
        InvalidTypeError: An argument has the wrong type, or a complex tensor is to be interpolated.
        InvalidValueError: Shapes disagree, or the dtype cannot hold `fill`. On the CPU also: a matrix is singular, not
            finite, or puts the centre of the image on the horizon of its perspective. Or all are in pixels by the look
            of them, as `follow` says.

    Examples:
        >>> shift = torch.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> warp(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), shift, nearest=True)
        tensor([[[[0., 0., 1., 2.]]]])

    Convention:
        - Precision: interpolated in float32 at the least, also under autocast, and rounded to the dtype once.
        - Randomness: none. No trip to the host; compiles with `fullgraph=True`.
    """
    tensor = check_tensor("tensor", tensor)
    matrices, sound = check_matrices(matrices)
    check_sound(matrices, sound)
    if tensor.ndim < 3 or tensor.shape[0] != matrices.shape[0]:
        raise InvalidValueError(
            f"Expected `tensor` of shape ({matrices.shape[0]}, ..., H, W), but got {tuple(tensor.shape)}."
        )
    return warped(tensor, matrices, nearest=check_flag("nearest", nearest), fill=check_number("fill", fill))


def warped(tensor: Tensor, matrices: Tensor, *, nearest: bool, fill: Fill) -> Tensor:
    """Do what `warp` does with what it has checked: matrices with a third coordinate of 1 at the centre.

    `fill` may be one number for each channel of (B, C, ..., H, W), where the nearest pixel is taken.
    """
    check_held(fill, tensor.dtype)
    if nearest:
        return _nearest(tensor, matrices, fill)
    if isinstance(fill, tuple):
        raise InvalidTypeError(f"Expected `fill` to be one number where pixels are interpolated, but got {fill}.")
    if tensor.is_complex():
        raise InvalidTypeError(f"Expected a real `tensor` to interpolate in, but got {tensor.dtype}.")
    return _interpolated(tensor, matrices, fill)


def inverse_of(matrices: Tensor) -> Tensor:
    """Return the inverses of 3 x 3 matrices (B, 3, 3), up to a factor, without a look at the device."""
    return cofactors_of(matrices).mT


def _nearest(tensor: Tensor, matrices: Tensor, fill: Fill) -> Tensor:
    height, width = tensor.shape[-2:]
    source, inside = sources_of(matrices, (height, width))
    empty = as_bits(fill_of(fill, tensor))
    if empty.ndim:
        empty = empty.expand(*tensor.shape[1:-2], 1, 1).reshape(1, -1, 1)

    def taken(bits: Tensor) -> Tensor:
        flat = bits.flatten(1, -3).flatten(2) if bits.ndim > 3 else bits.flatten(1).unsqueeze(1)
        shown = flat.gather(2, source.unsqueeze(1).expand(-1, flat.shape[1], -1))
        return torch.where(inside.unsqueeze(1), shown, empty).view(bits.shape)

    return on_bits(taken, tensor)


def _interpolated(tensor: Tensor, matrices: Tensor, fill: float) -> Tensor:
    # kornia takes as long to import as all the rest, and no other op needs it.
    from kornia.geometry.transform import warp_perspective  # noqa: PLC0415

    height, width = tensor.shape[-2:]
    wide = tensor.dtype == torch.float64 or tensor.dtype in (torch.int64, torch.uint64, torch.int32, torch.uint32)
    dtype = torch.float64 if wide else torch.float32
    # Pixel i has its centre at (i + 1/2) / n of the image; kornia counts pixels from the centre of the first.
    to_pixels = matrices.new_tensor([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])
    to_shares = matrices.new_tensor([[1 / width, 0.0, 0.5 / width], [0.0, 1 / height, 0.5 / height], [0.0, 0.0, 1.0]])
    planes = tensor.to(dtype).flatten(1, -3) if tensor.ndim > 3 else tensor.to(dtype).unsqueeze(1)
    with full_precision(tensor.device):
        pixels = (to_pixels @ matrices @ to_shares).to(dtype)
        moved = warp_perspective(planes - fill, pixels, (height, width), mode="bilinear", align_corners=True) + fill
    # What lies behind the viewer, beyond the horizon of a perspective, would be shown upside down.
    moved = moved.masked_fill_(~in_front(matrices, (height, width)).unsqueeze(1), fill).view(tensor.shape)
    if not tensor.is_floating_point():
        moved = moved.round()
    return moved.to(tensor.dtype)
