"""Reading images and masks, with errors that name the file."""

import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as grey levels.

    Colours are turned into grey; pictures of more than 8 bits, floating-point TIFF among them, are stretched from
    their own darkest to their own brightest value.

    Args:
        path: A file that Pillow can read.

    Returns:
        (H, W) uint8.

    Raises:
        InvalidValueError: There is no such file, it is no readable picture, or it holds NaN or infinity.
    """
    picture = _open(path)
    if picture.mode not in ("F", "I") and not picture.mode.startswith("I;"):
        return _grey(picture, path)
    values = np.asarray(picture, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InvalidValueError(f"{path}: expected finite pixel values, but got NaN or infinity")
    low, high = values.min(), values.max()
    stretched: NDArray[np.uint8] = (255 * (values - low) / max(high - low, 1e-12)).round().astype(np.uint8)
    return stretched


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask: bright is lesion.

    Where a file holds 0 and one other value, or that value alone, it is lesion; so is every colour of a palette but the
    first. In any other file lesion is above 127, or above half of the brightest value where there are more than 8 bits.

    Args:
        path: A file that Pillow can read.

    Returns:
        (H, W) bool.

    Raises:
        InvalidValueError: As for `read_image`.
    """
    picture = _open(path)
    plain = picture.mode in ("P", "F", "I") or picture.mode[:2] == "I;"
    values = np.asarray(picture) if plain else _grey(picture, path)
    if not np.isfinite(values).all():
        raise InvalidValueError(f"{path}: expected finite pixel values, but got NaN or infinity")
    if picture.mode == "P" or len(np.unique(values[values != 0])) <= 1:
        return values > 0
    half = 127 if values.dtype == np.uint8 else float(values.max()) / 2
    return values > half


def resize_image(image: NDArray[np.uint8], size: int) -> Tensor:
    """Return an image as (1, size, size) uint8, resized bicubically."""
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).unsqueeze(0)


def resize_mask(mask: NDArray[np.bool_], size: int) -> Tensor:
    """Return a mask as (1, size, size) bool, by nearest neighbours."""
    resized = Image.fromarray(mask.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    return torch.from_numpy(np.array(resized, dtype=bool)).unsqueeze(0)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except FileNotFoundError as error:
        raise InvalidValueError(f"{path}: no such file") from error
    # Pillow reports a damaged file by any of these, depending on the format and on where the damage lies.
    except (
        *(OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError),
        *(RuntimeError, AttributeError, TypeError, LookupError, struct.error),
    ) as error:
        raise InvalidValueError(f"{path}: not a readable image ({error})") from error


def _grey(picture: Image.Image, path: Path) -> NDArray[np.uint8]:
    try:
        return np.asarray(picture.convert("L"))
    except ValueError as error:
        raise InvalidValueError(
            f"{path}: expected grey levels or colours, but got mode {picture.mode} ({error})"
        ) from error
