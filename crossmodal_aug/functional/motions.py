"""Motions: what `SyncGeometry` draws for each sample, as flips, quarter turns and a matrix for all the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.bits import on_bits
from crossmodal_aug.functional.filling import Fill
from crossmodal_aug.functional.geometry import normalised
from crossmodal_aug.functional.pasting import choose
from crossmodal_aug.functional.precision import full_precision
from crossmodal_aug.functional.warping import inverse_of, warped


@dataclass(frozen=True)
class Motions:
    """A geometry for each sample: flipped, then turned, then moved by a matrix.

    Attributes:
        flips: (B, 2) bool: left to right, and upside down.
        quarters: (B,) int64: quarter turns, anticlockwise.
        affine: (B, 3, 3) float32: all the rest, on (x, y) in shares of the image, from source to result.
    """

    flips: Tensor
    quarters: Tensor
    affine: Tensor

    @property
    def any(self) -> Tensor:
        """(B,) bool: whether a sample is moved at all."""
        identity = torch.eye(3, dtype=self.affine.dtype, device=self.affine.device)
        still = (self.affine == identity).flatten(1).all(dim=1)
        # Both flips and a half turn are nothing together, and so are no quarter turns at all.
        half = self.flips.all(dim=1) & (self.quarters == 2)
        return ~(still & (half | (~self.flips.any(dim=1) & (self.quarters == 0))))

    @property
    def matrices(self) -> Tensor:
        """(B, 3, 3) float32: the whole geometry, from source to result."""
        with full_precision(self.affine.device):
            return self.affine @ self._discrete()

    def _discrete(self) -> Tensor:
        across, down = (1.0 - 2.0 * self.flips.to(self.affine.dtype)).unbind(dim=1)
        # A quarter turn takes (x, y) to (y, 1 - x): about the centre, (x, y) to (y, -x).
        cosine = (1 - self.quarters % 4).where(self.quarters % 2 == 0, 0).to(self.affine.dtype)
        sine = (2 - self.quarters % 4).where(self.quarters % 2 == 1, 0).to(self.affine.dtype)
        first = torch.stack((cosine * across, sine * down), dim=1)
        second = torch.stack((-sine * across, cosine * down), dim=1)
        linear = torch.stack((first, second), dim=1)
        return about_centre(linear, torch.zeros_like(linear[:, 0]))

    def without(self, refused: Tensor) -> Motions:
        """Return the same with some samples (B,) bool left where they are."""
        identity = torch.eye(3, dtype=self.affine.dtype, device=self.affine.device)
        return Motions(
            flips=self.flips & ~refused.unsqueeze(1),
            quarters=self.quarters.masked_fill(refused, 0),
            affine=torch.where(refused.view(-1, 1, 1), identity, self.affine),
        )


def about_centre(linear: Tensor, shift: Tensor) -> Tensor:
    """Return the matrices that map about the centre of the image, and shift.

    Args:
        linear: (B, 2, 2).
        shift: (B, 2) in shares of the image.

    Returns:
        (B, 3, 3).
    """
    offset = 0.5 + shift - linear.sum(dim=2) / 2
    top = torch.cat((linear, offset.unsqueeze(2)), dim=2)
    last = top.new_tensor([0.0, 0.0, 1.0]).expand(top.shape[0], 1, 3)
    return torch.cat((top, last), dim=1)


def draw_motions(
    draws: Tensor,
    size: tuple[int, int],
    *,
    flips: tuple[bool, bool],
    quarter_turns: bool,
    degrees: float,
    scale: tuple[float, float],
    translate: float,
    crop: tuple[float, float] | None,
) -> Motions:
    """Make a geometry of random numbers.

    Args:
        draws: (B, 10) numbers in [0, 1).
        size: Height and width of the images, so that a turn keeps angles.
        flips: Whether to flip left to right, and upside down.
        quarter_turns: Whether to turn by quarters.
        degrees: Most to turn by.
        scale: Range of the factor to magnify by.
        translate: Most to shift by, in shares of the image.
        crop: Range of the share of the sides of a window, or None.

    Returns:
        The geometry.
    """
    height, width = size
    flipped = torch.stack([(draws[:, axis] < 0.5) & allowed for axis, allowed in enumerate(flips)], dim=1)
    quarters = (draws[:, 2] * 4).long() if quarter_turns else torch.zeros_like(draws[:, 2], dtype=torch.int64)
    angle = torch.deg2rad((2 * draws[:, 3] - 1) * degrees)
    factor = scale[0] + (scale[1] - scale[0]) * draws[:, 4]
    cosine, sine = factor * angle.cos(), factor * angle.sin()
    first = torch.stack((cosine, -sine * (height / width)), dim=1)
    second = torch.stack((sine * (width / height), cosine), dim=1)
    affine = about_centre(torch.stack((first, second), dim=1), (2 * draws[:, 5:7] - 1) * translate)
    if crop is not None:
        share = crop[0] + (crop[1] - crop[0]) * draws[:, 7]
        corner = draws[:, 8:10] * (1 - share).unsqueeze(1)
        # The window from `corner` on fills the image: (x - corner) / share.
        window = torch.cat((affine[:, :2] - corner.unsqueeze(2) * affine[:, 2:], affine[:, 2:]), dim=1)
        affine = torch.cat((window[:, :2] / share.view(-1, 1, 1), window[:, 2:]), dim=1)
    return Motions(flipped, quarters, affine)


def moved(tensor: Tensor, motions: Motions, *, bends: bool, nearest: bool, fill: Fill) -> Tensor:
    """Move a tensor (B, ..., H, W).

    Args:
        tensor: The tensor.
        motions: What each sample is moved by.
        bends: Whether any has a matrix; flips and quarter turns alone move pixels exactly.
        nearest: Whether the nearest pixel is taken where a matrix moves them, instead of interpolating.
        fill: What pixels become that lie outside the source; where the nearest is taken, also one number a channel.

    Returns:
        The moved tensor.
    """
    out = on_bits(lambda bits: _turned(_flipped(bits, motions), motions.quarters), tensor)
    return warped(out, motions.affine, nearest=nearest, fill=fill) if bends else out


def moved_back(tensor: Tensor, motions: Motions, *, bends: bool, nearest: bool, fill: Fill) -> Tensor:
    """Undo `moved`, up to what it interpolated and left outside the view; the arguments are the same."""
    back, _ = normalised(inverse_of(motions.affine))
    out = warped(tensor, back, nearest=nearest, fill=fill) if bends else tensor
    return on_bits(lambda bits: _flipped(_turned(bits, 4 - motions.quarters), motions), out)


def _flipped(tensor: Tensor, motions: Motions) -> Tensor:
    for axis, flip in zip((-1, -2), motions.flips.unbind(dim=1), strict=True):
        tensor = choose(flip.view(-1, *[1] * (tensor.ndim - 1)), tensor.flip(axis), tensor)
    return tensor


def _turned(tensor: Tensor, quarters: Tensor) -> Tensor:
    if tensor.shape[-1] != tensor.shape[-2]:
        return tensor  # never turned
    once, twice = (one.view(-1, *[1] * (tensor.ndim - 1)) for one in (quarters % 2 == 1, quarters % 4 >= 2))
    tensor = choose(once, tensor.rot90(1, (-2, -1)), tensor)
    return choose(twice, tensor.flip(-1, -2), tensor)


def check_range(name: str, values: object, least: float, most: float) -> tuple[float, float]:
    """Return two numbers, the first at most the second and both inside some bounds, or raise.

    Args:
        name: What to call them in errors.
        values: What was given.
        least: The least that is allowed.
        most: The most that is allowed.

    Returns:
        The two numbers.

    Raises:
        InvalidTypeError: They are not two numbers.
        InvalidValueError: They fall, or lie outside the bounds.
    """
    pair = tuple(values) if isinstance(values, (tuple, list)) else ()
    if len(pair) != 2 or any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in pair):
        raise InvalidTypeError(f"Expected `{name}` to be two numbers, but got {shown(values)}.")
    if not (least <= pair[0] <= pair[1] <= most and all(map(math.isfinite, pair))):
        raise InvalidValueError(f"Expected `{name}` to rise inside [{least}, {most}], but got {shown(values)}.")
    return float(pair[0]), float(pair[1])
