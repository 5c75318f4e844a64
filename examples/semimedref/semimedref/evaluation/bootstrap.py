"""Percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993) over patients.

Images of one patient are alike: intervals of images drawn one by one would be too narrow.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.draws import seeded
from semimedref.evaluation.measures import Measured, weighted_scores

LEVEL = 0.95
MOST_RESAMPLES = 100_000
"""More would no longer move an interval, but need memory for each image of each."""


class Interval(NamedTuple):
    """A score and the limits of its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the three by name, with None where undefined, for JSON."""
        return {name: None if math.isnan(number) else number for name, number in self._asdict().items()}


class Bootstrap:
    """Draws patients with replacement, as many as there are, with all of their images, and scores each such set.

    The same patients give the same draws, so that differences between two ways of scoring the same images are paired.

    Args:
        resamples: Number of sets.
        seed: Seed of the draws.

    Raises:
        InvalidValueError: ``resamples`` is below 1 or above `MOST_RESAMPLES`.

    Example:
        >>> Bootstrap(2000, seed=0)(10, lambda weights: weights @ torch.arange(10.0).double() / 10).value
        4.5
    """

    def __init__(self, resamples: int, seed: int) -> None:
        if resamples < 1:
            raise InvalidValueError(f"Expected at least 1 resample, but got {shown(resamples)}.")
        if resamples > MOST_RESAMPLES:
            raise InvalidValueError(f"Expected at most {MOST_RESAMPLES} resamples, but got {shown(resamples)}.")
        self.resamples, self.seed = resamples, seed

    def weights(self, images: int | Tensor) -> Tensor:
        """Return (resamples, N) float64: how often each set holds each image.

        Args:
            images: N, where each image is a patient of its own; or the (N,) int64 patients of the images.

        Raises:
            InvalidValueError: There is no image.
        """
        if isinstance(images, Tensor):
            known, places = images.unique(return_inverse=True)
            return self.weights(len(known))[:, places]
        return self._drawn(images, images)

    def weights_beside(self, number: int) -> Tensor:
        """Return (resamples, number) float64 as `weights` does, of things that are drawn beside the patients."""
        return self._drawn(number, number, 1)

    def _drawn(self, number: int, *seeds: int) -> Tensor:
        if number < 1:
            raise InvalidValueError("Expected at least one image to score, but got none.")
        drawn = torch.randint(number, (self.resamples, number), generator=seeded(self.seed, *seeds))
        counted = torch.zeros(self.resamples, number, dtype=torch.float64)
        return counted.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))

    def __call__(self, images: int | Tensor, statistic: Callable[[Tensor], Tensor]) -> Interval:
        """Return a statistic of some images with its interval.

        Args:
            images: As for `weights`.
            statistic: Returns (R,) values for (R, N) weights, as `weighted_scores` does.
        """
        count = len(images) if isinstance(images, Tensor) else images
        point = statistic(torch.ones(1, count, dtype=torch.float64))
        return self.interval(point, statistic(self.weights(images)))

    def scores(self, measured: Measured) -> dict[str, Interval]:
        """Return every score of some images with its interval."""
        point = weighted_scores(measured, torch.ones(1, len(measured), dtype=torch.float64))
        drawn = weighted_scores(measured, self.weights(measured.patients))
        return {name: self.interval(point[name], drawn[name]) for name in point}

    @staticmethod
    def interval(point: Tensor, drawn: Tensor) -> Interval:
        """Return a value, and between which values the middle 95 % of the drawn (R,) ones lie; NaN does not count."""
        tail = (1 - LEVEL) / 2
        low, high = torch.nanquantile(drawn, torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
        return Interval(point.item(), low, high)
