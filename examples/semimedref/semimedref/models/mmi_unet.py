"""MMI-UNet: image and caption read each other after every stage of the encoder."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from semimedref.models.base import Perturb
from semimedref.models.bert_guided import BertGuided, Found
from semimedref.models.blocks import UpBlock
from semimedref.models.bridge import Bridge
from semimedref.models.convnext import TINY_DEPTHS, TINY_WIDTH
from semimedref.models.text_encoder import FrozenBert


class MMIUNet(BertGuided):
    """ConvNeXt-T with a `Bridge` after each stage: the fused map goes into the next stage and into the decoder.

    All maps from the first bridge on have seen the caption, so the image embedding comes from a second pass through
    the encoder without bridges. The first stage is shared, so `forward` costs five sixths of a ConvNeXt-T more than
    `segment`. An embedding of the first stage alone, which has seen no caption, would be free, but the contrastive
    loss would then train only the first 3 of 18 blocks, on what a patch of some 80 pixels shows.

    Args:
        text: The text encoder.
        width: Channels of the finest level, a multiple of 8; the others have 2, 4 and 8 times as many.
        depths: Blocks in each stage of the ConvNeXt.
        embedding: Length of the image and text embeddings.
        image_weights: Weights of a `ConvNeXtPyramid` to start from; None starts at random.

    Raises:
        InvalidValueError: The width is no multiple of 8, or the weights are those of another size.
    """

    name = "mmi-unet"

    def __init__(
        self,
        text: FrozenBert,
        *,
        width: int = TINY_WIDTH,
        depths: Sequence[int] = TINY_DEPTHS,
        embedding: int = 128,
        image_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(text, width=width, depths=depths, embedding=embedding, image_weights=image_weights)
        widths = self.image.widths
        self.bridges = nn.ModuleList([Bridge(one, text.width, changes_text=one != widths[-1]) for one in widths])
        self.decoders = nn.ModuleList([UpBlock(coarse, fine) for fine, coarse in reversed(list(pairwise(widths)))])
        self.to(memory_format=torch.channels_last)

    def _segment(self, first: Tensor, words: Tensor, valid: Tensor, perturb: Perturb | None = None) -> Found:
        fused: list[Tensor] = []
        for level, bridge in enumerate(self.bridges):
            x = self.image.stages[level](fused[-1]) if fused else first
            x, words = bridge(x, words, valid)
            fused.append(x)
        read = fused[-1]
        *skips, x = fused if perturb is None else [perturb(one) for one in fused]
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
        return Found(self.head(x), read, None)
