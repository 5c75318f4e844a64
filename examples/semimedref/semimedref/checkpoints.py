"""Checkpoints: written whole or not at all, read without running code from the file, and never where damaged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from crossmodal_aug import LUNG_ZONES, Atlas
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.atlases import restored
from semimedref.config import Config
from semimedref.encoder_file import PREFIXES, with_encoder
from semimedref.likeness import is_count, sizes
from semimedref.models import STORED, ReferringModel
from semimedref.stored import read_stored

CHECKPOINT_FORMAT = 1
"""Of what a checkpoint holds under "semimedref"; another number is another version's."""
DATA = "SamplesModule"
"""Under this a checkpoint keeps what it says of the data: the name of the module that handed them to Lightning."""

REMEDY = "take another checkpoint of its run, or an older copy; --resume goes on from a best.ckpt copied to last.ckpt"
"""What to do where a checkpoint is damaged."""


def read_checkpoint(path: Path) -> object:
    """Return what a checkpoint holds, on the CPU.

    Raises:
        InvalidValueError: It is damaged, or not one at all, or the text encoder that it names is not beside it.
    """
    return with_encoder(read_stored(path, "checkpoint", REMEDY), path)


@dataclass(frozen=True)
class Trained:
    """What a checkpoint holds for use after training.

    Attributes:
        config: Settings of the run.
        models: "student", and "teacher" where the method has one; in eval mode. The last is the one to use.
        step: Optimiser steps made.
        digests: Of the parts of the data set that it was trained on, by name; empty where it does not say.
        atlas: Regions of its captions, where they lay in its images; the package's lung zones where it does not say,
            which all captions were about before it did.
    """

    config: Config
    models: dict[str, ReferringModel]
    step: int
    digests: Mapping[str, str] = field(default_factory=dict)
    atlas: Atlas = LUNG_ZONES

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
        raise InvalidValueError(f"{path}: no such checkpoint.")
    stored = read_checkpoint(path)
    about = stored.get("semimedref") if isinstance(stored, dict) else None
    if not isinstance(about, dict):
        raise InvalidValueError(f"{path}: not a checkpoint of examples/semimedref.")
    if type(about.get("format")) is not int or about["format"] != CHECKPOINT_FORMAT:
        raise InvalidValueError(
            f"{path}: expected a checkpoint of format {CHECKPOINT_FORMAT}, but got {shown(about.get('format'))}, which "
            "another version of this example wrote."
        )
    missing = [key for key in ("config", "model", "model_settings", "step") if key not in about]
    state = stored.get("state_dict")
    whole = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    named = not missing and isinstance(about["model"], str) and about["model"] in STORED
    if not named or not whole or not is_count(about["step"]):
        raise InvalidValueError(f"{path}: expected a checkpoint of examples/semimedref, but it is incomplete.")
    config = Config.of_run(about["config"], str(path))
    atlas = _atlas(stored, path)
    models = {}
    for name, prefix in PREFIXES.items():
        own = {key.removeprefix(prefix): v for key, v in stored["state_dict"].items() if key.startswith(prefix)}
        if own:
            models[name] = _restore(about, own, path)
    if not models:
        raise InvalidValueError(f"{path}: expected the weights of a model, but got none.")
    return Trained(config, models, about["step"], _digests(stored), atlas)


def _atlas(stored: dict[str, Any], path: Path) -> Atlas:
    kept = stored.get(DATA)
    if not isinstance(kept, dict) or "atlas" not in kept:
        return LUNG_ZONES
    try:
        return restored(kept["atlas"])
    except InvalidValueError as error:
        raise InvalidValueError(f"{path}: {error}") from error


def _digests(stored: dict[str, Any]) -> dict[str, str]:
    kept = stored.get(DATA)
    digests = kept.get("digests") if isinstance(kept, dict) else None
    return {str(part): str(digest) for part, digest in digests.items()} if isinstance(digests, dict) else {}


def _restore(about: dict[str, Any], state: dict[str, Any], path: Path) -> ReferringModel:
    kind, settings = STORED[about["model"]], about["model_settings"]
    try:
        # On this device nothing is allocated, however large the settings say that it is.
        with torch.device("meta"), _at_most(2 * len(state)):
            planned = kind.from_settings(settings)
        if sizes(planned.state_dict(), planned=True) != sizes(state):
            raise InvalidValueError("other sizes.")
        model = kind.from_settings(settings)
        model.load_state_dict(state)
    # Settings come from the file too: what a network raises over foreign ones depends on what they are.
    except (RuntimeError, TypeError, LookupError, ValueError, AttributeError) as error:
        raise InvalidValueError(f"{path}: settings and weights do not fit the model {about['model']}.") from error
    return model.eval()


@contextmanager
def _at_most(count: int) -> Iterator[None]:
    """Raise where more parameters than that are made: settings may ask for any number of layers."""
    left = iter(range(count))

    def hook(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        if next(left, None) is None:
            raise InvalidValueError(f"Expected a model of at most {count} parameters.")

    handle = register_module_parameter_registration_hook(hook)
    try:
        yield
    finally:
        handle.remove()
