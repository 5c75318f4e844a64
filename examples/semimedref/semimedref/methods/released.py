"""The mix of `--mix released`: Semi-MedRef's released code as this example's first edition had it, for older runs.

It was written from a description alone. Three of its faults are here, and `faults.py` has all that lie in the mix: the
image is mixed before the gate decides, while text and target are mixed after it; of a caption only the first position
phrase is read; a mixed caption claims the donor's whole phrase, wherever the patch lay, and drops nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug import PositionParser, TPatchMix
from crossmodal_aug.augment import TPatchMixParams
from crossmodal_aug.augment.batch import Batch
from crossmodal_aug.augment.settings import Role


class FirstPhraseParser(PositionParser):
    """A parser whose bits are those of the first position phrase; its reports hold the whole text.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> FirstPhraseParser(LUNG_ZONES).encode(["Upper left lung and lower right lung."]).int().tolist()
        [[1, 0, 0, 0, 0, 0]]
    """

    def encode(self, texts: Iterable[str]) -> Tensor:
        """Return (B, K) bool: the regions of each text's first position phrase."""
        reports = self.parse_many(texts)
        first = [report.mentions[0].regions if report.mentions else () for report in reports]
        bits = [[name in regions for name in self.atlas.names] for regions in first]
        return torch.tensor(bits, dtype=torch.bool).reshape(len(bits), len(self.atlas))

    def encode_whole(self, texts: Iterable[str]) -> Tensor:
        """Return (B, K) bool: the regions of the whole texts."""
        return super().encode(texts)


@dataclass(frozen=True)
class ReleasedParams(TPatchMixParams):
    """What one call of `ReleasedPatchMix` did.

    Attributes:
        pasted: (B, 2, 2) int64: the patch in the image, which is there whether the gate lets it pass or not.
            ``boxes``, which target and text follow, is empty where it does not.
    """

    pasted: Tensor


class ReleasedPatchMix(TPatchMix):
    """T-PatchMix that pastes the pixels before the gate decides.

    Its parser should be a `FirstPhraseParser`. ``params.accepted`` says where text and target followed.
    """

    params_type = ReleasedParams

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> ReleasedParams:
        """Draw once, and decide twice: for target and text with the gate, for the image without it."""
        generator = torch.default_generator if generator is None else generator
        state = generator.get_state()
        gated = super().sample(batch, donors, generator)
        gate, self.gate = self.gate, None
        try:
            drawn = super().sample(batch, donors, generator.set_state(state))
        finally:
            self.gate = gate
        positions = gated.positions
        if batch.texts is not None and isinstance(self.parser, FirstPhraseParser):
            # The anchor's further phrases are not read, but they stay in its caption.
            whole = self.parser.encode_whole(batch.texts).to(positions.device)
            positions = torch.where(gated.accepted.unsqueeze(1), positions | whole, positions)
        gated = replace(gated, positions=positions)
        fields = {**vars(gated), "mixed_share": drawn.mixed_share}
        return ReleasedParams(**fields, pasted=drawn.boxes)

    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Take the pixels of the patch from the donor: in the image always, in a target where the gate let it pass."""
        boxes = params.pasted if role == "image" else params.boxes
        return super().alter(tensor, replace(params, boxes=boxes), role, donors)
