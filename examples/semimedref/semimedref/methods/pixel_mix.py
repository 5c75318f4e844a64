"""What the mixes share that move pixels and leave the captions as they were."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from crossmodal_aug import PositionParser
from crossmodal_aug.augment import CrossModalOp, Reason
from crossmodal_aug.augment.batch import Batch
from crossmodal_aug.augment.params import Gate, MixParams
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.checks import check_probability
from crossmodal_aug.functional.mixing import draw_donors, uniforms


@dataclass(frozen=True)
class PixelMixParams(MixParams):
    """What one call of a `PixelMix` did.

    Attributes:
        source: (B, H, W) int64: the sample of the batch that each pixel comes from.
    """

    source: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        own = own_pixels(len(refused), self.spatial, self.source.device)
        return replace(super().undone(refused, reason), source=torch.where(refused.view(-1, 1, 1), own, self.source))


class PixelMix(CrossModalOp):
    """Puts pixels of other samples of the batch into image and target; the caption stays.

    Args:
        parser: The captions' parser; it rewrites nothing here.
        p: Probability that a sample is mixed.

    Raises:
        InvalidValueError: ``p`` lies outside [0, 1].
    """

    params_type = PixelMixParams
    mixes = True
    columns: ClassVar[int]
    """Random numbers that `sources` needs of each sample."""

    def __init__(self, parser: PositionParser, *, p: float = 1.0) -> None:
        super().__init__(parser)
        self.p = check_probability("p", p)

    @abstractmethod
    def sources(self, draws: Tensor, donors: Tensor, spatial: tuple[int, ...]) -> Tensor:
        """Say where each pixel comes from.

        Args:
            draws: (B, N) numbers in [0, 1), where N is `columns`.
            donors: (B,) int64: the donor of each sample, all samples in one ring.
            spatial: (H, W).

        Returns:
            (B, H, W) int64.
        """

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> PixelMixParams:
        """Draw which samples are mixed, and where their pixels come from."""
        if donors is not None:
            raise InvalidValueError("Expected no `donors`, since pixels come from the same batch, but got some.")
        count, device = batch.positions.shape[0], batch.positions.device
        draws = uniforms(count, 2 + self.columns, generator=generator, device=device)
        index, possible = draw_donors(draws[:, 0])
        gate = Gate(count, device)
        gate.require(draws[:, 1] < self.p, Reason.NOT_DRAWN)
        gate.require(possible, Reason.NO_PARTNER)
        own = own_pixels(count, batch.spatial, device)
        drawn = self.sources(draws[:, 2:], index, batch.spatial)
        source = torch.where(gate.accepted.view(-1, 1, 1), drawn, own)
        return PixelMixParams(
            accepted=gate.accepted,
            before=batch.positions,
            positions=batch.positions,
            reason=gate.reason,
            spatial=batch.spatial,
            donors=index,
            pool=None,
            mixed_share=(source != own).float().mean(dim=(1, 2)),
            source=source,
        )

    def alter(self, tensor: Tensor, params: PixelMixParams, role: Role, donors: Tensor | None) -> Tensor:
        """Take each pixel from its source."""
        return gathered(tensor, params.source)

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state ``params.positions``: they are nobody's concern here."""
        return False

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Leave a text as it is."""
        return text


def own_pixels(count: int, spatial: tuple[int, ...], device: torch.device) -> Tensor:
    """Return (B, H, W) int64: every pixel its own sample's."""
    return torch.arange(count, device=device).view(-1, 1, 1).expand(count, *spatial)


def gathered(tensor: Tensor, source: Tensor) -> Tensor:
    """Return a (B, C, H, W) tensor whose pixels come from the samples that (B, H, W) int64 names.

    Example:
        >>> gathered(torch.tensor([[[[1, 2]]], [[[3, 4]]]]), torch.tensor([[[0, 1]], [[1, 1]]])).tolist()
        [[[[1, 4]]], [[[3, 4]]]]
    """
    return tensor.gather(0, source.unsqueeze(1).expand_as(tensor))
