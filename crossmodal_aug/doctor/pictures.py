"""What is kept of each picture, so that ten thousand of them fit into memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.doctor.values import MaskValues
from crossmodal_aug.errors import InvalidValueError, reason

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM")
LOSSY = ("JPEG", "MPO", "WEBP", "JPEG2000")
"""Formats that may not keep values exactly."""

LARGEST_SIDE = 4096
"""Most pixels of a side that images are brought to for the ops: more fills the memory."""

GRID = 128
"""Lines of the grid on which lesions are kept."""

TINY = 24
"""Lines of the small copies by which pictures are compared."""

FEW = 16
"""Values that are told one by one; a file with more of them is soft or noisy."""

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class ImageFacts:
    """One image file.

    Attributes:
        size: Height and width, upright; (0, 0) where it cannot be read.
        kind: Mode and depth, such as "L, 8 bit".
        turned: Whether its EXIF orientation turns it.
        blank: Whether it holds one value only.
        digest: What tells its pixels.
        tiny: (TINY, TINY) uint8: a small copy.
        error: Why it cannot be read; "" where it can.
    """

    size: tuple[int, int] = (0, 0)
    kind: str = ""
    turned: bool = False
    blank: bool = False
    digest: str = ""
    tiny: NDArray[np.uint8] | None = None
    error: str = ""


@dataclass(frozen=True)
class MaskFacts:
    """One mask file.

    Attributes:
        size: Height and width, upright; (0, 0) where it cannot be read.
        kind: Mode and depth.
        coloured: Whether it is more than grey levels.
        lossy: Whether its format may not keep values exactly.
        levels: Its distinct values, at most `FEW`; of a file with more, the smallest and the largest.
        many: Whether it has more than `FEW` values.
        between: Share of the pixels that are neither near the smallest nor near the largest value, of those that are
            not near the smallest.
        area: Share of the image that is lesion.
        lesion: (GRID, GRID) bool, packed.
        error: Why it cannot be read; "" where it can.
    """

    size: tuple[int, int] = (0, 0)
    kind: str = ""
    coloured: bool = False
    lossy: bool = False
    levels: tuple[float, ...] = ()
    many: bool = False
    between: float = 0.0
    area: float = 0.0
    lesion: NDArray[np.uint8] | None = None
    error: str = ""

    @property
    def grid(self) -> NDArray[np.bool_]:
        """Where the lesion is: (GRID, GRID) bool."""
        if self.lesion is None:
            return np.zeros((GRID, GRID), dtype=bool)
        return np.unpackbits(self.lesion).reshape(GRID, GRID).astype(bool)


def in_threads(
    work: Callable[[Path], Kept], files: Sequence[Path | None], done: Callable[[int], object]
) -> list[Kept | None]:
    """Look at files, several at once: Pillow lets go of the interpreter while it decodes.

    Args:
        work: What is kept of a file.
        files: The files; None stays None.
        done: Called with the number of files that are finished.

    Returns:
        What is kept of each.
    """

    def one(file: Path | None) -> Kept | None:
        kept = None if file is None else work(file)
        done(1)
        return kept

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, files))


def image_facts(path: Path) -> ImageFacts:
    """Return what is kept of an image."""
    try:
        pixels, kind, turned, _ = read_pixels(path)
    except InvalidValueError as error:
        return ImageFacts(error=str(error))
    image = library("PIL.Image", "pillow")
    tiny = image.fromarray(to_grey(pixels)).resize((TINY, TINY), image.Resampling.BOX)
    digest = hashlib.blake2b(str(pixels.shape).encode() + pixels.tobytes(), digest_size=16).hexdigest()
    size = (int(pixels.shape[0]), int(pixels.shape[1]))
    return ImageFacts(size, kind, turned, bool((pixels == pixels.flat[0]).all()), digest, np.asarray(tiny))


def side_of(images: Sequence[ImageFacts | None], most: int = 224) -> int:
    """Return the side that images are brought to for the ops: the median of their longer sides, at most `most`."""
    sides = sorted(max(one.size) for one in images if one is not None and not one.error)
    return min(sides[len(sides) // 2], most) if sides else most


def mask_facts(path: Path, values: MaskValues) -> MaskFacts:
    """Return what is kept of a mask.

    Args:
        path: The file.
        values: Values that are lesion, where the user says so.
    """
    try:
        pixels, kind, _, lossy = read_pixels(path)
    except InvalidValueError as error:
        return MaskFacts(error=str(error))
    grey = brightest(pixels)
    coloured = pixels.ndim == 3 and bool(
        (np.ptp(pixels[..., :3].astype(np.int32), axis=2) > (FEW if lossy else 0)).any()
    )
    found = _distinct(grey)
    low, high = float(found[0]), float(found[-1])
    span = high - low
    above = grey > low + 0.1 * span
    between = float((above & (grey < high - 0.1 * span)).sum() / max(int(above.sum()), 1))
    lesion = lesion_in(grey, values)
    many = len(found) > FEW
    levels = (low, high) if many else tuple(float(value) for value in found)
    size = (int(grey.shape[0]), int(grey.shape[1]))
    return MaskFacts(
        size, kind, coloured, lossy, levels, many, between, float(lesion.mean()), np.packbits(on_grid(lesion))
    )


def lesion_in(grey: NDArray[Any], values: MaskValues) -> NDArray[np.bool_]:
    """Return where a mask holds lesion: the values that are said to be, else all above 0, or above half if noisy."""
    if values.ranges:
        return values.among(grey)
    found = _distinct(grey)
    at = float(found[-1]) / 2 if len(found) > FEW else float(found[0]) if len(found) > 1 else 0.0
    lesion: NDArray[np.bool_] = grey > at
    return lesion


def on_grid(lesion: NDArray[np.bool_], lines: int = GRID) -> NDArray[np.bool_]:
    """Return a mask on a coarse grid: a cell is lesion if half of it is, or, where none is, if any of it is."""
    image = library("PIL.Image", "pillow")
    small = np.asarray(image.fromarray(lesion.astype(np.uint8) * 255).resize((lines, lines), image.Resampling.BOX))
    half: NDArray[np.bool_] = small >= 128
    return half if half.any() or not lesion.any() else small == small.max()


def read_pixels(path: Path) -> tuple[NDArray[Any], str, bool, bool]:
    """Read a picture, upright.

    Args:
        path: The file.

    Returns:
        (H, W) or (H, W, 3) values, the mode in words, whether an EXIF orientation turned it, and whether its format
        may not keep values exactly.

    Raises:
        InvalidValueError: It cannot be read; the message names the file.
    """
    image, ops = library("PIL.Image", "pillow"), library("PIL.ImageOps", "pillow")
    try:
        with path.open("rb") as file, image.open(file, formats=list(FORMATS)) as opened:
            opened.load()
            turned = opened.format != "TIFF" and opened.getexif().get(0x0112, 1) in range(2, 9)
            lossy = opened.format in LOSSY
            upright = ops.exif_transpose(opened) if turned else opened
            mode = upright.mode
            if mode in ("P", "PA", "LA", "RGBA", "La", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"):
                upright = upright.convert("RGB")
            pixels = np.asarray(upright)
    # Pillow reports a damaged file by any of these, depending on the format and on where the damage lies.
    except (
        *(OSError, SyntaxError, ValueError, EOFError, RuntimeError, LookupError, AttributeError, TypeError),
        image.DecompressionBombError,
    ) as error:
        raise InvalidValueError(
            f"{path}: Expected a picture ({', '.join(FORMATS)}), but got {reason(error)}."
        ) from error
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        raise InvalidValueError(f"{path}: Expected finite pixel values, but got NaN or infinity.")
    return pixels, f"{mode}, {8 * pixels.dtype.itemsize} bit", turned, lossy


def brightest(pixels: NDArray[Any]) -> NDArray[Any]:
    """The largest channel of each pixel: (H, W)."""
    return pixels if pixels.ndim == 2 else np.maximum.reduce([pixels[..., i] for i in range(pixels.shape[2])])


def to_grey(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as (H, W) uint8; those of more than 8 bits are stretched from their darkest to their brightest."""
    if pixels.ndim == 3:
        pixels = pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
        return pixels.round().clip(0, 255).astype(np.uint8)
    if pixels.dtype == np.uint8:
        return pixels
    values = pixels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    stretched: NDArray[np.uint8] = (255 * (values - low) / max(high - low, 1e-12)).round().astype(np.uint8)
    return stretched


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values of an array in rising order."""
    if values.dtype == np.uint8:
        return np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    return np.unique(values)
