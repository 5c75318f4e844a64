"""Some samples of a data set on disk, as the ops take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from crossmodal_aug.doctor.checks.mask_values import UNCLEAR, findings_of
from crossmodal_aug.doctor.listing import Listing, Row
from crossmodal_aug.doctor.pictures import brightest, lesion_in, mask_facts, read_pixels
from crossmodal_aug.doctor.values import MaskValues
from crossmodal_aug.errors import InvalidValueError, shown


@dataclass(frozen=True)
class Samples:
    """A batch of samples.

    Attributes:
        images: (B, C, S, S): bytes where all files hold bytes, else float32; in colour where one of the files is.
        texts: B captions.
        target: (B, 1, S, S) bool, or None where the data set has no masks.
        names: B names.
        masks_hold: What the values of the masks are and which are lesion, a sentence each; none without masks.
    """

    images: Tensor
    texts: tuple[str, ...]
    target: Tensor | None
    names: tuple[str, ...]
    masks_hold: tuple[str, ...] = ()


def read_samples(
    listing: Listing, *, part: str | None, count: int, size: int, seed: int, values: MaskValues
) -> Samples:
    """Read some samples, drawn at random, in the order of the list.

    Args:
        listing: The data set.
        part: The part that they come from; None takes "train" where there is one, else all.
        count: How many at most.
        size: Side that images and masks are brought to, in pixels.
        seed: Where the randomness starts.
        values: Which values of a mask are lesion.

    Returns:
        The samples.

    Raises:
        InvalidValueError: There is no such part, no row has all its files, a file cannot be read, or the values of
            the masks leave open what is lesion.
    """
    parts = list(dict.fromkeys(row.part for row in listing.rows))
    if part is not None and part not in parts:
        raise InvalidValueError(f"Expected `part` to be one of {', '.join(map(shown, parts))}, but got {shown(part)}.")
    wanted = part if part is not None else "train" if "train" in parts else None
    rows = [row for row in listing.rows if wanted in (None, row.part)]
    usable = [row for row in rows if row.image is not None and (row.mask is not None or not listing.has_masks)]
    if not usable:
        kinds = "an image and a mask" if listing.has_masks else "an image"
        raise InvalidValueError(f"Expected a row that has {kinds}, but none of {len(rows)} has.")
    drawn = np.random.default_rng(seed).permutation(len(usable))[:count]
    chosen = [usable[index] for index in sorted(drawn.tolist())]
    return Samples(
        images=_images(chosen, size),
        texts=tuple(row.caption for row in chosen),
        target=_masks(chosen, size, values) if listing.has_masks else None,
        names=tuple(row.name for row in chosen),
        masks_hold=_masks_hold(chosen, values) if listing.has_masks else (),
    )


def _masks_hold(rows: Sequence[Row], values: MaskValues) -> tuple[str, ...]:
    """What the doctor says of the values of the masks."""
    facts = [None if row.mask is None else mask_facts(row.mask, values) for row in rows]
    findings = list(findings_of([row.name for row in rows], facts, values))
    unclear = [one.text for one in findings if one.name in UNCLEAR]
    if unclear:
        raise InvalidValueError(f"Expected masks that tell what is lesion, but got: {' '.join(unclear)}")
    return tuple(one.text for one in findings)


def _images(rows: Sequence[Row], size: int) -> Tensor:
    pictures = [read_pixels(row.image)[0] for row in rows if row.image is not None]
    in_colour = any(pixels.ndim == 3 for pixels in pictures)
    in_bytes = all(pixels.dtype == np.uint8 for pixels in pictures)
    images = torch.cat([_resized(_channels_first(pixels, in_colour), size) for pixels in pictures])
    return images.round().clamp(0, 255).to(torch.uint8) if in_bytes else images


def _channels_first(pixels: NDArray[Any], in_colour: bool) -> NDArray[np.float32]:
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]
    return (
        np.repeat(pixels, 3 if in_colour and pixels.shape[2] == 1 else 1, axis=2).transpose(2, 0, 1).astype(np.float32)
    )


def _resized(pixels: NDArray[np.float32], size: int) -> Tensor:
    image = torch.from_numpy(pixels).unsqueeze(0)
    if image.shape[-2:] == (size, size):
        return image
    return interpolate(image, size=(size, size), mode="bilinear", antialias=True)


def _masks(rows: Sequence[Row], size: int, values: MaskValues) -> Tensor:
    lesions = [lesion_in(brightest(read_pixels(row.mask)[0]), values) for row in rows if row.mask is not None]
    masks = [torch.from_numpy(lesion)[None, None].float() for lesion in lesions]
    return torch.cat([interpolate(mask, size=(size, size), mode="nearest-exact") for mask in masks]) > 0
