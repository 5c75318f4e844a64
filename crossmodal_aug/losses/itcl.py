"""ITCL as a module: `itcl_loss` with its settings kept, and a temperature that can be learnt."""

import math

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.functional.affinity_rows import AffinityFunction
from crossmodal_aug.functional.contrastive import MAX_LOGIT_SCALE, ITCLParts, Reduction, itcl_loss
from crossmodal_aug.functional.contrastive_checks import check_flags, check_settings


class ITCLoss(nn.Module):
    """Image-text contrastive loss with soft positives, Semi-MedRef (arXiv 2605.15720).

    Formula and conventions are those of `crossmodal_aug.functional.itcl_loss`. A learnable temperature is the
    parameter `logit_scale` of CLIP (arXiv 2103.00020): the log of the factor of the similarities, put back to
    at most log 100 before each use. `temperature` and `repr` follow it.

    Args:
        temperature: What similarities are divided by; the start value if learnable.
        learnable: Whether the temperature is learnt.
        chunk_size: Rows of the (N, N) matrices held at a time; 0 holds all.
        gather_distributed: Whether to take the samples of all ranks as columns.
        reduction: "mean", "sum" or "none".
        normalize: Whether to divide embeddings by their norm first.

    Raises:
        InvalidTypeError: If an argument has the wrong type.
        InvalidValueError: If a value cannot be used.

    Examples:
        >>> generator = torch.Generator().manual_seed(0)
        >>> images, texts = (torch.randn(4, 8, generator=generator) for _ in range(2))
        >>> positions = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
        >>> ITCLoss(learnable=True)(images, texts, positions).requires_grad
        True
    """

    logit_scale: nn.Parameter | None

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        learnable: bool = False,
        chunk_size: int = 0,
        gather_distributed: bool = False,
        reduction: Reduction = "mean",
        normalize: bool = True,
    ) -> None:
        super().__init__()
        check_settings(temperature, chunk_size, reduction)
        check_flags(learnable=learnable, gather_distributed=gather_distributed, normalize=normalize)
        _check_learnable(temperature, learnable=learnable)
        self._temperature = temperature
        self.chunk_size = chunk_size
        self.gather_distributed = gather_distributed
        self.reduction: Reduction = reduction
        self.normalize = normalize
        scale = nn.Parameter(torch.tensor(-math.log(temperature))) if learnable else None
        self.register_parameter("logit_scale", scale)

    @property
    def temperature(self) -> float:
        """What similarities are divided by now: `1 / exp(logit_scale)`, at least 0.01, where it is learnt."""
        if self.logit_scale is None:
            return self._temperature
        return math.exp(-min(self.logit_scale.item(), MAX_LOGIT_SCALE))

    @temperature.setter
    def temperature(self, value: float) -> None:
        check_settings(value, self.chunk_size, self.reduction)
        _check_learnable(value, learnable=self.logit_scale is not None)
        self._temperature = value
        if self.logit_scale is not None:
            with torch.no_grad():
                self.logit_scale.fill_(-math.log(value))

    def forward(
        self,
        image_embeddings: Tensor,
        text_embeddings: Tensor,
        positions: Tensor | None = None,
        *,
        weights: Tensor | None = None,
        ref_image_embeddings: Tensor | None = None,
        ref_text_embeddings: Tensor | None = None,
        ref_positions: Tensor | None = None,
        affinity: AffinityFunction | Tensor | None = None,
        return_parts: bool = False,
    ) -> Tensor | ITCLParts:
        """Return the loss of a batch; arguments, conventions and errors are those of `itcl_loss`."""
        if self.logit_scale is not None:
            with torch.no_grad():
                self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)
        return itcl_loss(
            image_embeddings,
            text_embeddings,
            positions,
            temperature=self._temperature,
            logit_scale=self.logit_scale,
            weights=weights,
            ref_image_embeddings=ref_image_embeddings,
            ref_text_embeddings=ref_text_embeddings,
            ref_positions=ref_positions,
            affinity=affinity,
            normalize=self.normalize,
            chunk_size=self.chunk_size,
            gather_distributed=self.gather_distributed,
            reduction=self.reduction,
            return_parts=return_parts,
        )

    def extra_repr(self) -> str:
        """Return the settings, for `repr`."""
        learnable = self.logit_scale is not None
        return (
            f"temperature={self.temperature:.4g}, learnable={learnable}, chunk_size={self.chunk_size}, "
            f"gather_distributed={self.gather_distributed}, reduction={self.reduction!r}, "
            f"normalize={self.normalize}"
        )


def _check_learnable(temperature: float, *, learnable: bool) -> None:
    if learnable and temperature < 0.01:
        raise InvalidValueError(
            "Expected a learnable `temperature` of at least 0.01 (similarities are scaled by at most "
            f"100), but got {shown(temperature)}."
        )
