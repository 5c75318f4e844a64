"""Lesions found: how many connected parts of a mask a model finds, whatever their size."""

import networkx as nx
import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_SHARE = 0.0002
"""Parts below this share of the image, 10 pixels of 224 x 224, are specks and do not count."""
FOUND_FROM = 0.5
"""A lesion is found where at least this share of its pixels is."""


def lesion_counts(found: Tensor, mask: Tensor) -> tuple[int, int, int]:
    """Count the lesions of an image.

    A lesion is a part of the mask that is connected over sides and corners of pixels and holds at least `LEAST_SHARE`
    of the image. It is found where at least half of its pixels are. A false lesion is such a part of what was found
    that holds no pixel of the mask.

    Args:
        found: (H, W) bool.
        mask: (H, W) bool.

    Returns:
        Number of lesions, of those that are found, and of false lesions.

    Example:
        >>> found, mask = torch.zeros(2, 9, 9, dtype=torch.bool)
        >>> mask[0:3, 0:3] = mask[6:8, 0:3] = found[0:3, 1:5] = found[6, 8] = True
        >>> lesion_counts(found, mask)
        (2, 1, 1)
    """
    least = LEAST_SHARE * mask.numel()
    lesions = [part for part in components(mask) if len(part) >= least]
    flat = found.cpu().flatten()
    hit = sum(int(flat[part].sum()) >= FOUND_FROM * len(part) for part in lesions)
    truth = mask.cpu().flatten()
    false = sum(len(part) >= least and not truth[part].any() for part in components(found))
    return len(lesions), hit, false


def components(mask: Tensor) -> list[Tensor]:
    """Return the parts of a mask that are connected over sides and corners of pixels.

    Args:
        mask: (H, W) bool.

    Returns:
        For each part the (n,) int64 places of its pixels in the flattened mask, rising, on the CPU; the part that comes
        first in the mask first.

    Example:
        >>> mask = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]], dtype=torch.bool)
        >>> [part.tolist() for part in components(mask)]
        [[0, 4], [9, 10]]
    """
    width = mask.shape[1]
    # Runs of pixels in a row, from `start` up to `stop`, are the nodes of a graph. Counted through all rows, both rise.
    steps = F.pad(mask.cpu().to(torch.int8), (1, 1)).diff(dim=1)
    row, start = (steps == 1).nonzero().unbind(dim=1)
    stop = (steps == -1).nonzero()[:, 1]
    wide = width + 1
    starts, stops, below = row * wide + start, row * wide + stop, (row + 1) * wide
    # Those of the next row that touch a run lie side by side: from the first that ends behind its start, or at it.
    first = torch.searchsorted(stops, below + start)
    count = (torch.searchsorted(starts, below + stop, right=True) - first).clamp_min(0)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(row)))
    for run, (other, touching) in enumerate(zip(first.tolist(), count.tolist(), strict=True)):
        graph.add_edges_from((run, other + step) for step in range(touching))
    begins, ends = (row * width + start).tolist(), (row * width + stop).tolist()
    return [
        torch.cat([torch.arange(begins[run], ends[run]) for run in sorted(part)])
        for part in nx.connected_components(graph)
    ]
