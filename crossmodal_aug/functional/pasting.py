"""Pixels of one sample put into another: by any mask, by boxes, by regions.

`paste` is the plain form. The other two give the same result for the masks that the ops use, and touch memory once:
they move windows and whole stretches of image lines instead of choosing pixel by pixel.
"""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor
from torch.autograd import forward_ad

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.bits import as_bits, equals, on_bits
from crossmodal_aug.functional.checks import check_tensor
from crossmodal_aug.functional.filling import Fill, can_hold, fill_of
from crossmodal_aug.functional.mixing import box_mask
from crossmodal_aug.functional.regions import row_bands, union_mask
from crossmodal_aug.functional.windows import Windows, windows_of_boxes

# Below this many bytes a stretch of a line is not worth moving on its own.
_SHORTEST = 64

# Integers that hold the bits of a value, by its bytes.
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def paste(tensor: Tensor, donors: Tensor, index: Tensor, mask: Tensor) -> Tensor:
    """Take the pixels inside a mask from each sample's donor.

    Args:
        tensor: (B, ..., *spatial), any dtype.
        donors: (M, ..., *spatial) of the same dtype and further shape; may be `tensor` itself.
        index: (B,) int64 row of `donors` for each sample.
        mask: (B, *spatial) bool.

    Returns:
        `where(mask, donors[index], tensor)`, in the dtype of `tensor`. Neither input is changed; gradients flow to
        the source of each pixel.

    Raises:
        InvalidTypeError: `tensor` or `donors` is not a tensor.
        InvalidValueError: Shapes, dtypes or devices disagree.

    Examples:
        >>> images = torch.tensor([[[[1, 1]]], [[[2, 2]]]])
        >>> mask = torch.tensor([[[True, False]], [[False, False]]])
        >>> paste(images, images, torch.tensor([1, 0]), mask).flatten(1)
        tensor([[2, 1],
                [2, 2]])
    """
    _check_pair(tensor, donors, mask.shape[1:])
    if tensor.shape[0] != mask.shape[0]:
        raise InvalidValueError(f"Expected `mask` of batch {tensor.shape[0]}, but got {tuple(mask.shape)}.")
    mask = mask.view(mask.shape[0], *[1] * (tensor.ndim - mask.ndim), *mask.shape[1:])
    return choose(mask, donors.index_select(0, index), tensor)


def choose(mask: Tensor, taken: Tensor, tensor: Tensor) -> Tensor:
    """`where(mask, taken, tensor)` that may write over `taken`, a temporary of the caller's."""
    if _keeps_temporaries(taken, tensor):
        return torch.where(mask, taken, tensor)
    return torch.where(mask, taken, tensor, out=taken)


def choose_bits(mask: Tensor, taken: Tensor, tensor: Tensor) -> Tensor:
    """`choose` for a mask that is small beside the tensors: bits are put together several times faster than chosen."""
    kind = _BITS.get(tensor.element_size())
    if kind is None or _keeps_temporaries(taken, tensor):
        return choose(mask, taken, tensor)
    ours = tensor.view(kind)
    taken.view(kind).bitwise_xor_(ours).bitwise_and_(mask.to(kind).neg_()).bitwise_xor_(ours)
    return taken


def _keeps_temporaries(*tensors: Tensor) -> bool:
    """Whether a graph may hold on to what is worked out on the way, or nothing can be written to at all."""
    return (
        torch.compiler.is_compiling()
        or (torch.is_grad_enabled() and any(one.requires_grad for one in tensors))
        or any(torch._C._functorch.is_functorch_wrapped_tensor(one) for one in tensors)
        or any(forward_ad.unpack_dual(one).tangent is not None for one in tensors)  # type: ignore[no-untyped-call]
    )


def paste_boxes(tensor: Tensor, donors: Tensor, index: Tensor, boxes: Tensor, window: Sequence[int]) -> Tensor:
    """Take the pixels inside each sample's box from its donor.

    Args:
        tensor: (B, ..., *spatial), any dtype.
        donors: (M, ..., *spatial) of the same dtype and further shape; may be `tensor` itself.
        index: (B,) int64 row of `donors` for each sample.
        boxes: (B, n, 2) int64 start and stop along the n spatial axes, half open; an empty box takes nothing.
        window: Size that no box exceeds, along the n axes.

    Returns:
        What `paste` gives for `crossmodal_aug.functional.box_mask`.

    Raises:
        InvalidTypeError: `tensor` or `donors` is not a tensor.
        InvalidValueError: Shapes, dtypes or devices disagree.

    Examples:
        >>> images = torch.tensor([[[[1, 1]]], [[[2, 2]]]])
        >>> boxes = torch.tensor([[[0, 1], [0, 1]], [[0, 0], [0, 0]]])
        >>> paste_boxes(images, images, torch.tensor([1, 0]), boxes, (1, 1)).flatten(1)
        tensor([[2, 1],
                [2, 2]])
    """
    spatial = tensor.shape[tensor.ndim - boxes.shape[1] :]
    return paste_windows(tensor, donors, index, boxes, windows_of_boxes(boxes, spatial, window))


