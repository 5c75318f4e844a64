"""Whether masks lie where their captions say, or are turned against them, or belong to others."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import AlignmentError, InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.checks import check_positions, check_tensor
from crossmodal_aug.functional.evidence import check_evidence, reaches
from crossmodal_aug.functional.regions import region_evidence, region_masks

# How masks may be turned back to where they were; the first is as they are.
_READINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "as they are": lambda grid: grid,
    "mirrored": lambda grid: grid.flip(-1),
    "upside down": lambda grid: grid.flip(-2),
    "mirrored and upside down": lambda grid: grid.flip(-1, -2),
    "transposed": lambda grid: grid.mT,
    "transposed and mirrored": lambda grid: grid.mT.flip(-1),
    "transposed and upside down": lambda grid: grid.mT.flip(-2),
    "transposed, mirrored and upside down": lambda grid: grid.mT.flip(-1, -2),
}
_ADVICE = {
    "transposed": "Exchange the rows and columns of images and masks where they are read (`.mT`); MONAI's PILReader "
    "needs reverse_indexing=False.",
    "mirrored": "Flip images and masks where they are read, or give the atlas the other laterality "
    "(Atlas.with_geometry).",
    "upside down": "Flip images and masks where they are read.",
}

_TOGETHER = 64  # samples looked at at once: as float32, masks are four times as large
_LINES = 32  # of the grid that lesions are looked at on
_TOUCHED = 0.03  # share of a lesion that makes a region touched, as in `calibrate`: less is a sliver across a border

# Another reading is better, measured on QaTa-COV19, Kvasir-SEG and BUSI (docstring of `check_alignment`).
TELLS = 0.02  # image sides by which a sample must prefer one of two readings to tell them apart
_TELLING = 10  # samples that tell
_SCORE = 2.5  # their sum over the root of the sum of their squares
_MARGIN = 0.15  # share by which the mean distance is shorter
_ONE_CAPTION = 0.75  # share of the samples that tell with the same caption: beyond, it is one caption that tells

# Captions belong to other masks.
_MANY = 48  # samples
_GAIN = 0.25  # share of what ideal masks would gain, below which no reading is better than shuffled captions
_ALIKE = 0.25  # gain of ideal masks below which captions are too much alike to tell

# Some of the samples are turned, as by an augmentation that the captions did not follow.
_MANY_TURNED = 96  # samples
_TURNED = 0.2  # share of what tells (the sum of d ** 2) that prefers another reading
_MOTIONS = ("mirrored", "upside down", "transposed")


def check_alignment(atlas: Atlas, masks: Tensor, positions: Tensor) -> float:
    """Check that masks lie where their captions say, and say how well they agree.

    The masks are read as they are, mirrored, upside down, transposed, and in every mixture of these. For each reading
    and sample the *distance* is the mean, over the lesion, of the way to the centre of the nearest named region,
    in image sides. Which regions a mask touches would depend on row cuts that fit, and the distance hardly does.

    Another reading is *better* if the distance is 15 % shorter on average, and the samples say so together. There must
    be 10 or more differences d of at least 0.02 between the two readings, and `sum(d) / sqrt(sum(d ** 2))` must reach
    2.5 (Efron, Student's t-test under symmetry conditions, JASA 1969). No more than three quarters of them may come
    from one and the same caption.

    Masks and captions are *unrelated* if in no reading a sample's own caption is nearer to its lesion than those of
    the others. That is, less than a quarter is there of the gain that masks drawn from the captions would have. It
    takes 48 samples or more, with captions and masks that differ enough for ideal masks to gain 25 %.

    *Some are turned* if a part of 96 samples or more prefers another reading ("mirrored", "upside down" or
    "transposed"), as after a random flip that the captions did not follow. This part must hold a fifth of the sum of
    d ** 2, and say so together as above. Where samples are fewer, or alike, or symmetric, nothing is said against them.

    Args:
        atlas: K regions with their place in the image.
        masks: (B, 1, H, W) or (B, H, W) lesion masks: bool, integer (0 and one value above = lesion) or floating in
            [0, 1] (at least 0.5 = lesion).
        positions: (B, K) multi-hot regions that the captions name. Give those of labelled samples: a caption that
            names no region, or a mask without lesion, is left out.

    Returns:
        Mean over samples of the Jaccard index `|t & q| / |t | q|`, with t the regions that hold at least 3 % of the
        lesion and q the named regions. It is 1 if no sample has both a lesion and a named region.

    Raises:
        AlignmentError: Another reading is better (the message names it: "transposed", "mirrored", "upside down" or
            several of them), no reading fits ("unrelated"), or some of the samples are turned.
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes or devices disagree, or floating masks hold values outside [0, 1].

    Examples:
        >>> from crossmodal_aug import QUADRANTS
        >>> positions = torch.eye(5, dtype=torch.bool).repeat(4, 1)
        >>> masks = region_masks(QUADRANTS, (8, 8)).repeat(4, 1, 1)
        >>> check_alignment(QUADRANTS, masks, positions)
        1.0
        >>> check_alignment(QUADRANTS, masks.flip(-1), positions)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        crossmodal_aug.errors.AlignmentError: Expected `masks` where `positions` say, but they look mirrored: ...

    Convention:
        - Randomness: none. Any device; a small copy comes to the host, since an error depends on it.
        - Measured on random batches of 16 to 128 samples of QaTa-COV19 (row thirds or fitted cuts), Kvasir-SEG and
          BUSI: none of the untouched ones raises. Of those of 64 samples mirrored or transposed, 97 % and more do. Of
          those of 128 samples where every second one is, 95 % and more do.
    """
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    lesion = _check_masks(masks)
    named = check_positions("positions", positions, (lesion.shape[0], len(atlas)))
    if named.device != lesion.device:
        raise InvalidValueError(f"Expected `positions` on {lesion.device}, as `masks`, but got {named.device}.")
    both = lesion.flatten(1).any(dim=1) & named.any(dim=1)
    if not both.any():
        return 1.0
    lesion, named = lesion[both], named[both].cpu()
    parts = torch.split(lesion, _TOGETHER)
    touched = torch.cat([region_evidence(part, atlas) for part in parts]).cpu() >= _TOUCHED
    captions, own = _distinct(named)
    ways = _ways(atlas, captions)
    places = _on_grid(parts)
    distances = torch.stack([turn(places).flatten(1) @ ways.T for turn in _READINGS.values()])
    _refuse_another_reading(distances, own)
    _refuse_unrelated(_gain(distances, own), own, touched, _gain(_ideal(atlas, captions, ways)[own].unsqueeze(0), own))
    _refuse_some_turned(distances, own)
    return float(((touched & named).sum(dim=1) / (touched | named).sum(dim=1)).double().mean())


def nearer_when(reading: str, atlas: Atlas, masks: Tensor, positions: Tensor) -> Tensor:
    """Return by how much each lesion lies nearer to the regions that its caption names in another reading.

    Args:
        reading: Such as "mirrored", as a message of `check_alignment` names it.
        atlas: K regions.
        masks: (B, H, W) bool, each with lesion.
        positions: (B, K) bool, each naming a region.

    Returns:
        (B,) float64, in image sides; below 0 where it lies nearer as it is. Less than `TELLS` tells nothing.
    """
    captions, own = _distinct(positions)
    ways, places = _ways(atlas, captions), _on_grid(torch.split(masks, _TOGETHER))
    as_is, turned = (places, _READINGS[reading](places))
    return _of_own(torch.stack([one.flatten(1) @ ways.T for one in (as_is, turned)]), own).diff(dim=0)[0].neg()


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Different rows, and which of them each row is: (U, K) and (B,)."""
    different: tuple[Tensor, Tensor] = torch.unique(rows, dim=0, return_inverse=True)
    return different


def _check_masks(masks: object) -> Tensor:
    """Masks as (B, H, W) bool."""
    masks = check_tensor("masks", masks)
    if masks.ndim == 4 and masks.shape[1] == 1:
        masks = masks[:, 0]
    if masks.ndim != 3 or 0 in masks.shape[1:]:
        raise InvalidValueError(f"Expected `masks` of shape (B, 1, H, W) or (B, H, W), but got {tuple(masks.shape)}.")
    return reaches(check_evidence("masks", masks), 0.5)


def _on_grid(parts: Sequence[Tensor]) -> Tensor:
    """Where the lesion of each sample lies, on the host: (B, lines, lines) float64, each sample summing to 1."""
    pooled = [adaptive_avg_pool2d(part.unsqueeze(1).float(), _LINES).squeeze(1) for part in parts]
    places = torch.cat(pooled).cpu().double()
    return places / places.sum(dim=(1, 2), keepdim=True)


def _ways(atlas: Atlas, captions: Tensor) -> Tensor:
    """Way from each point of the grid to the centre of the nearest region of each caption: (U, lines * lines)."""
    steps = (torch.arange(_LINES, dtype=torch.float64) + 0.5) / _LINES
    y0, y1, x0, x1 = torch.tensor(atlas.boxes, dtype=torch.float64).unsqueeze(-1).unbind(dim=1)
    down, across = steps - (y0 + y1) / 2, steps - (x0 + x1) / 2
    ways = torch.hypot(down.unsqueeze(2), across.unsqueeze(1)).flatten(1)
    return torch.stack([ways[caption].amin(dim=0) for caption in captions])


def _ideal(atlas: Atlas, captions: Tensor, ways: Tensor) -> Tensor:
    """Distance between each caption, as a mask that fills its regions, and each other one: (U, U)."""
    filled = captions.double() @ region_masks(atlas, (_LINES, _LINES)).flatten(1).double()
    return filled @ ways.T / filled.sum(dim=1, keepdim=True).clamp_min(1)


def _refuse_another_reading(distances: Tensor, own: Tensor) -> None:
    """Raise if a reading is better than the first.

    Args:
        distances: (readings, B, U) between each lesion and each of U captions.
        own: (B,) index of each sample's caption.
    """
    own_distances = _of_own(distances, own)
    means = own_distances.mean(dim=1).tolist()
    best = min(range(len(means)), key=means.__getitem__)
    difference = own_distances[0] - own_distances[best]
    tells = difference.abs() >= TELLS
    difference, told_by = difference[tells], own[tells]
    if (
        means[best] > (1 - _MARGIN) * means[0]
        or len(difference) < _TELLING
        or difference.sum() < _SCORE * difference.norm()
        or told_by.bincount().max() > _ONE_CAPTION * len(told_by)
    ):
        return
    name = list(_READINGS)[best]
    for_it = difference.clamp_max(0).square().sum()
    if len(own) >= _MANY_TURNED and name in _MOTIONS and for_it >= _TURNED * difference.square().sum():
        return  # a part of the samples is right as it is: see `_refuse_some_turned`
    raise AlignmentError(
        f"Expected `masks` where `positions` say, but they look {name}: read so, a lesion lies on average "
        f"{means[best]:.2f} image sides from the regions named, and {means[0]:.2f} as it is ({len(difference)} of "
        f"{len(own)} samples tell). " + next(text for word, text in _ADVICE.items() if word in name)
    )


def _refuse_unrelated(gains: Tensor, own: Tensor, touched: Tensor, ideal: Tensor) -> None:
    """Raise if in no reading a sample's own caption is nearer than those of the others."""
    count, possible = len(own), float(ideal)
    alike = max(own.bincount().max(), _distinct(touched)[1].bincount().max())
    if count < _MANY or alike > _ONE_CAPTION * count or possible < _ALIKE:
        return
    reached = max(float(gains.max()), 0.0) / possible
    if reached < _GAIN:
        raise AlignmentError(
            f"Expected `masks` where `positions` say, but they look unrelated: over {count} samples lesions lie hardly "
            f"nearer to what their own captions name than to what those of others do ({reached:.0%} of what could be). "
            f"Turning the masks does not help. Check that masks and captions are in the same order."
        )


def _refuse_some_turned(distances: Tensor, own: Tensor) -> None:
    """Raise if a part of the samples prefers another reading."""
    if len(own) < _MANY_TURNED:
        return
    as_is, *turned = _of_own(distances, own)[[0, *map(list(_READINGS).index, _MOTIONS)]]
    best = min(range(len(turned)), key=lambda index: float(torch.minimum(as_is, turned[index]).sum()))
    difference = as_is - turned[best]
    tells = difference.abs() >= TELLS
    against = difference.clamp_min(0)[tells]
    if (
        int(tells.sum()) < _TELLING
        or against.square().sum() < _TURNED * difference[tells].square().sum()
        or against.sum() < _SCORE * against.norm()
        or own[tells][against > 0].bincount().max() > _ONE_CAPTION * int((against > 0).sum())
    ):
        return
    raise AlignmentError(
        f"Expected `masks` where `positions` say, but they look {_MOTIONS[best]} in part: of {len(against)} samples "
        f"that tell, {int((against > 0).sum())} lie nearer to the regions named when read so. Was a random flip "
        "or turn applied to the images that the captions did not follow? SyncFlip and SyncGeometry move both."
    )


def _gain(distances: Tensor, own: Tensor) -> Tensor:
    """Share by which samples are nearer to their own caption than to the different ones of others: (readings,)."""
    counts = own.bincount(minlength=distances.shape[2]).double()
    alike, mine = counts[own], _of_own(distances, own)
    others = (distances @ counts - alike * mine).sum(dim=1)
    return torch.where(others > 0, 1 - (mine * (len(own) - alike)).sum(dim=1) / others, 0.0)


def _of_own(distances: Tensor, own: Tensor) -> Tensor:
    """Distance of each sample to its own caption: (readings, B)."""
    return distances.gather(2, own.expand(distances.shape[0], -1).unsqueeze(2)).squeeze(2)
