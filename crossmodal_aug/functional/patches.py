"""Patches of T-PatchMix: where they are drawn, what evidence they hold, and which regions a mix then names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.evidence import evidence_values, reaches
from crossmodal_aug.functional.mixing import box_mask, boxes_around, boxes_inside, pick_true, random_pixel
from crossmodal_aug.functional.regions import band_maxima, bands_per_region, window_per_region
from crossmodal_aug.functional.windows import Windows

Where = Literal["anchor", "donor", "shared", "probability", "anywhere"]
Measure = Literal["lesion", "confident"]


def draw_boxes(
    draws: Tensor,
    where: Where,
    mine: Tensor,
    theirs: Tensor,
    lesion: Tensor | None,
    atlas: Atlas,
    spatial: tuple[int, ...],
    size: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """Draw a box for each sample.

    Args:
        draws: (B, 4) numbers in [0, 1).
        where: The rule, as `TPatchMix` explains it.
        mine: (B, K) bool: regions of the anchor.
        theirs: (B, K) bool: regions of the donor.
        lesion: (B, *spatial) bool of the donor, for "probability".
        atlas: K regions.
        spatial: Size of the images.
        size: Size that no box exceeds.

    Returns:
        boxes: (B, n, 2) int64: start and stop along each spatial axis.
        allowed: (B,) bool: whether there is a place for it.
    """
    everywhere = constant(tuple((0, n) for n in spatial), torch.int64, mine.device).expand(mine.shape[0], -1, 2)
    if where == "anywhere":
        return boxes_inside(draws[:, 1 : 1 + len(spatial)], everywhere, size), torch.ones_like(mine[:, 0])
    if lesion is not None:
        return boxes_around(random_pixel(draws[:, :2], lesion), spatial, size), lesion.flatten(1).any(dim=1)
    options = {"anchor": mine, "donor": theirs, "shared": mine & theirs}[where]
    allowed = options.any(dim=1)
    if where == "anchor":
        sides = grid.side_members(atlas, mine.device)
        ours = (mine.unsqueeze(1) & sides).any(dim=2)
        others = (theirs.unsqueeze(1) & sides).any(dim=2)
        opposed = ours.any(dim=1) & others.any(dim=1) & ~(ours & others).any(dim=1)
        allowed = allowed & ~opposed
    region = pick_true(draws[:, 0], options)
    plane = grid.bounds(atlas, (spatial[-2], spatial[-1]), mine.device)[region]
    bounds = torch.cat((everywhere[:, :-2], plane), dim=1)
    return boxes_inside(draws[:, 1 : 1 + len(spatial)], bounds, size), allowed


def patch_evidence(
    evidence: Tensor,
    index: Tensor,
    windows: Windows,
    atlas: Atlas,
    spatial: tuple[int, ...],
    measure: Measure | None,
    threshold: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum over each patch what its gate looks at, and find the regions in which it holds lesion.

    Args:
        evidence: (N, *spatial) of the donors.
        index: (B,) int64 row of the donor of each sample.
        windows: Where the patches are.
        atlas: K regions.
        spatial: Size of the images.
        measure: "lesion" sums the evidence e, "confident" its certainty `|2 e - 1|`, None nothing.
        threshold: Evidence that counts as lesion; None looks for none.

    Returns:
        score: (B,) float32.
        brought: (B, K) bool.
        lesion: (B,) bool: whether it holds lesion anywhere, in a region or not.
    """
    lesion = torch.zeros_like(index, dtype=torch.bool)
    score = torch.zeros_like(index, dtype=torch.float32)
    brought = index.new_zeros((len(index), len(atlas)), dtype=torch.float32)
    for part in windows.parts(spatial):
        given = evidence_values(part.of(evidence, index))
        if threshold is not None:
            patch = (given >= threshold) & part.inside
            brought = brought + window_per_region(patch, part.start[:, -2:], atlas, (spatial[-2], spatial[-1]))
            lesion = lesion | patch.flatten(1).any(dim=1)
        if measure is not None:
            value = given if measure == "lesion" else (2 * given - 1).abs()
            score = score + (value * part.inside).flatten(1).sum(dim=1)
    return score, brought > 0, lesion


