"""Whose images are whose: what is drawn anew in a bootstrap are patients, since images of one are alike."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from semimedref.data.duplicates import patient_of

DIGITS = 12


def patients_of(names: Sequence[str]) -> Tensor:
    """Return the patient of each image as a number; an image whose name tells none is a patient of its own.

    Args:
        names: N file names.

    Returns:
        (N,) int64, counted from 0 in the order in which they come.

    Example:
        >>> patients_of(["sub-S01_a.png", "covid_1.png", "sub-S02.png", "sub-s01_b.png"])
        tensor([0, 1, 2, 0])
    """
    numbers: dict[str, int] = {}
    keys = (patient_of(name) or f"image {index}" for index, name in enumerate(names))
    return torch.tensor([numbers.setdefault(key, len(numbers)) for key in keys], dtype=torch.int64)


def name_digest(name: str) -> str:
    """Return what tells a name from others without telling the name.

    Example:
        >>> name_digest("chest.png")
        '8c0b1c4bd5cc'
    """
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
