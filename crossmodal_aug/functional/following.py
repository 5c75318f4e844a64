"""Which regions hold once an image has been turned, shifted, cropped or scaled, and which captions survive that."""

from itertools import combinations

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.checks import check_choice, check_positions, check_tensor
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.evidence import check_evidence, reaches
from crossmodal_aug.functional.geometry import check_matrices, linear_of, map_points, sources_of, turn_of
from crossmodal_aug.functional.regions import band_maxima, bands_per_region

_EXACT = 1e-6  # image sides by which a corner may miss another one in a symmetry of the atlas
_UPRIGHT = 45.0 + 1e-3  # degrees
_CLEAR = 0.9  # share of a region's place that must come to lie in one region
_SEEN = 0.5  # share of a region's place that must stay in the view
_POINTS = 32  # along either side of a region's box, where there is no evidence
_TURNS = tuple(((a, 0.0), (0.0, d)) for a in (1.0, -1.0) for d in (1.0, -1.0)) + tuple(
    ((0.0, b), (c, 0.0)) for b in (1.0, -1.0) for c in (1.0, -1.0)
)
_TOGETHER = 8  # samples whose evidence is warped at once, which takes some 40 bytes a pixel


def follow(
    matrices: Tensor,
    positions: Tensor,
    atlas: Atlas,
    evidence: Tensor | None = None,
    frame: Frame | None = None,
) -> tuple[Tensor, Tensor]:
    """Work out which regions hold after a geometry, and which samples keep a true caption.

    *Image frame*: words speak of a place in the picture. Where the matrix takes each region's box to the box of a
    region (within 1e-6, and painted in the same order), positions are permuted. Elsewhere evidence tells
    by which of two habits the caption names regions. One that lists all regions that hold evidence lists those of the
    result. One that points at the middle of all evidence (it lies in the box of a named region: "right of the image")
    goes on to name the same, as the nearest flip or turn exchanges them, while the middle lies there in the result;
    else it names the region in which the middle lies, if it named one place (one box). One place that may be meant by
    either habit must come out the same by both. A sample is not kept that follows neither, nor one whose evidence
    leaves the view. Without evidence the named regions' places are mapped, 32 x 32 points of each
    box less what later regions cover: half of them must stay in the view, and 90 % of these lie in one region, which
    takes its name.

    *Body frame*: words travel with the tissue. Crop, shift, scale and turns up to 45 degrees change none; a mirror
    exchanges regions by `atlas.mirror`; a sample turned further is not kept (a vertical flip is a mirror and a half
    turn). A named region is dropped whose evidence left the view. One without evidence of its own stays; if its place
    left the view, nothing tells, and the sample is not kept. Nor is a sample whose evidence left the view altogether,
    or whose regions are all dropped.

    Args:
        matrices: (B, 3, 3) floating: homogeneous, from source to result, on (x, y) in shares of the image: x to the
            right, y down, both in [0, 1]. A perspective is turned as at the centre of the image.
        positions: (B, K) multi-hot regions before the geometry.
        atlas: K regions with their place in the image.
        evidence: (B, 1, *spatial) or (B, *spatial) of the source: a map in [0, 1] (at least 0.5 = lesion) or a mask.
            The last two axes are height and width, also of the result; None where there is none.
        frame: "body" or "image"; None takes that of the atlas.

    Returns:
        positions: (B, K) bool, unchanged rows where the sample is not kept.
        kept: (B,) bool.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: Shapes or devices disagree, `frame` is neither of the two, or on the CPU a matrix is
            singular or not finite, or evidence lies outside [0, 1].

    Example:
        >>> from crossmodal_aug import QUADRANTS
        >>> flip = torch.tensor([[[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> top_left = torch.tensor([[True, False, False, False, False]])
        >>> follow(flip, top_left, QUADRANTS)
        (tensor([[False,  True, False, False, False]]), tensor([True]))

    Convention:
        - Region rule: that of `region_evidence`, with a pixel enough; later regions are painted over earlier ones.
        - A pixel of the result shows the source pixel in which its centre comes to lie (nearest neighbour).
        - Angles are those of pixels; without evidence, whose size tells, those of a square image.
        - Randomness: none. No trip to the host; compiles with `fullgraph=True`. On a device other than the CPU, samples
          with singular or non-finite matrices are not kept.
        - Precision: float32 at the least, also under autocast.
    """
    if not isinstance(atlas, Atlas):
        raise InvalidTypeError(f"Expected `atlas` to be an Atlas, but got {type(atlas).__name__}.")
    matrices, sound = check_matrices(matrices)
    named = check_positions("positions", positions, (matrices.shape[0], len(atlas)))
    _check_device("positions", named, matrices)
    lesion = None if evidence is None else _check_evidence(evidence, matrices)
    frame = atlas.frame if frame is None else frame
    check_choice("frame", frame, ("body", "image"))
    return followed(matrices, sound, named, atlas, lesion, frame)


