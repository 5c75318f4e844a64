"""What a checkpoint must hold for a run to go on from it: Lightning takes it over without a look."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from packaging.version import InvalidVersion, Version
from torch import Tensor
from torch.optim import Optimizer

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.checkpoints import is_whole, sizes
from semimedref.methods import Method

PARTS = ("optimizer_states", "lr_schedulers", "loops", "callbacks")
VERSION = "pytorch-lightning_version"
LOOP = (
    *("epoch_progress", "epoch_loop.batch_progress", "epoch_loop.state_dict"),
    "epoch_loop.automatic_optimization.optim_progress",
)
"""What tells where a run is. Of the loops' other parts older versions of Lightning have not all."""
NEEDED = ("params", "lr", "betas", "eps", "weight_decay", "base_lrs", "last_epoch", "lr_lambdas")
"""What optimiser and schedule cannot do without."""


def check_can_go_on(stored: object, path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds, or raise unless a run can go on from it.

    Args:
        stored: What the file holds.
        path: The file, for messages.

    Raises:
        InvalidValueError: A part is missing or is something else.
    """
    missing = [part for part in PARTS if not isinstance(stored, dict) or part not in stored]
    if not isinstance(stored, dict) or missing:
        raise InvalidValueError(
            f"{path}: expected a checkpoint from which a run can go on, but {', '.join(missing)} lack"
        )
    kinds = {"optimizer_states": [], "lr_schedulers": [], "loops": {"fit_loop": {}}, "callbacks": {}}
    fault = _fault(stored, kinds, "it")
    fault = fault or _lists(stored) or _loop(stored["loops"]["fit_loop"]) or _callbacks(stored["callbacks"])
    if fault:
        raise InvalidValueError(f"{path}: expected a checkpoint from which a run can go on, but {fault}")
    try:
        Version(stored.get(VERSION))  # type: ignore[arg-type]  # a TypeError where it is no text
    except (InvalidVersion, TypeError) as error:
        raise InvalidValueError(
            f"{path}: expected a checkpoint that says by which version of Lightning it was written, but got "
            f"{shown(stored.get(VERSION))}"
        ) from error
    return stored


def check_fits(stored: dict[str, Any], method: Method, path: Path) -> None:
    """Raise unless weights, optimiser and schedule of a checkpoint are of the sizes and kinds that a method has.

    Torch takes over any, and some of them fail only at the first step.

    Args:
        stored: What `check_can_go_on` returned.
        method: What goes on from it.
        path: The file, for messages.

    Raises:
        InvalidValueError: A part is of another size or kind.
    """
    made: dict[str, Any] = dict(method.configure_optimizers())
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    fault = (
        "" if sizes(stored["state_dict"]) == sizes(method.state_dict()) else "its weights are those of another model"
    )
    fault = fault or _optimiser(stored["optimizer_states"], optimiser)
    fault = fault or _count(stored["lr_schedulers"], 1, "lr_schedulers")
    fault = fault or _values(stored["lr_schedulers"][0], schedule.state_dict(), "lr_schedulers")
    if fault:
        raise InvalidValueError(f"{path}: expected a checkpoint from which a run can go on, but {fault}")


def _optimiser(found: list[dict[str, Any]], optimiser: Optimizer) -> str:
    groups = optimiser.state_dict()["param_groups"]
    if fault := _count(found, 1, "optimizer_states") or _count(found[0]["param_groups"], len(groups), "param_groups"):
        return fault
    for group, own in zip(found[0]["param_groups"], groups, strict=True):
        if fault := _values(group, own, "param_groups"):
            return fault
        if group["params"] != own["params"]:
            return f"params is {shown(group['params'])} in place of those of this model"
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for number, state in found[0]["state"].items():
        if type(number) is not int or not 0 <= number < len(parameters):
            return f"the optimiser has no parameter {shown(number)}"
        if fault := _moments(state, parameters[number].shape, f"parameter {number}"):
            return fault
    return ""


def _moments(state: object, shape: torch.Size, where: str) -> str:
    if not isinstance(state, dict):
        return f"{where} is {shown(state)} in place of a dict"
    for name, wanted in (("step", torch.Size()), ("exp_avg", shape), ("exp_avg_sq", shape)):
        if name not in state:
            return f"{where} lacks {name}"
        if fault := _tensor(state[name], wanted):
            return f"{name} of {where} {fault}"
    return ""


def _tensor(found: object, shape: torch.Size) -> str:
    if not isinstance(found, Tensor):
        return f"is {shown(found)} in place of a tensor"
    if found.shape != shape:
        return f"is of shape {shown(tuple(found.shape))} in place of {tuple(shape)}"
    if not found.is_floating_point():
        return f"is of {found.dtype} in place of a floating-point dtype"
    return "" if is_whole(found) else "holds fewer values than its shape says"


def _count(found: list[Any], count: int, where: str) -> str:
    return "" if len(found) == count else f"{where} holds {len(found)} in place of {count}"


def _values(found: object, wanted: dict[str, Any], where: str) -> str:
    """Return how plain values by name differ in kind from those wanted, or ""; None may become anything."""
    if not isinstance(found, dict):
        return f"{where} holds {shown(found)} in place of a dict"
    for name, own in wanted.items():
        if name not in found:
            # What newer versions of torch add, they fill in.
            if name in NEEDED:
                return f"{where} lacks {name}"
        elif own is not None and _kind(found[name]) != _kind(own):
            return f"{name} is {shown(found[name])} in place of a value such as {shown(own)}"
    return ""


def _kind(value: object) -> str | list[str]:
    def plain(one: object) -> str:
        return "number" if isinstance(one, int | float) and not isinstance(one, bool) else type(one).__name__

    return [plain(one) for one in value] if isinstance(value, list | tuple) else plain(value)


def _lists(stored: dict[str, Any]) -> str:
    for state in stored["optimizer_states"]:
        if fault := _fault(state, {"state": {}, "param_groups": []}, "optimizer_states"):
            return fault
    for state in stored["lr_schedulers"]:
        if fault := _fault(state, {}, "lr_schedulers"):
            return fault
    return "" if stored["optimizer_states"] else "optimizer_states is empty"


def _loop(found: dict[str, Any]) -> str:
    plain = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    wanted = plain.fit_loop.state_dict()
    needed = {name: state for name, state in wanted.items() if name in LOOP or name in found}
    return _fault(found, needed, "fit_loop")


def _callbacks(found: dict[Any, Any]) -> str:
    for name, state in found.items():
        if not isinstance(name, str):
            return f"callbacks has {shown(name)} as a name"
        wanted: dict[str, Any] = {}
        if name.startswith("EarlyStopping"):
            wanted = EarlyStopping("valid/dice").state_dict()
        elif "Checkpoint" in name:
            wanted = ModelCheckpoint().state_dict()
        if fault := _fault(state, wanted, shown(name)):
            return fault
    return ""


def _fault(found: object, wanted: object, where: str) -> str:
    """Return how something differs in kind from what is wanted, or ""; values of other kinds than these may be any."""
    if isinstance(wanted, dict | list | str | int) and not isinstance(found, type(wanted)):
        return f"{where} is {shown(found)} in place of a {type(wanted).__name__}"
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, inner in wanted.items():
            if name not in found:
                return f"{where} lacks {name}"
            if fault := _fault(found[name], inner, name):
                return fault
    return ""
