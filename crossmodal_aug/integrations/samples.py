"""Batches as dictionaries or tuples, the way data sets and loaders hand them over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.checks import check_tensor
from crossmodal_aug.integrations.axes import is_unclear, unknown_axis, width_axis_of, width_back, width_last
from crossmodal_aug.integrations.calls import matrices_of, reason_of
from crossmodal_aug.integrations.kinds import like, plain
from crossmodal_aug.integrations.paths import Key, get, has, keys_in, path_of, put

# Stands for a `reason` that was not given, so that None can be.
_BESIDE: Any = object()


@dataclass(frozen=True)
class SampleKeys:
    """Where a sample keeps what the ops work on.

    A key is a string or an integer, or a tuple of them that leads into nested dictionaries, tuples and lists:
    `(0, "text")` is the entry "text" of the first of a tuple.

    Args:
        image: Images, or None for text alone.
        text: Captions, or None where only positions are carried.
        mask: The target, or None where there is none.
        positions: Multi-hot positions: read where the sample has them, and always written; None does neither.
        accepted: Where to write which samples were altered; None does not. What is written into a tuple may go one
            index behind its last.
        reason: Where to write why a sample was left alone, as codes of `Reason` (0 for an altered one; of a sequence
            see `reason_of`). Unless given, the entry "reason" beside `accepted`, and nowhere where that is None or an
            index of a tuple, or where another key stands there. None does not.
        params: Where to write the parameters of the call, for `op.replay`, `op.rewrite` and `describe`; None does not.
        maps: Further aligned tensors.
        evidence: What says where lesion is, where the target does not (class labels, ignore values, logits); None
            takes the target itself.

    Raises:
        InvalidTypeError: A key is not a string, an integer or a tuple of them.
        InvalidValueError: Two keys are the same, or one leads into the entry of another.

    Examples:
        >>> SampleKeys(image="img", maps=("confidence",)).read()
        ('img', 'text', 'mask', 'confidence')
        >>> SampleKeys(image=0, text=(1, "caption"), mask=(1, "mask"), positions=(1, "bits"), accepted=None).read()
        (0, (1, 'caption'), (1, 'mask'))
    """

    image: Key | None = "image"
    text: Key | None = "text"
    mask: Key | None = "mask"
    positions: Key | None = "positions"
    accepted: Key | None = "accepted"
    maps: tuple[Key, ...] = ()
    evidence: Key | None = None
    reason: Key | None = _BESIDE
    params: Key | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.maps, tuple):
            raise InvalidTypeError(f"Expected `maps` to be a tuple of keys, but got {type(self.maps).__name__}.")
        if self.reason is _BESIDE:
            others = [path_of(key) for key in (*self.read(), self.positions) if key is not None]
            beside = _beside(self.accepted)
            is_free = beside is not None and path_of(beside) not in others
            object.__setattr__(self, "reason", beside if is_free else None)
        names = (*self.read(), *self.written())
        paths = [path_of(name) for name in names]
        if len(set(paths)) < len(paths):
            raise InvalidValueError(f"Expected keys that differ from each other, but got {names}.")
        for one in paths:
            within = [other for other in paths if other != one and other[: len(one)] == one]
            if within:
                raise InvalidValueError(f"Expected keys of separate entries, but {within[0]} lies within {one}.")

    def read(self) -> tuple[Key, ...]:
        """The keys that a sample must have."""
        return tuple(key for key in (self.image, self.text, self.mask, self.evidence, *self.maps) if key is not None)

    def tensors(self) -> tuple[Key, ...]:
        """The keys of aligned tensors: image, target, evidence and maps."""
        return tuple(key for key in (self.image, self.mask, self.evidence, *self.maps) if key is not None)

    def written(self) -> tuple[Key, ...]:
        """The keys of what is written beside the altered entries."""
        return tuple(key for key in (self.positions, self.accepted, self.reason, self.params) if key is not None)


def _beside(accepted: Key | None) -> Key | None:
    """The entry "reason" of the dictionary that `accepted` is an entry of; None where it is not of one."""
    *way, last = path_of(accepted) if accepted is not None else (0,)
    if not isinstance(last, str):
        return None
    return (*way, "reason") if isinstance(accepted, tuple) else "reason"


def check_op(op: object) -> CrossModalOp | CrossModalSequential:
    """Return `op`, or raise `InvalidTypeError` unless it is an op or a sequence of ops."""
    if not isinstance(op, (CrossModalOp, CrossModalSequential)):
        raise InvalidTypeError(f"Expected `op` to be an op of crossmodal_aug, but got {type(op).__name__}.")
    return op


def check_keys(keys: object) -> SampleKeys:
    """Return `keys`, those of the library's own names for None, or raise `InvalidTypeError`."""
    if keys is not None and not isinstance(keys, SampleKeys):
        raise InvalidTypeError(f"Expected `keys` to be SampleKeys, but got {type(keys).__name__}.")
    return keys or SampleKeys()


def ops_of(op: Any) -> list[CrossModalOp]:
    """Return the single ops of an op, sequences laid out: in the order of `calls_of` its parameters."""
    return [one for inner in op.ops for one in ops_of(inner)] if isinstance(op, CrossModalSequential) else [op]


def check_sample(sample: object, keys: SampleKeys) -> Any:
    """Return `sample`, or raise unless it is a dictionary, or with integer keys a tuple or list, that has `keys`."""
    by_index = all(isinstance(path_of(key)[0], int) for key in keys.read())
    if not isinstance(sample, (Mapping, tuple, list) if by_index else Mapping):
        other = "tuples" if by_index else "dictionaries"
        raise InvalidTypeError(f"Expected samples to be {other}, but got {type(sample).__name__}.")
    missing = [key for key in keys.read() if not has(sample, key)]
    if missing:
        raise InvalidValueError(
            f"Expected samples with the keys {list(keys.read())}, but {missing} are not among {keys_in(sample)}."
        )
    room = sample
    for key in keys.written():
        room = put(room, key, None)  # raises where there is no place for it
    return sample


