"""Pyramid: what image encoders of four stages share."""

from typing import ClassVar

from torch import Tensor, nn

from semimedref.models.image_weights import image_weights


class Pyramid(nn.Module):
    """Stages at 1/4, 1/8, 1/16 and 1/32 of the size of a grey image."""

    network: ClassVar[str]
    """Name of the published one of the default size."""
    widths: tuple[int, ...]
    """Channels of each stage, finest first."""
    stages: nn.ModuleList

    @classmethod
    def pretrained(cls, file: str = "") -> dict[str, Tensor]:
        """Return the ImageNet weights to start from, by the names of `weights`.

        Args:
            file: Where they lie; "" downloads them, where their publisher lets one.

        Raises:
            InvalidValueError: They cannot be had, or the file holds something else.
        """
        return image_weights(cls.network, file)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of (B, 1, H, W) images, finest first."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps
