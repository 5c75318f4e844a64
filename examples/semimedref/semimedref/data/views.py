"""Weak and strong views of a batch, as tensors.

Photometric changes are made before normalisation: they are meant for intensities in [0, 1], and a jitter that clamps
to that range would cut most of a z-scored image away.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def to_unit(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in [0, 1]."""
    return images.float() / 255


def normalise(images: Tensor) -> Tensor:
    """Return each image with mean 0 and standard deviation 1 (a constant image becomes 0).

    Example:
        >>> normalise(torch.tensor([[[[0.0, 1.0]]], [[[3.0, 3.0]]]])).flatten().tolist()
        [-1.0, 1.0, 0.0, 0.0]
    """
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    spread = images.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (images - mean) / spread.clamp_min(1e-6)


def zoom(
    images: Tensor,
    masks: Tensor,
    generator: torch.Generator,
    *,
    p: float = 0.1,
    limits: tuple[float, float] = (0.95, 1.2),
) -> tuple[Tensor, Tensor]:
    """Zoom in or out about the centre of some images, and their masks alike.

    Args:
        images: (B, C, H, W) float.
        masks: (B, 1, H, W) bool.
        generator: Source of randomness, on the CPU.
        p: Probability that an image is zoomed.
        limits: Smallest and largest factor.

    Returns:
        Images (bilinear, edges repeated outwards) and masks (nearest, empty outside).
    """
    draws = torch.rand(images.shape[0], 2, generator=generator)
    factor = torch.where(draws[:, 0] < p, limits[0] + (limits[1] - limits[0]) * draws[:, 1], 1.0)
    theta = torch.zeros(images.shape[0], 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / factor
    grid = F.affine_grid(theta, [images.shape[0], 1, *images.shape[2:]], align_corners=False).to(images.device)
    zoomed = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return zoomed, F.grid_sample(masks.float(), grid, mode="nearest", align_corners=False) > 0.5


def photometric(images: Tensor, generator: torch.Generator) -> Tensor:
    """The strong view: jitter of brightness and contrast (0.2, p 0.8), then Gaussian blur (p 0.5).

    Args:
        images: (B, C, H, W) float in [0, 1].
        generator: Source of randomness, on the CPU.

    Returns:
        (B, C, H, W) in [0, 1].
    """
    draws = torch.rand(images.shape[0], 5, generator=generator).to(images.device)
    brightness, contrast = (0.8 + 0.4 * draws[:, i].view(-1, 1, 1, 1) for i in (0, 1))
    bright = (images * brightness).clamp(0, 1)
    mean = bright.mean(dim=(1, 2, 3), keepdim=True)
    jittered = ((bright - mean) * contrast + mean).clamp(0, 1)
    images = torch.where(draws[:, 2].view(-1, 1, 1, 1) < 0.8, jittered, images)
    # The published sigma of 0.1 to 2 pixels holds for images of 224.
    sigma = (0.1 + 1.9 * draws[:, 3]) * min(images.shape[-2:]) / 224
    return torch.where(draws[:, 4].view(-1, 1, 1, 1) < 0.5, blur(images, sigma), images)


def blur(images: Tensor, sigma: Tensor, radius: int = 3) -> Tensor:
    """Blur each image by a Gaussian of its own width.

    Args:
        images: (B, C, H, W).
        sigma: (B,) standard deviations in pixels.
        radius: Pixels to each side that the kernel reaches.

    Returns:
        (B, C, H, W); edges are repeated outwards.
    """
    batch, channels, height, width = images.shape
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp_min(1e-3).unsqueeze(1)) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    rows = F.pad(images.reshape(1, batch * channels, height, width), [radius] * 4, mode="replicate")
    rows = F.conv2d(rows, kernel[:, None, :, None], groups=batch * channels)
    both = F.conv2d(rows, kernel[:, None, None, :], groups=batch * channels)
    return both.reshape(batch, channels, height, width)
