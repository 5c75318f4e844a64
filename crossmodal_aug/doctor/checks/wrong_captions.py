"""Wrong captions: rows whose caption contradicts its mask, or most probably belongs to another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from crossmodal_aug.doctor.findings import Finding, Level, several, share, verb
from crossmodal_aug.doctor.geometry import Geometry, touched
from crossmodal_aug.doctor.study import Study

_OUTSIDE = 0.5
"""Share of a lesion outside of all regions named from which on a caption contradicts it."""

_NO_LESION = 0.005
"""Share of a lesion that is none."""

_ENOUGH = 40
"""Fewer rows say too little about how captions and masks go together in this data set."""

_NEAR = 30  # masks that are compared, an eighth of all at most
_LIFT = 1 / 3
"""Lift below which a caption is doubtful.

On QaTa-COV19, Kvasir-SEG and BUSI 1 to 1.5 % of the rows have less, and of captions that were exchanged at random half.
"""

_SHARP = 4  # power of the Jaccard index by which captions are alike: half of the regions in common is little


def check_wrong_captions(study: Study, geometry: Geometry) -> Iterator[Finding]:
    """Name the rows whose caption is wrong, for sure or most probably; the worst first."""
    if not study.with_mask:
        return
    if not geometry.can_compare:
        if geometry.count:
            text = "Not looked for, row by row, until images and captions agree on the orientation."
            yield Finding("wrong captions", Level.UNKNOWN, "wrong-captions", text)
        return
    found = [*_of_nothing(study), *_elsewhere(study, geometry)]
    yield from found
    certain = {index for finding in found for index in finding.rows}
    lifts = lifts_of(study, geometry)
    likely = sorted((index for index in lifts if lifts[index] < _LIFT and index not in certain), key=lifts.__getitem__)
    if likely:
        text = (
            f"{several(len(likely), 'caption')} most probably {verb(len(likely), 'belongs', 'belong')} to another "
            f"mask: masks that lie alike have other captions. {study.rows[likely[0]].name} first."
            f"{_same(sum(index in geometry.all_turned for index in likely), len(likely))}"
        )
        figures = {"lift": [round(lifts[index], 3) for index in likely]}
        yield Finding("wrong captions", Level.LOOK, "doubtful-captions", text, tuple(likely), figures=figures)
    if not found and not likely:
        text = f"No caption contradicts its mask, over {several(len(study.with_mask), 'row')}."
        yield Finding("wrong captions", Level.GOOD, "wrong-captions", text)


def _of_nothing(study: Study) -> Iterator[Finding]:
    """Captions of a lesion that the mask does not hold, and the reverse."""
    empty = [index for index in study.with_mask if any(study.reports[index].bits) and not study.has_lesion(index)]
    if empty:
        text = f"{several(len(empty), 'caption')} {verb(len(empty), 'names', 'name')} a place, but the mask is empty."
        yield Finding("wrong captions", Level.MEND, "empty-mask", text, tuple(empty))
    denied = [index for index in study.with_mask if not any(study.reports[index].bits) and study.has_lesion(index)]
    if denied:
        does = verb(len(denied), "says", "say")
        text = f"{several(len(denied), 'caption')} {does} that nothing is there, but the mask holds lesion."
        yield Finding("wrong captions", Level.MEND, "denied-lesion", text, tuple(denied))


def _elsewhere(study: Study, geometry: Geometry) -> Iterator[Finding]:
    """Captions that name none of the regions where the lesion is, or leave most of it out."""
    telling = [index for index in study.with_mask if any(study.reports[index].bits) and study.has_lesion(index)]
    if not telling:
        return
    shares, held, inside = _places(study, geometry, telling)
    named = study.named[telling]
    apart = ~(held & named).any(dim=1)
    outside = ~apart & (inside < 1 - _OUTSIDE)
    beyond = ~apart & ~outside & _names_a_clear_side(study, shares, named)
    for name, which, what in (
        ("contradicted-captions", apart, "no region that the lesion touches"),
        ("partial-captions", outside, "less than half of where the lesion lies"),
        ("clear-side", beyond, "a side that holds no lesion"),
    ):
        rows = [telling[place] for place in which.nonzero().flatten().tolist()]
        if rows:
            far = {index: float(shares[place][named[place]].sum()) for place, index in enumerate(telling)}
            rows.sort(key=lambda index: (far[index], index))
            turned = sum(index in geometry.all_turned for index in rows)
            text = (
                f"{several(len(rows), 'caption')} ({share(len(rows), len(telling))}) "
                f"{verb(len(rows), 'names', 'name')} {what}: {study.rows[rows[0]].name} first."
                f"{_same(turned, len(rows))}"
            )
            # Rows that look turned are one fault, which the orientation names.
            level = Level.MEND if which is apart and turned < len(rows) else Level.LOOK
            yield Finding(
                "wrong captions", level, name, text, tuple(rows), figures={"turned": turned} if turned else {}
            )


def _same(turned: int, count: int) -> str:
    """Say how many rows the orientation names as well."""
    if not turned:
        return ""
    are = f"{'All' if turned == count else f'{turned:,}'} of them are rows"
    return f" {'It is a row' if count == 1 else are} whose mask looks turned (see orientation): mend that first."


def _names_a_clear_side(study: Study, shares: Tensor, named: Tensor) -> Tensor:
    """Whether captions name a side of the body in which there is next to no lesion: (N,) bool."""
    found = torch.zeros(len(named), dtype=torch.bool)
    for side in study.atlas.sides if study.atlas.frame == "body" else ():
        found |= named[:, side].any(dim=1) & (shares[:, side].sum(dim=1) < _NO_LESION)
    return found


def _places(study: Study, geometry: Geometry, indices: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Share of each lesion in each region, whether that counts, and its share in the regions named."""
    all_shares, all_held, all_inside = [], [], []
    boxes = geometry.atlas.boxes
    for start in range(0, len(indices), 512):
        some = indices[start : start + 512]
        masks, named = study.lesions(some), study.named[some]
        shares, held = touched(geometry.atlas, masks)
        height, width = masks.shape[-2:]
        union = torch.zeros_like(masks)
        for region, (y0, y1, x0, x1) in enumerate(boxes):
            rows, columns = slice(round(y0 * height), round(y1 * height)), slice(round(x0 * width), round(x1 * width))
            union[:, rows, columns] |= named[:, region].view(-1, 1, 1)
        inside = (masks & union).flatten(1).sum(dim=1) / masks.flatten(1).sum(dim=1).clamp_min(1)
        all_shares.append(shares)
        all_held.append(held)
        all_inside.append(inside)
    return torch.cat(all_shares), torch.cat(all_held), torch.cat(all_inside)


