"""What all pictures share: colours, fonts, and how images and masks are drawn."""

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from semimedref.files import write_atomically

INK, FAINT = "#1b2430", "#6b7684"
ANCHOR, DONOR, MIXED, FOUND = "#4cc9f0", "#ffb703", "#f72585", "#80ed99"
# Captions are words: a dollar sign in one starts no formula.
FONTS: dict[Any, Any] = {
    "figure.dpi": 130,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.color": INK,
    "text.parse_math": False,
}


LONGEST_TEXT = 1000


def lines_of(caption: str, width: int) -> str:
    """Return a caption in lines of a width; of a very long one the beginning."""
    # Wrapped here: Matplotlib's own wrapping measures a dollar sign as the start of a formula.
    return fill(shortened(caption), width)


def shortened(caption: str) -> str:
    """Return a caption, or the beginning of one that no picture has room for."""
    return caption if len(caption) <= LONGEST_TEXT else caption[: LONGEST_TEXT - 3] + "..."


def show(axis: Axes, image: Tensor) -> None:
    """Show an (H, W) image in [0, 1], without axes."""
    axis.imshow(to_numpy(image), cmap="gray", vmin=0, vmax=1, interpolation="bicubic")
    axis.set_axis_off()


def draw_contour(axis: Axes, mask: Tensor, colour: str, *, width: float = 1.6) -> None:
    """Draw the outline of an (H, W) mask, where there is one."""
    values = to_numpy(mask)
    if values.min() < 0.5 <= values.max():
        axis.contour(values, levels=[0.5], colors=[colour], linewidths=width)


def fill_in(axis: Axes, mask: Tensor, colour: str) -> None:
    """Tint an (H, W) mask, and draw its outline."""
    values = to_numpy(mask)
    if values.max() >= 0.5:
        axis.contourf(values, levels=[0.5, 1.5], colors=[colour], alpha=0.35)
    draw_contour(axis, mask, colour, width=1.3)


def to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    values: NDArray[np.float32] = tensor.detach().cpu().float().numpy()
    return values


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all."""
    write_atomically(path, figure.savefig)
