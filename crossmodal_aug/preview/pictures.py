"""Images of any dtype as pictures that a page can hold."""

import base64
import io
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from crossmodal_aug.errors import MissingDependencyError

try:
    from PIL import Image
except ImportError as error:
    raise MissingDependencyError("Expected Pillow to be installed: pip install 'crossmodal-aug[doctor]'.") from error


class Brightness(NamedTuple):
    """Which value is shown black and which white, the same before and after.

    Attributes:
        black: The lower value.
        white: The upper value.
    """

    black: float
    white: float

    @classmethod
    def of(cls, images: Tensor) -> "Brightness":
        """Return the values between which a batch is shown.

        Args:
            images: (B, C, H, W), of any dtype that is not complex.

        Returns:
            0 and 255 for bytes, 0 and 1 for bool and for numbers that all lie in between; else the lowest and the
            highest finite value of the batch.
        """
        if images.dtype == torch.uint8:
            return cls(0.0, 255.0)
        values = images.cpu().double()
        values = values[values.isfinite()]
        low, high = (float(end) for end in values.aminmax()) if values.numel() else (0.0, 1.0)
        return cls(0.0, 1.0) if low >= 0.0 and high <= 1.0 else cls(low, high)


def picture_uri(image: Tensor, brightness: Brightness) -> str:
    """Return an image as a PNG in a data URI: in colour where it has three channels, else its first channel in grey.

    Args:
        image: (C, H, W).
        brightness: What is shown black and white.

    Returns:
        The data URI.

    Examples:
        >>> picture_uri(torch.zeros(1, 2, 2), Brightness(0.0, 1.0))[:22]
        'data:image/png;base64,'
    """
    shown = image if image.shape[0] == 3 else image[:1]
    scaled = (shown.cpu().double() - brightness.black) / (brightness.white - brightness.black)
    pixels = (scaled.nan_to_num(0.0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
