"""ConvNeXt-T (arXiv 2201.03545) of torchvision, for grey images."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError
from semimedref.models.blocks import grey_stem
from semimedref.models.pyramid import Pyramid

TINY_WIDTH, TINY_DEPTHS = 96, (3, 3, 9, 3)


class ConvNeXtPyramid(Pyramid):
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

    network = "convnext_tiny"

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
        features[0][0] = grey_stem(features[0][0])
        self.stages = nn.ModuleList(
            [nn.Sequential(features[2 * level], features[2 * level + 1]) for level in range(len(depths))]
        )


def convnext_tiny_weights(file: str = "") -> dict[str, Tensor]:
    """Return pre-trained weights for a `ConvNeXtPyramid` of the default size, as its `pretrained` does."""
    return ConvNeXtPyramid.pretrained(file)