def followed(
    matrices: Tensor, sound: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None, frame: Frame
) -> tuple[Tensor, Tensor]:
    """Do what `follow` does with what it has checked.

    Args:
        matrices: (B, 3, 3) with a third coordinate of 1 at the centre of the image.
        sound: (B,) bool: which of them are finite and invertible.
        named: (B, K) bool.
        atlas: K regions.
        lesion: (B, H, W) bool, or None.
        frame: "body" or "image".

    Returns:
        positions: (B, K) bool.
        kept: (B,) bool.
    """
    rule = _in_body if frame == "body" else _in_image
    if lesion is None or torch.compiler.is_compiling():  # a compiler plans memory itself
        after, kept = rule(matrices, named, atlas, lesion)
    else:
        groups = (torch.split(one, _TOGETHER) for one in (matrices, named, lesion))
        parts = [rule(turned, before, atlas, held) for turned, before, held in zip(*groups, strict=True)]
        after, kept = (torch.cat(rows) for rows in zip(*parts, strict=True))
    kept = kept & sound
    return torch.where(kept.unsqueeze(1), after, named), kept


def _check_evidence(evidence: object, matrices: Tensor) -> Tensor:
    """Where lesion is, through the depth of a volume: (B, H, W) bool."""
    evidence = check_tensor("evidence", evidence)
    batch = matrices.shape[0]
    if evidence.ndim < 3 or evidence.shape[0] != batch or 0 in evidence.shape[1:]:
        raise InvalidValueError(
            f"Expected `evidence` of shape ({batch}, 1, *spatial) or ({batch}, *spatial), but got "
            f"{tuple(evidence.shape)}."
        )
    _check_device("evidence", evidence, matrices)
    return lesion_of(check_evidence("evidence", evidence))


def lesion_of(evidence: Tensor) -> Tensor:
    """Where evidence (B, ..., H, W) is at least 0.5, through the depth of a volume: (B, H, W) bool."""
    lesion = reaches(evidence, 0.5)
    return lesion.flatten(1, -3).any(dim=1) if lesion.ndim > 3 else lesion


def _check_device(name: str, tensor: Tensor, matrices: Tensor) -> None:
    if tensor.device != matrices.device:
        raise InvalidValueError(f"Expected `{name}` on {matrices.device}, as `matrices`, but got {tensor.device}.")


def _in_image(matrices: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None) -> tuple[Tensor, Tensor]:
    becomes, exact = _permutation(matrices, atlas)
    permuted = (named.unsqueeze(2) & becomes).any(dim=1)
    if lesion is None:
        followed, clear = _map_places(matrices, named, atlas)
    else:
        followed, clear = _map_evidence(matrices, named, atlas, lesion)
    return torch.where(exact.unsqueeze(1), permuted, followed), exact | clear


def _map_evidence(matrices: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor) -> tuple[Tensor, Tensor]:
    """Regions that hold after a geometry by what the evidence tells, and whether it tells."""
    size = (lesion.shape[1], lesion.shape[2])
    source, inside = sources_of(matrices, size)
    shown = (lesion.flatten(1).gather(1, source) & inside).view_as(lesion)
    remains = shown.flatten(1).any(dim=1) | ~lesion.flatten(1).any(dim=1)
    touched = _touched(shown, atlas)
    lists = (_touched(lesion, atlas) == named).all(dim=1) & (touched.any(dim=1) | ~lesion.flatten(1).any(dim=1))
    # The other habit: the caption names where the middle of all evidence lies, "right of the image".
    middle, later = _middle(lesion, matrices.dtype), _middle(shown, matrices.dtype)
    points = (_in_boxes(middle, atlas) & named).any(dim=1)
    turned = _nearest_symmetry(matrices, named, atlas, size[1] / size[0])
    stays = (_in_boxes(later, atlas) & turned).any(dim=1)
    owner = _region_of(later.unsqueeze(1), atlas)
    lies_in = owner == torch.arange(len(atlas), device=named.device)
    pointed = torch.where(stays.unsqueeze(1), turned, lies_in)
    one_place = _is_one_place(named, atlas)
    points = points & (stays | (one_place & lies_in.any(dim=1)))
    # One place may be named by either habit; they must then agree.
    agree = (touched == pointed).all(dim=1) | ~one_place
    followed = torch.where(lists.unsqueeze(1), touched, pointed)
    return followed, remains & torch.where(lists & points, agree, lists | points)