def alter_batch(
    op: CrossModalOp | CrossModalSequential,
    batch: Any,
    keys: SampleKeys,
    generator: torch.Generator | None = None,
    *,
    width_axis: int | None = None,
    donors: Any = None,
    single: bool = False,
) -> Any:
    """Apply an op to a batch that is a dictionary, or a tuple.

    Args:
        op: Any op.
        batch: Dictionary or tuple with B samples under `keys`; what it holds beside them is passed on.
        keys: Where it keeps what.
        generator: Source of randomness; None takes torch's global one.
        width_axis: Which spatial axis of image, mask and maps runs from left to right, counted without batch and
            channel: 1 for (B, C, H, W), 0 for (B, C, W, H). None takes what a MetaTensor records, or else the last.
        donors: A second batch of the same layout to take pixels from; None takes them from this one.
        single: Whether it is one sample, without the axis of the batch, and with one text.

    Returns:
        A new batch of the same kind: the altered entries in place of the old ones, as tensors of the same class and
        memory format, and what `keys` want written beside them.

    Raises:
        InvalidTypeError: The batch is neither, or an entry has the wrong type.
        InvalidValueError: A key is missing, entries do not fit together, or a MetaTensor's record contradicts
            `width_axis`, or leaves open what that is.
    """
    check_sample(batch, keys)
    layout = _layout_of(batch, keys, width_axis, single)
    taken = _taken(batch, keys, layout)
    second = None
    if donors is not None:
        check_sample(donors, keys)
        second = _taken(donors, keys, _layout_of(donors, keys, width_axis, single))
    out = op(
        taken.images,
        taken.texts,
        taken.target,
        evidence=taken.evidence,
        positions=taken.positions,
        maps=taken.maps,
        donors=second,
        generator=generator,
    )
    matrices = matrices_of(out.params)
    altered = dict(zip(keys.maps, out.maps, strict=True))
    own = ((keys.image, out.images), (keys.mask, out.target), (keys.evidence, out.evidence))
    altered |= {key: value for key, value in own if key is not None}
    for place, tensor in altered.items():
        batch = put(batch, place, layout.back(tensor, get(batch, place), matrices))
    said = (
        (keys.text, out.texts),
        (keys.positions, out.positions),
        (keys.accepted, out.accepted),
        (keys.reason, reason_of(out.params)),
    )
    for key, value in said:
        if key is not None:
            batch = put(batch, key, value[0] if single else value)
    return batch if keys.params is None else put(batch, keys.params, out.params)


@dataclass(frozen=True)
class _Layout:
    """How the tensors of a batch lie: their number of spatial axes, which of them is the width, and if B is missing."""

    axes: int
    width: int
    single: bool

    def there(self, name: str, tensor: object) -> Tensor:
        """A tensor as the ops take it: plain, (B, ..., H, W)."""
        values = plain(check_tensor(name, tensor))
        values = values.unsqueeze(0) if self.single else values
        return width_last(values, self.width, self.axes) if values.ndim > self.axes else values

    def back(self, values: Tensor, tensor: Tensor, matrices: Tensor | None) -> Tensor:
        """What an op made of a tensor, as that one came."""
        values = width_back(values, self.width, self.axes)
        return like(
            values[0] if self.single else values,
            tensor,
            matrices=matrices,
            axis=self.width,
            spatial=tuple(tensor.shape[-self.axes :]),
        )


def _layout_of(batch: Any, keys: SampleKeys, width_axis: int | None, single: bool) -> _Layout:
    """The layout that all tensors of a batch share."""
    if keys.image is None:
        return _Layout(1, 0, single)
    axes = check_tensor(str(keys.image), get(batch, keys.image)).ndim - (1 if single else 2)
    if axes not in (2, 3):
        return _Layout(1, 0, single)  # the op says what is wrong with it
    found: dict[Key, int] = {}
    for key in keys.tensors():
        tensor = check_tensor(str(key), get(batch, key))
        axis = width_axis_of(str(key), tensor, width_axis, axes=axes)
        if axis is None and is_unclear(tensor):
            raise unknown_axis(str(key), tensor)
        if axis is not None:
            found[key] = axis
    if len(set(found.values())) > 1:
        raise InvalidValueError(f"Expected tensors with the same axis as their width, but their meta data say {found}.")
    axis = next(iter(found.values()), axes - 1)
    if axes == 3 and axis != 2:
        raise InvalidValueError(
            f"Expected volumes (B, C, D, H, W), whose width is the last axis, but got `width_axis={axis}`: which of "
            "the others runs downwards is not known. Bring them into this order first."
        )
    return _Layout(axes, axis, single)


def _taken(batch: Any, keys: SampleKeys, layout: _Layout) -> Augmented:
    """A batch as the ops take it."""

    def tensor_of(key: Key | None) -> Any:
        return None if key is None else layout.there(str(key), get(batch, key))

    texts: Any = None if keys.text is None else get(batch, keys.text)
    positions = None
    if keys.positions is not None and has(batch, keys.positions):
        positions = get(batch, keys.positions)
        if layout.single:
            positions = check_tensor(str(keys.positions), positions).unsqueeze(0)
    return Augmented(
        images=tensor_of(keys.image),
        texts=[texts] if layout.single and keys.text is not None else texts,
        target=tensor_of(keys.mask),
        positions=positions,
        maps=tuple(tensor_of(key) for key in keys.maps),
        evidence=tensor_of(keys.evidence),
    )
