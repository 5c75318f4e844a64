"""Pictures of an evaluation: calibration, Dice against lesion size, and single cases."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor
from torch.nn import functional as F

from semimedref.data.views import to_unit
from semimedref.drawing import ANCHOR, FAINT, FONTS, FOUND, INK, draw_contour, fill_in, lines_of, save_figure, show

LINE = "#2a6f97"


def draw_reliability(path: Path, curve: Sequence[dict[str, float]], error: float) -> None:
    """Draw the observed share of lesion over the stated probability, and how many pixels each bin holds.

    Args:
        path: The PNG to write.
        curve: As `calibration.reliability` returns it.
        error: Expected calibration error in percent.
    """
    stated, observed = ([one[name] for one in curve] for name in ("probability", "lesion"))
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(5.2, 5.2), facecolor="white")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="dashed", label="perfect")
        upper.plot(stated, observed, color=LINE, marker="o", markersize=4, label=f"model, error {error:.2f} %")
        upper.set_ylabel("share of lesion among these pixels")
        upper.set_ylim(-0.02, 1.02)
        upper.legend(frameon=False, loc="upper left")
        lower.bar(stated, [one["pixels"] for one in curve], width=0.05, color=LINE)
        lower.set_yscale("log")
        lower.yaxis.set_major_formatter("{x:,.0f}")
        lower.yaxis.set_minor_formatter(NullFormatter())
        lower.set_ylabel("pixels")
        lower.set_xlabel("probability that the model states")
        lower.set_xlim(-0.03, 1.03)
        _plain(upper, lower)
        figure.tight_layout()
        save_figure(figure, path)


def draw_sizes(path: Path, area: Tensor, dice: Tensor, limits: tuple[float, float]) -> None:
    """Draw each image's Dice over the size of its lesion, with the limits of the thirds and their means.

    Args:
        path: The PNG to write.
        area: (N,) the mask's share of the image, in percent.
        dice: (N,) in percent.
        limits: The areas that part the thirds.
    """
    low, high = limits
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(6.4, 4.2), facecolor="white")
        axis = figure.subplots()
        axis.scatter(area.tolist(), dice.tolist(), s=10, color=LINE, alpha=0.5, linewidths=0)
        for limit in limits:
            axis.axvline(limit, color=FAINT, linewidth=1, linestyle="dashed")
        for inside in (area <= low, (area > low) & (area <= high), area > high):
            if inside.any():
                ends, mean = area[inside], dice[inside].mean().item()
                axis.plot([ends.min().item(), ends.max().item()], [mean, mean], color=INK, linewidth=2)
        if (area > 0).any():
            if (area > 0).all():
                axis.set_xscale("log")
            else:
                # Linear near 0, so that an image without lesion has its place too.
                axis.set_xscale("symlog", linthresh=area[area > 0].min().item())
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_ylim(-2, 102)
        axis.set_xlabel("lesion, percent of the image")
        axis.set_ylabel("Dice, percent")
        _plain(axis)
        figure.tight_layout()
        save_figure(figure, path)


def draw_case(path: Path, image: Tensor, mask: Tensor, probabilities: Tensor, title: str, caption: str) -> None:
    """Draw an image with its mask, and again with what was found.

    Args:
        path: The PNG to write.
        image: (1, S, T) uint8.
        mask: (H, W) bool.
        probabilities: (H, W).
        title: Stands above.
        caption: Stands beneath.
    """
    height, width = mask.shape
    shown = F.interpolate(to_unit(image)[None], size=(height, width), mode="bilinear", align_corners=False)[0, 0]
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(6.0, 3.0 * height / width + 0.85), facecolor="white")
        inches = figure.get_figheight()
        low, high = 0.5 / inches, 1 - 0.35 / inches
        left, right = (figure.add_axes((x, low, 0.485, high - low)) for x in (0.01, 0.505))
        for axis in (left, right):
            show(axis, shown)
        fill_in(left, mask, ANCHOR)
        fill_in(right, probabilities >= 0.5, FOUND)
        draw_contour(right, mask, ANCHOR, width=0.9)
        figure.text(0.01, 1 - 0.17 / inches, title, va="center", weight="bold")
        for axis, what, colour in ((left, "mask", ANCHOR), (right, "found", FOUND)):
            axis.text(0.02, 0.98, f"▬ {what}", va="top", color=colour, transform=axis.transAxes)
        figure.text(0.5, 0.25 / inches, lines_of(caption, 95), ha="center", va="center")
        save_figure(figure, path)


def _plain(*axes: Axes) -> None:
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="#e3e7ec", linewidth=0.6)
        axis.set_axisbelow(True)
