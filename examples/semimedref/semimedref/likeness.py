"""Whether what a file holds is of the kinds that stand in a fresh one: types, ranges and places of tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor

from crossmodal_aug.errors import shown

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Dtypes that may stand for one another: a checkpoint may be kept in half precision. Any other must be the same."""

MOST = 2**40
"""No count and no rate of a run is above this."""


def is_plain(value: object) -> bool:
    """Return whether a value is a dense tensor in the memory of the CPU."""
    return (
        isinstance(value, Tensor)
        and not value.is_nested
        and value.layout == torch.strided
        and value.device.type == "cpu"
    )


def is_whole(value: object) -> bool:
    """Return whether a value is a tensor that holds as many values as its shape says."""
    if not isinstance(value, Tensor) or not is_plain(value):
        return False
    return value.untyped_storage().nbytes() >= value.numel() * value.element_size()


def sizes(state: Mapping[str, object], *, planned: bool = False) -> dict[str, object]:
    """Return the shapes of tensors and their kinds of numbers by name; of anything else the type.

    Args:
        state: Weights by name.
        planned: Whether they are on torch's meta device, where nothing is allocated. Otherwise tensors that are not
            whole count as anything else.
    """

    def size(one: object) -> object:
        if isinstance(one, Tensor) and (planned or is_whole(one)):
            return tuple(one.shape), "floating point" if one.dtype in FLOATS else one.dtype
        return type(one)

    return {name: size(one) for name, one in state.items()}


def is_count(value: object) -> bool:
    """Return whether a value is a whole number from 0 to `MOST`."""
    return type(value) is int and 0 <= value <= MOST


def is_score(value: object) -> bool:
    """Return whether a value is a tensor of one floating-point number."""
    return isinstance(value, Tensor) and is_whole(value) and value.shape == () and value.dtype in FLOATS


def is_simple(value: object) -> bool:
    """Return whether a value is None, a text or a number."""
    return value is None or isinstance(value, bool | int | float | str)


def unlike(found: object, wanted: object, where: str) -> str:
    """Return how something differs in kind from what stands in a fresh one, or "".

    Args:
        found: What a file holds.
        wanted: What a fresh one holds. A count may become any other, a rate any from 0 to `MOST`, and None anything
            simple or a score. Lists keep their length.
        where: The name of it, for the message.
    """
    if isinstance(wanted, dict):
        return _unlike_dict(found, wanted, where)
    if isinstance(wanted, list | tuple) and isinstance(found, type(wanted)) and len(found) == len(wanted):
        return next((fault for pair in zip(found, wanted, strict=True) if (fault := unlike(*pair, where))), "")
    return "" if _is_alike(found, wanted) else f"{where} is {shown(found)} in place of {_example(wanted)}"


def _is_alike(found: object, wanted: object) -> bool:
    if wanted is None:
        return is_simple(found) or is_score(found)
    if isinstance(wanted, Tensor):
        return is_score(found)
    if isinstance(wanted, float):
        return isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= MOST
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return is_count(found)
    return isinstance(wanted, bool | str) and type(found) is type(wanted)


def _example(wanted: object) -> str:
    if isinstance(wanted, Tensor):
        return "a score"
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return f"a {'whole ' * isinstance(wanted, int)}number from 0 to {MOST}, such as {shown(wanted)}"
    return f"a value such as {shown(wanted)}"


def _unlike_dict(found: object, wanted: dict[str, object], where: str) -> str:
    if not isinstance(found, dict):
        return f"{where} is {shown(found)} in place of a dict"
    for name, inner in wanted.items():
        if name not in found:
            return f"{where} lacks {name}"
        if fault := unlike(found[name], inner, name):
            return fault
    return ""


def too_much(found: Mapping[object, object], wanted: Mapping[str, object], owner: object, where: str) -> str:
    """Return what more a dict holds than a fresh one and would do harm, or "".

    What other versions of a library add are simple values under names that mean nothing to this one.

    Args:
        found: What a file holds.
        wanted: What a fresh one holds.
        owner: What takes it over as its attributes.
        where: The name of it, for the message.
    """
    for name, value in found.items():
        if name not in wanted and (not isinstance(name, str) or hasattr(owner, name) or not is_simple(value)):
            return f"{where} holds {shown(name)}, which a fresh one has not"
    return ""


def is_equal(found: object, wanted: object) -> bool:
    """Return whether simple values, or lists of them, are the same; a number is never a switch."""
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(is_equal, found, wanted))
    if not is_simple(found) or isinstance(found, bool) != isinstance(wanted, bool):
        return False
    return found == wanted
