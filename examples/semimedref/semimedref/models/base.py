"""What every referring segmentation model of this example offers to the methods that train it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from semimedref.config import Config
from semimedref.models.tokenizer import Tokens

Perturb = Callable[[Tensor], Tensor]
"""Takes a (B, C, H, W) feature map of the encoder and returns it altered."""


class ReferringModel(nn.Module, ABC):
    """Segments what a caption refers to.

    The image embedding must not have seen the caption: a contrastive loss between embeddings of which one was
    computed from the other can be met without looking at the image.
    """

    name: ClassVar[str]
    stride: ClassVar[int]
    """The image size must be a multiple of this."""
    default_width: ClassVar[int]
    """Channels of the finest level where the settings leave it open."""

    @classmethod
    @abstractmethod
    def for_run(cls, texts: Sequence[str], config: Config) -> Self:
        """Make a model for a run.

        Args:
            texts: The captions that it trains on.
            config: Settings of the run; each model takes those that concern it.
        """

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make a model from what `settings` returned, as a checkpoint stores it."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what `from_settings` needs, in plain types."""

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of B captions, on the CPU."""

    @abstractmethod
    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that the model has never met."""

    def tokens_for(self, images: Tensor, texts: Sequence[str]) -> Tokens:
        """Return what the model reads beside images when it is used: the tokens of their captions, on the CPU."""
        return self.tokenize(texts)

    @abstractmethod
    def embed_images(self, images: Tensor, tokens: Tokens | None = None) -> Tensor:
        """Return the (B, E) embedding of (B, 1, H, W) normalised images.

        Args:
            images: The images.
            tokens: Captions that they read first; None, as it should be, lets them read none.
        """

    @abstractmethod
    def embed_texts(self, tokens: Tokens) -> Tensor:
        """Return the (B, E) embedding of captions."""

    @abstractmethod
    def segment(self, images: Tensor, tokens: Tokens, perturb: Perturb | None = None) -> Tensor:
        """Return logits (B, 1, H, W) alone, without what only the embeddings need.

        Args:
            images: (B, 1, H, W), normalised.
            tokens: Those of B captions.
            perturb: Alters each map that the encoder hands to the decoder.
        """

    @abstractmethod
    def forward(
        self, images: Tensor, tokens: Tokens, embedded: int | None = None, *, after_reading: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Segment a batch, and embed it.

        Args:
            images: (B, 1, H, W), normalised.
            tokens: Those of B captions.
            embedded: How many samples, N, to embed, the first ones; None embeds all.
            after_reading: Whether images are embedded after they have read their captions: a fault, to compare with.

        Returns:
            Logits (B, 1, H, W), image embedding (N, E) and text embedding (N, E).
        """