def _middle(lesion: Tensor, dtype: torch.dtype) -> Tensor:
    """Middle of the pixels of (B, H, W) bool, in shares of the image: (B, 2) as (x, y); NaN where there are none."""
    down, across = (lesion.sum(dim=axis).to(dtype) for axis in (2, 1))
    middles = []
    for sums in (across, down):
        steps = (torch.arange(sums.shape[1], dtype=dtype, device=sums.device) + 0.5) / sums.shape[1]
        middles.append((sums * steps).sum(dim=1) / sums.sum(dim=1))
    return torch.stack(middles, dim=1)


def _in_boxes(points: Tensor, atlas: Atlas) -> Tensor:
    """Whether points (B, 2) lie in the box of each region, whatever is painted over it: (B, K) bool."""
    y0, y1, x0, x1 = constant(atlas.boxes, points.dtype, points.device).unbind(dim=1)
    x, y = (one.unsqueeze(1) for one in points.unbind(dim=1))
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)


def _is_one_place(named: Tensor, atlas: Atlas) -> Tensor:
    """Whether the boxes of the named regions make up one box, as those of "right" do: (B,) bool."""
    boxes = constant(atlas.boxes, torch.float64, named.device)
    y0, y1, x0, x1 = boxes.unbind(dim=1)
    areas = (named * ((y1 - y0) * (x1 - x0))).sum(dim=1)
    least = [torch.where(named, edge, 2.0).amin(dim=1) for edge in (y0, x0)]
    most = [torch.where(named, edge, -2.0).amax(dim=1) for edge in (y1, x1)]
    around = (most[0] - least[0]) * (most[1] - least[1])
    return named.any(dim=1) & ((around - areas).abs() < _EXACT)


def _nearest_symmetry(matrices: Tensor, named: Tensor, atlas: Atlas, aspect: float) -> Tensor:
    """Positions (B, K) as the flip or turn exchanges them that is nearest; as they are where the atlas has it not."""
    linear = constant(_TURNS, matrices.dtype, matrices.device)
    offset = 0.5 - linear.sum(dim=2) / 2
    last = linear.new_tensor([0.0, 0.0, 1.0]).expand(len(linear), 1, 3)
    becomes, exact = _permutation(torch.cat((torch.cat((linear, offset.unsqueeze(2)), dim=2), last), dim=1), atlas)
    own = torch.eye(len(atlas), dtype=torch.bool, device=named.device)
    becomes = torch.where(exact.view(-1, 1, 1), becomes, own)
    nearest = (linear_of(matrices, aspect).unsqueeze(1) * linear).sum(dim=(2, 3)).argmax(dim=1)
    return (named.unsqueeze(2) & becomes[nearest]).any(dim=1)


def _in_body(matrices: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None) -> tuple[Tensor, Tensor]:
    height, width = (1, 1) if lesion is None else (lesion.shape[1], lesion.shape[2])
    mirrored, degrees = turn_of(matrices, width / height)
    known = degrees <= _UPRIGHT
    unseen, stays = named & ~_landing(matrices, atlas)[1].any(dim=2), named
    if lesion is not None:
        # Each pixel of evidence as the number of its region, from 1; the last number is for those in none.
        numbers = ((grid.labels(atlas, (height, width), lesion.device) + 1).short() * lesion).flatten(1)
        source, inside = sources_of(matrices, (height, width))
        shown = numbers.gather(1, source) * inside
        held, remains = (
            torch.stack([(pixels == region + 1).any(dim=1) for region in range(len(atlas))], dim=1)
            for pixels in (numbers, shown)
        )
        unseen, stays = unseen & ~held, named & (remains | ~held)
        known = known & (shown.any(dim=1) | ~numbers.any(dim=1)) & (stays.any(dim=1) | ~named.any(dim=1))
    exchanged = stays.index_select(1, constant(atlas.mirror, torch.int64, named.device))
    return torch.where(mirrored.unsqueeze(1), exchanged, stays), known & ~unseen.any(dim=1)


