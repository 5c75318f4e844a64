"""Digests of what a run is trained and scored on, so that a resumed run knows whether it is still the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields

import torch
from torch import Tensor

from semimedref.data.samples import DataSet, Samples

PARTS = tuple(one.name for one in fields(DataSet) if one.type is Samples)


def data_digests(data: DataSet) -> dict[str, str]:
    """Return a digest of each part of a data set: of its images as the models see them, captions and masks.

    Names of files do not count, but the order of the samples does, since it decides the batches.
    The masks of unlabelled samples, which only the log may look at, do not count either.

    Args:
        data: The data set.

    Returns:
        Digests by the names of the parts.

    Example:
        >>> from semimedref.data.phantom import load_phantoms
        >>> data = load_phantoms(size=16, labels=0.05)
        >>> digests = data_digests(data)
        >>> list(digests), digests == data_digests(load_phantoms(size=16, labels=0.05))
        (['labelled', 'unlabelled', 'valid', 'test'], True)
    """
    return {part: _digest(getattr(data, part)) for part in PARTS}


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the parts whose digests differ; those that were not known before do not count."""
    return [part for part, digest in now.items() if before.get(part, digest) != digest]


def _digest(samples: Samples) -> str:
    digest = hashlib.sha256()
    for text in samples.texts:
        written = text.encode("utf-8", "surrogatepass")
        digest.update(len(written).to_bytes(8, "big") + written)
    for tensor in (samples.images, samples.masks, *samples.full_masks):
        if tensor is None:
            digest.update(b"none")
            continue
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(memoryview(_bytes(tensor).numpy()))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.cpu().contiguous().flatten().view(torch.uint8)
