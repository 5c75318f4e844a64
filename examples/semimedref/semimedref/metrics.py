"""Dice and IoU, over all pixels of a set and as the mean over its images: papers report either."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError


@dataclass(frozen=True)
class Scores:
    """Scores of a set of images, in percent.

    Attributes:
        global_dice: 2 TP / (2 TP + FP + FN), counted over all pixels of all images.
        global_iou: TP / (TP + FP + FN), likewise.
        image_dice: Mean over images of their own Dice.
        image_iou: Mean over images of their own IoU.
        images: Number of images.
    """

    global_dice: float
    global_iou: float
    image_dice: float
    image_iou: float
    images: int

    def to_dict(self) -> dict[str, Any]:
        """Return the scores by name."""
        return asdict(self)


class Confusion:
    """Counts true and false positives and false negatives image by image.

    An image without lesion, in which none is found, scores 1: nothing was missed and nothing made up.

    Example:
        >>> counts = Confusion()
        >>> counts.add(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[True, False, False]]))
        >>> counts.add(torch.zeros(1, 3), torch.zeros(1, 3, dtype=torch.bool))
        >>> scores = counts.scores()
        >>> round(scores.global_dice, 2), round(scores.image_dice, 2)
        (66.67, 83.33)
    """

    def __init__(self) -> None:
        self._rows: list[Tensor] = []

    def add(self, probabilities: Tensor, mask: Tensor) -> None:
        """Count one image: probabilities, cut at 0.5, against a bool mask of the same shape.

        Raises:
            InvalidValueError: The shapes differ, the mask is not bool, or a probability is NaN.
        """
        if probabilities.shape != mask.shape or mask.dtype != torch.bool:
            raise InvalidValueError(
                f"Expected a bool mask of shape {tuple(probabilities.shape)}, but got {mask.dtype} of shape "
                f"{tuple(mask.shape)}."
            )
        if probabilities.isnan().any():
            raise InvalidValueError("Expected probabilities, but got NaN.")
        found = probabilities >= 0.5
        self._rows.append(torch.stack([(found & mask).sum(), (found & ~mask).sum(), (~found & mask).sum()]).cpu())

    @property
    def counts(self) -> Tensor:
        """(N, 3) int64: true positives, false positives and false negatives of each image, in the order added."""
        return torch.stack(self._rows) if self._rows else torch.zeros(0, 3, dtype=torch.int64)

    def image_dice(self) -> list[float]:
        """Return the Dice of each image in percent, in the order they were added."""
        dice: list[float] = overlaps(self.counts)["dice"].tolist()
        return dice

    def scores(self) -> Scores:
        """Return the scores of all images so far.

        Raises:
            InvalidValueError: There was none.
        """
        return scores_of(self.counts)


def scores_of(counts: Tensor) -> Scores:
    """Return the scores of N images from their (N, 3) true positives, false positives and false negatives.

    Raises:
        InvalidValueError: N is 0.
    """
    if not len(counts):
        raise InvalidValueError("Expected at least one image to score, but got none.")
    each, whole = overlaps(counts), overlaps(counts.sum(dim=0))
    return Scores(
        whole["dice"].item(), whole["iou"].item(), each["dice"].mean().item(), each["iou"].mean().item(), len(counts)
    )


def overlaps(counts: Tensor) -> dict[str, Tensor]:
    """Return how well pixels found and pixels of the mask agree, in percent.

    Args:
        counts: (..., 3) true positives, false positives and false negatives, of any numeric type.

    Returns:
        "dice", "iou", "precision" and "recall", each (...) float64. With no lesion there and none found, all are 100;
        else precision is 0 where nothing was found, and recall where there is no lesion.

    Example:
        >>> {name: round(value.item(), 1) for name, value in overlaps(torch.tensor([2, 1, 3])).items()}
        {'dice': 50.0, 'iou': 33.3, 'precision': 66.7, 'recall': 40.0}
    """
    hit, extra, missed = counts.double().unbind(dim=-1)
    empty = hit + extra + missed == 0

    def share(part: Tensor, whole: Tensor) -> Tensor:
        return 100 * torch.where(empty, 1.0, part / torch.where(whole == 0, 1.0, whole))

    return {
        "dice": share(2 * hit, 2 * hit + extra + missed),
        "iou": share(hit, hit + extra + missed),
        "precision": share(hit, hit + extra),
        "recall": share(hit, hit + missed),
    }


def table(rows: dict[str, Scores]) -> str:
    """Return the scores as a text table, one row a model."""
    heads = ("", "global Dice", "global IoU", "per-image Dice", "per-image IoU")
    width = max(len(name) for name in rows)
    lines = ["  ".join([heads[0].ljust(width), *heads[1:]])]
    lines.append("-" * len(lines[0]))
    for name, one in rows.items():
        values = (one.global_dice, one.global_iou, one.image_dice, one.image_iou)
        cells = [f"{value:.2f}".rjust(len(head)) for value, head in zip(values, heads[1:], strict=True)]
        lines.append("  ".join([name.ljust(width), *cells]))
    return "\n".join(lines)
