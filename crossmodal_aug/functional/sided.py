"""Sided labels: ids or channels that mean a side, and must change places where an image is mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.bits import as_bits, equals, number_of, on_bits
from crossmodal_aug.functional.filling import is_exact

Pairs = tuple[tuple[int, int], ...]


def check_pairs(name: str, pairs: object) -> Pairs:
    """Return pairs of numbers, each number in one pair alone, or raise.

    Args:
        name: What to call them in errors.
        pairs: What was given.

    Returns:
        The pairs.

    Raises:
        InvalidTypeError: They are not pairs of integers.
        InvalidValueError: A number comes twice.
    """
    if isinstance(pairs, str) or not isinstance(pairs, Sequence):
        raise InvalidTypeError(f"Expected `{name}` to be pairs of integers, but got {shown(pairs)}.")
    found = []
    for pair in pairs:
        is_pair = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
        if not is_pair or any(isinstance(one, bool) or not isinstance(one, int) for one in pair):
            raise InvalidTypeError(f"Expected `{name}` to be pairs of integers, but got {shown(pair)}.")
        found.append((pair[0], pair[1]))
    numbers = [one for pair in found for one in pair]
    if len(set(numbers)) < len(numbers):
        raise InvalidValueError(f"Expected `{name}` to hold each number once, but got {shown(pairs)}.")
    return tuple(found)


def exchange_sides(tensor: Tensor, where: Tensor, labels: Pairs, channels: Pairs, spatial: tuple[int, ...]) -> Tensor:
    """Exchange ids and channels of some samples.

    Args:
        tensor: (B, ..., *spatial) labels, (B, C, *spatial) where `channels` are given; any dtype.
        where: (B,) bool: the samples that were mirrored.
        labels: Pairs of values that are exchanged.
        channels: Pairs of channels that are exchanged.
        spatial: Size of the images.

    Returns:
        The tensor; itself where there are no pairs.

    Raises:
        InvalidValueError: There are no channels, or one is not there, or the dtype does not hold a label.
    """
    if not (labels or channels):
        return tensor
    if not all(is_exact(one, tensor.dtype) for pair in labels for one in pair):
        raise InvalidValueError(
            f"Expected `target` in a dtype that holds the `sided_labels` {labels}, but got {tensor.dtype}."
        )
    mirrored = _with_channels(tensor, channels, spatial) if channels else tensor
    exchanged = as_bits(mirrored)
    for one, other in labels:
        for old, new in ((one, other), (other, one)):
            value = as_bits(number_of(new, tensor.dtype, tensor.device))
            exchanged = torch.where(equals(mirrored, old), value, exchanged)
    return on_bits(lambda bits: torch.where(where.view(-1, *[1] * (bits.ndim - 1)), exchanged, bits), tensor)


def _with_channels(tensor: Tensor, channels: Pairs, spatial: tuple[int, ...]) -> Tensor:
    if tensor.ndim != len(spatial) + 2:  # its second axis may be the rows of an image
        raise InvalidValueError(
            "Expected `target` of shape (B, C, *spatial), whose `sided_channels` are exchanged, but got "
            f"{tuple(tensor.shape)}."
        )
    count = tensor.shape[1]
    order = list(range(count))
    for one, other in channels:
        if not (0 <= one < count and 0 <= other < count):
            raise InvalidValueError(f"Expected `target` with channels {one} and {other}, but got {count} channels.")
        order[one], order[other] = other, one
    return on_bits(lambda bits: torch.stack([bits[:, index] for index in order], dim=1), tensor)
