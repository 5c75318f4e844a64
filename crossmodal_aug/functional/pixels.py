"""Pixels: matrices as other libraries hand them out, brought to shares of the image."""

from __future__ import annotations

from numbers import Integral
from typing import Literal

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.checks import check_choice, check_tensor
from crossmodal_aug.functional.geometry import check_regular, normalised
from crossmodal_aug.functional.precision import full_precision
from crossmodal_aug.functional.warping import inverse_of


def matrices_from_pixels(
    matrices: Tensor,
    size: tuple[int, int],
    result_size: tuple[int, int] | None = None,
    *,
    origin: Literal["centre", "corner"] = "centre",
    inverse: bool = False,
) -> Tensor:
    """Bring matrices that work on pixels to shares of the image, as `follow` and `warp` take them.

    An image of W x H pixels is [0, 1] x [0, 1] in shares, from its left and upper edge to its right and lower one. The
    centre of the pixel in column i and row j lies at ((i + 1/2) / W, (j + 1/2) / H).

    Args:
        matrices: (B, 3, 3) floating, homogeneous, or (B, 2, 3) for affine ones: on (x, y) in pixels, x to the right,
            y down.
        size: (H, W) of the source.
        result_size: (H, W) of the result; None where it is that of the source.
        origin: Where (0, 0) lies. "centre": in the centre of the first pixel, as for cv2 (`warpAffine`,
            `warpPerspective`, `getRotationMatrix2D`), albumentations, kornia and scikit-image. "corner": in its upper
            left corner, so that its centre is (1/2, 1/2), as for PIL and torchvision.
        inverse: Whether they lead from the result to the source, as those of PIL's `Image.transform` and of
            cv2's `WARP_INVERSE_MAP` do.

    Returns:
        (B, 3, 3) from source to result, in the dtype of `matrices`, float32 at the least.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes or sizes are wrong, `origin` is neither of the two, or on the CPU a matrix is singular
            or not finite.

    Examples:
        >>> flip = torch.tensor([[[-1.0, 0.0, 3.0], [0.0, 1.0, 0.0]]])  # cv2: column i of 4 becomes 3 - i
        >>> matrices_from_pixels(flip, (2, 4))
        tensor([[[-1.,  0.,  1.],
                 [ 0.,  1.,  0.],
                 [ 0.,  0.,  1.]]])

    Convention:
        - Randomness: none. No trip to the host; precision float32 at the least, also under autocast.
    """
    matrices = check_tensor("matrices", matrices)
    if not matrices.is_floating_point():
        raise InvalidTypeError(f"Expected `matrices` to be a floating tensor, but got {matrices.dtype}.")
    if matrices.ndim != 3 or matrices.shape[1:] not in ((3, 3), (2, 3)):
        raise InvalidValueError(
            f"Expected `matrices` of shape (B, 3, 3) or (B, 2, 3), but got {tuple(matrices.shape)}."
        )
    check_choice("origin", origin, ("centre", "corner"))
    source = _check_size("size", size)
    result = source if result_size is None else _check_size("result_size", result_size)
    pixels = matrices.detach()
    pixels = pixels if pixels.dtype == torch.float64 else pixels.float()
    if pixels.shape[1] == 2:
        last = pixels.new_tensor([0.0, 0.0, 1.0]).expand(pixels.shape[0], 1, 3)
        pixels = torch.cat((pixels, last), dim=1)
    before, after = (result, source) if inverse else (source, result)
    shares = to_shares(pixels, before, after, first=0.5 if origin == "centre" else 0.0)
    check_regular(shares)
    return normalised(inverse_of(normalised(shares)[0]))[0] if inverse else shares


def to_shares(matrices: Tensor, before: tuple[int, int], after: tuple[int, int], *, first: float = 0.5) -> Tensor:
    """Do what `matrices_from_pixels` does with what it has checked.

    Args:
        matrices: (B, 3, 3) on pixels.
        before: (H, W) of the image that they lead from.
        after: (H, W) of the image that they lead to.
        first: How far the origin lies from the edges of the image: 0.5 in the centre of the first pixel.

    Returns:
        (B, 3, 3) on shares.
    """
    (height, width), (rows, columns) = before, after
    pixels = matrices.new_tensor([[width, 0.0, -first], [0.0, height, -first], [0.0, 0.0, 1.0]])
    shares = matrices.new_tensor([[1 / columns, 0.0, first / columns], [0.0, 1 / rows, first / rows], [0.0, 0.0, 1.0]])
    with full_precision(matrices.device):
        return shares @ matrices @ pixels


def _check_size(name: str, size: object) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, (tuple, list)) else ()
    if len(pair) != 2 or any(isinstance(one, bool) or not isinstance(one, Integral) for one in pair):
        raise InvalidTypeError(f"Expected `{name}` to be two integers, (H, W), but got {shown(size)}.")
    if min(pair) < 1:
        raise InvalidValueError(f"Expected `{name}` of at least one pixel each way, but got {shown(size)}.")
    return int(pair[0]), int(pair[1])
