"""BertGuided: what the published networks share, which is everything about the caption and how they are made."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.config import Config
from semimedref.models.base import Perturb, ReferringModel
from semimedref.models.blocks import SubpixelHead, pool_places, projection
from semimedref.models.convnext import TINY_DEPTHS, TINY_WIDTH, ConvNeXtPyramid
from semimedref.models.efficientnet_lite import LitePyramid
from semimedref.models.swin import SwinPyramid
from semimedref.models.text_encoder import FrozenBert
from semimedref.models.tokenizer import Tokens


class Found(NamedTuple):
    """What a network makes of images and words.

    Attributes:
        logits: (B, 1, H, W).
        read: The deepest map that has read the words.
        unread: The deepest map, where there is one that has not.
    """

    logits: Tensor
    read: Tensor
    unread: Tensor | None


class BertGuided(ReferringModel):
    """An image encoder of four stages and a decoder, guided by the words of a frozen BERT.

    Args:
        text: The text encoder.
        width: Channels of the finest level, a multiple of 8; the others have 2, 4 and 8 times as many.
        depths: Blocks in each stage of the image encoder.
        embedding: Length of the image and text embeddings.
        image_weights: Weights of the image encoder to start from; None starts at random.

    Raises:
        InvalidValueError: The width is no multiple of 8, or the weights are those of another size.
    """

    stride = 32
    default_width = TINY_WIDTH
    encoder: ClassVar[type[ConvNeXtPyramid | SwinPyramid | LitePyramid]] = ConvNeXtPyramid
    """Of the images."""

    def __init__(
        self,
        text: FrozenBert,
        *,
        width: int = TINY_WIDTH,
        depths: Sequence[int] = TINY_DEPTHS,
        embedding: int = 128,
        image_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.check_width(width)
        self.width, self.depths, self.embedding = width, list(depths), embedding
        self.text = text
        self.image = self.encoder(width, depths, weights=image_weights)
        self.head = SubpixelHead(width, width // 4)
        self.image_projection = projection(6 * self.image.widths[-1], embedding)
        self.text_projection = projection(text.width, embedding)

    @classmethod
    def check_width(cls, width: int) -> None:
        """Raise unless the network can be made so wide.

        Raises:
            InvalidValueError: It cannot.
        """
        if width < 8 or width % 8:
            raise InvalidValueError(f"Expected `width` to be a multiple of 8 for {cls.name}, but got {shown(width)}.")

    @classmethod
    def for_run(cls, texts: Sequence[str], config: Config) -> Self:
        """Make a model with the text encoder, the weights and the size that the settings name.

        Raises:
            InvalidValueError: Weights or vocabulary cannot be had, or a caption is longer than ``max_tokens``.
        """
        width = config.width or cls.default_width
        cls.check_width(width)
        if config.pretrained == "imagenet" and width != cls.default_width:
            raise InvalidValueError(
                f"Expected --width 0 or {cls.default_width}, for which there are pre-trained weights, but got {width}: "
                "give --pretrained text or none."
            )
        weights = cls.encoder.pretrained(config.image_weights) if config.pretrained == "imagenet" else None
        text = FrozenBert.from_name(
            config.text_encoder, max_tokens=config.max_tokens, random=config.pretrained == "none"
        )
        longest = max(text.count(sorted(set(texts))), default=0)
        if longest > config.max_tokens:
            raise InvalidValueError(
                f"Expected captions of at most {config.max_tokens} tokens, but got one of {longest}: give --max-tokens "
                f"{longest} or more."
            )
        return cls(text, width=width, image_weights=weights)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model, with random weights, from what `settings` returned.

        Raises:
            InvalidValueError: The settings are not those of this model.
        """
        try:
            text = FrozenBert.from_settings(settings["text"])
            return cls(text, **{name: settings[name] for name in ("width", "depths", "embedding")})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValueError(
                f"Expected the settings of a {cls.name} model, but got {shown(settings)}."
            ) from error

    def settings(self) -> dict[str, Any]:
        """Return the sizes, and the text encoder without its weights."""
        return {
            "text": self.text.settings(),
            "width": self.width,
            "depths": self.depths,
            "embedding": self.embedding,
        }

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text for which the encoder's vocabulary has no pieces."""
        return self.text.unknown_words(text)

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return the word pieces of B captions."""
        return self.text.tokenize(texts)

    def embed_images(self, images: Tensor, tokens: Tokens | None = None) -> Tensor:
        """Return the (B, E) embedding of images, from the image encoder alone where they read nothing."""
        images = self._laid_out(images)
        if tokens is None:
            return self._embed_map(self.image(images)[-1])
        found = self._segment(self.image.stages[0](images), self.text(tokens).words, tokens.valid)
        return self._embed_map(found.read)

    def embed_texts(self, tokens: Tokens) -> Tensor:
        """Return the (B, E) embedding of captions."""
        embedding: Tensor = self.text_projection(self.text(tokens).mean)
        return embedding

    def segment(self, images: Tensor, tokens: Tokens, perturb: Perturb | None = None) -> Tensor:
        """Return logits (B, 1, H, W)."""
        first = self.image.stages[0](self._laid_out(images))
        return self._segment(first, self.text(tokens).words, tokens.valid, perturb).logits

    def forward(
        self, images: Tensor, tokens: Tokens, embedded: int | None = None, *, after_reading: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (B, 1, H, W), and image and text embedding, (N, E), of the first N samples."""
        features = self.text(tokens)
        first = self.image.stages[0](self._laid_out(images))
        found = self._segment(first, features.words, tokens.valid)
        deepest = found.read if after_reading else found.unread
        if deepest is None:
            deepest = first[:embedded]
            for stage in list(self.image.stages)[1:]:
                deepest = stage(deepest)
        return found.logits, self._embed_map(deepest[:embedded]), self.text_projection(features.mean[:embedded])

    @abstractmethod
    def _segment(self, first: Tensor, words: Tensor, valid: Tensor, perturb: Perturb | None = None) -> "Found":
        """Segment, from the map of the first stage on.

        Args:
            first: (B, C, H/4, W/4).
            words: (B, L, T).
            valid: (B, L) bool: False where padded.
            perturb: Alters each map that the decoder takes from the encoder.
        """

    def _embed_map(self, deepest: Tensor) -> Tensor:
        embedding: Tensor = self.image_projection(pool_places(deepest))
        return embedding

    def _laid_out(self, images: Tensor) -> Tensor:
        # ConvNeXt's blocks work on channels last.
        return images.contiguous(memory_format=torch.channels_last)
