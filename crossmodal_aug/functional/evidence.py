"""Evidence: what a target says about where lesion is, read in the dtype that the target has.

A copy of a mask as float32 may be larger than all that an op returns. So a target stays as it is, and only the pieces
that an op looks at become numbers in [0, 1]: a floating map as it is, a mask as `mask > 0`. Both readings keep the
order of values, so they may also follow a maximum.

An integer mask holds one value beside 0. With more of them, such as class ids or a value that the loss ignores, it
does not say which of them is lesion.
"""

from math import ceil, frexp

import numpy as np
import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

_UNSIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


# Values of a mask that an error names.
_NAMED = 6


def check_evidence(name: str, evidence: Tensor, *, everywhere: bool = False) -> Tensor:
    """Return evidence that `evidence_values` and `reaches` can read: the tensor itself, cut off from its graph.

    Values are checked where that costs nothing, that is on the CPU outside `torch.compile`; elsewhere a NaN
    compares as absent evidence, and every value of a mask above 0 as lesion. Dtypes that torch can hardly compute with
    come out as bool or float32.

    Args:
        name: What to call it in errors.
        evidence: Probabilities in [0, 1], or a bool or integer mask.
        everywhere: Whether values are checked on other devices too, which waits for them.

    Returns:
        A tensor of the same shape.

    Raises:
        InvalidTypeError: It is complex.
        InvalidValueError: A value is NaN or lies outside [0, 1], or an integer mask holds a value below 0, or several
            above.

    Examples:
        >>> check_evidence("mask", torch.tensor([0, 65535], dtype=torch.uint16))
        tensor([False,  True])
    """
    evidence = evidence.detach()
    if evidence.is_complex():
        raise InvalidTypeError(f"Expected `{name}` to be real, to be read as evidence, but got {evidence.dtype}.")
    looked_at = costs_nothing_to_look_at(evidence) or (everywhere and not torch.compiler.is_compiling())
    fits = not looked_at or can_be_evidence(evidence)
    if not evidence.is_floating_point():
        if not fits:
            raise InvalidValueError(
                f"Expected `{name}` to be a mask of 0 and one value above 0, to be read as evidence, but got "
                f"{_values_of(evidence)}. Say where lesion is, all that the captions speak of: "
                "`evidence=(labels > 0) & (labels != 255)`."
            )
        return computable(evidence)
    evidence = computable(evidence)
    if not fits:
        low, high = map(float, evidence.aminmax())
        raise InvalidValueError(
            f"Expected `{name}` to hold values in [0, 1], but got a range of [{low:g}, {high:g}] "
            "(nan means that it holds NaN)."
        )
    return evidence


def can_be_evidence(tensor: Tensor) -> bool:
    """Whether real values are probabilities in [0, 1] or a mask; waits for the device that they are on.

    Examples:
        >>> can_be_evidence(torch.tensor([0.0, 0.5])), can_be_evidence(torch.tensor([0.0, 2.0]))
        (True, False)
    """
    if not tensor.is_floating_point():
        return is_mask(tensor)
    if not tensor.numel():
        return True
    low, high = computable(tensor.detach()).aminmax()
    return bool(low >= 0 and high <= 1)  # False for NaN


def computable(evidence: Tensor) -> Tensor:
    """Real evidence in a dtype that torch computes with: long unsigned integers become bool, float8 float32.

    Examples:
        >>> computable(torch.tensor([0, 65535], dtype=torch.uint16))
        tensor([False,  True])
    """
    if evidence.dtype in _UNSIGNED:
        return evidence.view(_UNSIGNED[evidence.dtype]) != 0
    return evidence.float() if evidence.is_floating_point() and evidence.element_size() == 1 else evidence


def costs_nothing_to_look_at(tensor: Tensor) -> bool:
    """Whether values can be looked at without a wait for a device: on the CPU, outside `torch.compile`."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def is_mask(mask: Tensor) -> bool:
    """Whether bools or integers are 0 and at most one value above; waits for the device that they are on.

    Examples:
        >>> is_mask(torch.tensor([0, 255])), is_mask(torch.tensor([0, 1, 255])), is_mask(torch.tensor([-1, 0]))
        (True, False, False)
    """
    if mask.dtype == torch.bool or not mask.numel():
        return True
    unsigned = _UNSIGNED.get(mask.dtype)
    bits = mask if unsigned is None else mask.view(unsigned)
    low, high = map(int, bits.aminmax())
    if low >= 0 and high <= 255:
        # Less 1, a byte of 0 becomes the greatest; so the least that is left belongs to the least value above 0.
        return high <= 1 or int(bits.to(torch.uint8).sub(1).amin()) + 1 == high
    if low < 0 and unsigned is None:
        return False
    return torch.equal(bits != 0, bits == (high if high > 0 else low))


def _values_of(mask: Tensor) -> str:
    values = np.unique(mask.cpu().numpy()).tolist()
    return f"the values {values}" if len(values) <= _NAMED else f"{len(values)} values, {values[:_NAMED]} and more"


def evidence_values(evidence: Tensor) -> Tensor:
    """Checked evidence as float32 in [0, 1].

    Examples:
        >>> evidence_values(torch.tensor([0, 255]))
        tensor([0., 1.])
    """
    if evidence.is_floating_point():
        return evidence.float()
    # Compared with a number, a bool tensor would first grow to int64.
    return (evidence if evidence.dtype == torch.bool else evidence > 0).float()


def reaches(evidence: Tensor, threshold: float) -> Tensor:
    """`evidence_values(evidence) >= threshold`, without a copy of the values.

    Args:
        evidence: Checked evidence, any shape.
        threshold: Number in [0, 1].

    Returns:
        Bool of the same shape; for a bool mask it may be the mask itself.

    Examples:
        >>> reaches(torch.tensor([0.2, 0.6], dtype=torch.float16), 0.55), reaches(torch.tensor([0, 255]), 0.55)
        (tensor([False,  True]), tensor([False,  True]))
    """
    if evidence.is_floating_point():
        return evidence >= _least(threshold, evidence.dtype)
    if threshold <= 0:
        return torch.ones_like(evidence, dtype=torch.bool)
    return evidence if evidence.dtype == torch.bool else evidence > 0


def gaps(evidence: Tensor, threshold: float, dtype: torch.dtype) -> Tensor:
    """Where evidence does not reach a threshold, as integers whose bits are all set there.

    Args:
        evidence: Checked evidence, any shape.
        threshold: Number in [0, 1].
        dtype: Signed integers.

    Returns:
        -1 where `reaches` is False, 0 elsewhere; a tensor of its own.

    Examples:
        >>> gaps(torch.tensor([0.2, 0.6]), 0.55, torch.int8)
        tensor([-1,  0], dtype=torch.int8)
    """
    if evidence.is_floating_point() and not torch.compiler.is_compiling():
        # On the CPU a comparison in place takes half the time of one that makes bools.
        return evidence.clone().ge_(_least(threshold, evidence.dtype)).to(dtype).sub_(1)
    return reaches(evidence, threshold).to(dtype).sub_(1)


def _least(threshold: float, dtype: torch.dtype) -> float:
    """Smallest number of a half-precision dtype that is not below `threshold`, which torch would round to nearest."""
    if dtype not in (torch.float16, torch.bfloat16):
        return threshold
    about = torch.finfo(dtype)
    step = max(about.eps * 2.0 ** (frexp(threshold)[1] - 1), about.smallest_normal * about.eps)
    return ceil(threshold / step) * step
