"""What a checkpoint must hold for a run to go on from it: Lightning takes it over without a look."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from packaging.version import InvalidVersion, Version
from torch import Tensor
from torch.optim import Optimizer

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.likeness import FLOATS, MOST, is_equal, is_plain, is_score, is_whole, sizes, too_much, unlike
from semimedref.methods import Method

PARTS = ("epoch", "global_step", "optimizer_states", "lr_schedulers", "loops", "callbacks")
VERSION = "pytorch-lightning_version"
LOOP = (
    *("epoch_progress", "epoch_loop.batch_progress", "epoch_loop.state_dict"),
    "epoch_loop.automatic_optimization.optim_progress",
)
"""What tells where a run is. Of the loops' other parts older versions of Lightning have not all."""
NEEDED = ("params", "lr", "betas", "eps", "weight_decay", "base_lrs", "last_epoch", "lr_lambdas")
"""What optimiser and schedule cannot do without."""
SETTLED = ("base_lrs", "lr_lambdas")
"""What of a schedule never changes; of an optimiser all but the learning rate."""
OWN_FILES = ("best.ckpt", "last.ckpt")
"""What the checkpoint callbacks write, and so may delete."""


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
            f"{path}: expected a checkpoint from which a run can go on, but {', '.join(missing)} lack."
        )
    kinds = {"epoch": 0, "global_step": 0, "loops": {"fit_loop": {}}, "callbacks": {}}
    fault = (
        unlike(stored, kinds, "it")
        or _lists(stored)
        or _loop(stored["loops"]["fit_loop"])
        or _callbacks(stored["callbacks"])
    )
    if fault:
        raise InvalidValueError(f"{path}: expected a checkpoint from which a run can go on, but {fault}.")
    try:
        Version(stored.get(VERSION))  # type: ignore[arg-type]  # a TypeError where it is no text
    except (InvalidVersion, TypeError) as error:
        raise InvalidValueError(
            f"{path}: expected a checkpoint that says by which version of Lightning it was written, but got "
            f"{shown(stored.get(VERSION))}."
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
    fault = fault or _values(stored["lr_schedulers"][0], schedule.state_dict(), "lr_schedulers", schedule, SETTLED)
    if fault:
        raise InvalidValueError(f"{path}: expected a checkpoint from which a run can go on, but {fault}.")


def _optimiser(found: list[dict[str, Any]], optimiser: Optimizer) -> str:
    groups = optimiser.state_dict()["param_groups"]
    if fault := _count(found, 1, "optimizer_states") or _count(found[0]["param_groups"], len(groups), "param_groups"):
        return fault
    for group, own in zip(found[0]["param_groups"], groups, strict=True):
        settled = [name for name in own if name not in ("params", "lr")]
        if fault := _values(group, own, "param_groups", None, settled):
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
    kinds = {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}
    for name, wanted in kinds.items():
        if name not in state:
            return f"{where} lacks {name}"
        if fault := _tensor(state[name], wanted):
            return f"{name} of {where} {fault}"
    if not 0 <= float(state["step"]) <= MOST:
        return f"step of {where} is {shown(state['step'])} in place of a count"
    more = [name for name in state if name not in kinds]
    return f"{where} holds {shown(more[0])}, which a fresh one has not" if more else ""


def _tensor(found: object, shape: torch.Size) -> str:
    if not isinstance(found, Tensor):
        return f"is {shown(found)} in place of a tensor"
    if not is_plain(found):
        return "is not a plain tensor on the CPU"
    if found.shape != shape:
        return f"is of shape {shown(tuple(found.shape))} in place of {tuple(shape)}"
    if found.dtype not in FLOATS:
        return f"is of {found.dtype} in place of a floating-point dtype"
    return "" if is_whole(found) else "holds fewer values than its shape says"


def _count(found: list[Any], count: int, where: str) -> str:
    return "" if len(found) == count else f"{where} holds {len(found)} in place of {count}"


def _values(found: object, wanted: dict[str, Any], where: str, owner: object, settled: Iterable[str]) -> str:
    """Return how plain values by name differ from those of a fresh one, or ""; those settled must be the same."""
    if not isinstance(found, dict):
        return f"{where} holds {shown(found)} in place of a dict"
    for name, own in wanted.items():
        if name not in found:
            # What newer versions of torch add, they fill in.
            if name in NEEDED:
                return f"{where} lacks {name}"
        elif fault := unlike(found[name], own, name):
            return fault
        elif name in settled and not is_equal(found[name], own):
            return f"{name} is {shown(found[name])} in place of {shown(own)}"
    return too_much(found, wanted, owner, where)


def _lists(stored: dict[str, Any]) -> str:
    for part in ("optimizer_states", "lr_schedulers"):
        if not isinstance(stored[part], list):
            return f"{part} is {shown(stored[part])} in place of a list"
        for state in stored[part]:
            if not isinstance(state, dict):
                return f"{part} is {shown(state)} in place of a dict"
    for state in stored["optimizer_states"]:
        for name, kind in (("state", dict), ("param_groups", list)):
            if not isinstance(state.get(name), kind):
                return f"optimizer_states lacks {name}, a {kind.__name__}"
    return "" if stored["optimizer_states"] else "optimizer_states is empty"


def _loop(found: dict[str, Any]) -> str:
    plain = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    wanted = plain.fit_loop.state_dict()
    needed = {name: state for name, state in wanted.items() if name in LOOP or name in found}
    return unlike(found, needed, "fit_loop") or _progress(found, needed)


def _progress(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Return what more the loops' counts hold than fresh ones, or "": Lightning makes attributes of all of them."""
    for name, inner in wanted.items():
        if isinstance(inner, dict):
            more = [one for one in found[name] if one not in inner]
            if more:
                return f"{name} holds {shown(more[0])}, which a fresh one has not"
            if fault := _progress(found[name], inner):
                return fault
    return ""


def _callbacks(found: dict[Any, Any]) -> str:
    for name, state in found.items():
        if not isinstance(name, str):
            return f"callbacks has {shown(name)} as a name"
        wanted: dict[str, Any] = {}
        if name.startswith("EarlyStopping"):
            wanted = EarlyStopping("valid/dice").state_dict()
        elif "Checkpoint" in name:
            wanted = ModelCheckpoint().state_dict()
        if fault := unlike(state, wanted, shown(name)):
            return fault
        if "Checkpoint" in name and (fault := _kept(state)):
            return fault
        reasons = [one.value for one in EarlyStoppingReason]
        if name.startswith("EarlyStopping") and state["stopping_reason"] not in reasons:
            return f"stopping_reason is {shown(state['stopping_reason'])} in place of one of {reasons}"
    return ""


def _kept(state: dict[str, Any]) -> str:
    """Return what a checkpoint callback must not take over, or ""."""
    for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
        if not _is_own(state[name]) and state[name] != "":
            return f"{name} is {shown(state[name])} in place of a path to {' or '.join(OWN_FILES)}"
    for name in ("best_model_score", "current_score"):
        if state[name] is not None and not is_score(state[name]):
            return f"{name} is {shown(state[name])} in place of a score"
    best = state["best_k_models"]
    for path, score in best.items():
        if not _is_own(path):
            return f"best_k_models names {shown(path)} in place of a path to {' or '.join(OWN_FILES)}"
        if not is_score(score):
            return f"best_k_models has {shown(score)} in place of a score"
    if best and state["kth_best_model_path"] not in best:
        return f"kth_best_model_path is {shown(state['kth_best_model_path'])} in place of a path in best_k_models"
    return ""


def _is_own(path: object) -> bool:
    return isinstance(path, str) and Path(path).name in OWN_FILES
