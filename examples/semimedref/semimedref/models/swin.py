"""Swin-T (arXiv 2103.14030) of torchvision, for grey images."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, MissingDependencyError
from semimedref.models.blocks import grey_stem
from semimedref.models.pyramid import Pyramid

SWIN_TINY_WIDTH, SWIN_TINY_DEPTHS, WINDOW = 96, (2, 2, 6, 2), 7
HEAD = 32
"""Channels of an attention head, in Swin-T."""


class SwinPyramid(Pyramid):
    """The four stages of a Swin transformer, at 1/4, 1/8, 1/16 and 1/32 of the image's size.

    The stem takes one channel, as that of a `ConvNeXtPyramid`.

    Args:
        width: Channels of the first stage; each later one has twice as many.
        depths: Blocks in each stage.
        weights: Weights of ``torchvision.models.swin_t().features``; None starts at random.

    Raises:
        MissingDependencyError: torchvision is not installed.
        InvalidValueError: The weights are those of another network.
    """

    network = "swin_t"

    def __init__(
        self,
        width: int = SWIN_TINY_WIDTH,
        depths: Sequence[int] = SWIN_TINY_DEPTHS,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        try:
            from torchvision.models.swin_transformer import SwinTransformer
        except ImportError as error:
            raise MissingDependencyError(
                "Expected torchvision to be installed: pip install 'crossmodal-aug[examples]'."
            ) from error
        self.widths = tuple(width * 2**level for level in range(len(depths)))
        heads = max(one for one in range(1, max(1, width // HEAD) + 1) if width % one == 0)
        # Stochastic depth would draw from the global generator, which a resumed run does not have.
        features = SwinTransformer(
            patch_size=[4, 4],
            embed_dim=width,
            depths=list(depths),
            num_heads=[heads * 2**level for level in range(len(depths))],
            window_size=[WINDOW, WINDOW],
            stochastic_depth_prob=0.0,
        ).features
        if weights is not None:
            try:
                features.load_state_dict(weights)
            except RuntimeError as error:
                raise InvalidValueError(
                    f"Expected weights of a Swin of width {width} and depths {tuple(depths)}, but got others."
                ) from error
        features[0][0] = grey_stem(features[0][0])
        self.stages = nn.ModuleList(
            [SwinStage(features[2 * level], features[2 * level + 1], first=not level) for level in range(len(depths))]
        )


class SwinStage(nn.Module):
    """A stage of a Swin, which keeps channels last within, between maps that have them second.

    Args:
        merge: Halves the resolution, or makes patches of the image.
        blocks: The transformer blocks.
        first: Whether ``merge`` takes the image, whose channel is the second dimension.
    """

    def __init__(self, merge: nn.Module, blocks: nn.Module, *, first: bool) -> None:
        super().__init__()
        self.merge, self.blocks, self.first = merge, blocks, first

    def forward(self, x: Tensor) -> Tensor:
        """Return the (B, C, H, W) map."""
        last: Tensor = self.blocks(self.merge(x if self.first else x.permute(0, 2, 3, 1)))
        return last.permute(0, 3, 1, 2)
