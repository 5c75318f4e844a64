"""Supervised: the labelled samples alone."""

from torch import Tensor

from semimedref.data.module import StepBatch
from semimedref.draws import Draws
from semimedref.methods.base import Logged, Method


class Supervised(Method):
    """Dice and cross-entropy on the weak view of labelled samples: the baseline."""

    def objective(self, batch: StepBatch, draws: Draws) -> tuple[Tensor, Logged]:
        """Return the loss of a step, and what to log of it."""
        return self.labelled_alone(self.labelled_inputs(batch, draws))
