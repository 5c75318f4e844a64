"""Reading images and masks, with errors that name the file."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.formats import open_picture
from semimedref.data.levels import AmbiguousMaskError
from semimedref.data.masks import Understood, lesion_in
from semimedref.mask_values import MaskValues


class ReadImage(NamedTuple):
    """An image as it was read: (H, W) uint8, and whether its EXIF orientation turned or mirrored it."""

    pixels: NDArray[np.uint8]
    turned: bool


class ReadMask(NamedTuple):
    """A mask as it was read: (H, W) bool, whether its EXIF orientation turned it, and how it was understood."""

    pixels: NDArray[np.bool_]
    turned: bool
    understood: Understood


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as grey levels: the pixels of `decode_image`."""
    return decode_image(path).pixels


def decode_image(path: Path) -> ReadImage:
    """Read a picture as grey levels, upright.

    Colours are turned into grey; pictures of more than 8 bits, floating-point TIFF among them, are stretched from
    their own darkest to their own brightest value. An EXIF orientation is applied.

    Args:
        path: A file of one picture, in one of `semimedref.data.formats.FORMATS`.

    Raises:
        InvalidValueError: There is no such file, it is no such picture, it holds NaN or infinity, or it shows nothing
            but its transparent places.
    """
    opened = open_picture(path)
    picture, turned = opened.picture, opened.turned
    if not _is_deep(picture):
        return ReadImage(_grey(picture, path), turned)
    values = _finite(np.asarray(picture, dtype=np.float64), path)
    low, high = values.min(), values.max()
    stretched: NDArray[np.uint8] = (255 * (values - low) / max(high - low, 1e-12)).round().astype(np.uint8)
    return ReadImage(stretched, turned)


def read_mask(path: Path, values: str = "") -> NDArray[np.bool_]:
    """Read a mask: the pixels of `decode_mask`."""
    return decode_mask(path, MaskValues.parse(values)).pixels


def decode_mask(path: Path, values: MaskValues) -> ReadMask:
    """Read a mask, upright.

    A file tells its lesion where it holds two grey levels, the darker clearly a background, where it holds black and
    one colour, or where alpha shows one colour in some places; noise of JPEG and smoothed borders between two levels do
    not count. Palettes go by their colours.

    Args:
        path: As for `decode_image`.
        values: Values that are lesion; if empty, the file is to tell.

    Raises:
        InvalidValueError: As for `decode_image`, or the file does not tell which of its values are lesion.
    """
    opened = open_picture(path)
    if _is_deep(opened.picture):
        _finite(np.asarray(opened.picture), path)
    try:
        mask, understood = lesion_in(opened, values)
    except AmbiguousMaskError as error:
        raise AmbiguousMaskError(
            f"{path}: expected a mask that tells which of its values are lesion, but {error}; name them with "
            "--mask-values, as in --mask-values 1,2 (or 128-255, or #ff0000)"
        ) from error
    except ValueError as error:
        raise _no_colours(path, opened.picture, error) from error
    return ReadMask(mask, opened.turned, understood)


def resize_image(image: NDArray[np.uint8], size: int) -> Tensor:
    """Return an image as (1, size, size) uint8, resized bicubically."""
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).unsqueeze(0)


def resize_mask(mask: NDArray[np.bool_], size: int) -> Tensor:
    """Return a mask as (1, size, size) bool, by nearest neighbours."""
    resized = Image.fromarray(mask.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    return torch.from_numpy(np.array(resized, dtype=bool)).unsqueeze(0)


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in ("F", "I") or picture.mode.startswith("I;")


def _finite(values: NDArray[Any], path: Path) -> NDArray[Any]:
    if not np.isfinite(values).all():
        raise InvalidValueError(f"{path}: expected finite pixel values, but got NaN or infinity.")
    return values


def _grey(picture: Image.Image, path: Path) -> NDArray[np.uint8]:
    try:
        grey = np.asarray(picture.convert("L"))
    except ValueError as error:
        raise _no_colours(path, picture, error) from error
    if picture.mode in ("LA", "RGBA") and (grey == grey.flat[0]).all():
        alpha = np.asarray(picture.getchannel("A"))
        if (alpha != alpha.flat[0]).any():
            raise InvalidValueError(
                f"{path}: expected an image in grey levels or colours, but it has one colour and is held in alpha."
            )
    return grey


def _no_colours(path: Path, picture: Image.Image, error: ValueError) -> InvalidValueError:
    return InvalidValueError(f"{path}: expected grey levels or colours, but got mode {picture.mode} ({error}).")
