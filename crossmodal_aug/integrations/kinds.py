"""What a tensor is beside its values: its class and what that records, its memory format."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.formats import channels_last_of


def plain(tensor: Tensor) -> Tensor:
    """Return the same values as a `torch.Tensor`, whatever subclass holds them."""
    return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)


def like(
    values: Tensor,
    tensor: Tensor,
    *,
    matrices: Tensor | None = None,
    axis: int | None = None,
    spatial: tuple[int, ...] | None = None,
) -> Tensor:
    """Return values as what another tensor of their shape is.

    Args:
        values: (C, *spatial) or (B, C, *spatial), plain.
        tensor: What they came from: its class, attributes and memory format are taken on.
        matrices: (B, 3, 3): how its pixels were moved, on (x, y) in shares of the image; the affine of a MetaTensor
            follows.
        axis: Which spatial axis x is; None for the last. y is the last of the others.
        spatial: Size of the image; None takes that of (C, *spatial).

    Returns:
        The values as a tv_tensor, MetaTensor or any other subclass.

    Raises:
        InvalidValueError: One affine is to serve several samples.
    """
    values = in_format_of(values, tensor)
    if type(tensor) is Tensor:
        return values
    out: Any = plain(values).as_subclass(type(tensor))
    copy_meta = getattr(out, "copy_meta_from", None)
    if callable(copy_meta):
        copy_meta(tensor)
        affine = getattr(tensor, "affine", None)
        if matrices is not None and isinstance(affine, Tensor):
            out.affine = _affine_after(affine, matrices, spatial or tuple(tensor.shape[1:]), axis)
    else:
        out.__dict__.update(tensor.__dict__)
    made: Tensor = out
    return made


def in_format_of(values: Tensor, tensor: Tensor) -> Tensor:
    """Return values in the memory format of a tensor (B, C, ...) or (C, ...) of the same shape."""
    values = plain(values)
    if tensor.is_contiguous():
        return values.contiguous()
    for before in (plain(tensor), plain(tensor).unsqueeze(0)):
        last = channels_last_of(before)
        if last is None:
            continue
        if before.ndim == values.ndim:
            return values.contiguous(memory_format=last)
        return values.unsqueeze(0).contiguous(memory_format=last).squeeze(0)
    return values


def _affine_after(affine: Tensor, matrices: Tensor, spatial: tuple[int, ...], axis: int | None) -> Tensor:
    if affine.ndim == 3 or len(matrices) == 1:
        return affine_after(affine, matrices, spatial, axis)
    if torch.equal(affine, torch.eye(len(affine), dtype=affine.dtype)):
        return affine  # nobody wrote one
    raise InvalidValueError(
        f"Expected one affine for each of the {len(matrices)} samples of a MetaTensor, since each moves by its own "
        "matrix: collate with `monai.data.list_data_collate`, or with CrossModalCollate; but got one of shape "
        f"{tuple(affine.shape)} for all."
    )


def affine_after(affine: Tensor, matrices: Tensor, spatial: tuple[int, ...], axis: int | None = None) -> Tensor:
    """Return the affine of an image whose pixels were moved: from its new indices to where they lie in the world.

    Args:
        affine: (4, 4) or (B, 4, 4) float64: from indices to the world, as MONAI keeps it.
        matrices: (B, 3, 3), or (1, 3, 3) for a single sample: from source to result, in shares of the image.
        spatial: Size of the image.
        axis: Which spatial axis x is; None for the last. y is the last of the others.

    Returns:
        A new affine of the same shape.
    """
    x = len(spatial) - 1 if axis is None else axis % len(spatial)
    y = max(other for other in range(len(spatial)) if other != x)
    width, height, size = float(spatial[x]), float(spatial[y]), affine.shape[-1]
    shares = matrices.detach().to("cpu", torch.float64)
    batch = shares.shape[0]
    pixels = torch.eye(size, dtype=torch.float64).repeat(batch, 1, 1)
    for row, (into, long) in enumerate(((x, width), (y, height))):
        # Index i lies at (i + 1/2) / n of the image.
        along, down, shift = shares[:, row].unbind(dim=1)
        pixels[:, into, x], pixels[:, into, y] = along * (long / width), down * (long / height)
        pixels[:, into, -1] = along * (long / width) / 2 + down * (long / height) / 2 + shift * long - 0.5
    moved: Tensor = affine.to(torch.float64) @ torch.linalg.inv(pixels)
    return moved if affine.ndim == 3 else moved[0]
