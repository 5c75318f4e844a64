"""Batches as dictionaries, the way data sets and loaders hand them over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


@dataclass(frozen=True)
class SampleKeys:
    """Where a dictionary keeps what the ops work on.

    Args:
        image: Images, or None for text alone.
        text: Captions, or None where only positions are carried.
        mask: The target, or None where there is none.
        positions: Multi-hot positions: read where the dictionary has them, and always written.
        accepted: Where to write which samples were altered.
        maps: Further aligned tensors.

    Raises:
        InvalidTypeError: A key is no string.
        InvalidValueError: Two keys are the same.

    Example:
        >>> SampleKeys(image="img", maps=("confidence",)).read()
        ('img', 'text', 'mask', 'confidence')
    """

    image: str | None = "image"
    text: str | None = "text"
    mask: str | None = "mask"
    positions: str = "positions"
    accepted: str = "accepted"
    maps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.maps, tuple):
            raise InvalidTypeError(f"Expected `maps` to be a tuple of keys, but got {type(self.maps).__name__}.")
        names = (*self.read(), self.positions, self.accepted)
        for name in names:
            if not isinstance(name, str):
                raise InvalidTypeError(f"Expected keys to be strings, but got {name!r}.")
        if len(set(names)) < len(names):
            raise InvalidValueError(f"Expected keys that differ from each other, but got {names}.")

    def read(self) -> tuple[str, ...]:
        """The keys that a dictionary must have."""
        return tuple(key for key in (self.image, self.text, self.mask, *self.maps) if key is not None)


def check_op(op: object) -> CrossModalOp | CrossModalSequential:
    """Return ``op``, or raise `InvalidTypeError` unless it is an op or a sequence of ops."""
    if not isinstance(op, (CrossModalOp, CrossModalSequential)):
        raise InvalidTypeError(f"Expected `op` to be an op of crossmodal_aug, but got {type(op).__name__}.")
    return op


def check_sample(sample: object, keys: SampleKeys) -> Mapping[str, Any]:
    """Return ``sample``, or raise unless it is a mapping that has ``keys``."""
    if not isinstance(sample, Mapping):
        raise InvalidTypeError(f"Expected samples to be dictionaries, but got {type(sample).__name__}.")
    missing = [key for key in keys.read() if key not in sample]
    if missing:
        raise InvalidValueError(
            f"Expected samples with the keys {list(keys.read())}, but {missing} are not among {list(sample)}."
        )
    return sample


def alter_batch(
    op: CrossModalOp | CrossModalSequential,
    batch: Mapping[str, Any],
    keys: SampleKeys,
    generator: torch.Generator | None = None,
) -> dict[str, Any]:
    """Apply an op to a batch that is a dictionary.

    Args:
        op: Any op.
        batch: Dictionary with B samples under ``keys``; what it holds beside them is passed on.
        keys: Where it keeps what.
        generator: Source of randomness; None takes torch's global one.

    Returns:
        A new dictionary: the altered entries in place of the old ones, and the positions and which were accepted.

    Raises:
        InvalidTypeError: The batch is no mapping, or an entry has the wrong type.
        InvalidValueError: A key is missing, or entries do not fit together.
    """
    check_sample(batch, keys)
    image, texts, target = (None if key is None else batch[key] for key in (keys.image, keys.text, keys.mask))
    out = op(
        image,
        texts,
        target,
        positions=batch.get(keys.positions),
        maps=[batch[key] for key in keys.maps],
        generator=generator,
    )
    steps = out.params if isinstance(out.params, tuple) else (out.params,)
    accepted: Tensor = torch.stack([step.accepted for step in steps]).any(dim=0)
    altered = dict(zip(keys.maps, out.maps, strict=True))
    for key, value in ((keys.image, out.images), (keys.text, out.texts), (keys.mask, out.target)):
        if key is not None:
            altered[key] = value
    return {**batch, **altered, keys.positions: out.positions, keys.accepted: accepted}
