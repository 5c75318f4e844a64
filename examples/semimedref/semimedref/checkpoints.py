"""Checkpoints: written whole or not at all, read without running code from the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.config import Config
from semimedref.methods.base import CHECKPOINT_FORMAT
from semimedref.models import MODELS, ReferringModel
from semimedref.runs import write_atomically
from semimedref.stored import read_stored

PREFIXES = {"student": "student.", "teacher": "teacher.model."}


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's way of writing checkpoints, through a temporary file in the same folder.

    A process that is killed while it writes leaves the checkpoint before it as it was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint."""
        write_atomically(Path(path), lambda temporary: torch.save(checkpoint, temporary))


@dataclass(frozen=True)
class Trained:
    """What a checkpoint holds for use after training.

    Attributes:
        config: Settings of the run.
        models: "student", and "teacher" where the method has one; in eval mode. The last is the one to use.
        step: Optimiser steps made.
    """

    config: Config
    models: dict[str, ReferringModel]
    step: int

    @property
    def model(self) -> ReferringModel:
        """The model to use."""
        return list(self.models.values())[-1]


def load_trained(path: Path) -> Trained:
    """Load the models of a checkpoint.

    Args:
        path: The checkpoint.

    Returns:
        The models and their settings, on the CPU.

    Raises:
        InvalidValueError: The file is missing, damaged, no checkpoint of this example, or of another version of it.
    """
    if not path.is_file():
        raise InvalidValueError(f"{path}: no such checkpoint")
    stored = read_stored(path, "checkpoint")
    about = stored.get("semimedref") if isinstance(stored, dict) else None
    if not isinstance(about, dict):
        raise InvalidValueError(f"{path}: not a checkpoint of examples/semimedref")
    if type(about.get("format")) is not int or about["format"] != CHECKPOINT_FORMAT:
        raise InvalidValueError(
            f"{path}: expected a checkpoint of format {CHECKPOINT_FORMAT}, but got {shown(about.get('format'))}, which "
            "another version of this example wrote"
        )
    missing = [key for key in ("config", "model", "model_settings", "step") if key not in about]
    state = stored.get("state_dict")
    whole = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    named = not missing and isinstance(about["model"], str) and about["model"] in MODELS
    if not named or not whole or not isinstance(about["step"], int):
        raise InvalidValueError(f"{path}: expected a checkpoint of examples/semimedref, but it is incomplete")
    config = Config.from_dict(about["config"], str(path))
    models = {}
    for name, prefix in PREFIXES.items():
        own = {key.removeprefix(prefix): v for key, v in stored["state_dict"].items() if key.startswith(prefix)}
        if own:
            models[name] = _restore(about, own, path)
    if not models:
        raise InvalidValueError(f"{path}: expected the weights of a model, but got none")
    return Trained(config, models, about["step"])


def _restore(about: dict[str, Any], state: dict[str, torch.Tensor], path: Path) -> ReferringModel:
    try:
        model = MODELS[about["model"]].from_settings(about["model_settings"])
        model.load_state_dict(state)
    # Settings come from the file too: what a network raises over foreign ones depends on what they are.
    except (RuntimeError, TypeError, LookupError, ValueError, AttributeError) as error:
        raise InvalidValueError(f"{path}: settings and weights do not fit the model {about['model']}") from error
    return model.eval()
