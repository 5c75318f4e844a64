"""Draw the problem in one picture: python docs/draw_problem.py.

A flip and a CutMix of drawn chests, once with the caption left as it was and once with the words in step. The shares of
captions that agree with their masks are those that `benchmarks/alignment.py` measured on real data.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker
from numpy.typing import NDArray
from PIL import Image

from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip, TPatchMix
from crossmodal_aug.augment import CrossModalOp

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples" / "semimedref"))

from semimedref.captions import compared_words  # noqa: E402  (the example is a script's folder, not a package)
from semimedref.data.phantom import ROWS, draw_phantom  # noqa: E402

ASSETS = ROOT / "docs" / "assets"
ALIGNMENT = ROOT / "benchmarks" / "results" / "alignment.jsonl"
SIZE = 256
TOP, BOTTOM = 0.04, 0.84
"""What is shown of the height of an image."""
INK, FAINT, LIE, TRUE, OUTLINE = "#1b2430", "#5f6a78", "#c1121f", "#0a7d4f", "#4cc9f0"
FONTS = {"font.family": "DejaVu Sans", "text.color": INK, "text.parse_math": False}
MEASURED = {
    "flip": ("none", "horizontal flip (kornia), caption untouched", "SyncFlip"),
    "CutMix": ("none", "CutMix, anchor's caption", "TPatchMix where=donor text=evidence"),
}
"""The rows of the results for the sample, for the words left alone, and for ours."""


class Panel(NamedTuple):
    """One image of the picture.

    Attributes:
        image: (S, S) uint8.
        mask: (S, S) bool.
        words: The caption, word by word, each with its colour.
        share: Percentage of the captions that agree with their masks.
        patch: Where pixels changed hands, (S, S) bool, or None.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    words: list[tuple[str, str]]
    share: int
    patch: NDArray[np.bool_] | None = None


def agreement(row: str) -> int:
    """Percentage of QaTa-COV19's captions that name exactly the regions of their masks, after an augmentation."""
    for line in ALIGNMENT.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if (one["data"], one["evidence"], one["row"]) == ("qata", "true masks", row):
            return round(100 * one["after"]["exact"])
    raise SystemExit(f"no row '{row}' of qata in {ALIGNMENT}")


def panels(name: str) -> tuple[Panel, Panel, Panel]:
    """Return the sample, what is usually made of it, and what the op makes of it."""
    parser = PositionParser(LUNG_ZONES.with_geometry(rows=ROWS, laterality="viewer"))
    anchor, donor = draw_phantom(SIZE, (3, 4), [0]), draw_phantom(SIZE, (3, 9), [4])
    patched = TPatchMix(parser, patch_size=SIZE * 64 // 224, p=1.0, where="donor", gate=None)
    op: CrossModalOp = SyncFlip(parser, p=1.0) if name == "flip" else patched
    images = torch.from_numpy(np.stack([anchor.image, donor.image]))[:, None]
    masks = torch.from_numpy(np.stack([anchor.mask, donor.mask]))[:, None]
    out = op(images, [anchor.caption, donor.caption], masks, generator=torch.Generator().manual_seed(2))
    owner = torch.arange(2).view(-1, 1, 1, 1).expand(-1, 1, SIZE, SIZE)
    patch = None if name == "flip" else op.replay(owner, out.params)[0, 0].numpy() != 0
    image, mask = out.images[0, 0].numpy(), out.target[0, 0].numpy()
    fates = compared_words(anchor.caption, out.texts[0])
    before, lying, ours = (agreement(row) for row in MEASURED[name])
    return (
        Panel(anchor.image, anchor.mask, [(word, INK) for word in anchor.caption.split()], before),
        Panel(
            image, mask, [(word, LIE if fate == "gone" else INK) for word, fate in fates if fate != "new"], lying, patch
        ),
        Panel(
            image, mask, [(word, TRUE if fate == "new" else INK) for word, fate in fates if fate != "gone"], ours, patch
        ),
    )


def draw(path: Path, *, narrow: bool = False) -> None:
    """Draw the picture.

    Args:
        path: The file to write.
        narrow: Whether to leave out the samples, for a screen that is no wider than a phone's.
    """
    heads = [("the sample", INK), ("words left alone", LIE), ("words in step", TRUE)][narrow:]
    size, line = (8.6, 33) if narrow else (9.0, 40)
    column_width, image_height, row_height = 2.55, 2.55 * 0.96 * (BOTTOM - TOP), 2.95
    width, height = column_width * len(heads), 0.3 + 2 * row_height
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
        for column, (head, colour) in enumerate(heads):
            x = (column + 0.5) / len(heads)
            figure.text(x, 1 - 0.06 / height, head, ha="center", va="top", size=12, weight="bold", color=colour)
        for row, name in enumerate(MEASURED):
            bottom = 1 - (0.3 + row * row_height + image_height) / height
            for column, panel in enumerate(panels(name)[narrow:]):
                place = ((column + 0.02) / len(heads), bottom, 0.96 / len(heads), image_height / height)
                axis = figure.add_axes(place)
                _draw_panel(axis, panel, heads[column][1], size, line)
                if column == 0:
                    where = {"x": 0.03, "y": 0.955, "transform": axis.transAxes, "va": "top"}
                    axis.text(s=name, size=12, weight="bold", color="white", **where)
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.canvas = FigureCanvasAgg(figure)
    figure.canvas.draw()
    Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()).save(path, quality=88, method=6)


def _draw_panel(axis: Axes, panel: Panel, colour: str, size: float, line: int) -> None:
    axis.imshow(panel.image, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
    axis.set_axis_off()
    axis.set_ylim(SIZE * BOTTOM, SIZE * TOP)
    axis.contour(panel.mask, levels=[0.5], colors=[OUTLINE], linewidths=1.8)
    if panel.patch is not None:
        axis.contour(panel.patch, levels=[0.5], colors="white", linewidths=1.2, linestyles="dashed")
    rows: list[Artist] = [
        HPacker(
            children=[TextArea(word, textprops=_looks(shade, size)) for word, shade in words],
            pad=0,
            sep=3,
            align="baseline",
        )
        for words in _lines(panel.words, line)
    ]
    rows.append(
        HPacker(
            children=[
                TextArea(f"{panel.share} %", textprops={"size": 14, "weight": "bold", "color": colour}),
                TextArea("of captions fit their masks", textprops={"size": size, "color": FAINT}),
            ],
            pad=0, sep=5, align="baseline",
        )
    )  # fmt: skip
    box = VPacker(children=rows, pad=0, sep=3.5, align="left")
    place = {"xycoords": "axes fraction", "box_alignment": (0, 1), "annotation_clip": False}
    axis.add_artist(AnnotationBbox(box, (0.0, -0.03), frameon=False, pad=0, **place))


def _looks(colour: str, size: float) -> dict[str, object]:
    return {"color": colour, "size": size, "weight": "normal" if colour == INK else "bold"}


def _lines(words: list[tuple[str, str]], line: int) -> list[list[tuple[str, str]]]:
    lines: list[list[tuple[str, str]]] = [[]]
    for word in words:
        if sum(len(one) + 1 for one, _ in lines[-1]) + len(word[0]) > line:
            lines.append([])
        lines[-1].append(word)
    return lines


def main() -> None:
    """Draw the picture, wide and narrow."""
    draw(ASSETS / "problem.webp")
    draw(ASSETS / "problem-narrow.webp", narrow=True)


if __name__ == "__main__":
    main()