def paste_windows(tensor: Tensor, donors: Tensor, index: Tensor, boxes: Tensor, windows: Windows) -> Tensor:
    """`paste_boxes` for boxes whose windows are known already; a box is empty where its window's `inside` is."""
    axes = boxes.shape[1]
    spatial = tensor.shape[tensor.ndim - axes :]
    _check_pair(tensor, donors, spatial)
    share = prod(windows.size) / max(1, prod(spatial))
    if share > 0.5 or not tensor.numel() or not _can_write_windows(tensor, donors):
        return paste(tensor, donors, index, box_mask(boxes, spatial))
    out = tensor.clone(memory_format=torch.contiguous_format)
    sample = torch.arange(tensor.shape[0], device=tensor.device)
    for part in windows.parts(spatial):
        taken = part.of(donors, index)
        stretches, first = part.stretches(out, sample)
        inside = part.inside.view(part.inside.shape[0], *[1] * (tensor.ndim - 1 - axes), *part.size)
        pasted = choose_bits(inside, taken, stretches.index_select(0, first).view(taken.shape))
        stretches[first] = pasted.view(-1, part.size[-1])
    return out


def _can_write_windows(tensor: Tensor, donors: Tensor) -> bool:
    """Whether writing into windows of a copy is cheap; graphs and gradients want the plain form.

    Windows are cut out of contiguous tensors: of any other, each part would be a copy of the whole first.
    """
    return (
        tensor.is_contiguous()
        and donors.is_contiguous()
        and not (
            torch.compiler.is_compiling()
            or torch.are_deterministic_algorithms_enabled()
            or (torch.is_grad_enabled() and (tensor.requires_grad or donors.requires_grad))
        )
    )


def paste_regions(
    tensor: Tensor, donors: Tensor | None, index: Tensor, zones: Tensor, atlas: Atlas, spatial: Sequence[int]
) -> Tensor:
    """Take the pixels of each sample's set of regions from its donor.

    Args:
        tensor: (B, ..., *spatial), any dtype.
        donors: (M, ..., *spatial) of the same dtype and further shape; None takes them from `tensor`.
        index: (B,) int64 row of the donors for each sample.
        zones: (B, K) bool.
        atlas: K regions.
        spatial: (H, W) or (D, H, W).

    Returns:
        What `paste` gives for `crossmodal_aug.functional.union_mask`.

    Raises:
        InvalidTypeError: `tensor` or `donors` is not a tensor.
        InvalidValueError: Shapes, dtypes or devices disagree.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> images = torch.tensor([1, 2]).view(2, 1, 1, 1).expand(2, 1, 3, 2).contiguous()
        >>> zones = torch.tensor([[True, True, True, False, False, False], [False] * 6])
        >>> paste_regions(images, None, torch.tensor([1, 0]), zones, LUNG_ZONES, (3, 2))[0, 0, 0]
        tensor([2, 1])
    """
    height, width = spatial[-2:]
    if torch.compiler.is_compiling():
        return paste(tensor, tensor if donors is None else donors, index, union_mask(zones, atlas, spatial))
    stretch = grid.common_stretch(atlas, width)
    check_tensor("tensor", tensor)
    if donors is not None or not tensor.is_contiguous() or stretch * tensor.element_size() < _SHORTEST:
        return _paste_bands(tensor, tensor if donors is None else donors, index, zones, atlas, spatial)
    planes = tensor.shape[1:].numel() // (height * width)  # further axes and depth alike: regions extend through both
    label = grid.labels(atlas, (height, width), tensor.device)[:, ::stretch]
    outside = zones.new_zeros(zones.shape[0], 1)
    moved = torch.cat((zones, outside), dim=1).index_select(1, label.flatten()).view(-1, 1, *label.shape)
    sample = torch.arange(tensor.shape[0], device=tensor.device)
    source = torch.where(moved, index.view(-1, 1, 1, 1), sample.view(-1, 1, 1, 1))
    plane = torch.arange(planes, device=tensor.device).view(1, -1, 1, 1)
    place = torch.arange(label.numel(), device=tensor.device).view(1, 1, *label.shape)
    piece = (source * planes + plane) * label.numel() + place
    return tensor.view(-1, stretch).index_select(0, piece.flatten()).view(tensor.shape)


