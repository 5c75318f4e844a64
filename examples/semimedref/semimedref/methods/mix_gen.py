"""MixGen: two images blended, their captions one behind the other (arXiv 2206.08358)."""

from collections.abc import Sequence
from typing import Any

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

BLEND = 0.5


class MixGen(CrossModalOp):
    """Half of the donor's intensities and half of the anchor's; the donor's caption is written behind the anchor's.

    Of two masks it takes the larger value at each pixel, since the captions name the lesions of both.

    Args:
        parser: The captions' parser.
        p: Probability that a sample is mixed; the source mixes a quarter of each batch.

    Raises:
        InvalidValueError: ``p`` lies outside [0, 1].
    """

    params_type = MixParams
    mixes = True
    _reads_values = True

    def __init__(self, parser: PositionParser, *, p: float = 0.25) -> None:
        super().__init__(parser)
        self.p = check_probability("p", p)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> MixParams:
        """Draw which samples are mixed, and with whom."""
        if donors is not None:
            raise InvalidValueError("Expected no `donors`, since both images are of the same batch, but got some.")
        mine = batch.positions
        draws = uniforms(len(mine), 2, generator=generator, device=mine.device)
        index, possible = draw_donors(draws[:, 0])
        gate = Gate(len(mine), mine.device)
        gate.require(draws[:, 1] < self.p, Reason.NOT_DRAWN)
        gate.require(possible, Reason.NO_PARTNER)
        accepted = gate.accepted
        return MixParams(
            accepted=accepted,
            before=mine,
            positions=torch.where(accepted.unsqueeze(1), mine | mine[index], mine),
            reason=gate.reason,
            spatial=batch.spatial,
            donors=index,
            pool=None,
            mixed_share=accepted.float() * BLEND,
        )

    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Blend images, and join what is where in all else."""
        theirs = tensor[params.donors]
        both = torch.lerp(tensor, theirs, BLEND) if role == "image" else torch.maximum(tensor, theirs)
        return torch.where(params.accepted.view(-1, *[1] * (tensor.ndim - 1)), both, tensor)

    def _written(self, texts: list[str], params: Any) -> Sequence[str]:
        rows = zip(texts, params.accepted.tolist(), params.donors.tolist(), strict=True)
        return [f"{text} {texts[donor]}" if accepted else text for text, accepted, donor in rows]
