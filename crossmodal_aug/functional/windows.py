"""Windows: the piece of each sample that holds its box, of one size for all, so that a batch of them is a tensor."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.mixing import box_mask

# At most this share of the pixels is looked at or pasted at a time, so that what is held beside them stays small.
_SHARE = 0.09


class Windows(NamedTuple):
    """One window a sample.

    Attributes:
        start: (B, n) int64: its first pixel along n axes.
        inside: (B, *size) bool: which of its pixels lie in the sample's box.
    """

    start: Tensor
    inside: Tensor

    @property
    def size(self) -> tuple[int, ...]:
        """Size along the n axes."""
        return tuple(self.inside.shape[1:])

    def of(self, tensor: Tensor, sample: Tensor) -> Tensor:
        """What a tensor holds in the windows.

        Args:
            tensor: (M, ..., *spatial), where spatial ends in the n axes of the windows.
            sample: (B,) int64 row of the tensor for each window.

        Returns:
            (B, ..., *size), a copy.
        """
        shape = (len(sample), *tensor.shape[1 : tensor.ndim - len(self.size)], *self.size)
        if not tensor.numel():
            return tensor.new_zeros(shape)
        stretches, first = self._stretches(tensor.contiguous(), sample)
        return stretches.index_select(0, first.flatten()).view(shape)

    def put(self, tensor: Tensor, values: Tensor) -> None:
        """Write ``values`` (B, ..., *size) into the windows of a contiguous tensor (B, ..., *spatial)."""
        stretches, first = self._stretches(tensor, torch.arange(tensor.shape[0], device=tensor.device))
        stretches[first.flatten()] = values.reshape(-1, self.size[-1])

    def rows(self, first: int, count: int) -> "Windows":
        """The stretch of ``count`` steps along the first axis of the windows."""
        start = torch.cat((self.start[:, :1] + first, self.start[:, 1:]), dim=1)
        return Windows(start, self.inside[:, first : first + count])

    def parts(self, spatial: Sequence[int]) -> Iterator["Windows"]:
        """The windows in pieces along their first axis, each a small share of an image of size ``spatial``."""
        share = prod(self.size) / max(1, prod(spatial))
        step = max(1, int(self.size[0] * _SHARE / share)) if share else self.size[0]
        if torch.compiler.is_compiling() or step >= self.size[0]:
            yield self
            return
        for first in range(0, self.size[0], step):
            yield self.rows(first, step)

    def _stretches(self, tensor: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """All stretches of a line as long as the windows are wide, and which of them the windows are made of.

        Returns:
            A view (N, w) of the tensor, and (B, planes, lines of a window) int64 rows of it.
        """
        spatial = tensor.shape[tensor.ndim - len(self.size) :]
        planes = tensor.shape[1 : tensor.ndim - len(self.size)].numel()
        plane = torch.arange(planes, device=tensor.device)
        first = (sample.unsqueeze(1) * planes + plane).unsqueeze(2)
        for axis, (length, reach) in enumerate(zip(spatial[:-1], self.size[:-1], strict=True)):
            line = self.start[:, axis, None] + torch.arange(reach, device=tensor.device)
            first = (first.unsqueeze(3) * length + line.view(-1, 1, 1, reach)).flatten(2)
        first = first * spatial[-1] + self.start[:, -1].view(-1, 1, 1)
        return tensor.view(-1).unfold(0, self.size[-1], 1), first


def windows_of_boxes(boxes: Tensor, spatial: Sequence[int], size: Sequence[int]) -> Windows:
    """Windows that hold each sample's box, and which of their pixels lie in it.

    Args:
        boxes: (B, n, 2) int64 start and stop, half open, none larger than ``size``.
        spatial: Size of the image along its n axes.
        size: Size that no box exceeds, along the n axes.

    Returns:
        Windows of ``size``, or of the image where that is smaller.

    Example:
        >>> windows_of_boxes(torch.tensor([[[1, 2], [0, 1]]]), (3, 2), (2, 2))
        Windows(start=tensor([[1, 0]]), inside=tensor([[[ True, False],
                 [False, False]]]))
    """
    reach = [min(pair) for pair in zip(spatial, size, strict=True)]
    last = tuple(length - one for length, one in zip(spatial, reach, strict=True))
    start = torch.minimum(boxes[..., 0], constant(last, torch.int64, boxes.device))
    return Windows(start, box_mask(boxes - start.unsqueeze(2), reach))
