"""Outlines of masks and regions, as the paths of an SVG picture."""

import numpy as np
from numpy.typing import NDArray


def outline(values: NDArray[np.generic]) -> str:
    """Return the borders between pixels of different values, and of those that are not 0 at the edge of the image.

    Args:
        values: (H, W) or (C, H, W), a mask, labels, or several channels of these.

    Returns:
        The commands of an SVG path, one unit a pixel; "" where there is no border.

    Examples:
        >>> outline(np.array([[0, 1], [0, 0]]))
        'M1 0h1M1 1h1M1 0v1M2 0v1'
    """
    planes = np.pad(values.reshape(-1, *values.shape[-2:]), ((0, 0), (1, 1), (1, 1)))
    rows = (planes[:, 1:] != planes[:, :-1]).any(axis=0)[:, 1:-1]
    columns = (planes[:, :, 1:] != planes[:, :, :-1]).any(axis=0)[1:-1]
    across = "".join(f"M{start} {line}h{length}" for line, start, length in _runs(rows))
    return across + "".join(f"M{line} {start}v{length}" for line, start, length in _runs(columns.T))


def _runs(lines: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Stretches of True: number of the line, where it starts, how long it is."""
    steps = np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (line, start), (_, end) = np.nonzero(steps == 1), np.nonzero(steps == -1)
    return list(zip(line.tolist(), start.tolist(), (end - start).tolist(), strict=True))
