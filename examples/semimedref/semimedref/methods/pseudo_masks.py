"""What becomes of probabilities on unlabelled images before a student learns from them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crossmodal_aug import PositionParser
from semimedref.config import Config
from semimedref.data.samples import Samples
from semimedref.methods.caption_prior import CaptionPrior
from semimedref.methods.zone_masks import bits_of, named_zones, widened


class PseudoMasks(nn.Module):
    """Aligns probabilities to the captions' prior, and keeps them where the captions name a zone, if asked to.

    Args:
        parser: Reads the captions, and knows where the regions lie.
        config: Settings of the run.
    """

    def __init__(self, parser: PositionParser, config: Config) -> None:
        super().__init__()
        self.parser, self.zones = parser, config.pseudo_zones
        self.prior = CaptionPrior() if config.prior == "caption" else None

    def forward(self, pseudo: Tensor, texts: Sequence[str], labelled: Samples) -> Tensor:
        """Return what the student shall find.

        Args:
            pseudo: (B, 1, H, W) probabilities.
            texts: Captions of the weak views that they were found in.
            labelled: The labelled samples of the step.
        """
        if self.prior is not None:
            pseudo = self.prior(pseudo, self._named(texts, pseudo), labelled.known_masks, self._named_of(labelled))
        if self.zones == "none":
            return pseudo
        bits = bits_of(self.parser, texts, pseudo.device)
        bits = widened(bits, self.parser) if self.zones == "side" else bits
        # A caption that does not say where is no reason to find nothing.
        silent = ~self.parser.placed(texts).to(pseudo.device)
        return pseudo * (named_zones(bits, self.parser, pseudo.shape[-2:]) | silent.view(-1, 1, 1, 1))

    def _named(self, texts: Sequence[str], like: Tensor) -> Tensor:
        return named_zones(bits_of(self.parser, texts, like.device), self.parser, like.shape[-2:])

    def _named_of(self, labelled: Samples) -> Tensor:
        return self._named(labelled.texts, labelled.known_masks)


def trust(pseudo: Tensor, config: Config) -> Tensor | None:
    """Return what each pixel of a pseudo-mask counts in the loss, (B, 1, H, W); None where all count alike.

    Example:
        >>> pseudo = torch.tensor([0.5, 0.75, 1.0])
        >>> trust(pseudo, Config(pseudo_weight="certainty"))
        tensor([0.0000, 0.5000, 1.0000])
        >>> trust(pseudo, Config(pseudo_weight="threshold"))
        tensor([0., 0., 1.])
    """
    if config.pseudo_weight == "equal":
        return None
    if config.pseudo_weight == "threshold":
        return (torch.maximum(pseudo, 1 - pseudo) >= config.threshold).to(pseudo.dtype)
    return (2 * pseudo - 1).abs()
