"""Samples in memory: images as bytes, so that a whole data set fits and no step waits for a disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError


@dataclass(frozen=True)
class Samples:
    """N images with their captions and, where they are known, masks.

    Attributes:
        images: (N, 1, S, S) uint8.
        texts: N captions.
        names: N file names, for messages and pictures.
        masks: (N, 1, S, S) bool, or None where the samples are unlabelled.
        full_masks: N bool masks (H, W) in the size they are scored at; empty for training samples.
        hidden_masks: (N, 1, S, S) bool, the true masks of unlabelled samples that were drawn. Only the log reads
            them, to say what the pseudo-masks are worth; None for real images, whose masks are not read at all.
        files: N files of the images, for who wants to see them as they are; empty where they were drawn.
    """

    images: Tensor
    texts: tuple[str, ...]
    names: tuple[str, ...]
    masks: Tensor | None = None
    full_masks: tuple[Tensor, ...] = ()
    hidden_masks: Tensor | None = None
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def known_masks(self) -> Tensor:
        """The masks.

        Raises:
            InvalidValueError: The samples are unlabelled.
        """
        if self.masks is None:
            raise InvalidValueError("Expected samples with masks, but got unlabelled ones.")
        return self.masks

    def take(self, indices: Sequence[int]) -> "Samples":
        """Return the samples at these indices, in this order."""
        index = torch.tensor(indices, dtype=torch.long)
        return Samples(
            self.images[index],
            tuple(self.texts[i] for i in indices),
            tuple(self.names[i] for i in indices),
            None if self.masks is None else self.masks[index],
            tuple(self.full_masks[i] for i in indices) if self.full_masks else (),
            None if self.hidden_masks is None else self.hidden_masks[index],
            tuple(self.files[i] for i in indices) if self.files else (),
        )

    def without_masks(self) -> "Samples":
        """Return the samples as unlabelled ones."""
        return Samples(self.images, self.texts, self.names, files=self.files)

    def with_hidden_masks(self) -> "Samples":
        """Return the samples as unlabelled ones whose masks the log may look at."""
        return replace(self.without_masks(), hidden_masks=self.masks)

    def to(self, device: torch.device) -> "Samples":
        """Return the samples with their training tensors on another device."""
        return Samples(
            self.images.to(device),
            self.texts,
            self.names,
            None if self.masks is None else self.masks.to(device),
            self.full_masks,
            None if self.hidden_masks is None else self.hidden_masks.to(device),
            self.files,
        )


@dataclass(frozen=True)
class DataSet:
    """The four parts of a semi-supervised data set, and where its regions lie.

    Attributes:
        labelled: Training samples with masks.
        unlabelled: Training samples whose masks are withheld.
        valid: For the choice of the checkpoint.
        test: For the scores.
        atlas: Regions of the captions, with their place in the images.
        notes: Lines to print about what was found.
    """

    labelled: Samples
    unlabelled: Samples
    valid: Samples
    test: Samples
    atlas: Atlas
    notes: tuple[str, ...] = ()
