"""Study: all that the checks look at, read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.doctor.listing import Listing, Row
from crossmodal_aug.doctor.pictures import ImageFacts, MaskFacts
from crossmodal_aug.doctor.values import MaskValues

PATIENT = r"(?<![a-z0-9])sub-([a-z0-9]+)"
"""The subject in a file name of the Brain Imaging Data Structure (BIDS)."""

SIDE = 224
"""Side of the images for the ops, where there are none to tell."""

MOST = 4000
"""Rows that are looked at at once where each costs much: a random choice of them tells as well as all."""


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Attributes:
        atlas: As it is named in code, such as "LUNG_ZONES".
        base: What stands under that name.
        mask_values: Values of masks that are lesion.
        max_tokens: Tokens that a text encoder reads.
        tokenizer: From a text to its tokens.
        tokenizer_name: As the user named it, for the lines to paste.
        patient: What finds a patient in a name.
        ops: Ops with their settings, as they are written in Python without the parser.
        size: Side in pixels that images are resized to for the ops.
        seed: Of all random choices.
    """

    atlas: str
    base: Atlas
    mask_values: MaskValues = field(default_factory=MaskValues)
    max_tokens: int | None = None
    tokenizer: Callable[[str], Sized] | None = None
    tokenizer_name: str = ""
    patient: re.Pattern[str] = field(default_factory=lambda: re.compile(PATIENT, re.IGNORECASE))
    ops: tuple[str, ...] = ()
    size: int = SIDE
    seed: int = 0


@dataclass(frozen=True)
class Study:
    """A data set as it was read.

    Attributes:
        listing: Which files belong together.
        images: What is kept of each row's image.
        masks: What is kept of each row's mask.
        reports: What each row's caption says.
        parser: Reads the captions; it has the atlas as it was given.
        settings: What the user chose.
    """

    listing: Listing
    images: Sequence[ImageFacts | None]
    masks: Sequence[MaskFacts | None]
    reports: Sequence[Report]
    parser: PositionParser
    settings: Settings

    @property
    def rows(self) -> Sequence[Row]:
        """The rows."""
        return self.listing.rows

    @property
    def atlas(self) -> Atlas:
        """The atlas as it was given."""
        return self.parser.atlas

    @cached_property
    def parts(self) -> dict[str, list[int]]:
        """Indices of the rows of each part."""
        parts: dict[str, list[int]] = {}
        for index, row in enumerate(self.rows):
            parts.setdefault(row.part, []).append(index)
        return parts

    @cached_property
    def named(self) -> Tensor:
        """(N, K) bool: the regions that each caption names."""
        return torch.tensor([report.bits for report in self.reports], dtype=torch.bool)

    @cached_property
    def with_mask(self) -> list[int]:
        """Indices of the rows whose mask can be read, and whose caption says where."""
        return [
            index
            for index, (mask, report) in enumerate(zip(self.masks, self.reports, strict=True))
            if mask is not None and not mask.error and report.placed
        ]

    @cached_property
    def telling(self) -> list[int]:
        """Indices of those of them that hold lesion and name a region; at most `MOST`, chosen at random."""
        both = [index for index in self.with_mask if self.has_lesion(index) and any(self.reports[index].bits)]
        if len(both) <= MOST:
            return both
        chosen = np.random.default_rng(self.settings.seed).choice(len(both), MOST, replace=False)
        return [both[place] for place in sorted(chosen.tolist())]

    def has_lesion(self, index: int) -> bool:
        """Return whether the mask of a row holds lesion."""
        mask = self.masks[index]
        return mask is not None and mask.area > 0

    def lesions(self, indices: Sequence[int]) -> Tensor:
        """Return where the lesion of some rows is: (n, GRID, GRID) bool."""
        grids = [mask.grid for index in indices if (mask := self.masks[index]) is not None]
        return torch.from_numpy(np.stack(grids))

    def patient_of(self, row: Row) -> str:
        """Return the patient of a row; "" where nothing tells one."""
        if row.patient:
            return row.patient.casefold()
        found = self.settings.patient.search(row.name)
        return found[found.lastindex or 0].casefold() if found else ""
