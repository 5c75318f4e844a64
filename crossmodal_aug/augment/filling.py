"""What the ops write into a target where it holds nothing, and when they cannot know."""

import torch
from torch import Tensor

from crossmodal_aug.augment.batch import Batch
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.evidence import computable, costs_nothing_to_look_at, is_mask
from crossmodal_aug.functional.filling import Fill, check_fill, check_held

_HOW = "0 for class ids, one number a channel for one-hot channels, a low number for logits"


def check_target_fill(value: object) -> Fill | None:
    """Return the setting `target_fill` of an op, or raise unless it is None, a finite number, or several."""
    return None if value is None else check_fill("target_fill", value)


def check_fillable(batch: Batch, fill: Fill | None, needed_by: str) -> None:
    """Raise where a target may hold more than a mask or probabilities, and it is not said what empties it.

    A target that is its own evidence is empty where it is 0, and so is a bool mask. Beside evidence given apart it may
    hold anything.

    Args:
        batch: A checked batch.
        fill: The setting `target_fill`.
        needed_by: The op, for errors.

    Raises:
        InvalidValueError: It is not said, or the dtype of the target cannot hold it.
    """
    target = batch.target
    if fill is not None and target is not None:
        check_held(fill, target.dtype)
    if fill is not None or target is None or batch.evidence is None or batch.evidence is target:
        return
    if target.dtype == torch.bool and not _channels(target, batch.spatial) > 1:
        return
    raise InvalidValueError(
        f"Expected `target_fill`, which {needed_by} writes where it leaves nothing of a target whose `evidence` stands "
        f"apart: {_HOW}; but got None."
    )


def target_fill_of(fill: Fill | None, target: Tensor, spatial: tuple[int, ...]) -> Fill:
    """Return what a target is filled with: 0 for None, where the target may be a mask or probabilities.

    Args:
        fill: The setting `target_fill`.
        target: (B, ..., *spatial).
        spatial: Size of the images.

    Returns:
        One number, or one a channel.

    Raises:
        InvalidValueError: The numbers are not one for each channel; or None is given where there are several channels,
            or on the CPU values that neither a mask nor probabilities have.
    """
    if isinstance(fill, tuple):
        if target.ndim != len(spatial) + 2 or target.shape[1] != len(fill):
            raise InvalidValueError(
                f"Expected `target` of shape (B, {len(fill)}, *spatial), one channel for each number of "
                f"`target_fill`, but got {tuple(target.shape)}."
            )
        return fill
    if fill is None and (_channels(target, spatial) > 1 or _holds_more(target)):
        raise InvalidValueError(
            f"Expected `target_fill` for a target that holds more than a mask or probabilities: {_HOW}; but got None."
        )
    return 0.0 if fill is None else fill


def fill_for(role: Role, tensor: Tensor, spatial: tuple[int, ...], fill: float, target_fill: Fill | None) -> Fill:
    """Return what a tensor is filled with by what it is: 0 for evidence, `fill` for images and further maps."""
    if role == "target":
        return target_fill_of(target_fill, tensor, spatial)
    return 0.0 if role == "evidence" else fill


def _channels(target: Tensor, spatial: tuple[int, ...]) -> int:
    return target.shape[1 : target.ndim - len(spatial)].numel()


def _holds_more(target: Tensor) -> bool:
    """Whether one channel is neither a mask nor probabilities, as far as that can be seen without a wait.

    Floats of 0 and one value above 1 may be a mask of 0 and 255 that lost its dtype on the way.
    """
    if not costs_nothing_to_look_at(target) or target.is_complex() or not target.numel():
        return False
    if target.is_floating_point():
        values = computable(target.detach())
        low, high = values.aminmax()
        return bool(low < 0) or (bool(high > 1) and bool(((values != 0) & (values != high)).any()))
    return not is_mask(target)
