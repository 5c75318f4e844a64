"""Pictures of a run: what each op does, and what the models find."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from crossmodal_aug import Atlas, Focus, PosAug, Reword, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.augment.base import CrossModalOp
from semimedref.atlases import parser_for
from semimedref.captions import write_caption
from semimedref.checkpoints import Trained
from semimedref.data.samples import DataSet, Samples
from semimedref.data.views import to_unit
from semimedref.drawing import (
    ANCHOR,
    DONOR,
    FAINT,
    FONTS,
    FOUND,
    INK,
    MIXED,
    draw_contour,
    fill_in,
    lines_of,
    save_figure,
    shortened,
    show,
    to_numpy,
)
from semimedref.draws import seeded
from semimedref.inference import predict_logits
from semimedref.models import ReferringModel

TRIES = 200


@dataclass(frozen=True)
class OpRow:
    """One row of the op panel.

    Attributes:
        title: Name of the op.
        about: What it does, in a line.
        op: The op, always applied.
        takes_donor: Whether pixels come from another sample.
    """

    title: str
    about: str
    op: CrossModalOp
    takes_donor: bool


def op_rows(atlas: Atlas, size: int) -> list[OpRow]:
    """Return the ops of the panel that an atlas allows, each made so that it always acts."""
    parser = parser_for(atlas)
    patch = TPatchMix(parser, patch_size=max(2, round(0.3 * size)), p=1.0, where="donor", gate=None)
    rows = [
        OpRow("T-PatchMix", "a patch of the donor, and the regions that it brought or covered", patch, True),
        OpRow("ZoneMix", "whole regions change hands, with their words", ZoneMix(parser, p=1.0), True),
        OpRow("SyncFlip", "left and right are exchanged in pixels and in words", SyncFlip(parser, p=1.0), False),
        OpRow("PosAug", "only the words change, and become vaguer", PosAug(parser, phrase_p=0.6), False),
        OpRow("Focus", "one side is named, and the target follows", Focus(parser, unit="side", p=1.0), False),
    ]
    if atlas.phrasing.frames:
        reword = OpRow("Reword", "only the words change, and name the same regions", Reword(parser, p=1.0), False)
        rows.insert(-1, reword)
    return rows


def draw_ops(path: Path, data: DataSet) -> None:
    """Draw anchor, donor and result of each op, with mask contours and captions; one row an op.

    It shows what the ops do to these data, whatever the run makes of them.

    Args:
        path: The PNG to write.
        data: A data set; its labelled samples are shown.
    """
    samples = data.labelled.take(range(min(32, len(data.labelled))))
    rows = op_rows(data.atlas, samples.images.shape[-1])
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(9.0, 0.55 + 3.5 * len(rows)), facecolor="white")
        grid = figure.add_gridspec(
            len(rows),
            3,
            left=0.02,
            right=0.98,
            top=1 - 0.62 / figure.get_figheight(),
            bottom=0.03,
            hspace=0.42,
            wspace=0.04,
        )
        for column, (title, colour) in enumerate((("anchor", ANCHOR), ("donor", DONOR), ("result", MIXED))):
            x = 0.02 + 0.96 * (column + 0.5) / 3
            figure.text(x, 1 - 0.22 / figure.get_figheight(), title, ha="center", weight="bold", size=11, color=INK)
            figure.text(x, 1 - 0.24 / figure.get_figheight(), "▬", ha="center", va="top", size=9, color=colour)
        for number, row in enumerate(rows):
            _draw_op([figure.add_subplot(grid[number, column]) for column in range(3)], row, samples)
        save_figure(figure, path)


def _draw_op(axes: Sequence[Axes], row: OpRow, samples: Samples) -> None:
    shown = _example(row, samples)
    images, masks, texts = to_unit(samples.images), samples.known_masks, samples.texts
    _heading(axes[0], row.title, row.about)
    sources = [(axes[0], shown.anchor, ANCHOR)]
    if shown.donor is None:
        axes[1].axis("off")
        axes[1].text(0.5, 0.5, "no donor", ha="center", va="center", color=FAINT, transform=axes[1].transAxes)
    else:
        sources.append((axes[1], shown.donor, DONOR))
    for axis, index, colour in sources:
        show(axis, images[index, 0])
        draw_contour(axis, masks[index, 0], colour)
        write_caption(axis, texts[index], ink=INK, faint=FAINT, accent=colour)
    show(axes[2], shown.image)
    if shown.changed.any():
        axes[2].contour(to_numpy(shown.changed), levels=[0.5], colors="white", linewidths=1.1, linestyles="dashed")
    draw_contour(axes[2], shown.mask, MIXED)
    write_caption(axes[2], shown.text, ink=INK, faint=FAINT, accent=MIXED, before=texts[shown.anchor])


class Example(NamedTuple):
    """One sample that an op altered.

    Attributes:
        anchor: Its index.
        donor: Index of the sample that pixels came from, or None.
        image: (H, W) after the op.
        mask: (H, W) after the op.
        changed: (H, W) bool: pixels that came from the donor.
        text: Caption after the op.
    """

    anchor: int
    donor: int | None
    image: Tensor
    mask: Tensor
    changed: Tensor
    text: str


def _example(row: OpRow, samples: Samples) -> Example:
    """Find a sample whose caption the op changes, trying seed after seed; failing that, take the first sample."""
    images, masks, texts = to_unit(samples.images), samples.known_masks, samples.texts
    for seed in range(TRIES):
        out = row.op(images, texts, masks, generator=seeded(seed))
        changed = [new != old for new, old in zip(out.texts, texts, strict=True)]
        if any(changed):
            break
    # A caption that names two regions shows more than one that names a single one.
    telling = (1 + out.positions.sum(dim=1).clamp(max=2)) * torch.tensor(changed)
    index = int(telling.argmax())
    # Replayed on a map that says whose each pixel is, the call tells where pixels changed hands.
    owner = torch.arange(len(samples)).view(-1, 1, 1, 1).expand(-1, 1, *images.shape[2:])
    from_donor = row.op.replay(owner, out.params)[index, 0] != index if row.takes_donor else torch.zeros(1, 1)
    return Example(
        anchor=index,
        donor=int(out.params.donors[index]) if row.takes_donor else None,
        image=out.images[index, 0],
        mask=out.target[index, 0],
        changed=from_donor,
        text=out.texts[index],
    )


def draw_predictions(path: Path, trained: Trained, data: DataSet, dice: Sequence[float]) -> None:
    """Draw test images from the worst to the best, with the reference and what each model finds.

    Args:
        path: The PNG to write.
        trained: The models.
        data: The data set.
        dice: Dice of the last model on each test image, in percent.
    """
    parser = parser_for(data.atlas)
    order = np.argsort(dice, kind="stable")
    shares = (0.02, 0.2, 0.4, 0.6, 0.8, 0.98)
    chosen = list(dict.fromkeys(int(order[int(share * (len(order) - 1))]) for share in shares))
    samples = data.test.take(chosen)
    columns = [("reference", ANCHOR, None), *((name, FOUND, name) for name in trained.models)]
    mirrored = [report.mirrored() for report in parser.parse_many(samples.texts)]
    heads = [*(head for head, _, _ in columns), "caption mirrored"]
    with mpl.rc_context(FONTS):
        figure = Figure(figsize=(2.3 * (len(heads) + 1), 0.45 + 2.75 * len(samples)), facecolor="white")
        height = figure.get_figheight()
        grid = figure.add_gridspec(
            len(samples),
            len(heads) + 1,
            left=0.02,
            right=0.98,
            top=1 - 0.62 / height,
            bottom=0.02,
            hspace=0.2,
            wspace=0.04,
        )
        for column, head in enumerate(["image", *heads]):
            x = 0.02 + 0.96 * (column + 0.5) / (len(heads) + 1)
            figure.text(x, 1 - 0.24 / height, head, ha="center", weight="bold", size=10)
        maps = [samples.known_masks[:, 0]]
        maps += [_found(model, samples, samples.texts) for model in trained.models.values()]
        maps += [_found(trained.model, samples, mirrored)]
        for row in range(len(samples)):
            axes = [figure.add_subplot(grid[row, column]) for column in range(len(heads) + 1)]
            image = to_unit(samples.images[row, 0])
            for axis in axes:
                show(axis, image)
            colours = [ANCHOR, *[FOUND] * len(trained.models), MIXED]
            for axis, found, colour in zip(axes[1:], maps, colours, strict=True):
                fill_in(axis, found[row], colour)
            for axis in axes[2:]:
                draw_contour(axis, maps[0][row], ANCHOR, width=0.9)
            axes[0].set_title(
                f"{shortened(samples.texts[row])}   Dice {dice[chosen[row]]:.1f}", loc="left", size=8, color=INK, pad=4
            )
        save_figure(figure, path)


def _found(model: ReferringModel, samples: Samples, texts: Sequence[str]) -> Tensor:
    return predict_logits(model, samples.images, texts)[:, 0].sigmoid().cpu() >= 0.5


def draw_overlay(path: Path, image: NDArray[np.uint8], probabilities: Tensor, caption: str) -> None:
    """Draw what was found over an image, with the caption beneath.

    Args:
        path: The PNG to write.
        image: (H, W) uint8.
        probabilities: (H, W).
        caption: What the model was told.
    """
    with mpl.rc_context(FONTS):
        height, width = image.shape
        figure = Figure(figsize=(8.0, 4.0 * height / width + 0.9), dpi=150, facecolor="white")
        low = 0.8 / figure.get_figheight()
        left, right = (figure.add_axes((x, low, 0.485, 0.97 - low)) for x in (0.01, 0.505))
        for axis in (left, right):
            show(axis, torch.from_numpy(image.astype(np.float32) / 255))
        fill_in(right, probabilities >= 0.5, FOUND)
        figure.text(0.5, 0.4 / figure.get_figheight(), lines_of(caption, 110), ha="center", va="center", size=9)
        save_figure(figure, path)


def _heading(axis: Axes, title: str, about: str) -> None:
    axis.text(0.0, 1.035, title, transform=axis.transAxes, size=11, weight="bold", va="bottom", color=INK)
    axis.annotate(
        about,
        (0.0, 1.035),
        xycoords="axes fraction",
        xytext=(9.5 * len(title) * 0.82 + 8, 1),
        textcoords="offset points",
        size=8.5,
        color=FAINT,
        va="bottom",
        annotation_clip=False,
    )