def lifts_of(study: Study, geometry: Geometry) -> dict[int, float]:
    """Return how much more like a caption those of the most similar masks are than all captions are.

    A caption that follows from its mask is like those of the masks that lie most alike, more than it is like captions
    drawn at random: its lift is above 1. A caption of another mask has the lift of a random draw, or less.

    Args:
        study: The data set.
        geometry: Its atlas.

    Returns:
        Lifts by row, of the rows that tell; empty where they are too few.
    """
    telling = study.telling
    if len(telling) < _ENOUGH:
        return {}
    lifts = _lift(_features(study, geometry, telling), study.named[telling])
    return dict(zip(telling, lifts.tolist(), strict=True))


def _lift(places: Tensor, named: Tensor) -> Tensor:
    """How much more like a caption those of the most similar masks are than all captions: (N,)."""
    captions, own = torch.unique(named.double(), dim=0, return_inverse=True)
    both = captions @ captions.T
    alike = (both / (captions.sum(1, keepdim=True) + captions.sum(1) - both)).pow(_SHARP)
    count, near = len(own), min(_NEAR, len(own) // 8)
    common = (alike[own] @ own.bincount(minlength=len(captions)).double() - 1) / (count - 1)
    lifts = []
    for start in range(0, count, 512):
        rows = torch.arange(start, min(start + 512, count))
        distances = torch.cdist(places[rows], places)
        distances[torch.arange(len(rows)), rows] = torch.inf
        nearest = distances.topk(near, largest=False).indices
        of_nearest = alike[own[rows].unsqueeze(1), own[nearest]].sum(dim=1)
        lifts.append((of_nearest + common[rows]) / ((near + 1) * common[rows].clamp_min(1e-9)))
    return torch.cat(lifts)


def _features(study: Study, geometry: Geometry, indices: list[int]) -> Tensor:
    """Where a lesion lies: its share in each region, its middle, and its size."""
    shares, _, _ = _places(study, geometry, indices)
    of_each = []
    for start in range(0, len(indices), 512):
        masks = study.lesions(indices[start : start + 512]).double()
        steps = (torch.arange(masks.shape[-1], dtype=torch.float64) + 0.5) / masks.shape[-1]
        area = masks.sum(dim=(1, 2)).clamp_min(1)
        down, across = (masks.sum(dim=2) @ steps) / area, (masks.sum(dim=1) @ steps) / area
        of_each.append(torch.stack([down, across, (area / masks[0].numel()).sqrt()], dim=1))
    return torch.cat([shares.double(), torch.cat(of_each)], dim=1)
