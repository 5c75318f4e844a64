"""Memory formats: in which order the values of a tensor lie in memory."""

import torch
from torch import Tensor


def channels_last_of(tensor: Tensor) -> torch.memory_format | None:
    """Return the channels-last format that a tensor (B, C, *spatial) is in; None where it is contiguous or in another.

    Examples:
        >>> images = torch.zeros(1, 2, 3, 3)
        >>> channels_last_of(images), channels_last_of(images.contiguous(memory_format=torch.channels_last))
        (None, torch.channels_last)
    """
    # `vmap` cannot tell.
    if tensor.is_contiguous() or torch._C._functorch.is_batchedtensor(tensor):
        return None
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(tensor.ndim)
    return last if last is not None and tensor.is_contiguous(memory_format=last) else None
