"""Ops as a user would write them: the adapters know them by what their classes say."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.augment import MixParams, Params
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.augment.text_op import TextOp


@dataclass(frozen=True)
class Reach:
    """A record within a record."""

    most: int
    share: float


@dataclass(frozen=True)
class UpsideDownParams(Params):
    axes: tuple[int, ...]
    reach: Reach
    steps: tuple[tuple[int, int], ...]
    note: Tensor | None


class UpsideDown(CrossModalOp):
    """Turns every second sample upside down; its parser's words are of sides alone, so that none change."""

    params_type = UpsideDownParams

    def sample(self, batch, donors, generator):
        accepted = torch.arange(len(batch.positions), device=batch.positions.device) % 2 == 0
        return UpsideDownParams(
            accepted=accepted,
            before=batch.positions,
            positions=batch.positions,
            reason=torch.where(accepted, 0, int(Reason.NOT_DRAWN)).to(torch.int8),
            spatial=batch.spatial,
            axes=(-2,),
            reach=Reach(3, 0.1),
            steps=((1, 2), (3, 4)),
            note=None,
        )

    def alter(self, tensor, params, role, donors):
        assert params.axes == (-2,)
        assert params.steps == ((1, 2), (3, 4))
        assert params.reach == Reach(3, 0.1)
        accepted = params.accepted.view(-1, *[1] * (tensor.ndim - 1))
        return torch.where(accepted, tensor.flip(params.axes), tensor)

    def write(self, text, positions):
        return text


@dataclass(frozen=True)
class WholeSwapParams(MixParams):
    corners: tuple[int, int]


class WholeSwap(CrossModalOp):
    """Takes the whole image of the next sample, or of the second batch: the simplest op that mixes."""

    mixes = True
    params_type = WholeSwapParams

    def sample(self, batch, donors, generator):
        size, source = len(batch.positions), batch if donors is None else donors
        index = (torch.arange(size, device=batch.positions.device) + 1) % len(source.positions)
        return WholeSwapParams(
            accepted=torch.ones(size, dtype=torch.bool, device=index.device),
            before=batch.positions,
            positions=source.positions[index],
            reason=torch.zeros(size, dtype=torch.int8, device=index.device),
            spatial=batch.spatial,
            donors=index,
            pool=None if donors is None else len(source.positions),
            mixed_share=torch.ones(size, device=index.device),
            corners=(0, 0),
        )

    def alter(self, tensor, params, role, donors):
        assert params.corners == (0, 0)
        return (tensor if donors is None else donors)[params.donors]


class Shout(TextOp):
    """Words alone: capital letters."""

    def draw_texts(self, texts, positions, spatial, generator):
        accepted = torch.ones(len(texts), dtype=torch.bool, device=positions.device)
        reason = torch.zeros(len(texts), dtype=torch.int8, device=positions.device)
        return Params(accepted, positions, positions, reason, spatial), [text.upper() for text in texts]

    def rewrite(self, texts, params):
        return [text.upper() for text in texts]
