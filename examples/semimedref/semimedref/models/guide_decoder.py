"""GuideDecoder: the caption guides each stage of the decoder (LanGuideMedSeg)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from semimedref.models.base import Perturb
from semimedref.models.bert_guided import BertGuided, Found
from semimedref.models.blocks import UpBlock
from semimedref.models.convnext import TINY_DEPTHS, TINY_WIDTH
from semimedref.models.guide import TextGuide
from semimedref.models.text_encoder import FrozenBert

SUMMARIES = (24, 12, 9)
"""Vectors that the caption is reduced to, coarsest stage first."""


class GuideDecoder(BertGuided):
    """A ConvNeXt-T pyramid and a decoder of three stages, each a `TextGuide` and then a U-Net block with the skip.

    The encoder never sees the caption, so the image embedding costs no further pass.

    Args:
        text: The text encoder.
        width: Channels of the finest level, a multiple of 8; the others have 2, 4 and 8 times as many.
        depths: Blocks in each stage of the ConvNeXt.
        embedding: Length of the image and text embeddings.
        image_weights: Weights of a `ConvNeXtPyramid` to start from; None starts at random.

    Raises:
        InvalidValueError: The width is no multiple of 8, or the weights are those of another size.
    """

    name = "guide-decoder"

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
        steps = list(reversed(list(pairwise(self.image.widths))))
        self.guides = nn.ModuleList(
            [
                TextGuide(coarse, text.width, max_tokens=text.max_tokens, summary=summary)
                for (_, coarse), summary in zip(steps, SUMMARIES, strict=True)
            ]
        )
        self.decoders = nn.ModuleList([UpBlock(coarse, fine, convolutions=2) for fine, coarse in steps])
        self.to(memory_format=torch.channels_last)

    def _segment(self, first: Tensor, words: Tensor, valid: Tensor, perturb: Perturb | None = None) -> Found:
        maps = [first]
        for stage in list(self.image.stages)[1:]:
            maps.append(stage(maps[-1]))
        deepest = maps[-1]
        *skips, x = maps if perturb is None else [perturb(one) for one in maps]
        guided = []
        for guide, decoder, skip in zip(self.guides, self.decoders, reversed(skips), strict=True):
            guided.append(guide(x, words, valid))
            x = decoder(guided[-1], skip)
        return Found(self.head(x), guided[0], deepest)
