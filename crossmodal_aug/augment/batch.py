"""The batch that the ops take and return, and the checks on what a caller hands over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.augment.params import Params
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.checks import check_positions, check_tensor
from crossmodal_aug.functional.evidence import can_be_evidence, check_evidence, costs_nothing_to_look_at


@dataclass(frozen=True)
class Augmented:
    """A batch in step: what an op returns, and what it accepts as `donors`.

    Attributes:
        images: (B, C, *spatial) or None.
        texts: B strings or None.
        target: (B, ..., *spatial) map that the loss compares with, or None.
        evidence: (B, 1, *spatial) or (B, *spatial) map that says where lesion is, or None where the target says it.
        positions: (B, K) bool: the regions that each sample's text names, or None.
        maps: Further aligned tensors (B, ..., *spatial).
        params: The parameters of the op that made it; `op.replay` and `op.rewrite` replay them.
    """

    images: Tensor | None = None
    texts: Sequence[str] | None = None
    target: Tensor | None = None
    positions: Tensor | None = None
    maps: Sequence[Tensor] = ()
    params: Any = None
    evidence: Tensor | None = None

    @property
    def accepted(self) -> Tensor:
        """(B,) bool: the samples that were altered, by any op of a sequence.

        Raises:
            InvalidValueError: This is not what an op returned.
        """
        calls = calls_of(self.params)
        if not calls:
            raise InvalidValueError("Expected what an op returned, but this batch has no `params`.")
        accepted = calls[0].accepted
        for call in calls[1:]:
            accepted = accepted | call.accepted
        return accepted


def calls_of(params: Any) -> list[Params]:
    """Return the parameters of each op in those of a call, sequences inside sequences laid out."""
    if isinstance(params, Params):
        return [params]
    return [call for one in params for call in calls_of(one)] if isinstance(params, (tuple, list)) else []


@dataclass(frozen=True)
class Batch:
    """A checked batch, with its positions filled in: what the ops work on.

    Attributes:
        images: (B, C, *spatial).
        texts: B strings or None.
        target: (B, ..., *spatial) or None.
        evidence: (B, ..., *spatial) that is given apart from the target, or None.
        positions: (B, K) bool.
        placed: (B,) bool: whether it is known what the sample shows where; False for a text that does not say where,
            such as "COVID-19 pneumonia.". A silent text is not an empty one.
        maps: Further aligned tensors.
        denies: Whether a text calls some place clear.
    """

    images: Tensor
    texts: list[str] | None
    target: Tensor | None
    evidence: Tensor | None
    positions: Tensor
    placed: Tensor
    maps: tuple[Tensor, ...]
    denies: bool

    @property
    def spatial(self) -> tuple[int, ...]:
        """Size of the images, (H, W) or (D, H, W)."""
        return tuple(self.images.shape[2:])


def check_texts(name: str, texts: object, batch: int | None = None) -> list[str]:
    """Return `texts` as a list, or raise unless it is a sequence of strings, one a sample."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Sequence):
        raise InvalidTypeError(f"Expected `{name}` to be a sequence of strings, but got {type(texts).__name__}.")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidTypeError(f"Expected `{name}[{index}]` to be a string, but got {type(text).__name__}.")
    if batch is not None and len(texts) != batch:
        raise InvalidValueError(f"Expected `{name}` to hold {batch} strings, one a sample, but got {len(texts)}.")
    return list(texts)


def check_aligned(name: str, tensor: object, batch: int, spatial: tuple[int, ...], device: torch.device) -> None:
    """Raise unless `tensor` is (batch, ..., *spatial) on `device`."""
    tensor = check_tensor(name, tensor)
    if tensor.ndim <= len(spatial) or tensor.shape[0] != batch or tensor.shape[tensor.ndim - len(spatial) :] != spatial:
        # Built only here: while compiling, sizes need not be numbers.
        wanted = f"({batch}, ..., {', '.join(map(str, spatial))})"
        raise InvalidValueError(f"Expected `{name}` of shape {wanted}, but got {tuple(tensor.shape)}.")
    if tensor.device != device:
        raise InvalidValueError(f"Expected `{name}` on {device}, like `images`, but got {tensor.device}.")


