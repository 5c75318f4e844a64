"""The frozen encoder of a run: one file beside the checkpoints, which hold its digest in place of its weights."""

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.files import write_atomically
from semimedref.likeness import is_whole
from semimedref.models.text_encoder import FrozenBert
from semimedref.stored import read_stored, write_stored

PREFIXES = {"student": "student.", "teacher": "teacher.model."}
"""Where the weights of each model stand in a checkpoint."""
DIGEST = re.compile("[0-9a-f]{64}")
REMEDY = "take the file of that name from the folder of its run"


def frozen_in(model: nn.Module) -> list[str]:
    """Return how the names of the weights begin that a model never trains, and that its run stores once."""
    return [f"{name}." for name, part in model.named_modules() if isinstance(part, FrozenBert)]


def encoder_file(folder: Path, digest: str) -> Path:
    """Return where the encoder of that digest lies."""
    return folder / f"encoder-{digest[:16]}.pt"


def frozen_weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the student's weights that its run stores once, by their names in the model."""
    prefix = PREFIXES["student"]
    starts = tuple(prefix + start for start in checkpoint.get("semimedref", {}).get("frozen", ()))
    state = checkpoint["state_dict"].items() if starts else ()
    return {name.removeprefix(prefix): one for name, one in state if name.startswith(starts)}


def without_encoder(checkpoint: Mapping[str, Any], weights: Mapping[str, Tensor], digest: str) -> dict[str, Any]:
    """Return a checkpoint that holds a digest in place of the weights that are stored once.

    Args:
        checkpoint: What Lightning would write.
        weights: What `frozen_weights` found in it.
        digest: Theirs.
    """
    # A teacher shares them.
    places = {(prefix + name, one.data_ptr()) for prefix in PREFIXES.values() for name, one in weights.items()}
    state = {name: one for name, one in checkpoint["state_dict"].items() if (name, one.data_ptr()) not in places}
    about = {name: value for name, value in checkpoint["semimedref"].items() if name != "frozen"}
    return {**checkpoint, "state_dict": state, "semimedref": {**about, "encoder": digest}}


def write_encoder(weights: Mapping[str, Tensor], digest: str, folder: Path) -> None:
    """Write an encoder to a folder, unless it lies there.

    Raises:
        CannotWriteError: It could not be written.
    """
    path = encoder_file(folder, digest)
    if not path.is_file():
        write_atomically(path, partial(write_stored, {name: one.detach().cpu() for name, one in weights.items()}))


def with_encoder(stored: object, path: Path) -> object:
    """Return what a checkpoint holds, with the encoder in place of its digest; as it is where it names none.

    Args:
        stored: What the file holds.
        path: The file, beside which the encoder lies.

    Raises:
        InvalidValueError: The encoder is missing, damaged or another one.
    """
    about = stored.get("semimedref") if isinstance(stored, dict) else None
    if not isinstance(stored, dict) or not isinstance(about, dict) or "encoder" not in about:
        return stored
    state, digest = stored.get("state_dict"), about["encoder"]
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest) or not isinstance(state, dict):
        raise InvalidValueError(f"{path}: expected the digest of a text encoder, but got {shown(digest)}.")
    weights = _read(encoder_file(path.parent, digest), digest, path)
    names = [name for name in state if isinstance(name, str)]
    own = [prefix for prefix in PREFIXES.values() if any(name.startswith(prefix) for name in names)]
    more = {prefix + name: one for prefix in own for name, one in weights.items()}
    about = {name: value for name, value in about.items() if name != "encoder"}
    return {**stored, "state_dict": {**more, **state}, "semimedref": about}


def digest_of(weights: Mapping[str, Tensor]) -> str:
    """Return a digest of weights: of their names, shapes, kinds of numbers and bytes."""
    digest = hashlib.sha256()
    for name, one in sorted(weights.items()):
        digest.update(f"{name!a} {one.dtype} {tuple(one.shape)}\n".encode("utf-8", "backslashreplace"))
        digest.update(memoryview(one.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()))
    return digest.hexdigest()


def _read(file: Path, digest: str, path: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise InvalidValueError(
            f"{path}: expected the text encoder of its run, {file.name}, beside it, but there is none: copy it from "
            "the folder of the run."
        )
    weights = read_stored(file, "text encoder", REMEDY)
    whole = isinstance(weights, dict) and all(isinstance(name, str) and _is_dense(one) for name, one in weights.items())
    if not isinstance(weights, dict) or not whole or digest_of(weights) != digest:
        raise InvalidValueError(
            f"{file}: expected the text encoder that {path.name} was trained with, but got another: {REMEDY}."
        )
    return weights


def _is_dense(value: object) -> bool:
    return is_whole(value) and isinstance(value, Tensor) and value.is_contiguous() and not value.is_quantized
