"""What ops record of a call, and why a sample was left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

import torch
from torch import Tensor

from crossmodal_aug.augment.recorded import record_of, tensors_of
from crossmodal_aug.functional.constants import constant, counting


class Reason(IntEnum):
    """Why a sample came out as it went in: the first gate that did not let it pass."""

    ALTERED = 0
    NOT_DRAWN = 1
    NO_PARTNER = 2
    SILENT = 3
    SILENT_DONOR = 4
    NOTHING_TO_CHOOSE = 5
    NO_ROOM = 6
    EVIDENCE = 7
    CUT = 8
    CANNOT_SAY = 9
    TOO_LONG = 10
    NO_CAPTION = 11
    UNCHANGED = 12

    @property
    def words(self) -> str:
        """The reason in words."""
        return _WORDS[self]


_WORDS = {
    Reason.ALTERED: "altered",
    Reason.NOT_DRAWN: "not drawn (`p`)",
    Reason.NO_PARTNER: "no other sample to mix with",
    Reason.SILENT: "its text does not say where",
    Reason.SILENT_DONOR: "the donor's text does not say where",
    Reason.NOTHING_TO_CHOOSE: "its regions leave nothing to choose from",
    Reason.NO_ROOM: "no room for a patch where it would go",
    Reason.EVIDENCE: "the evidence does not support it",
    Reason.CUT: "too much of a lesion would be cut (`max_cut`)",
    Reason.CANNOT_SAY: "its text cannot be rewritten well",
    Reason.TOO_LONG: "its text would be too long (`max_tokens`)",
    Reason.NO_CAPTION: "no caption survives the geometry",
    Reason.UNCHANGED: "nothing in its text to alter",
}


class Gate:
    """Collects the conditions of a call, and for each sample the first that did not hold.

    Experimental: may change in every version.

    Args:
        size: Number of samples.
        device: Where their conditions are.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self._conditions = [torch.ones(size, dtype=torch.bool, device=device)]
        self._reasons = [Reason.ALTERED]

    def require(self, held: Tensor, reason: Reason) -> None:
        """Note a reason for the samples for which a condition (B,) bool does not hold, and none was noted before."""
        self._conditions.append(held)
        self._reasons.append(reason)

    @property
    def accepted(self) -> Tensor:
        """(B,) bool: the samples for which all conditions held so far."""
        return torch.stack(self._conditions).all(dim=0)

    @property
    def reason(self) -> Tensor:
        """(B,) int8: the first reason noted for each sample, 0 for those that have none."""
        held = torch.stack(self._conditions)
        count = held.shape[0]
        order = counting(0, count, torch.int64, held.device).unsqueeze(1)
        first = torch.where(held, count, order).amin(dim=0)
        codes = [int(reason) for reason in self._reasons]
        return constant((*codes, int(Reason.ALTERED)), torch.int8, held.device).index_select(0, first)


@dataclass(frozen=True)
class Params:
    """What every op records of one call; keeping it is all that replay needs.

    Attributes:
        accepted: (B,) bool: the samples that were altered.
        before: (B, K) bool: the regions that held before the op.
        positions: (B, K) bool: the regions that hold after the op.
        reason: (B,) int8: why a sample was left alone, as `Reason`; 0 for those that were altered.
        spatial: Size of the images, (H, W) or (D, H, W); empty for an op on text alone.
    """

    accepted: Tensor
    before: Tensor
    positions: Tensor
    reason: Tensor
    spatial: tuple[int, ...]

    @property
    def added(self) -> Tensor:
        """(B, K) bool: regions that hold now and did not before."""
        return self.positions & ~self.before

    @property
    def removed(self) -> Tensor:
        """(B, K) bool: regions that held before and do not now."""
        return self.before & ~self.positions

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples left alone after all.

        Args:
            refused: (B,) bool.
            reason: Why; one reason, or (B,) of them.

        Returns:
            The parameters.
        """
        kept = ~refused
        why = torch.where(self.accepted & refused, reason, self.reason).to(self.reason.dtype)
        return replace(
            self,
            accepted=self.accepted & kept,
            positions=torch.where(kept.unsqueeze(1), self.positions, self.before),
            reason=why,
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """Return all that was recorded as tensors, for what carries tensors only: kornia's parameters, a `torch.save`.

        Returns:
            One tensor a field, under its name; fields that are None are left out, and those of a dataclass within are
            named `field.inner`.

        Raises:
            InvalidTypeError: A field is not a tensor, number, tuple of numbers, dataclass of these or None.

        Examples:
            >>> import torch
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
            >>> out = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)(torch.zeros(1, 1, 6, 4), ["Left base opacity."])
            >>> entries = out.params.to_tensors()
            >>> entries["spatial"], type(out.params).from_tensors(entries).spatial
            (tensor([6, 4]), (6, 4))
        """
        return tensors_of(self)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return the parameters that `to_tensors` took apart; the annotations of the fields say what each is.

        Args:
            tensors: What `to_tensors` returned; entries of other names are not looked at.

        Returns:
            The parameters.

        Raises:
            InvalidTypeError: A field is annotated with what `to_tensors` does not take.
            InvalidValueError: An entry is missing whose field may not be None.
        """
        made: Self = record_of(cls, tensors)
        return made


@dataclass(frozen=True)
class MixParams(Params):
    """What an op that takes pixels from donors records of one call.

    Attributes:
        donors: (B,) int64: the sample that pixels come from.
        pool: Size of the second batch that `donors` counts in; None where they are samples of the same batch.
        mixed_share: (B,) float32: share of the pixels that come from the donor.
        brought: (B, K) bool: regions in which the donor's pixels hold lesion, or may hold some, where no text of the
            call made it worth a look; None where there was no evidence to tell.
        held: (B, K) bool: the same of all regions after the op, whosever lesion it is. Of samples that were not
            accepted, both tell what a mix would have held.
    """

    donors: Tensor
    pool: int | None
    mixed_share: Tensor
    brought: Tensor | None = field(default=None, kw_only=True)
    held: Tensor | None = field(default=None, kw_only=True)

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(super().undone(refused, reason), mixed_share=self.mixed_share * ~refused)
