"""Which axis of an array runs from left to right: as the caller says, or as a MetaTensor of MONAI records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown

# An axis stands for a direction where it has this much more of it than any other axis.
_CLEARLY = 1.25
_ADVICE = (
    "MONAI's PILReader and ITKReader load rows and columns exchanged, (C, W, H): load with `reverse_indexing=False` "
    "for (C, H, W) and `width_axis=1`, or say `width_axis=0`"
)


def check_width_axis(width_axis: object, *, axes: int = 3) -> int | None:
    """Return a width axis, or raise unless it is one of the spatial axes, counted without batch and channel.

    Args:
        width_axis: An integer, or None where none was given.
        axes: How many spatial axes there can be.

    Returns:
        The same.

    Raises:
        InvalidTypeError: It is neither an integer nor None.
        InvalidValueError: There is no such axis.
    """
    if width_axis is None:
        return None
    if isinstance(width_axis, bool) or not isinstance(width_axis, int):
        raise InvalidTypeError(f"Expected `width_axis` to be an integer, but got {type(width_axis).__name__}.")
    if not -axes <= width_axis < axes:
        volume = ", and 0, 1 or 2 for a volume" if axes > 2 else ""
        raise InvalidValueError(
            f"Expected `width_axis` to be 0 for images (C, W, H) or 1 for (C, H, W), counted without batch and "
            f"channel{volume}, but got {width_axis}."
        )
    return width_axis


def width_axis_of(name: str, tensor: Tensor, width_axis: int | None, *, axes: int) -> int | None:
    """Return which of the spatial axes of a tensor runs from left to right.

    Args:
        name: What to call it in errors.
        tensor: (..., *spatial).
        width_axis: What the caller says, or None.
        axes: Its number of spatial axes.

    Returns:
        0 to `axes` - 1: what the caller says, or what a MetaTensor records; None where neither tells.

    Raises:
        InvalidValueError: There is no such axis; or the record contradicts the caller, or the records of the samples
            of a batch each other.
    """
    given = check_width_axis(width_axis, axes=axes)
    recorded = _recorded_axes(name, tensor, axes)
    if given is None:
        return recorded
    given %= axes
    if recorded is not None and recorded != given:
        raise InvalidValueError(
            f"Expected `width_axis={recorded}` for {shown(name)}, whose meta data say that this spatial axis of "
            f"{tuple(tensor.shape)} runs from left to right, but got {width_axis}. {_ADVICE}."
        )
    return given


def unknown_axis(name: str, tensor: Tensor) -> InvalidValueError:
    """Return the error for an array of which nothing tells which axis is the width."""
    return InvalidValueError(
        f"Expected `width_axis`, since nothing in {shown(name)} of shape {tuple(tensor.shape)} tells which axis "
        f"runs from left to right, but got None. {_ADVICE}."
    )


def is_unclear(tensor: Tensor) -> bool:
    """Return whether a tensor was loaded by a reader that may exchange rows and columns, and does not say if it did."""
    meta = getattr(tensor, "meta", None)
    return isinstance(meta, dict) and {"width", "height"} <= set(meta)


def width_last(tensor: Tensor, axis: int, axes: int) -> Tensor:
    """Return a view of (..., *spatial) with the width as its last axis, the others in their order."""
    return tensor if axis == axes - 1 else tensor.movedim(tensor.ndim - axes + axis, -1)


def width_back(tensor: Tensor, axis: int, axes: int) -> Tensor:
    """Undo `width_last`."""
    return tensor if axis == axes - 1 else tensor.movedim(-1, tensor.ndim - axes + axis)


def _recorded_axes(name: str, tensor: Tensor, axes: int) -> int | None:
    """The width axis that a MetaTensor records: that of a batch, where all of its samples agree."""
    meta, affine = getattr(tensor, "meta", None), getattr(tensor, "affine", None)
    if not isinstance(meta, dict) or not isinstance(affine, Tensor):
        return None
    if affine.ndim == 2:
        history = getattr(tensor, "applied_operations", [])
        return _recorded(meta, affine, history, tuple(tensor.shape[-axes:]))
    histories = getattr(tensor, "applied_operations", [])
    found = set()
    for index, one in enumerate(affine):
        row = {key: value[index] for key, value in meta.items() if _is_row(value, len(affine))}
        history = histories[index] if len(histories) == len(affine) else []
        found.add(_recorded(row, one, history, tuple(tensor.shape[-axes:])))
    if len(found) > 1:
        raise InvalidValueError(
            f"Expected samples whose width is the same axis, but the meta data of {shown(name)} say "
            f"{sorted(str(one) for one in found)}. {_ADVICE}."
        )
    return found.pop() if found else None


def _is_row(value: Any, batch: int) -> bool:
    return (isinstance(value, (list, tuple)) or (isinstance(value, Tensor) and value.ndim > 0)) and len(value) == batch


def _recorded(meta: dict[str, Any], affine: Tensor, history: Any, shape: tuple[int, ...]) -> int | None:
    axes = len(shape)
    directions = torch.as_tensor(affine, dtype=torch.float64)[:-1, :-1]
    if min(directions.shape) < axes:
        return None
    original = meta.get("original_affine")
    if original is not None:
        loaded = torch.as_tensor(original, dtype=torch.float64)
        if torch.equal(loaded, torch.eye(len(loaded), dtype=loaded.dtype)):
            return None  # nobody wrote one
        return _along(directions[:, :axes], 0)
    # A picture without an affine of its own: the reader notes its width and height, and not whether it exchanged them.
    if axes != 2 or not {"width", "height"} <= set(meta):
        return None
    width, height = int(meta["width"]), int(meta["height"])
    first = history[0] if isinstance(history, (list, tuple)) and history else None
    before = first.get("orig_size") if isinstance(first, dict) else None
    loaded_shape = tuple(int(one) for one in before) if isinstance(before, Sequence) else shape
    if width == height or sorted(loaded_shape) != sorted((width, height)):
        return None
    return _along(directions[:2, :2], 0 if loaded_shape == (width, height) else 1)


def _along(directions: Tensor, direction: int) -> int | None:
    """Which column runs along a direction, clearly more so than any other; None where none does."""
    unit = directions / directions.norm(dim=0).clamp_min(1e-12)
    shares = unit[direction].abs()
    best = int(shares.argmax())
    others = torch.cat((shares[:best], shares[best + 1 :]))
    return best if float(shares[best]) > max(0.1, _CLEARLY * float(others.max())) else None
