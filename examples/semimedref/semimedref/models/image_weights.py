"""Where weights of image encoders come from: a file; for torchvision's also torch's cache, or a download into it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from semimedref.stored import read_stored

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

PREFIX = "features."


@dataclass(frozen=True)
class Published:
    """A published file of weights.

    Attributes:
        network: Whose weights it holds, as an error says it.
        name: Of the file, which ends with how its sha256 begins.
        remedy: How it is had, as an error says it.
    """

    network: str
    name: str
    remedy: str


def image_weights(network: str, file: str = "") -> dict[str, Tensor]:
    """Return the pre-trained weights of the ``features`` of one of torchvision's networks.

    Args:
        network: Its name, such as "convnext_tiny".
        file: A state_dict of it, as ``torch.save`` writes it. "" takes the ImageNet weights from torch's cache, where
            they are downloaded to once.

    Raises:
        InvalidValueError: There is no such file, it holds something else, or the download fails.
    """
    url = _published(network).url
    published = Published(f"torchvision's {network}", Path(url).name, f"fetch it again from {url}")
    named = read_published(Path(file), published) if file else _named(_download(network))
    weights = {key.removeprefix(PREFIX): value for key, value in named.items() if key.startswith(PREFIX)}
    if weights:
        return weights
    raise InvalidValueError(
        f"{file}: expected a state_dict of torchvision's {network}, with names such as {PREFIX}0.0.weight."
    )


def read_published(file: Path, published: Published) -> dict[str, Tensor]:
    """Return the tensors of a state_dict by their names there; empty where the file holds no state_dict.

    Args:
        file: As ``torch.save`` writes it.
        published: What it should be. One of the same name must have the digest that its name tells.

    Raises:
        InvalidValueError: There is no such file, or it is damaged.
    """
    if not file.is_file():
        raise InvalidValueError(f"{file}: no such file; expected weights of {published.network}.")
    _check_published(file, published.name, published.remedy)
    return _named(read_stored(file, "file of weights", published.remedy))


def _named(stored: object) -> dict[str, Tensor]:
    if not isinstance(stored, dict):
        return {}
    return {key: value for key, value in stored.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _published(network: str) -> "WeightsEnum":
    from torchvision.models import get_model_weights

    weights: Any = get_model_weights(network)
    published: WeightsEnum = weights.IMAGENET1K_V1
    return published


def _check_published(file: Path, name: str, remedy: str) -> None:
    """Raise where a file has the name of the published weights and another content: torch checks downloads alone."""
    beginning = name.removesuffix(".pth").rpartition("-")[2]
    if file.name != name:
        return
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if not digest.startswith(beginning):
        raise InvalidValueError(f"{file}: not a readable file of weights (damaged: its digest is another); {remedy}.")


def _download(network: str) -> object:
    weights = _published(network)
    kept = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    if kept.is_file():
        remedy = "remove it, and it is downloaded again"
        _check_published(kept, kept.name, remedy)
        return read_stored(kept, "file of weights", remedy)
    try:
        stored: object = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no connection; a download whose hash is not the published one
        raise InvalidValueError(
            f"Expected to download ImageNet weights from {weights.url}, but failed: {error}. Where this machine is "
            "offline, fetch that file elsewhere and give it as --image-weights, or start at random with "
            "--pretrained text or none."
        ) from error
    return stored