def check_batch(
    images: object,
    texts: Sequence[str] | None,
    target: Tensor | None,
    positions: Tensor | None,
    maps: object,
    parser: PositionParser,
    *,
    evidence: Tensor | None = None,
    prefix: str = "",
) -> Batch:
    """Return the batch with its positions filled in, or raise an error that names what does not fit."""
    images = check_tensor(f"{prefix}images", images)
    if images.ndim not in (4, 5):
        raise InvalidValueError(
            f"Expected `{prefix}images` of shape (B, C, H, W) or (B, C, D, H, W), but got {tuple(images.shape)}."
        )
    batch, spatial, device = images.shape[0], tuple(images.shape[2:]), images.device
    if any(length == 0 for length in spatial):
        raise InvalidValueError(f"Expected `{prefix}images` with pixels, but got {tuple(images.shape)}.")
    if target is not None:
        check_aligned(f"{prefix}target", target, batch, spatial, device)
    if evidence is not None:
        check_aligned(f"{prefix}evidence", evidence, batch, spatial, device)
        _one_channel(f"{prefix}evidence", evidence, len(spatial))
    if isinstance(maps, Tensor) or not isinstance(maps, Sequence):
        raise InvalidTypeError(f"Expected `{prefix}maps` to be a sequence of tensors, but got {type(maps).__name__}.")
    for index, one in enumerate(maps):
        check_aligned(f"{prefix}maps[{index}]", one, batch, spatial, device)
    texts = None if texts is None else check_texts(f"{prefix}texts", texts, batch)
    reports = None if texts is None else parser.parse_many(texts)
    given = positions is not None
    positions = resolve_positions(reports, positions, batch, parser, device, prefix=prefix)
    placed, denies = torch.ones(batch, dtype=torch.bool, device=device), False
    if reports is not None:
        # Positions that are given say where, whatever the text; an empty row beside a silent text says nothing.
        placed = parser.placed([report.text for report in reports]).to(device, non_blocking=True)
        placed = placed | positions.any(dim=1) if given else placed
        denies = any(mention.negated for report in reports for mention in report.mentions)
    return Batch(images, texts, target, evidence, positions, placed, tuple(maps), denies)


def resolve_positions(
    reports: list[Report] | None,
    positions: Tensor | None,
    batch: int,
    parser: PositionParser,
    device: torch.device,
    *,
    prefix: str = "",
) -> Tensor:
    """Return (B, K) bool positions on `device`: the ones given, or else those that the texts name."""
    if positions is not None:
        checked = check_positions(f"{prefix}positions", positions, (batch, len(parser.atlas)))
        if checked.device != device:
            raise InvalidValueError(
                f"Expected `{prefix}positions` on {device}, like `images`, but got {checked.device}."
            )
        return checked
    if reports is None:
        raise InvalidValueError(f"Expected `{prefix}texts` or `{prefix}positions`, but got neither.")
    return parser.encode([report.text for report in reports]).to(device, non_blocking=True)


def check_donors(donors: object, batch: Batch, parser: PositionParser) -> Batch:
    """Return the donor batch with its positions filled in, or raise unless it matches `batch`."""
    if not isinstance(donors, Augmented):
        raise InvalidTypeError(f"Expected `donors` to be an Augmented, but got {type(donors).__name__}.")
    checked = check_batch(
        donors.images,
        donors.texts,
        donors.target,
        donors.positions,
        donors.maps,
        parser,
        evidence=donors.evidence,
        prefix="donors.",
    )
    pairs: list[tuple[str, Tensor | None, Tensor | None]] = [
        ("images", batch.images, checked.images),
        ("target", batch.target, checked.target),
        ("evidence", batch.evidence, checked.evidence),
        *((f"maps[{i}]", a, b) for i, (a, b) in enumerate(zip(batch.maps, checked.maps, strict=False))),
    ]
    for name, ours, theirs in pairs:
        if (ours is None) != (theirs is None):
            raise InvalidValueError(f"Expected `{name}` in both the batch and `donors`, but only one has it.")
        if ours is not None and theirs is not None and _kind(ours) != _kind(theirs):
            raise InvalidValueError(
                f"Expected `donors.{name}` to match {_kind(ours)} of the batch, but got {_kind(theirs)}."
            )
    if len(batch.maps) != len(checked.maps):
        raise InvalidValueError(f"Expected `donors.maps` to hold {len(batch.maps)} maps, but got {len(checked.maps)}.")
    return checked


