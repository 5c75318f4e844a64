"""The teacher: an exponential moving average of the student."""

import copy
from typing import Self

import torch
from torch import Tensor, nn

from semimedref.models import ReferringModel
from semimedref.models.tokenizer import Tokens


class EMATeacher(nn.Module):
    """A copy of the student that follows it slowly (Mean Teacher, arXiv 1703.01780).

    It is in eval mode always and has no gradients.

    Args:
        student: The model to follow.
    """

    def __init__(self, student: ReferringModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(student).requires_grad_(False)
        self.model.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, whatever the module around it is put into."""
        return super().train(False)

    def probabilities(self, images: Tensor, tokens: Tokens) -> Tensor:
        """Return (B, 1, H, W) probabilities."""
        return probabilities_of(self.model, images, tokens)

    @torch.no_grad()
    def follow(self, student: ReferringModel, momentum: float) -> None:
        """Move parameters and running statistics towards the student's; counters are copied.

        What both models share, a frozen text encoder, is left alone.
        """
        mine, theirs = self.model.state_dict(), student.state_dict()
        for name, value in mine.items():
            if value.data_ptr() == theirs[name].data_ptr():
                continue
            if value.is_floating_point():
                value.lerp_(theirs[name], 1 - momentum)
            else:
                value.copy_(theirs[name])


@torch.no_grad()
def probabilities_of(model: ReferringModel, images: Tensor, tokens: Tokens) -> Tensor:
    """Return (B, 1, H, W) probabilities of a model in eval mode; it is put back into its own afterwards."""
    training = model.training
    model.eval()
    logits = model.segment(images, tokens)
    model.train(training)
    # Under mixed precision too the pseudo-masks are compared and weighed in float32.
    return logits.float().sigmoid()


def momentum(step: int, epoch: float) -> float:
    """Return how much the teacher keeps of itself.

    The published 0.99 + 0.009 clip((e - 5) / 20, 0, 1), but no more than (1 + t) / (10 + t), so that the first
    steps are forgotten and the teacher is useful when burn-in ends.

    Args:
        step: Optimiser steps made, t.
        epoch: Passes over the unlabelled samples made, e.

    Example:
        >>> [round(momentum(step, epoch), 4) for step, epoch in ((0, 0), (90, 1.0), (5000, 5.0), (50000, 30.0))]
        [0.1, 0.91, 0.99, 0.999]
    """
    published = 0.99 + 0.009 * min(1.0, max(0.0, (epoch - 5) / 20))
    return min((1 + step) / (10 + step), published)
