"""Compact: a small U-Net whose decoder reads the caption through cross-attention; trains on two CPU cores."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossmodal_aug import LUNG_ZONES
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.config import Config
from semimedref.models.base import Perturb, ReferringModel
from semimedref.models.blocks import grid_places, pool_places, projection, start_subpixels_equal
from semimedref.models.tokenizer import Tokens, WordTokenizer

OP_WORDS = (
    "bilateral unilateral pulmonary infection infected area areas no zero one two three four five six "
    "all upper middle lower left right lung and a region of the"
)
"""Words that rewriting may put into a caption, known even where no training caption has them."""
FRAME_WORDS = tuple(re.sub(r"\{\w+\}", "", text) for _, text in LUNG_ZONES.phrasing.frames)
"""Those that Reword may, beside the words for positions."""


class Compact(ReferringModel):
    """U-Net of four levels, a word encoder, and cross-attention at the two coarsest levels.

    The stem halves the resolution and a sub-pixel convolution restores it, so no convolution runs at full size.

    Args:
        tokenizer: Turns captions into word numbers.
        width: Channels of the finest level, a multiple of 4; the others have 2, 3 and 4 times as many.
        text_width: Channels of the word encoder.
        embedding: Length of the image and text embeddings.

    Example:
        >>> model = Compact(WordTokenizer.from_texts(["upper left lung"]), width=8).eval()
        >>> logits, image, text = model(torch.zeros(2, 1, 32, 32), model.tokenize(["left lung", "upper left lung"]))
        >>> logits.shape, image.shape, text.shape
        (torch.Size([2, 1, 32, 32]), torch.Size([2, 64]), torch.Size([2, 64]))
    """

    name = "compact"
    stride = 16
    default_width = 16
    channels: ClassVar[int] = 1
    """Of the input."""

    def __init__(self, tokenizer: WordTokenizer, *, width: int = 16, text_width: int = 64, embedding: int = 64) -> None:
        super().__init__()
        if width < 4 or width % 4:
            raise InvalidValueError(f"Expected `width` to be a multiple of 4 for {self.name}, but got {shown(width)}.")
        self.tokenizer = tokenizer
        self.width, self.embedding = width, embedding
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.words = WordEncoder(len(tokenizer), text_width)
        self.stem = nn.Sequential(
            nn.Conv2d(self.channels, width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.encoders = nn.ModuleList(
            [ConvBlock(widths[0], widths[0]), *(ConvBlock(a, b) for a, b in pairwise(widths))]
        )
        self.readers = nn.ModuleList([TextReader(widths[3], text_width), TextReader(widths[2], text_width)])
        self.decoders = nn.ModuleList([ConvBlock(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)])
        subpixels = nn.Conv2d(widths[0], 4, 1)
        start_subpixels_equal(subpixels, 2)
        self.head = nn.Sequential(subpixels, nn.PixelShuffle(2))
        self.image_projection = projection(6 * widths[3], embedding)
        self.text_projection = projection(text_width, embedding)
        # Convolutions on CPUs run a fifth faster with channels last.
        self.to(memory_format=torch.channels_last)

    @classmethod
    def for_run(cls, texts: Sequence[str], config: Config) -> Self:
        """Make a model that knows the words of these captions, and those that the ops may write."""
        frames = FRAME_WORDS if config.reword else ()
        return cls(WordTokenizer.from_texts([*texts, OP_WORDS, *frames]), width=config.width or cls.default_width)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model from what `settings` returned.

        Raises:
            InvalidValueError: The settings are not those of this model.
        """
        try:
            return cls(WordTokenizer(settings["vocabulary"]), width=settings["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValueError(f"Expected the settings of a compact model, but got {shown(settings)}.") from error

    def settings(self) -> dict[str, Any]:
        """Return the vocabulary and the width."""
        return {"vocabulary": self.tokenizer.vocabulary, "width": self.width}

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that no training caption had."""
        return self.tokenizer.unknown(text)

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return the word numbers of B captions."""
        return self.tokenizer(texts)

    def embed_images(self, images: Tensor, tokens: Tokens | None = None) -> Tensor:
        """Return the (B, E) embedding of images, from the encoder alone where they read nothing."""
        deepest = self._encode(images)[-1]
        return self._embed(deepest if tokens is None else self._read(deepest, self.words(tokens), tokens))

    def embed_texts(self, tokens: Tokens) -> Tensor:
        """Return the (B, E) embedding of captions."""
        return self._embed_words(self.words(tokens), tokens)

    def segment(self, images: Tensor, tokens: Tokens, perturb: Perturb | None = None) -> Tensor:
        """Return logits (B, 1, H, W)."""
        features = self._encode(images)
        features = features if perturb is None else [perturb(one) for one in features]
        return self._decode(features, self.words(tokens), tokens)

    def forward(
        self, images: Tensor, tokens: Tokens, embedded: int | None = None, *, after_reading: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (B, 1, H, W), and image and text embedding, (N, E), of the first N samples."""
        words = self.words(tokens)
        features = self._encode(images)
        deepest = self._read(features[-1], words, tokens) if after_reading else features[-1]
        image_embedding, text_embedding = self._embed(deepest), self._embed_words(words, tokens)
        return self._decode(features, words, tokens), image_embedding[:embedded], text_embedding[:embedded]

    def _encode(self, images: Tensor) -> list[Tensor]:
        x = self.encoders[0](self.stem(images.contiguous(memory_format=torch.channels_last)))
        features = [x]
        for encoder in list(self.encoders)[1:]:
            x = encoder(F.max_pool2d(x, 2))
            features.append(x)
        return features

    def _decode(self, features: list[Tensor], words: Tensor, tokens: Tokens) -> Tensor:
        *skips, deepest = features
        x = self._read(deepest, words, tokens)
        for level, (decoder, skip) in enumerate(zip(self.decoders, reversed(skips), strict=True)):
            x = decoder(torch.cat((F.interpolate(x, size=skip.shape[-2:], mode="nearest"), skip), dim=1))
            x = self._read(x, words, tokens, level + 1)
        logits: Tensor = self.head(x)
        return logits

    def _read(self, x: Tensor, words: Tensor, tokens: Tokens, level: int = 0) -> Tensor:
        """Let a level's map, the coarsest being 0, read the words, if it does."""
        if level >= len(self.readers):
            return x
        read: Tensor = self.readers[level](x, words, tokens.valid)
        return read

    def _embed(self, deepest: Tensor) -> Tensor:
        embedding: Tensor = self.image_projection(pool_places(deepest))
        return embedding

    def _embed_words(self, words: Tensor, tokens: Tokens) -> Tensor:
        shown = tokens.valid.unsqueeze(2).to(words.dtype)
        embedding: Tensor = self.text_projection((words * shown).sum(dim=1) / shown.sum(dim=1))
        return embedding


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, around a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H, W)."""
        x = F.relu(self.first_norm(self.first(x)))
        return F.relu(x + self.second_norm(self.second(x)))


class WordEncoder(nn.Module):
    """Word embeddings, two convolutions along the caption, one transformer layer.

    The convolutions bind a zone to the side it stands beside ("upper left lung and lower right lung").
    """

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.convolutions = nn.ModuleList([nn.Conv1d(width, width, 5, padding=2) for _ in range(2)])
        self.layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return (B, L, width)."""
        shown = tokens.valid.unsqueeze(2)
        x = self.embedding(tokens.ids)
        for convolution in self.convolutions:
            # Padding is zeroed each time, so a caption reads the same in any batch.
            x = x + F.gelu(convolution((x * shown).transpose(1, 2))).transpose(1, 2)
        x = x + sinusoids(x.shape[1], x.shape[2], x.device)
        # In float32 under mixed precision too: captions are short, and the fast path of older torch mixes dtypes there.
        with torch.autocast(x.device.type, enabled=False):
            encoded: Tensor = self.norm(self.layer(x.float(), src_key_padding_mask=~tokens.valid))
        return encoded


class TextReader(nn.Module):
    """Every place of a feature map asks the caption what it says about this place."""

    def __init__(self, width: int, text_width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.place = nn.Linear(text_width, width)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(text_width, 2 * width)
        self.out = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        self.text_width = text_width

    def forward(self, x: Tensor, words: Tensor, valid: Tensor) -> Tensor:
        """Return (B, C, H, W): the map, scaled and shifted by what the caption says about each place."""
        batch, channels, height, width = x.shape
        place = self.place(grid_places(height, width, self.text_width, x.device))
        tokens = x.flatten(2).transpose(1, 2)
        query = self._split(self.query(self.norm(tokens + place)))
        key, value = (self._split(one) for one in self.key_value(words).chunk(2, dim=2))
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=valid[:, None, None, :])
        read = read.transpose(1, 2).reshape(batch, height * width, channels)
        tokens = tokens * (1 + torch.tanh(self.gate(read))) + self.out(read)
        altered: Tensor = tokens.transpose(1, 2).reshape(batch, channels, height, width)
        return altered

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def sinusoids(length: int, width: int, device: torch.device) -> Tensor:
    """Return the (length, width) position code of "Attention is all you need" (arXiv 1706.03762)."""
    position = torch.arange(length, device=device).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    return torch.cat((torch.sin(position * rate), torch.cos(position * rate)), dim=1)
