"""The image frame, where words speak of a place in the picture: which regions hold after a geometry."""

from itertools import combinations

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.geometry import linear_of, map_points, sources_of
from crossmodal_aug.functional.places import in_boxes, landing, region_of, regions_touched

_EXACT = 1e-6  # image sides by which a corner may miss another one in a symmetry of the atlas
_CLEAR = 0.9  # share of a region's place that must come to lie in one region
_SEEN = 0.5  # share of a region's place that must stay in the view
_TURNS = tuple(((a, 0.0), (0.0, d)) for a in (1.0, -1.0) for d in (1.0, -1.0)) + tuple(
    ((0.0, b), (c, 0.0)) for b in (1.0, -1.0) for c in (1.0, -1.0)
)


def in_image(matrices: Tensor, named: Tensor, atlas: Atlas, lesion: Tensor | None) -> tuple[Tensor, Tensor]:
    """Do what `follow` does in the image frame; takes and returns what `in_body` does."""
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
    touched = regions_touched(shown, atlas)
    lists = (regions_touched(lesion, atlas) == named).all(dim=1) & (touched.any(dim=1) | ~lesion.flatten(1).any(dim=1))
    # The other habit: the caption names where the middle of all evidence lies, "right of the image".
    middle, later = _middle(lesion, matrices.dtype), _middle(shown, matrices.dtype)
    points = (in_boxes(middle, atlas) & named).any(dim=1)
    turned = _nearest_symmetry(matrices, named, atlas, size[1] / size[0])
    stays = (in_boxes(later, atlas) & turned).any(dim=1)
    owner = region_of(later.unsqueeze(1), atlas)
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
    landed, seen, own = landing(matrices, atlas)
    seen = seen & own
    counts = torch.stack([(seen & (landed == region)).sum(dim=2) for region in range(len(atlas))], dim=2)
    most, where = counts.max(dim=2)
    visible = seen.sum(dim=2)
    clear = (visible > 0) & (visible >= _SEEN * own.sum(dim=1)) & (most >= _CLEAR * visible)
    takes = where.unsqueeze(2) == torch.arange(len(atlas), device=named.device)
    return (takes & named.unsqueeze(2)).any(dim=1), (clear | ~named).all(dim=1)