def _permutation(matrices: Tensor, atlas: Atlas) -> tuple[Tensor, Tensor]:
    """Which region each one becomes, and whether the matrix is a symmetry of the atlas.

    Returns:
        becomes: (B, K, K) bool: row k holds the region whose box k's is taken to.
        exact: (B,) bool.
    """
    regions = len(atlas)
    corners = tuple((x, y) for y0, y1, x0, x1 in atlas.boxes for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
    points = constant(corners, matrices.dtype, matrices.device)
    mapped, ahead = map_points(matrices, points)
    # A box is taken to another one if each of its corners is, all in front: it is then not folded.
    meets = ((mapped.unsqueeze(2) - points).abs().amax(dim=3) <= _EXACT) & ahead.unsqueeze(2)
    becomes = meets.view(-1, regions, 4, regions, 4).any(dim=4).all(dim=2)
    exact = ((becomes.sum(dim=1) == 1) & (becomes.sum(dim=2) == 1)).all(dim=1)
    for below, above in combinations(range(regions), 2):
        if _overlap(atlas.boxes[below], atlas.boxes[above]):
            # What is painted over another region must be so afterwards.
            over = becomes[:, above].int().argmax(dim=1) > becomes[:, below].int().argmax(dim=1)
            exact = exact & over
    return becomes, exact


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(max(one[i], other[i]) + _EXACT < min(one[i + 1], other[i + 1]) for i in (0, 2))


def _map_places(matrices: Tensor, named: Tensor, atlas: Atlas) -> tuple[Tensor, Tensor]:
    """Regions that the places of the named ones come to lie in, and whether that is clear."""
    landed, seen, own = _landing(matrices, atlas)
    seen = seen & own
    counts = torch.stack([(seen & (landed == region)).sum(dim=2) for region in range(len(atlas))], dim=2)
    most, where = counts.max(dim=2)
    visible = seen.sum(dim=2)
    clear = (visible > 0) & (visible >= _SEEN * own.sum(dim=1)) & (most >= _CLEAR * visible)
    takes = where.unsqueeze(2) == torch.arange(len(atlas), device=named.device)
    return (takes & named.unsqueeze(2)).any(dim=1), (clear | ~named).all(dim=1)


def _landing(matrices: Tensor, atlas: Atlas) -> tuple[Tensor, Tensor, Tensor]:
    """Where N points of each region's box come to lie.

    Returns:
        landed: (B, K, N) int64: region, K for none.
        seen: (B, K, N) bool: in the view.
        own: (K, N) bool: no later region covers the point in the source.
    """
    steps = (torch.arange(_POINTS, dtype=matrices.dtype, device=matrices.device) + 0.5) / _POINTS
    y0, y1, x0, x1 = constant(atlas.boxes, matrices.dtype, matrices.device).unsqueeze(2).unbind(dim=1)
    down = (y0 + (y1 - y0) * steps).unsqueeze(2).expand(-1, -1, _POINTS)
    across = (x0 + (x1 - x0) * steps).unsqueeze(1).expand(-1, _POINTS, -1)
    points = torch.stack((across, down), dim=3).flatten(0, 2)
    mapped, ahead = map_points(matrices, points)
    seen = ((mapped >= 0) & (mapped < 1)).all(dim=2) & ahead
    own = _region_of(points.unsqueeze(0), atlas).view(len(atlas), -1)
    own = own == torch.arange(len(atlas), device=own.device).unsqueeze(1)
    return _region_of(mapped, atlas).view(-1, *own.shape), seen.view(-1, *own.shape), own


def _region_of(points: Tensor, atlas: Atlas) -> Tensor:
    """Index of the region painted last at points (B, N, 2), K for none: (B, N) int64."""
    x, y = points.unbind(dim=2)
    owner = torch.full_like(x, len(atlas), dtype=torch.int64)
    for region, (y0, y1, x0, x1) in enumerate(atlas.boxes):
        owner = torch.where((y >= y0) & (y < y1) & (x >= x0) & (x < x1), region, owner)
    return owner


def _touched(lesion: Tensor, atlas: Atlas) -> Tensor:
    """Regions that hold a pixel of (B, H, W) bool: (B, K) bool."""
    return bands_per_region(band_maxima(lesion, atlas), atlas, lesion.shape[1]) > 0
