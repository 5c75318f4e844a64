"""Networks that read no words: a U-Net of the image alone, and one that sees the named zones as a second channel."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.functional.regions import union_mask
from semimedref.atlases import described, parser_for, restored
from semimedref.config import Config
from semimedref.models.base import Perturb
from semimedref.models.compact import Compact
from semimedref.models.tokenizer import Tokens, WordTokenizer


class Textless(Compact):
    """`Compact` without words and without what reads them: whatever the caption, the mask is the same.

    Args:
        width: Channels of the finest level, a multiple of 4.

    Example:
        >>> model = Textless(width=8).eval()
        >>> image, texts = torch.rand(1, 1, 32, 32), ("left lung", "right lung")
        >>> torch.equal(*(model.segment(image, model.tokenize([text])) for text in texts))
        True
    """

    name = "compact-textless"

    def __init__(self, *, width: int = 16) -> None:
        super().__init__(WordTokenizer(()), width=width)
        self.words, self.readers, self.text_projection = nn.Identity(), nn.ModuleList(), nn.Identity()

    @classmethod
    def for_atlas(cls, texts: Sequence[str], config: Config, atlas: Atlas) -> Self:
        """Make a model for a run; it needs no caption and no atlas."""
        return cls(width=config.width or cls.default_width)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model from what `settings` returned.

        Raises:
            InvalidValueError: The settings are not those of this model.
        """
        try:
            return cls(width=settings["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValueError(
                f"Expected the settings of a {cls.name} model, but got {shown(settings)}."
            ) from error

    def settings(self) -> dict[str, Any]:
        """Return the width."""
        return {"width": self.width}

    def unknown_words(self, text: str) -> list[str]:
        """Return nothing: no word was ever met, and none is missed."""
        return []

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return one empty token a caption."""
        ids = torch.zeros(len(texts), 1, dtype=torch.long)
        return Tokens(ids, torch.ones_like(ids, dtype=torch.bool))

    def _embed_words(self, words: Any, tokens: Tokens) -> Tensor:
        # No caption is told from another.
        return torch.zeros(len(tokens.ids), self.embedding, device=tokens.ids.device)


class ZoneChannel(Textless):
    """`Textless` with a second channel: 1 in the regions that the caption names, by the parser and the atlas.

    Args:
        atlas: The regions.
        width: Channels of the finest level, a multiple of 4.
    """

    name = "compact-zones"
    channels: ClassVar[int] = 2

    def __init__(self, atlas: Atlas, *, width: int = 16) -> None:
        super().__init__(width=width)
        self.parser = parser_for(atlas)

    @classmethod
    def for_atlas(cls, texts: Sequence[str], config: Config, atlas: Atlas) -> Self:
        """Make a model for the regions of a data set."""
        return cls(atlas, width=config.width or cls.default_width)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model from what `settings` returned.

        Raises:
            InvalidValueError: The settings are not those of this model.
        """
        try:
            return cls(restored(settings["atlas"]), width=settings["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValueError(
                f"Expected the settings of a {cls.name} model, but got {shown(settings)}."
            ) from error

    def settings(self) -> dict[str, Any]:
        """Return the width and the atlas."""
        return {**super().settings(), "atlas": described(self.parser.atlas)}

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return one number a region, 1 where the caption names it."""
        ids = self.parser.encode(texts).long().view(len(texts), len(self.parser.atlas))
        return Tokens(ids, torch.ones_like(ids, dtype=torch.bool))

    def embed_images(self, images: Tensor, tokens: Tokens | None = None) -> Tensor:
        """Return the (B, E) embedding of images, whose second channel is empty where they read nothing."""
        bits = torch.zeros(len(images), len(self.parser.atlas)) if tokens is None else tokens.ids
        return super().embed_images(self._drawn(images, bits.to(images.device)))

    def segment(self, images: Tensor, tokens: Tokens, perturb: Perturb | None = None) -> Tensor:
        """Return logits (B, 1, H, W)."""
        return super().segment(self._drawn(images, tokens.ids), tokens, perturb)

    def forward(
        self, images: Tensor, tokens: Tokens, embedded: int | None = None, *, after_reading: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (B, 1, H, W), and image and text embedding, (N, E), of the first N samples."""
        logits = self.segment(images, tokens)
        read = Tokens(tokens.ids[:embedded], tokens.valid[:embedded])
        image = self.embed_images(images[:embedded], read if after_reading else None)
        return logits, image, self.embed_texts(read)

    def _drawn(self, images: Tensor, bits: Tensor) -> Tensor:
        zones = union_mask(bits.bool(), self.parser.atlas, images.shape[-2:]).unsqueeze(1)
        return torch.cat((images, zones.to(images.dtype)), dim=1)
