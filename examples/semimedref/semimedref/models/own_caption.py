"""A network that writes the caption itself once it is trained, as SGSeg does (arXiv 2409.04758)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.atlases import parser_for
from semimedref.config import Config
from semimedref.models.blocks import pool_places
from semimedref.models.compact import Compact
from semimedref.models.tokenizer import Tokens, WordTokenizer

MOST_REGIONS = 8
"""Regions of which every set has a caption that a checkpoint can hold."""


class OwnCaption(Compact):
    """`Compact` with a head that says of each region whether it holds lesion; what it says becomes the caption.

    In training it reads the captions that it is given. Wherever a model is used (`tokens_for`: validation, test,
    `evaluate.py`, `predict.py`) it reads its own, in the words of the most frequent caption of the training.

    Args:
        tokenizer: Turns captions into word numbers.
        captions: One caption for each of the 2^K sets of regions, by the number whose bit k is region k.
        width: Channels of the finest level, a multiple of 4.

    Raises:
        InvalidValueError: The number of captions is no power of 2, or there are more than 2^8.
    """

    name = "compact-own-caption"

    def __init__(self, tokenizer: WordTokenizer, captions: Sequence[str], *, width: int = 16) -> None:
        super().__init__(tokenizer, width=width)
        regions = len(captions).bit_length() - 1
        if len(captions) != 2**regions or not 0 < regions <= MOST_REGIONS:
            raise InvalidValueError(
                f"Expected captions for all sets of at most {MOST_REGIONS} regions, but got {len(captions)}."
            )
        self.captions = list(captions)
        self.regions = nn.Linear(24 * width, regions)

    @classmethod
    def for_atlas(cls, texts: Sequence[str], config: Config, atlas: Atlas) -> Self:
        """Make a model that knows the words of these captions, and how they put each set of regions.

        Raises:
            CannotSay: The most frequent caption cannot be made to state each set.
            InvalidValueError: The atlas has more than 8 regions.
        """
        if len(atlas) > MOST_REGIONS:
            raise InvalidValueError(
                f"Expected an atlas of at most {MOST_REGIONS} regions for --reads own, but got {len(atlas)}."
            )
        [(template, _)] = Counter(texts).most_common(1)
        parser = parser_for(atlas)
        sets = [[bool(number >> place & 1) for place in range(len(atlas))] for number in range(2 ** len(atlas))]
        captions = [parser.rewrite(template, bits) for bits in sets]
        known = Compact.for_run([*texts, *captions], config).tokenizer
        return cls(known, captions, width=config.width or cls.default_width)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model from what `settings` returned.

        Raises:
            InvalidValueError: The settings are not those of this model.
        """
        try:
            return cls(WordTokenizer(settings["vocabulary"]), settings["captions"], width=settings["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValueError(
                f"Expected the settings of a {cls.name} model, but got {shown(settings)}."
            ) from error

    def settings(self) -> dict[str, Any]:
        """Return the vocabulary, the width and the captions."""
        return {**super().settings(), "captions": self.captions}

    def caption_logits(self, images: Tensor) -> Tensor:
        """Return (B, K) logits of there being lesion in each region, from the encoder alone."""
        logits: Tensor = self.regions(pool_places(self._encode(images)[-1]))
        return logits

    def written(self, images: Tensor) -> list[str]:
        """Return the captions that the model gives B normalised images."""
        bits = self.caption_logits(images) >= 0
        numbers = (bits * 2 ** torch.arange(bits.shape[1], device=bits.device)).sum(dim=1)
        return [self.captions[number] for number in numbers.tolist()]

    def tokens_for(self, images: Tensor, texts: Sequence[str]) -> Tokens:
        """Return the tokens of the model's own captions of images, whatever they came with."""
        return self.tokenize(self.written(images))
