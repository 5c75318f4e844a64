"""What is measured on each image, and the scores of any weighting of the images."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from semimedref.data.samples import Samples
from semimedref.evaluation.calibration import bin_totals, expected_calibration_error
from semimedref.evaluation.lesions import lesion_counts
from semimedref.evaluation.patients import patients_of
from semimedref.evaluation.surface import hd95
from semimedref.inference import probability_maps
from semimedref.metrics import Confusion, overlaps
from semimedref.models import ReferringModel

SCORES = {
    "global_dice": "global Dice",
    "global_iou": "global IoU",
    "image_dice": "per-image Dice",
    "image_iou": "per-image IoU",
    "precision": "precision",
    "recall": "recall",
    "hd95": "HD95 (pixels)",
    "ece": "calibration error",
    "lesions": "lesions found",
    "false_lesions": "false lesions (an image)",
}
"""Names of the scores, as stored and as shown. All are in percent but HD95, which is in pixels of the full-size mask,
and the number of false lesions in an image.

Precision and recall are counted over all pixels of all images, like the global Dice; HD95 is the mean over the images
where both the mask and what was found hold a pixel.
"""


@dataclass(frozen=True)
class Measured:
    """Measurements of N images.

    Attributes:
        counts: (N, 3) int64 true positives, false positives, false negatives.
        pixels: (N,) int64 pixels of the full-size mask.
        hd95: (N,) float64 in pixels; NaN where it is undefined.
        bins: (N, bins, 3) float64, as `bin_totals` returns them.
        lesions: (N, 3) int64, as `lesion_counts` returns them.
        patients: (N,) int64, as `patients_of` returns them.
    """

    counts: Tensor
    pixels: Tensor
    hd95: Tensor
    bins: Tensor
    lesions: Tensor
    patients: Tensor

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def area(self) -> Tensor:
        """(N,) float64: the mask's share of the image, in percent."""
        return 100 * (self.counts[:, 0] + self.counts[:, 2]).double() / self.pixels

    @property
    def without_hd95(self) -> int:
        """Number of images on which HD95 is undefined."""
        return int(self.hd95.isnan().sum())

    def take(self, indices: Tensor) -> "Measured":
        """Return the measurements of some images."""
        return Measured(*(getattr(self, one.name)[indices] for one in fields(self)))


def measure(model: ReferringModel, samples: Samples, texts: Sequence[str] | None = None) -> Measured:
    """Measure a model's masks and probabilities against the full-size masks.

    Args:
        model: The model.
        samples: N samples with ``full_masks``.
        texts: Captions to use instead of the samples' own.
    """
    counts, distances, bins, lesions = Confusion(), [], [], []
    for probabilities, mask in probability_maps(model, samples, texts):
        counts.add(probabilities, mask)
        found = probabilities >= 0.5
        distances.append(hd95(found, mask))
        bins.append(bin_totals(probabilities, mask))
        lesions.append(lesion_counts(found, mask))
    return Measured(
        counts.counts,
        torch.tensor([mask.numel() for mask in samples.full_masks]),
        torch.tensor(distances, dtype=torch.float64),
        torch.stack(bins),
        torch.tensor(lesions, dtype=torch.int64),
        patients_of(samples.names),
    )


def weighted_scores(measured: Measured, weights: Tensor) -> dict[str, Tensor]:
    """Return the scores of sets that hold each image as often as its weight says.

    Args:
        measured: N images.
        weights: (R, N) float64; every row has a positive sum. A row of ones gives the scores of the images themselves.

    Returns:
        (R,) float64 by the names of `SCORES`; HD95 is NaN where no image of positive weight has one, and
        the share of lesions found where there is no lesion.
    """
    each, whole = overlaps(measured.counts), overlaps(weights @ measured.counts.double())
    images = weights.sum(dim=1)
    defined = ~measured.hd95.isnan()
    lesions = weights @ measured.lesions.double()
    binned = torch.einsum("rn,nbk->rbk", weights, measured.bins)
    return {
        "global_dice": whole["dice"],
        "global_iou": whole["iou"],
        "image_dice": weights @ each["dice"] / images,
        "image_iou": weights @ each["iou"] / images,
        "precision": whole["precision"],
        "recall": whole["recall"],
        "hd95": weights @ measured.hd95.nan_to_num(0.0) / (weights @ defined.double()),
        "ece": expected_calibration_error(binned),
        "lesions": 100 * lesions[:, 1] / lesions[:, 0],
        "false_lesions": lesions[:, 2] / images,
    }
