"""LAVT: the caption takes part in each stage of a Swin transformer (arXiv 2112.02244)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semimedref.models.base import Perturb
from semimedref.models.bert_guided import BertGuided, Found
from semimedref.models.pixel_words import LanguageGate, PixelWordAttention
from semimedref.models.swin import SWIN_TINY_DEPTHS, SWIN_TINY_WIDTH, SwinPyramid
from semimedref.models.text_encoder import FrozenBert


class Lavt(BertGuided):
    """Swin-T with a `PixelWordAttention` after each stage, and a light decoder.

    What the words say of a stage's map goes into the decoder, and through a `LanguageGate` it is added to the map that
    the next stage takes. As for MMI-UNet, the image embedding comes from a second pass that reads nothing.

    Args:
        text: The text encoder.
        width: Channels of the finest level, a multiple of 8; the others have 2, 4 and 8 times as many.
        depths: Blocks in each stage of the Swin.
        embedding: Length of the image and text embeddings.
        image_weights: Weights of a `SwinPyramid` to start from; None starts at random.

    Raises:
        InvalidValueError: The width is no multiple of 8, or the weights are those of another size.
    """

    name = "lavt"
    default_width = SWIN_TINY_WIDTH
    encoder = SwinPyramid

    def __init__(
        self,
        text: FrozenBert,
        *,
        width: int = SWIN_TINY_WIDTH,
        depths: Sequence[int] = SWIN_TINY_DEPTHS,
        embedding: int = 128,
        image_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(text, width=width, depths=depths, embedding=embedding, image_weights=image_weights)
        widths = self.image.widths
        self.readers = nn.ModuleList([PixelWordAttention(one, text.width) for one in widths])
        # Nothing follows the last stage that a gate could open to.
        self.gates = nn.ModuleList([LanguageGate(one) for one in widths[:-1]])
        self.decoders = nn.ModuleList([Joined(coarse, fine) for fine, coarse in reversed(list(pairwise(widths)))])
        self.to(memory_format=torch.channels_last)

    def _segment(self, first: Tensor, words: Tensor, valid: Tensor, perturb: Perturb | None = None) -> Found:
        said: list[Tensor] = []
        x = first
        for level, reader in enumerate(self.readers):
            if level:
                x = self.image.stages[level](x)
            said.append(reader(x, words, valid))
            if level < len(self.gates):
                x = x + self.gates[level](said[-1]) * said[-1]
        read = said[-1]
        *skips, x = said if perturb is None else [perturb(one) for one in said]
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
        return Found(self.head(x), read, None)


class Joined(nn.Sequential):
    """A map, enlarged bilinearly to the size of the next finer one and joined with it, through two 3x3 convolutions.

    Args:
        inputs: Channels of the coarse map.
        outputs: Channels of the finer map and of the result.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs + outputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        super().__init__(*layers)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (B, outputs, H, W), as large as the skip."""
        larger = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        joined: Tensor = super().forward(torch.cat((larger, skip), dim=1))
        return joined
