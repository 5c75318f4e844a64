"""CrossModalSequential: several ops as one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from crossmodal_aug.augment.base import CrossModalOp, Role
from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.pos_aug import PosAug
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError


class CrossModalSequential(nn.Module):
    """Runs ops in order; replays as one.

    Args:
        *ops: The ops, all on atlases with the same regions.

    Raises:
        InvalidTypeError: One of them is no op of this library.
        InvalidValueError: There is none, their atlases differ in their regions, or an op that rewrites texts
            comes after ``PosAug(mode="mask")``, whose mask it would undo.

    Example:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PositionParser, SyncFlip, ZoneMix
        >>> parser = PositionParser(LUNG_ZONES)
        >>> op = CrossModalSequential(ZoneMix(parser), SyncFlip(parser))
        >>> images = torch.rand(2, 1, 6, 4)
        >>> out = op(images, ["Clear.", "Left base opacity."], generator=torch.Generator().manual_seed(0))
        >>> torch.equal(op.replay(images, out.params), out.images)
        True

    Convention:
        - ``params`` is the tuple of the ops' parameters, in order.
        - ``donors`` and ``generator`` are handed to each op.
        - `PosAug` belongs at the end: what it takes out of a text, the ops after it do not know of.
    """

    def __init__(self, *ops: CrossModalOp) -> None:
        super().__init__()
        if not ops:
            raise InvalidValueError("Expected `ops` to hold at least one op, but got none.")
        for index, op in enumerate(ops):
            if not isinstance(op, CrossModalOp):
                raise InvalidTypeError(
                    f"Expected `ops[{index}]` to be an op of crossmodal_aug, but got {type(op).__name__}."
                )
            if op.atlas.names != ops[0].atlas.names:
                raise InvalidValueError(
                    f"Expected `ops[{index}]` on the regions {ops[0].atlas.names}, but got {op.atlas.names}."
                )
        masks = [isinstance(op, PosAug) and not op.states_positions for op in ops]
        for index, op in enumerate(ops):
            if any(masks[:index]) and not isinstance(op, PosAug):
                raise InvalidValueError(
                    "Expected PosAug(mode='mask') to come last, since a later op would write down again what it "
                    f"masked, but got {type(op).__name__} after it."
                )
        self.ops = nn.ModuleList(ops)
        self.mixes = any(op.mixes for op in ops)
        self.moves_pixels = any(op.moves_pixels for op in ops)

    def forward(
        self,
        images: Tensor | None,
        texts: Sequence[str] | None,
        target: Tensor | None = None,
        *,
        evidence: Tensor | None = None,
        positions: Tensor | None = None,
        maps: Sequence[Tensor] = (),
        donors: Augmented | None = None,
        generator: torch.Generator | None = None,
    ) -> Augmented:
        """Alter a batch by one op after the other; see `CrossModalOp.forward`."""
        params = []
        out = Augmented(images, texts, target, positions, maps, evidence=evidence)
        for op in self.ops:
            out = op(
                out.images,
                out.texts,
                out.target,
                evidence=out.evidence,
                positions=out.positions,
                maps=out.maps,
                donors=donors,
                generator=generator,
            )
            params.append(out.params)
        return replace(out, params=tuple(params))

    def replay(self, tensor: Tensor, params: Any, *, role: Role = "image", donors: Tensor | None = None) -> Tensor:
        """Repeat on another aligned tensor what a call did; see `CrossModalOp.replay`."""
        for op, one in self._pairs(params):
            tensor = op.replay(tensor, one, role=role, donors=donors)
        return tensor

    def rewrite(self, texts: Sequence[str], params: Any) -> list[str]:
        """Repeat on other texts what a call did; see `CrossModalOp.rewrite`."""
        rewritten = list(texts)
        for op, one in self._pairs(params):
            rewritten = op.rewrite(rewritten, one)
        return rewritten

    def _pairs(self, params: Any) -> list[tuple[CrossModalOp, Any]]:
        if not isinstance(params, tuple) or len(params) != len(self.ops):
            raise InvalidTypeError(
                f"Expected `params` to be the tuple of {len(self.ops)} that a call returned, but got "
                f"{type(params).__name__}."
            )
        return [(op, one) for op, one in zip(self.ops, params, strict=True) if isinstance(op, CrossModalOp)]
