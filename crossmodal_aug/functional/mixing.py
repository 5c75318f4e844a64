"""The parts that the mixing ops are made of: draw, choose donors, place boxes.

Every function is pure. Randomness comes in as uniform draws, made once a call by `uniforms`; nothing here
depends on the data for its shapes, so all of it compiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.checks import check_generator
from crossmodal_aug.functional.constants import constant, counting

# Parts that lines are counted in, one after the other.
_PARTS = 16


def uniforms(
    batch: int,
    columns: int,
    *,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """One row of independent uniform numbers in [0, 1) for each sample.

    Args:
        batch: Number of samples B.
        columns: Numbers a sample.
        generator: Source of randomness; None takes torch's global one for `device`. One on another device is
            drawn from there and the numbers are moved.
        device: Where to put the result.

    Returns:
        (B, columns) float32.

    Raises:
        InvalidTypeError: `generator` is neither a `torch.Generator` nor None.

    Examples:
        >>> uniforms(2, 3, generator=torch.Generator().manual_seed(0)).shape
        torch.Size([2, 3])
    """
    check_generator(generator)
    # Always float32: with another default dtype the same seed would give other numbers. A compiler that knows the batch
    # only by a symbol takes no generator, not even None.
    if generator is None:
        return torch.rand(batch, columns, dtype=torch.float32, device=device)
    draws = torch.rand(batch, columns, generator=generator, dtype=torch.float32, device=generator.device)
    # To the host it must block: the numbers are read at once.
    return draws.to(device, non_blocking=torch.device(device).type != "cpu")


def pick(draw: Tensor, count: Tensor | int) -> Tensor:
    """A uniform number turned into an index: floor(draw * count), in [0, count) and 0 where count is 0.

    Args:
        draw: Uniform numbers in [0, 1), any shape.
        count: Number of choices, broadcast against `draw`.

    Returns:
        int64 of the broadcast shape.

    Examples:
        >>> pick(torch.tensor([0.0, 0.5, 0.99]), 3)
        tensor([0, 1, 2])
    """
    index = (draw * count).long()
    last = count - 1
    return (torch.minimum(index, last) if isinstance(last, Tensor) else index.clamp_max(last)).clamp_min(0)


def one_of(index: Tensor, count: int) -> Tensor:
    """Rows with one true entry each. Unlike `torch.nn.functional.one_hot`, it looks at no value on the host.

    Args:
        index: (B,) int64 in [0, count).
        count: Length of a row.

    Returns:
        (B, count) bool.

    Examples:
        >>> one_of(torch.tensor([2, 0]), 3).int()
        tensor([[0, 0, 1],
                [1, 0, 0]], dtype=torch.int32)
    """
    return index.unsqueeze(1) == torch.arange(count, device=index.device)


def pick_true(draw: Tensor, options: Tensor) -> Tensor:
    """Index of one of the true entries of each row, all equally likely.

    Args:
        draw: (B,) uniform numbers in [0, 1).
        options: (B, N) bool.

    Returns:
        (B,) int64 in [0, N); meaningless in rows without a true entry.

    Examples:
        >>> pick_true(torch.tensor([0.0, 0.9]), torch.tensor([[False, True, True], [True, False, True]]))
        tensor([1, 2])
    """
    running = options.cumsum(dim=1, dtype=torch.int32)
    rank = pick(draw, running[:, -1]) + 1
    return torch.searchsorted(running, rank.to(torch.int32).unsqueeze(1)).squeeze(1).clamp_max(options.shape[1] - 1)


def cyclic_donors(draws: Tensor) -> Tensor:
    """A random permutation of the batch without fixed points: all samples in one random ring.

    Args:
        draws: (B,) uniform numbers; their order makes the ring.

    Returns:
        (B,) int64: the donor of each sample. A batch of one can only point at itself.

    Examples:
        >>> cyclic_donors(torch.tensor([0.3, 0.1, 0.2]))
        tensor([1, 2, 0])
    """
    ring = draws.argsort()
    return torch.empty_like(ring).scatter_(0, ring, ring.roll(-1))


def draw_donors(draws: Tensor, pool: int | None = None) -> tuple[Tensor, Tensor]:
    """A donor for each sample, and whether it has one.

    Args:
        draws: (B,) uniform numbers.
        pool: Size of a second batch to choose from; None chooses within the batch, never the sample itself.

    Returns:
        (B,) int64 index of the donor, and (B,) bool: False only in a batch of one without a second batch.

    Raises:
        InvalidValueError: `pool` is 0.

    Examples:
        >>> draw_donors(torch.tensor([0.4]))
        (tensor([0]), tensor([False]))
    """
    if pool is None:
        return cyclic_donors(draws), torch.full_like(draws, draws.shape[0] > 1, dtype=torch.bool)
    if pool < 1:
        raise InvalidValueError("Expected `donors` to hold at least one sample, but got an empty batch.")
    return pick(draws, pool), torch.ones_like(draws, dtype=torch.bool)


def boxes_inside(draws: Tensor, bounds: Tensor, size: Sequence[int]) -> Tensor:
    """Boxes of a given size at uniform places inside bounds; larger than its bounds, a box is cut to them.

    Args:
        draws: (B, n) uniform numbers, one for each of n spatial axes.
        bounds: (B, n, 2) int64 start and stop, half open.
        size: Size of a box along the n axes.

    Returns:
        (B, n, 2) int64 start and stop, half open.

    Examples:
        >>> boxes_inside(torch.tensor([[0.0, 0.99]]), torch.tensor([[[0, 8], [4, 8]]]), (2, 3))
        tensor([[[0, 2],
                 [5, 8]]])
    """
    start, stop = bounds.unbind(dim=-1)
    length = torch.minimum(stop - start, constant(tuple(size), torch.int64, bounds.device))
    first = start + pick(draws, stop - start - length + 1)
    return torch.stack((first, first + length), dim=-1)


def boxes_around(centre: Tensor, spatial: Sequence[int], size: Sequence[int]) -> Tensor:
    """Boxes of a given size around a pixel, shifted where needed to stay in the image.

    Args:
        centre: (B, n) int64 pixel.
        spatial: Size of the image along its n axes.
        size: Size of a box along the n axes.

    Returns:
        (B, n, 2) int64 start and stop, half open.

    Examples:
        >>> boxes_around(torch.tensor([[0, 7]]), (10, 10), (4, 4))
        tensor([[[0, 4],
                 [5, 9]]])
    """
    boxes = []
    for axis, (limit, wanted) in enumerate(zip(spatial, size, strict=True)):
        length = min(limit, wanted)
        first = (centre[:, axis] - length // 2).clamp(0, limit - length)
        boxes.append(torch.stack((first, first + length), dim=-1))
    return torch.stack(boxes, dim=1)


def random_pixel(draws: Tensor, options: Tensor) -> Tensor:
    """One of the true pixels of each sample, all equally likely.

    Args:
        draws: (B, 2) uniform numbers in [0, 1).
        options: (B, *spatial) bool.

    Returns:
        (B, n) int64 pixel; meaningless in samples without a true pixel.

    Examples:
        >>> options = torch.zeros(1, 4, 5, dtype=torch.bool)
        >>> options[0, 2, 3] = True
        >>> random_pixel(torch.tensor([[0.7, 0.2]]), options)
        tensor([[2, 3]])
    """
    _, *leading, width = options.shape
    lines = options.flatten(1, -2)
    # A line is drawn in proportion to its true pixels, then a pixel within it: two short searches instead of a
    # running sum over the whole image.
    running = _count_true(lines).cumsum(dim=1)
    rank = pick(draws[:, 0], running[:, -1]) + 1
    line = torch.searchsorted(running, rank.unsqueeze(1)).clamp_max(running.shape[1] - 1)
    column = pick_true(draws[:, 1], lines.gather(1, line.unsqueeze(2).expand(-1, 1, width)).squeeze(1))
    pixel = [column]
    rest = line.squeeze(1)
    for length in reversed(leading):
        pixel.append(rest % length)
        rest = rest // length
    return torch.stack(pixel[::-1], dim=1)


def _count_true(lines: Tensor) -> Tensor:
    """True entries of each line: (B, N, W) bool to (B, N) integers."""
    if torch.compiler.is_compiling():
        return lines.sum(dim=2)
    # To sum bools torch first copies them to the type of the sum: a part at a time.
    parts = lines.flatten(0, 1).chunk(_PARTS)
    return torch.cat([part.sum(dim=1, dtype=torch.int32) for part in parts]).view(lines.shape[:2])


def box_mask(boxes: Tensor, spatial: Sequence[int]) -> Tensor:
    """Pixels inside each sample's box.

    Args:
        boxes: (B, n, 2) int64 start and stop along n axes, half open.
        spatial: Size of the image along its n axes.

    Returns:
        (B, *spatial) bool.

    Raises:
        InvalidValueError: `boxes` and `spatial` disagree about n.

    Examples:
        >>> box_mask(torch.tensor([[[0, 1], [1, 3]]]), (2, 4)).int()
        tensor([[[0, 1, 1, 0],
                 [0, 0, 0, 0]]], dtype=torch.int32)
    """
    axes = len(spatial)
    if boxes.ndim != 3 or boxes.shape[1:] != (axes, 2):
        raise InvalidValueError(f"Expected `boxes` of shape (B, {axes}, 2), but got {tuple(boxes.shape)}.")
    # As bytes, since torch combines bools of different shapes one by one.
    inside = boxes.new_ones((boxes.shape[0], *[1] * axes), dtype=torch.uint8)
    for axis in range(axes):
        place = counting(0, spatial[axis], torch.int64, boxes.device)
        along = (place >= boxes[:, axis, :1]) & (place < boxes[:, axis, 1:])
        inside = inside & along.view(torch.uint8).view(-1, *[1] * axis, spatial[axis], *[1] * (axes - axis - 1))
    return inside.view(torch.bool)
