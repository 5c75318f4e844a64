"""What the parameters of a call say of all its ops together: how pixels moved, and why a sample was left alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from crossmodal_aug.augment.batch import calls_of
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.errors import InvalidValueError


def matrices_of(params: Any) -> Tensor | None:
    """Return how a call moved pixels, (B, 3, 3) in shares of the image; None where no op of it tells.

    An op tells by `matrices` of its parameters, as `SyncFlip` and `SyncGeometry` do.
    """
    total: Tensor | None = None
    for call in calls_of(params):
        step = getattr(call, "matrices", None)
        if isinstance(step, Tensor):
            total = step if total is None else step @ total
    return total


def reason_of(params: Any) -> Tensor:
    """Return why each sample was left alone, over all ops of a sequence.

    Args:
        params: What a call of an op recorded, or the tuple that a sequence did.

    Returns:
        (B,) int8, codes of `Reason`: 0 for a sample that any op altered; else the reason of the first op that drew it,
        and `NOT_DRAWN` where none did.

    Raises:
        InvalidValueError: `params` are not those of a call.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, CrossModalSequential, Focus, PositionParser, SyncFlip
        >>> from crossmodal_aug.augment import Reason
        >>> parser = PositionParser(LUNG_ZONES)
        >>> op = CrossModalSequential(SyncFlip(parser, p=0.0), Focus(parser, p=1.0))
        >>> out = op(torch.rand(2, 1, 6, 4), ["COVID-19 pneumonia.", "Left base and right apex."])
        >>> [Reason(code).words for code in reason_of(out.params).tolist()]
        ['its text does not say where', 'altered']
    """
    calls = calls_of(params)
    if not calls:
        raise InvalidValueError(f"Expected `params` to be what an op recorded, but got {type(params).__name__}.")
    reason, accepted = calls[0].reason, calls[0].accepted
    for call in calls[1:]:
        reason = call.reason.where(reason == int(Reason.NOT_DRAWN), reason)
        accepted = accepted | call.accepted
    return reason.masked_fill(accepted, int(Reason.ALTERED))
