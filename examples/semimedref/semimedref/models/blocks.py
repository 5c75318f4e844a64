"""Small pieces that several networks share."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class UpBlock(nn.Module):
    """Doubles the resolution, joins the skip, and convolves: transposed 2x2, then 3x3 - batch norm - ReLU.

    Args:
        inputs: Channels of the coarse map.
        outputs: Channels of the skip and of the result.
        convolutions: How many 3x3 convolutions.
    """

    def __init__(self, inputs: int, outputs: int, convolutions: int = 1) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        layers: list[nn.Module] = []
        for number in range(convolutions):
            channels = outputs if number else 2 * outputs
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.join = nn.Sequential(*layers)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (B, outputs, 2 H, 2 W)."""
        joined: Tensor = self.join(torch.cat((self.up(x), skip), dim=1))
        return joined


class SubpixelHead(nn.Sequential):
    """Logits at four times the resolution: a 3x3 convolution to the sub-pixels of 4x4 blocks, then a 1x1.

    Args:
        inputs: Channels of the finest map.
        channels: Channels at full size.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        subpixels = nn.Conv2d(inputs, 16 * channels, 3, padding=1)
        start_subpixels_equal(subpixels, 4)
        super().__init__(subpixels, nn.PixelShuffle(4), nn.Conv2d(channels, 1, 1))


def grey_stem(stem: nn.Conv2d) -> nn.Conv2d:
    """Return a network's first convolution for one channel in place of three.

    Its weights are the sum of those for red, green and blue, so it returns what that layer returns for the grey image
    repeated three times.
    """
    sizes = {name: getattr(stem, name) for name in ("kernel_size", "stride", "padding", "dilation")}
    grey = nn.Conv2d(1, stem.out_channels, **sizes, bias=stem.bias is not None)
    with torch.no_grad():
        grey.weight.copy_(stem.weight.sum(dim=1, keepdim=True))
        if grey.bias is not None and stem.bias is not None:
            grey.bias.copy_(stem.bias)
    return grey


def projection(inputs: int, outputs: int) -> nn.Sequential:
    """Return the head that turns a feature into an embedding."""
    return nn.Sequential(
        nn.Linear(inputs, 2 * outputs), nn.LayerNorm(2 * outputs), nn.GELU(), nn.Linear(2 * outputs, outputs)
    )


def pool_places(x: Tensor) -> Tensor:
    """Return the (B, 6 C) means of a (B, C, H, W) map over 3 rows x 2 columns.

    A caption says where findings lie, which a mean over the whole map would forget.
    """
    return F.adaptive_avg_pool2d(x, (3, 2)).flatten(1)


def start_subpixels_equal(layer: nn.Conv2d, factor: int) -> None:
    """Give the sub-pixels of a place the same weights to start from, which avoids a checkerboard (arXiv 1707.02937)."""
    with torch.no_grad():
        for values in (layer.weight, layer.bias):
            if values is not None:
                values.copy_(values[:: factor**2].repeat_interleave(factor**2, dim=0))


def grid_places(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Return the (H W, channels) code of where each place of a map lies, in shares of its height and width."""
    rows = (torch.arange(height, device=device) + 0.5) / height
    columns = (torch.arange(width, device=device) + 0.5) / width
    rates = math.pi * torch.arange(1, channels // 4 + 1, device=device)
    row = torch.cat((torch.sin(rows[:, None] * rates), torch.cos(rows[:, None] * rates)), dim=1)
    column = torch.cat((torch.sin(columns[:, None] * rates), torch.cos(columns[:, None] * rates)), dim=1)
    return torch.cat((row[:, None].expand(-1, width, -1), column[None].expand(height, -1, -1)), dim=2).flatten(0, 1)