def _kind(tensor: Tensor) -> tuple[tuple[int, ...], torch.dtype, torch.device]:
    return tuple(tensor.shape[1:]), tensor.dtype, tensor.device


def evidence_of(batch: Batch, needed_by: str, *, strict: bool = False) -> Tensor:
    """Return the checked evidence (B, *spatial), in its own dtype: that which is given apart, or else the target.

    Args:
        batch: The batch.
        needed_by: What reads it, for errors.
        strict: Whether its values are looked at on other devices than the CPU too.

    Returns:
        The evidence.

    Raises:
        InvalidTypeError: It is complex.
        InvalidValueError: There is neither, it has more than one channel, or its values cannot be evidence.
    """
    name = "target" if batch.evidence is None else "evidence"
    given = batch.target if batch.evidence is None else batch.evidence
    if given is None:
        raise InvalidValueError(f"Expected `target` or `evidence`, which {needed_by} reads, but got neither.")
    return check_evidence(name, _one_channel(name, given, len(batch.spatial), needed_by), everywhere=strict)


def readable_evidence(batch: Batch, *, strict: bool = False) -> Tensor | None:
    """Return the evidence (B, *spatial) that an op looks at which works without: before it says that nothing is there.

    Args:
        batch: The batch.
        strict: Whether the values of what is given apart are looked at on other devices than the CPU too.

    Returns:
        Evidence that is given apart, checked as by `evidence_of`, or else the target, its values unchecked. None where
        there is neither, or the target cannot be read as evidence.

    Raises:
        InvalidTypeError: The evidence that is given apart is complex.
        InvalidValueError: Its values cannot be evidence.
    """
    if batch.evidence is not None:
        return evidence_of(batch, "the op", strict=strict)
    given, axes = batch.target, len(batch.spatial)
    if given is None or given.is_complex() or not _has_one_channel(given, axes):
        return None
    return _without_channel(given, axes)


def can_be_read(target: Tensor, axes: int) -> bool:
    """Whether a target says where lesion is, as far as that can be seen without a wait.

    Args:
        target: (B, ..., *spatial).
        axes: Number of spatial axes.

    Returns:
        Whether `evidence_of` takes it.
    """
    if target.is_complex() or not _has_one_channel(target, axes):
        return False
    return not costs_nothing_to_look_at(target) or can_be_evidence(target)


def _has_one_channel(tensor: Tensor, axes: int) -> bool:
    return tensor.ndim == axes + 1 or (tensor.ndim == axes + 2 and tensor.shape[1] == 1)


def _without_channel(tensor: Tensor, axes: int) -> Tensor:
    return tensor if tensor.ndim == axes + 1 else tensor[:, 0]


def _one_channel(name: str, tensor: Tensor, axes: int, needed_by: str = "") -> Tensor:
    """Return (B, 1, *spatial) or (B, *spatial) without its channel, or raise."""
    if not _has_one_channel(tensor, axes):
        reads = f", which {needed_by} reads as evidence" if needed_by else ""
        apart = "; give `evidence` apart where the target holds more" if name == "target" else ""
        raise InvalidValueError(
            f"Expected `{name}` of shape (B, 1, *spatial) or (B, *spatial){reads}, "
            f"but got {tuple(tensor.shape)}{apart}."
        )
    return _without_channel(tensor, axes)
