"""What a checkpoint must hold for a run to go on from it: Lightning takes it over without a look."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from packaging.version import InvalidVersion, Version

from crossmodal_aug.errors import InvalidValueError, shown

PARTS = ("optimizer_states", "lr_schedulers", "loops", "callbacks")
VERSION = "pytorch-lightning_version"
LOOP = (
    *("epoch_progress", "epoch_loop.batch_progress", "epoch_loop.state_dict"),
    "epoch_loop.automatic_optimization.optim_progress",
)
"""What tells where a run is. Of the loops' other parts older versions of Lightning have not all."""


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