def _paste_bands(
    tensor: Tensor, donors: Tensor, index: Tensor, zones: Tensor, atlas: Atlas, spatial: Sequence[int]
) -> Tensor:
    """`paste_regions` band by band: within one all rows are alike, so that no mask of the image is held."""
    _check_pair(tensor, donors, spatial)
    taken = donors.index_select(0, index)
    if _keeps_temporaries(taken, tensor):
        return paste(tensor, donors, index, union_mask(zones, atlas, spatial))
    inside = row_bands(zones, atlas, (spatial[-2], spatial[-1]))
    start = 0
    for band, height in enumerate(grid.heights(atlas, spatial[-2])):
        mask = inside[:, band].view(inside.shape[0], *[1] * (tensor.ndim - 2), inside.shape[-1])
        choose_bits(mask, taken.narrow(-2, start, height), tensor.narrow(-2, start, height))
        start += height
    return taken


def keep_regions(
    tensor: Tensor,
    zones: Tensor,
    whole: Tensor,
    atlas: Atlas,
    spatial: Sequence[int],
    *,
    fill: Fill = 0.0,
    ignored: int | None = None,
) -> Tensor:
    """Empty a tensor outside each sample's set of regions.

    Args:
        tensor: (B, ..., *spatial), any dtype.
        zones: (B, K) bool.
        whole: (B,) bool: the samples that stay as they are, pixels of no region too.
        atlas: K regions.
        spatial: (H, W) or (D, H, W).
        fill: What is written outside the regions, or one number for each channel of (B, C, *spatial).
        ignored: A value that stays outside too.

    Returns:
        The tensor with `fill` outside the regions; the input is not changed.

    Raises:
        InvalidValueError: The dtype cannot hold `fill`.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> left = torch.tensor([[True, True, True, False, False, False]])
        >>> keep_regions(torch.ones(1, 1, 3, 2), left, torch.tensor([False]), LUNG_ZONES, (3, 2))[0, 0, 0]
        tensor([1., 0.])
    """
    size = (spatial[-2], spatial[-1])
    inside = row_bands(zones, atlas, size) | whole.view(-1, 1, 1)
    kind = _BITS.get(tensor.element_size())
    if fill != 0 or ignored is not None or kind is None or _keeps_temporaries(tensor):
        rows = inside.index_select(1, grid.bands_of_rows(atlas, size[0], tensor.device))
        mask = rows.view(rows.shape[0], *[1] * (tensor.ndim - 3), *size)
        return _filled(tensor, mask, fill, ignored)
    # To clear bits is several times faster than to choose numbers, and gives the same zeros.
    out, keep = tensor.clone(), inside.to(kind).neg_()
    start = 0
    for band, height in enumerate(grid.heights(atlas, size[0])):
        mask = keep[:, band].view(keep.shape[0], *[1] * (tensor.ndim - 2), size[1])
        out.view(kind).narrow(-2, start, height).bitwise_and_(mask)
        start += height
    return out


def _filled(tensor: Tensor, mask: Tensor, fill: Fill, ignored: int | None) -> Tensor:
    """`where(mask, tensor, fill)` that leaves a value alone, for dtypes too that torch can only store."""
    written = as_bits(fill_of(fill, tensor))
    if ignored is not None and can_hold(float(ignored), tensor.dtype):
        mask = mask | equals(tensor, ignored)
    return on_bits(lambda bits: torch.where(mask, bits, written), tensor)


def _check_pair(tensor: Tensor, donors: Tensor, spatial: Sequence[int]) -> None:
    check_tensor("tensor", tensor)
    check_tensor("donors", donors)
    if tensor.shape[1:] != donors.shape[1:] or tensor.dtype != donors.dtype or tensor.device != donors.device:
        raise InvalidValueError(
            f"Expected `donors` like `tensor`, (M, {', '.join(map(str, tensor.shape[1:]))}) {tensor.dtype} on "
            f"{tensor.device}, but got {tuple(donors.shape)} {donors.dtype} on {donors.device}."
        )
    if tensor.shape[tensor.ndim - len(spatial) :] != tuple(spatial):
        raise InvalidValueError(
            f"Expected `tensor` of shape (B, ..., {', '.join(map(str, spatial))}), but got {tuple(tensor.shape)}."
        )
