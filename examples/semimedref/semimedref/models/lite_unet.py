"""LiteUNet: bridges between the caption and each map of a small pre-trained image encoder."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.models.base import Perturb
from semimedref.models.bert_guided import BertGuided, Found
from semimedref.models.blocks import UpBlock
from semimedref.models.bridge import Bridge
from semimedref.models.efficientnet_lite import LITE_DEPTHS, LITE_WIDTH, LitePyramid
from semimedref.models.text_encoder import FrozenBert


class LiteUNet(BertGuided):
    """EfficientNet-Lite0, and a `Bridge` between each of its maps and the caption, on the way into the decoder.

    Unlike those of `MMIUNet`, the bridges stand beside the encoder and not between its stages. The encoder has batch
    norms: with bridges between its stages, what has read a caption and the second pass that has not, for the image
    embedding, would share their running statistics, and neither would be evaluated as it was trained. So the encoder
    never sees the caption, and the embedding costs no further pass.

    Args:
        text: The text encoder.
        width: Channels of the finest level: there is one size, 24.
        depths: Blocks in each stage of the encoder, of which there is one choice too.
        embedding: Length of the image and text embeddings.
        image_weights: Weights of a `LitePyramid` to start from; None starts at random.

    Raises:
        InvalidValueError: The size is another, or the weights are those of another network.
    """

    name = "lite-unet"
    default_width = LITE_WIDTH
    encoder = LitePyramid

    def __init__(
        self,
        text: FrozenBert,
        *,
        width: int = LITE_WIDTH,
        depths: Sequence[int] = LITE_DEPTHS,
        embedding: int = 128,
        image_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(text, width=width, depths=depths, embedding=embedding, image_weights=image_weights)
        widths = self.image.widths
        self.bridges = nn.ModuleList([Bridge(one, text.width, changes_text=one != widths[-1]) for one in widths])
        self.decoders = nn.ModuleList([UpBlock(coarse, fine) for fine, coarse in reversed(list(pairwise(widths)))])
        self.to(memory_format=torch.channels_last)

    @classmethod
    def check_width(cls, width: int) -> None:
        """Raise unless the width is that of the encoder.

        Raises:
            InvalidValueError: It is another.
        """
        if width != LITE_WIDTH:
            raise InvalidValueError(
                f"Expected --width 0 or {LITE_WIDTH} for {cls.name}, since there is one EfficientNet-Lite0, but got "
                f"{shown(width)}."
            )

    def _segment(self, first: Tensor, words: Tensor, valid: Tensor, perturb: Perturb | None = None) -> Found:
        maps = [first]
        for stage in list(self.image.stages)[1:]:
            maps.append(stage(maps[-1]))
        fused = []
        for bridge, one in zip(self.bridges, maps, strict=True):
            read, words = bridge(one, words, valid)
            fused.append(read)
        *skips, x = fused if perturb is None else [perturb(one) for one in fused]
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
        return Found(self.head(x), fused[-1], maps[-1])