def evident_positions(
    mine: Tensor,
    theirs: Tensor,
    own: Tensor,
    brought: Tensor,
    boxes: Tensor,
    windows: Windows,
    atlas: Atlas,
    threshold: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the regions that a mixed sample names, from what its box brought and its own evidence around that.

    Args:
        mine: (B, K) bool: regions of the anchor.
        theirs: (B, K) bool: regions of the donor.
        own: (B, *spatial) evidence of the anchor.
        brought: (B, K) bool: regions in which the patch holds lesion.
        boxes: (B, n, 2) int64 of the patches.
        windows: The same as pieces of one size.
        atlas: K regions.
        threshold: Evidence that counts as lesion.

    Returns:
        positions: (B, K) bool: those of the donor where the patch brought lesion, and those of the anchor but for what
            the patch covered the last of and brought none.
        remains: (B, K) bool: regions in which the anchor has lesion left around the patch.
        left: (B,) bool: whether it has any left, in a region or not.
    """
    size = (own.shape[-2], own.shape[-1])
    # The largest evidence of each column in a band of rows tells which regions hold lesion. Outside the box, only
    # the columns of the box can hold less: those are looked through once more without its rows.
    largest = reaches(band_maxima(own, atlas), threshold)
    rows = torch.arange(mine.shape[0], device=mine.device)
    left, width = windows.start[:, -1:], windows.size[-1]
    strips = Windows(left, windows.inside.new_empty(mine.shape[0], width), left).of(own, rows)
    shut = box_mask(boxes[:, :-1], own.shape[1:-1]).unsqueeze(-1)
    if strips.is_floating_point():  # less 2 a value reaches no threshold, which is quicker than to compare first
        strips = band_maxima(strips.sub_(shut.to(strips.dtype), alpha=2), atlas)
        outside = reaches(strips, threshold)
    else:
        outside = band_maxima(reaches(strips, threshold).logical_and_(~shut), atlas)
    columns = left + torch.arange(width, device=left.device)
    in_box = (columns >= boxes[:, -1, :1]) & (columns < boxes[:, -1, 1:])
    places = columns.unsqueeze(1).expand(-1, largest.shape[1], -1)
    around = torch.where(in_box.unsqueeze(1), outside, largest.gather(2, places))
    held = bands_per_region(largest, atlas, size[0]) > 0
    largest = largest.scatter(2, places, around)
    remains = bands_per_region(largest, atlas, size[0]) > 0
    positions = (mine & ~(held & ~(remains | brought))) | (theirs & brought)
    return positions, remains, largest.flatten(1).any(dim=1)


def size_along(patch_size: tuple[int, ...], spatial: tuple[int, ...]) -> tuple[int, ...]:
    """Return a checked patch size as one number for each spatial axis, or raise.

    Args:
        patch_size: One number for all axes, or one for each.
        spatial: Size of the images.

    Returns:
        As many numbers as there are axes.

    Raises:
        InvalidValueError: There are several, but not one for each axis.
    """
    if len(patch_size) == 1:
        return patch_size * len(spatial)
    if len(patch_size) != len(spatial):
        raise InvalidValueError(
            f"Expected `patch_size` of {len(spatial)} numbers for images of {len(spatial)} spatial axes, "
            f"but got {patch_size}."
        )
    return patch_size


def check_patch_size(patch_size: object) -> tuple[int, ...]:
    """Return a patch size as one number an axis, or one for all, or raise.

    Args:
        patch_size: One number of pixels, or one for each spatial axis.

    Returns:
        One to three numbers.

    Raises:
        InvalidTypeError: They are not integers.
        InvalidValueError: One is below 1, or there are more than three.
    """
    sizes = patch_size if isinstance(patch_size, Sequence) else (patch_size,)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidTypeError(f"Expected `patch_size` to hold integers, but got {shown(patch_size)}.")
        if size < 1:
            raise InvalidValueError(f"Expected `patch_size` of at least 1 pixel, but got {shown(patch_size)}.")
    if len(sizes) not in (1, 2, 3):
        raise InvalidValueError(
            f"Expected `patch_size` to be one number, or one for each axis, but got {shown(patch_size)}."
        )
    return tuple(sizes)
