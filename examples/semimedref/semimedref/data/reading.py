"""Rows to samples in memory: one reader for all layouts, in threads, through the cache of decoded pictures."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.cache import Decoded, PictureCache
from semimedref.data.findings import Findings
from semimedref.data.formats import not_found
from semimedref.data.images import decode_image, decode_mask, resize_image, resize_mask
from semimedref.data.rows import Row
from semimedref.data.samples import Samples

T = TypeVar("T")
NOTHING = np.zeros(0, dtype=np.uint8)


class Picture(NamedTuple):
    """One decoded picture: what `Decoded` keeps of each."""

    pixels: Tensor
    extent: tuple[int, ...]
    whole: NDArray[np.uint8]
    digest: str
    found: str


def read_training(
    rows: Sequence[Row],
    labelled: Sequence[int],
    size: int,
    cache: PictureCache,
    *,
    needs_lesion: bool = True,
    findings: Findings | None = None,
) -> tuple[Samples, Samples]:
    """Read training samples.

    Args:
        rows: N of them.
        labelled: Indices of those whose masks are used, in the order they shall have. Other masks are not touched.
        size: Side in pixels that images and masks are resized to.
        cache: Where decoded pictures are kept.
        needs_lesion: Whether it is an error that no mask holds lesion, or that all are lesion throughout.
        findings: Learns what was found in the files, and says which values are lesion.

    Returns:
        The labelled samples, and the unlabelled rest.

    Raises:
        InvalidValueError: A file is missing or unreadable, a mask has another size than its image, or no mask holds
            lesion. The message names the file.
    """
    # All images in one go: what is kept of them serves any choice of labels.
    findings = findings or Findings()
    images = _images(rows, size, cache, findings)
    chosen = set(labelled)
    rest = [index for index in range(len(rows)) if index not in chosen]
    masks = _masks(
        [rows[index] for index in labelled], images.extents[labelled], size, cache, findings, needs_lesion=needs_lesion
    )
    return _samples(rows, images, labelled, masks), _samples(rows, images, rest)


def read_scored(rows: Sequence[Row], size: int, cache: PictureCache, *, findings: Findings | None = None) -> Samples:
    """Read validation or test samples, whose masks are also kept in their own size.

    Args:
        rows: N of them.
        size: Side in pixels that images and masks are resized to.
        cache: Where decoded pictures are kept.
        findings: As for `read_training`.

    Returns:
        The samples.

    Raises:
        InvalidValueError: As for `read_training`.
    """
    findings = findings or Findings()
    images = _images(rows, size, cache, findings)
    masks = _masks(rows, images.extents, size, cache, findings, whole=True)
    return _samples(rows, images, range(len(rows)), masks)


def pixel_digests(rows: Sequence[Row]) -> list[str]:
    """Return what tells the pixels of each image, whatever its file is called.

    Raises:
        InvalidValueError: An image is missing or unreadable.
    """
    return _in_threads(lambda row: _digest(decode_image(row.image).pixels), rows)


def _samples(rows: Sequence[Row], images: Decoded, indices: Sequence[int], masks: Decoded | None = None) -> Samples:
    return Samples(
        images=torch.from_numpy(images.pixels[list(indices)]).unsqueeze(1),
        texts=tuple(rows[index].caption for index in indices),
        names=tuple(rows[index].image.name for index in indices),
        masks=None if masks is None else torch.from_numpy(masks.pixels).unsqueeze(1),
        full_masks=() if masks is None else _unpack(masks),
        files=tuple(rows[index].image for index in indices),
    )


def _images(rows: Sequence[Row], size: int, cache: PictureCache, findings: Findings) -> Decoded:
    def decode(row: Row) -> Picture:
        image, turned = decode_image(row.image)
        return Picture(resize_image(image, size), image.shape, NOTHING, _digest(image), findings.of_image(turned))

    files = [row.image for row in rows]
    images = cache.get(f"images-{size}", files, lambda: _decoded(_in_threads(decode, rows), size))
    findings.add_images(files, images.digests.tolist(), images.found.tolist())
    return images


def _masks(
    rows: Sequence[Row],
    extents: NDArray[np.int64],
    size: int,
    cache: PictureCache,
    findings: Findings,
    *,
    whole: bool = False,
    needs_lesion: bool = True,
) -> Decoded:
    for row in rows:
        if not row.mask.is_file():
            raise InvalidValueError(not_found(row.mask, row.where))

    def decode(row: Row) -> Picture:
        mask, turned, understood = decode_mask(row.mask, findings.values)
        kept = np.packbits(mask) if whole else NOTHING
        return Picture(resize_mask(mask, size), mask.shape, kept, "", findings.of_mask(turned, understood))

    kind = f"{'whole-' if whole else ''}masks-{size}{findings.key}"
    files = [row.mask for row in rows]
    masks = cache.get(kind, files, lambda: _decoded(_in_threads(decode, rows), size))
    findings.add_masks(files, masks.found.tolist())
    for row, image, mask in zip(rows, extents.tolist(), masks.extents.tolist(), strict=True):
        if image != mask:
            turned = ", which its EXIF orientation turns" if findings.turns(row.image) else ""
            raise InvalidValueError(
                f"{row.mask}: expected a mask of {_extent(image)} pixels, like its image{turned}, but got "
                f"{_extent(mask)}."
            )
    if rows and needs_lesion and not masks.pixels.any():
        findings.check_values(files)
        raise InvalidValueError(f"{rows[0].mask.parent}: expected masks with lesion, but all {len(rows)} are empty.")
    if len(rows) > 1 and needs_lesion and masks.pixels.all():
        raise InvalidValueError(
            f"{rows[0].mask.parent}: expected masks with something beside lesion, but all {len(rows)} are lesion "
            "throughout."
        )
    return masks


def _decoded(pictures: list[Picture], size: int) -> Decoded:
    pixels = torch.cat([one.pixels for one in pictures]) if pictures else torch.zeros(0, size, size, dtype=torch.uint8)
    return Decoded(
        pixels=pixels.numpy(),
        extents=np.array([one.extent for one in pictures], dtype=np.int64).reshape(-1, 2),
        whole=np.concatenate([NOTHING, *(one.whole for one in pictures)]),
        digests=np.array([one.digest for one in pictures], dtype=np.str_),
        found=np.array([one.found for one in pictures], dtype=np.str_),
    )


def _digest(image: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(_extent(image.shape).encode() + image.tobytes(), digest_size=16).hexdigest()


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


def _in_threads(decode: Callable[[Row], T], rows: Sequence[Row]) -> list[T]:
    # Pillow lets go of the interpreter while it decodes and resizes, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(decode, rows))


def _extent(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
