"""Windows: the piece of each sample that holds its box, of one size for all, so that a batch of them is a tensor."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from crossmodal_aug.functional.constants import constant, counting
from crossmodal_aug.functional.mixing import box_mask

# At most this share of the pixels is looked at or pasted at a time, so that what is held beside them stays small.
_SHARE = 0.09


@dataclass(frozen=True)
class Windows:
    """One window a sample, of an image whose last axes they cut.

    Attributes:
        start: (B, n) int64: its first pixel along n axes.
        inside: (B, *size) bool: which of its pixels lie in the sample's box.
        lines: (B, L) int64: the pixels of an image, counted along its lines, at which the lines of the window begin.
    """

    start: Tensor
    inside: Tensor
    lines: Tensor

    @property
    def size(self) -> tuple[int, ...]:
        """Size along the n axes."""
        return tuple(self.inside.shape[1:])

    def where(self, kept: Tensor) -> "Windows":
        """The same windows, with no pixel inside the box of a sample (B,) that is not kept."""
        return Windows(self.start, self.inside & kept.view(-1, *[1] * len(self.size)), self.lines)

    def of(self, tensor: Tensor, sample: Tensor) -> Tensor:
        """What a tensor holds in the windows.

        Args:
            tensor: (M, ..., *spatial), where spatial ends in the n axes of the windows.
            sample: (B,) int64 row of the tensor for each window.

        Returns:
            (B, ..., *size), a copy.
        """
        shape = (sample.shape[0], *tensor.shape[1 : tensor.ndim - len(self.size)], *self.size)
        if not tensor.numel():
            return tensor.new_zeros(shape)
        stretches, first = self.stretches(tensor.contiguous(), sample)
        return stretches.index_select(0, first).view(shape)

    def stretches(self, tensor: Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """All stretches of a line as long as the windows are wide, and which of them the windows are made of.

        Args:
            tensor: Contiguous (M, ..., *spatial).
            sample: (B,) int64 row of the tensor for each window.

        Returns:
            A view (N, w) of the tensor, and int64 rows of it: of each window, of each of its planes, each line.
        """
        axis = tensor.ndim - len(self.size)
        planes, pixels = tensor.shape[1:axis].numel(), tensor.shape[axis:].numel()
        plane = counting(0, planes, torch.int64, tensor.device)
        first = ((sample.unsqueeze(1) * planes + plane) * pixels).unsqueeze(2) + self.lines.unsqueeze(1)
        return tensor.view(-1).unfold(0, self.size[-1], 1), first.flatten()

    def parts(self, spatial: Sequence[int]) -> list["Windows"]:
        """The windows in pieces along their first axis, each a small share of an image of size `spatial`."""
        length = self.size[0]
        share = prod(self.size) / max(1, prod(spatial))
        step = max(1, int(length * _SHARE / share)) if share else length
        if torch.compiler.is_compiling() or step >= length:
            return [self]
        return [self._rows(first, step) for first in range(0, length, step)]

    def _rows(self, first: int, count: int) -> "Windows":
        """The stretch of `count` steps along the first of two axes or more."""
        start = torch.cat((self.start[:, :1] + first, self.start[:, 1:]), dim=1)
        each = self.lines.shape[1] // self.size[0]
        lines = self.lines[:, first * each : (first + count) * each]
        return Windows(start, self.inside[:, first : first + count], lines)


def windows_of_boxes(boxes: Tensor, spatial: Sequence[int], size: Sequence[int]) -> Windows:
    """Windows that hold each sample's box, and which of their pixels lie in it.

    Args:
        boxes: (B, n, 2) int64 start and stop, half open, none larger than `size`.
        spatial: Size of the image along its n axes.
        size: Size that no box exceeds, along the n axes.

    Returns:
        Windows of `size`, or of the image where that is smaller.

    Examples:
        >>> windows_of_boxes(torch.tensor([[[1, 2], [0, 1]]]), (3, 2), (2, 2))
        Windows(start=tensor([[1, 0]]), inside=tensor([[[ True, False],
                 [False, False]]]), lines=tensor([[2, 4]]))
    """
    axes = len(spatial)
    reach = [min(spatial[axis], size[axis]) for axis in range(axes)]
    last = constant(tuple([spatial[axis] - reach[axis] for axis in range(axes)]), torch.int64, boxes.device)
    start = torch.minimum(boxes[..., 0], last)
    lines = start.new_zeros(start.shape[0], 1)
    for axis in range(axes - 1):
        along = start[:, axis, None] + counting(0, reach[axis], torch.int64, boxes.device)
        lines = ((lines * spatial[axis]).unsqueeze(2) + along.unsqueeze(1)).flatten(1)
    lines = lines * spatial[-1] + start[:, axes - 1 :]
    return Windows(start, box_mask(boxes - start.unsqueeze(2), reach), lines)
