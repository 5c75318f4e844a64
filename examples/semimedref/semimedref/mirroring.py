"""Averaging what a model finds in an image and in its mirror image, under words that are mirrored too."""

import torch
from torch import Tensor

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError
from semimedref.models import ReferringModel
from semimedref.models.tokenizer import Tokens

ABOUT = "probabilities are the mean of those of the image and of its mirror image under the mirrored caption"
NOT_TRAINED = "the model was trained without --flip, so mirrored images may be strange to it"
LEAST = 1e-6
"""Probabilities are kept this far from 0 and 1, so that their logits are finite."""


def mirror_mean(probabilities: Tensor) -> Tensor:
    """Return the mean of what was found in images and in their mirror images, as the images lie.

    Args:
        probabilities: (2B, 1, H, W): those of B images, and then those of the same images mirrored.

    Returns:
        (B, 1, H, W).

    Raises:
        InvalidValueError: Their number is odd.

    Example:
        >>> mirror_mean(torch.tensor([[[[1.0, 0.0]]], [[[1.0, 1.0]]]]))
        tensor([[[[1.0000, 0.5000]]]])
    """
    if len(probabilities) % 2:
        raise InvalidValueError(f"Expected images and as many mirror images, but got {len(probabilities)} maps.")
    plain, mirrored = probabilities.chunk(2)
    return (plain + mirrored.flip(-1)) / 2


def mirror_average(logits: Tensor) -> Tensor:
    """Return the logits of the mean probabilities of images and of their mirror images.

    Args:
        logits: (2B, 1, H, W): those of B images, and then those of the same images mirrored.

    Returns:
        (B, 1, H, W) float32, as the images lie.

    Example:
        >>> mirror_average(torch.tensor([[[[2.0, -2.0]]], [[[3.0, 2.0]]]])).round(decimals=3)
        tensor([[[[2.0000, 0.1440]]]])
    """
    return torch.logit(mirror_mean(logits.float().sigmoid()), eps=LEAST)


def averages_mirrored(model: ReferringModel, parser: PositionParser) -> None:
    """Make a model average over each image and its mirror image, left and right exchanged in the caption.

    Args:
        model: The model; its `tokenize` and `segment` are replaced.
        parser: Exchanges the words.
    """
    tokenize, segment = model.tokenize, model.segment

    def averaged(images: Tensor, tokens: Tokens) -> Tensor:
        return mirror_average(segment(torch.cat((images, images.flip(-1))), tokens))

    model.tokenize = lambda texts: tokenize([*texts, *map(parser.mirror, texts)])  # type: ignore[method-assign]
    model.segment = averaged  # type: ignore[method-assign]
