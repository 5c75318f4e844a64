"""Probabilities and scores of a trained model."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from semimedref.data.samples import Samples
from semimedref.data.views import normalise, to_unit
from semimedref.metrics import Confusion
from semimedref.models import ReferringModel


@torch.no_grad()
def predict_logits(model: ReferringModel, images: Tensor, texts: Sequence[str]) -> Tensor:
    """Segment images by their captions.

    Args:
        model: The model; it is put into eval mode for the call and back afterwards.
        images: (B, 1, S, S) uint8, on any device.
        texts: B captions.

    Returns:
        (B, 1, S, S) float32 logits on the model's device.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    shown = normalise(to_unit(images.to(device)))
    logits = model.segment(shown, model.tokens_for(shown, texts).to(device))
    model.train(training)
    # Under mixed precision too they are resized and scored in float32.
    return logits.float()


def probability_maps(
    model: ReferringModel, samples: Samples, texts: Sequence[str] | None = None, *, batch: int = 32
) -> Iterator[tuple[Tensor, Tensor]]:
    """Segment samples image by image, in the size of their full masks.

    Args:
        model: The model.
        samples: Samples with ``full_masks``.
        texts: Captions to use instead of the samples' own.
        batch: Images at a time.

    Yields:
        (H, W) probabilities and the (H, W) bool mask of one image, both on the model's device.
    """
    texts = samples.texts if texts is None else texts
    for start in range(0, len(samples), batch):
        stop = start + batch
        logits = predict_logits(model, samples.images[start:stop], texts[start:stop])
        for one, mask in zip(logits, samples.full_masks[start:stop], strict=True):
            yield resize_probabilities(one, mask.shape), mask.to(one.device)


def score(model: ReferringModel, samples: Samples, texts: Sequence[str] | None = None, *, batch: int = 32) -> Confusion:
    """Compare a model's masks with the full-size ones.

    Args:
        model: The model.
        samples: Samples with ``full_masks``.
        texts: Captions to use instead of the samples' own.
        batch: Images at a time.

    Returns:
        The counts, image by image in the order of the samples.
    """
    counts = Confusion()
    for probabilities, mask in probability_maps(model, samples, texts, batch=batch):
        counts.add(probabilities, mask)
    return counts


def resize_probabilities(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Return (H, W) probabilities of one image in another size, interpolating the (1, S, S) logits bilinearly."""
    if tuple(logits.shape[-2:]) != tuple(size):
        logits = F.interpolate(logits[None], size=tuple(size), mode="bilinear", align_corners=False)[0]
    return logits[0].sigmoid()


def other_captions(samples: Samples) -> list[str]:
    """Return the captions moved on among the images, so that each image gets one that says something else.

    Each image takes the next sample's caption that differs from its own; where all are equal it keeps its own.
    """
    count, texts = len(samples), samples.texts
    return [
        next((texts[(i + k) % count] for k in range(1, count) if texts[(i + k) % count] != texts[i]), texts[i])
        for i in range(count)
    ]
