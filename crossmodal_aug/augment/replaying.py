"""What replaying a call needs beside its parameters: the right donors, and what the texts need on the host."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.params import MixParams, Params
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.checks import check_tensor


def check_source(params: Params, donors: Tensor | None) -> None:
    """Raise unless donors are given just where the call that is replayed had a second batch."""
    if not isinstance(params, MixParams):
        return
    if params.pool is None and donors is not None:
        raise InvalidValueError("Expected no `donors`, since that call took pixels from its own batch, but got some.")
    if params.pool is not None:
        got = "none" if donors is None else len(check_tensor("donors", donors))
        if got != params.pool:
            raise InvalidValueError(
                f"Expected `donors` of {params.pool} rows, as in the call that is replayed, but got {got}."
            )


@dataclass(frozen=True)
class HostRow:
    """What the text of one sample needs to know of a call.

    Attributes:
        accepted: Whether it was altered.
        positions: One bit a region: those that hold after the op.
        brought: Bits of the regions into which the donor's pixels brought lesion, where that is known.
        held: Bits of the regions that hold lesion, where that is known.
    """

    accepted: bool
    positions: list[bool]
    brought: list[bool]
    held: list[bool]

    def denied_by(self, old: str, new: str, parser: PositionParser) -> bool:
        """Return whether a text denies lesion that it did not deny before.

        What the sample's own text denied over the sample's own lesion stays as it came.

        Args:
            old: The text as it was.
            new: What it became.
            parser: Reads both.

        Returns:
            True where the new text calls a region clear in which the donor's pixels hold lesion, or for the first time
            one that holds any.
        """
        seen = [brought or held for brought, held in zip(self.brought, self.held, strict=True)]
        if not any(lesion and not named for lesion, named in zip(seen, self.positions, strict=True)):
            return False  # what a text affirms it does not deny: in most data there is no more to read
        before, after = parser.parse_many([old, new])
        rows = zip(parser.atlas.names, self.brought, seen, strict=True)
        return any(
            name in after.negated and (brought or (lesion and name not in before.negated))
            for name, brought, lesion in rows
        )


def to_host(params: Params) -> list[HostRow]:
    """Bring what the texts need to the host in one copy."""
    known: tuple[Tensor | None, ...] = (params.brought, params.held) if isinstance(params, MixParams) else (None, None)
    parts = [params.accepted.unsqueeze(1), params.positions, *(part for part in known if part is not None)]
    size = params.positions.shape[1]
    rows = []
    for accepted, *bits in torch.cat(parts, dim=1).cpu().tolist():
        positions, *others = [bits[first : first + size] for first in range(0, len(bits), size)]
        brought, held = ([False] * size if part is None else others.pop(0) for part in known)
        rows.append(HostRow(accepted, positions, brought, held))
    return rows
