"""Rows to samples in memory: one reader for all layouts, in threads, through the cache of decoded pictures."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.cache import Decoded, PictureCache
from semimedref.data.images import read_image, read_mask, resize_image, resize_mask
from semimedref.data.rows import Row
from semimedref.data.samples import Samples

Picture = tuple[Tensor, tuple[int, ...], NDArray[np.uint8]]
"""Resized pixels (1, S, S); height and width of the file; its pixels eight a byte, or `NOTHING`."""

NOTHING = np.zeros(0, dtype=np.uint8)


def read_training(
    rows: Sequence[Row], labelled: Sequence[int], size: int, cache: PictureCache, *, needs_lesion: bool = True
) -> tuple[Samples, Samples]:
    """Read training samples.

    Args:
        rows: N of them.
        labelled: Indices of those whose masks are used, in the order they shall have. Other masks are not touched.
        size: Side in pixels that images and masks are resized to.
        cache: Where decoded pictures are kept.
        needs_lesion: Whether it is an error that no mask holds lesion.

    Returns:
        The labelled samples, and the unlabelled rest.

    Raises:
        InvalidValueError: A file is missing or unreadable, a mask has another size than its image, or no mask holds
            lesion. The message names the file.
    """
    # All images in one go: what is kept of them serves any choice of labels.
    images = _images(rows, size, cache)
    chosen = set(labelled)
    rest = [index for index in range(len(rows)) if index not in chosen]
    masks = _masks(
        [rows[index] for index in labelled], images.extents[labelled], size, cache, needs_lesion=needs_lesion
    )
    return _samples(rows, images, labelled, masks), _samples(rows, images, rest)


def read_scored(rows: Sequence[Row], size: int, cache: PictureCache) -> Samples:
    """Read validation or test samples, whose masks are also kept in their own size.

    Args:
        rows: N of them.
        size: Side in pixels that images and masks are resized to.
        cache: Where decoded pictures are kept.

    Returns:
        The samples.

    Raises:
        InvalidValueError: As for `read_training`.
    """
    images = _images(rows, size, cache)
    masks = _masks(rows, images.extents, size, cache, whole=True)
    return _samples(rows, images, range(len(rows)), masks)


def _samples(rows: Sequence[Row], images: Decoded, indices: Sequence[int], masks: Decoded | None = None) -> Samples:
    return Samples(
        images=torch.from_numpy(images.pixels[list(indices)]).unsqueeze(1),
        texts=tuple(rows[index].caption for index in indices),
        names=tuple(rows[index].image.name for index in indices),
        masks=None if masks is None else torch.from_numpy(masks.pixels).unsqueeze(1),
        full_masks=() if masks is None else _unpack(masks),
    )


def _images(rows: Sequence[Row], size: int, cache: PictureCache) -> Decoded:
    def decode(row: Row) -> Picture:
        image = read_image(row.image)
        return resize_image(image, size), image.shape, NOTHING

    return cache.get(f"images-{size}", [row.image for row in rows], lambda: _decoded(_in_threads(decode, rows)))


def _masks(
    rows: Sequence[Row],
    extents: NDArray[np.int64],
    size: int,
    cache: PictureCache,
    *,
    whole: bool = False,
    needs_lesion: bool = True,
) -> Decoded:
    for row in rows:
        if not row.mask.is_file():
            raise InvalidValueError(f"{row.mask}: no such file, but {row.where} names it")

    def decode(row: Row) -> Picture:
        mask = read_mask(row.mask)
        return resize_mask(mask, size), mask.shape, np.packbits(mask) if whole else NOTHING

    kind = f"{'whole-' if whole else ''}masks-{size}"
    masks = cache.get(kind, [row.mask for row in rows], lambda: _decoded(_in_threads(decode, rows)))
    for row, image, mask in zip(rows, extents.tolist(), masks.extents.tolist(), strict=True):
        if image != mask:
            raise InvalidValueError(
                f"{row.mask}: expected a mask of {_extent(image)} pixels, like its image, but got {_extent(mask)}"
            )
    if rows and needs_lesion and not masks.pixels.any():
        raise InvalidValueError(f"{rows[0].mask.parent}: expected masks with lesion, but all {len(rows)} are empty")
    return masks


def _decoded(pictures: list[Picture]) -> Decoded:
    return Decoded(
        pixels=torch.cat([pixels for pixels, _, _ in pictures]).numpy(),
        extents=np.array([extent for _, extent, _ in pictures], dtype=np.int64),
        whole=np.concatenate([whole for _, _, whole in pictures]),
    )


def _unpack(masks: Decoded) -> tuple[Tensor, ...]:
    """The masks in their own size; none where they were not kept."""
    if not masks.whole.size:
        return ()
    ends = np.cumsum([-(-height * width // 8) for height, width in masks.extents.tolist()])
    return tuple(
        torch.from_numpy(
            np.unpackbits(masks.whole[start:end], count=height * width).reshape(height, width).astype(bool)
        )
        for (start, end), (height, width) in zip(pairwise([0, *ends.tolist()]), masks.extents.tolist(), strict=True)
    )


def _in_threads(decode: Callable[[Row], Picture], rows: Sequence[Row]) -> list[Picture]:
    # Pillow lets go of the interpreter while it decodes and resizes, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(decode, rows))


def _extent(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
