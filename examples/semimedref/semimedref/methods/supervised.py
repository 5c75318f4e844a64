"""Supervised: the labelled samples alone."""

import torch
from torch import Tensor

from semimedref.data.module import StepBatch
from semimedref.data.views import normalise, to_unit, zoom
from semimedref.losses import segmentation_loss
from semimedref.methods.base import Method


class Supervised(Method):
    """Dice and cross-entropy on the weak view of labelled samples: the baseline."""

    def objective(self, batch: StepBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Return the loss of a step, and what to log of it."""
        images, masks = zoom(to_unit(batch.labelled.images), batch.labelled.known_masks, generator)
        tokens = self.student.tokenize(batch.labelled.texts).to(images.device)
        logits, _, _ = self.student(normalise(images), tokens)
        loss = segmentation_loss(logits, masks)
        return loss, {"labelled seg": loss.detach()}
