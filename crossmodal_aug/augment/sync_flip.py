"""SyncFlip: a horizontal flip that the words follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Batch
from crossmodal_aug.augment.params import Gate, Params, Reason
from crossmodal_aug.augment.settings import Role, Settings
from crossmodal_aug.functional.bits import on_bits
from crossmodal_aug.functional.checks import check_probability
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.mixing import uniforms
from crossmodal_aug.functional.pasting import choose
from crossmodal_aug.functional.sided import check_pairs, exchange_sides


@dataclass(frozen=True)
class SyncFlipParams(Params):
    """What one call of `SyncFlip` did: the accepted samples are the flipped ones."""

    @property
    def matrices(self) -> Tensor:
        """(B, 3, 3) float32: from source to result, on (x, y) in shares of the image."""
        stay = torch.eye(3, dtype=torch.float32, device=self.accepted.device)
        flip = stay.new_tensor([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return torch.where(self.accepted.view(-1, 1, 1), flip, stay)


class SyncFlip(CrossModalOp):
    """Horizontal flip per sample, with left and right exchanged in text and positions.

    Args:
        parser: Reads and rewrites the texts.
        p: Probability that a sample is flipped.
        sided_labels: Pairs of labels of the target that mean a side, such as ((1, 2),) for 1 = right lung and 2 = left
            lung; a mirror exchanges them.
        sided_channels: The same for channels of the target, (B, C, *spatial).
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: `parser` is not a PositionParser, `p` is not a number, or the sided ones are not pairs.
        InvalidValueError: `p` lies outside [0, 1], or a sided number comes twice.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> op = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)
        >>> out = op(torch.tensor([[[[1, 2]]]]), ["Opacity in the lower left lung."])
        >>> out.images, out.texts
        (tensor([[[[2, 1]]]]), ['Opacity in the lower right lung.'])

    Convention:
        - Shapes: (B, C, H, W) and (B, C, D, H, W); the last axis is flipped. Any dtype, kept.
        - Twice with `p=1` is the identity on pixels, texts and positions.
        - The whole caption is exchanged, words beside the atlas included ("right clavicle"), as the whole image is.
        - Randomness: one draw per sample.
    """

    params_type = SyncFlipParams
    _reads_values = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        p: float = 0.5,
        sided_labels: Sequence[tuple[int, int]] = (),
        sided_channels: Sequence[tuple[int, int]] = (),
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        self.p = check_probability("p", p)
        self.sided_labels = check_pairs("sided_labels", sided_labels)
        self.sided_channels = check_pairs("sided_channels", sided_channels)

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        return f"p={self.p}"

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> SyncFlipParams:
        """Draw which samples are flipped."""
        positions = batch.positions
        draws = uniforms(positions.shape[0], 1, generator=generator, device=positions.device)
        gate = Gate(positions.shape[0], positions.device)
        gate.require(draws[:, 0] < self.p, Reason.NOT_DRAWN)
        accepted = gate.accepted
        mirror = constant(self.atlas.mirror, torch.int64, positions.device)
        flipped = torch.where(accepted.unsqueeze(1), positions.index_select(1, mirror), positions)
        return SyncFlipParams(
            accepted=accepted,
            before=positions,
            positions=flipped,
            reason=gate.reason,
            spatial=batch.spatial,
        )

    def alter(self, tensor: Tensor, params: SyncFlipParams, role: Role, donors: Tensor | None) -> Tensor:
        """Flip the accepted samples along the last axis."""
        accepted = params.accepted.view(-1, *[1] * (tensor.ndim - 1))
        flipped = on_bits(lambda bits: choose(accepted, bits.flip(-1), bits), tensor)
        if role != "target":
            return flipped
        return exchange_sides(flipped, params.accepted, self.sided_labels, self.sided_channels, params.spatial)

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Exchange left and right in a text."""
        return self.parser.mirror(text)
