"""What replaying a call needs beside its parameters: the right donors, and what the texts need on the host."""

import torch
from torch import Tensor

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


def to_host(accepted: Tensor, bits: Tensor) -> list[list[bool]]:
    """Bring what the texts need to the host in one copy: (B, 1 + K) rows of accepted and bits."""
    rows: list[list[bool]] = torch.cat((accepted.unsqueeze(1), bits), dim=1).cpu().tolist()
    return rows
