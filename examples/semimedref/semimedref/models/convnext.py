"""ConvNeXt-T (arXiv 2201.03545) of torchvision, for grey images, and where its weights come from."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError
from semimedref.stored import read_stored

if TYPE_CHECKING:
    from torchvision.models import ConvNeXt_Tiny_Weights

TINY_WIDTH, TINY_DEPTHS = 96, (3, 3, 9, 3)


class ConvNeXtPyramid(nn.Module):
    """The four stages of a ConvNeXt, at 1/4, 1/8, 1/16 and 1/32 of the image's size.

    The stem takes one channel. Its weights are the sum of those for red, green and blue, so it returns what the
    network returns for the grey image repeated three times.

    Args:
        width: Channels of the first stage; each later one has twice as many.
        depths: Blocks in each stage.
        weights: Weights of ``torchvision.models.convnext_tiny().features``; None starts at random.

    Raises:
        MissingDependencyError: torchvision is not installed.
        InvalidValueError: The weights are those of another network.
    """

    def __init__(
        self,
        width: int = TINY_WIDTH,
        depths: Sequence[int] = TINY_DEPTHS,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        try:
            from torchvision.models.convnext import CNBlockConfig, ConvNeXt
        except ImportError as error:
            raise MissingDependencyError(
                "Expected torchvision to be installed: pip install 'crossmodal-aug[examples]'."
            ) from error
        self.widths = tuple(width * 2**level for level in range(len(depths)))
        blocks = [
            CNBlockConfig(one, following, depth)
            for one, following, depth in zip(self.widths, [*self.widths[1:], None], depths, strict=True)
        ]
        # Stochastic depth would draw from the global generator, which a resumed run does not have.
        features = ConvNeXt(blocks, stochastic_depth_prob=0.0).features
        if weights is not None:
            try:
                features.load_state_dict(weights)
            except RuntimeError as error:
                raise InvalidValueError(
                    f"Expected weights of a ConvNeXt of width {width} and depths {tuple(depths)}, but got others."
                ) from error
        features[0][0] = _grey(features[0][0])
        self.stages = nn.ModuleList(
            [nn.Sequential(features[2 * level], features[2 * level + 1]) for level in range(len(depths))]
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of (B, 1, H, W) images, finest first."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps


def _grey(stem: nn.Conv2d) -> nn.Conv2d:
    grey = nn.Conv2d(1, stem.out_channels, 4, stride=4)
    with torch.no_grad():
        grey.weight.copy_(stem.weight.sum(dim=1, keepdim=True))
        if grey.bias is not None and stem.bias is not None:
            grey.bias.copy_(stem.bias)
    return grey


def convnext_tiny_weights(file: str = "") -> dict[str, Tensor]:
    """Return pre-trained weights for a `ConvNeXtPyramid` of the default size.

    Args:
        file: A state_dict of torchvision's ``convnext_tiny``, as ``torch.save`` writes it. "" takes the ImageNet
            weights from torch's cache, where they are downloaded to once.

    Raises:
        InvalidValueError: There is no such file, it holds something else, or the download fails.
    """
    stored = _read(Path(file)) if file else _download()
    prefix = "features."
    if isinstance(stored, dict):
        named = {key: value for key, value in stored.items() if isinstance(key, str) and isinstance(value, Tensor)}
        weights = {key.removeprefix(prefix): value for key, value in named.items() if key.startswith(prefix)}
        if weights:
            return weights
    raise InvalidValueError(
        f"{file}: expected a state_dict of torchvision's convnext_tiny, with names such as {prefix}0.0.weight."
    )


def _read(file: Path) -> object:
    if not file.is_file():
        raise InvalidValueError(f"{file}: no such file; expected weights of torchvision's convnext_tiny.")
    remedy = f"fetch it again from {_published().url}"
    _check_published(file, remedy)
    return read_stored(file, "file of weights", remedy)


def _published() -> "ConvNeXt_Tiny_Weights":
    from torchvision.models import ConvNeXt_Tiny_Weights

    return ConvNeXt_Tiny_Weights.IMAGENET1K_V1


def _check_published(file: Path, remedy: str) -> None:
    """Raise where a file has the name of the published weights and another content: torch checks downloads alone."""
    name = Path(_published().url).name
    beginning = name.removesuffix(".pth").rpartition("-")[2]
    if file.name != name:
        return
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if not digest.startswith(beginning):
        raise InvalidValueError(f"{file}: not a readable file of weights (damaged: its digest is another); {remedy}.")


def _download() -> object:
    weights = _published()
    kept = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    if kept.is_file():
        remedy = "remove it, and it is downloaded again"
        _check_published(kept, remedy)
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
