"""Numbers that decide something are worked out in full precision, whatever autocast a caller has on."""

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context in which matrix products on `device` keep the dtype of what goes in.

    Under autocast a product of float32 tensors runs in half precision: counts of pixels above 65504 become infinite
    in float16, and bfloat16 does not tell neighbouring pixels apart.

    Args:
        device: Where the tensors are.

    Returns:
        The context manager.

    Examples:
        >>> ones = torch.ones(1, 70_000)
        >>> with torch.autocast("cpu", dtype=torch.float16), full_precision(ones.device):
        ...     print(ones @ ones.T)
        tensor([[70000.]])
    """
    # Where nothing is computed there is no autocast.
    return nullcontext() if device.type == "meta" else torch.autocast(device_type=device.type, enabled=False)
