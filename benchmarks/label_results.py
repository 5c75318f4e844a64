"""Table and plot of `label_regimes.py`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from label_cells import (
    COMPARED,
    METHODS,
    RECIPES,
    Line,
    beside,
    dice_of,
    grouped,
    method_of,
    obedience_of,
    other_captions_of,
)

COLOURS = ("#7f8c8d", "#2e86de", "#e67e22", "#b9770e", "#16a085", "#8e44ad", "#c0392b", "#1e8449")


def table(results: list[Line]) -> Iterator[str]:
    """Markdown: means over seeds first, then every run that was made."""
    yield "# Few labels on QaTa-COV19\n"
    yield "Real test images; checkpoint chosen on the validation set. Percent; mean over the seeds, and range.\n"
    for name, recipe in RECIPES.items():
        groups = grouped(results, name)
        if not groups:
            continue
        steps = ", ".join(f"{count} steps at {share:.0%}" for share, count in recipe.steps.items())
        yield "## " + ", ".join(f"{key} {value}" for key, value in recipe.settings.items()) + f", {steps}\n"
        yield "| labels | method | seeds | valid Dice | test Dice | obedience | left / right | other captions |"
        yield "|--:|---|--:|--:|--:|--:|--:|--:|"
        for (share, method), lines in groups.items():
            yield _row(share, method, lines)
        yield ""
    yield "Dice is global: of all pixels of all images at once. Obedience: Dice under captions narrowed to one side,"
    yield "mean of both. Other captions: Dice under those of other images.\n"
    yield "## Every run\n"
    yield "| labels | method | other settings | seed | steps | status | valid | test | obedience | minutes | commit |"
    yield "|--:|---|---|--:|--:|---|--:|--:|--:|--:|---|"
    for line in results:
        shown = line["settings"]
        yield (
            f"| {shown['labels']:.0%} | {method_of(line)} | {', '.join(beside(line))} | {shown['seed']} | "
            f"{shown['steps']} | {line['status']} | {_number(line.get('valid_dice'))} | {_number(dice_of(line))} | "
            f"{_number(obedience_of(line))} | {line['minutes']:.1f} | {line['commit']} |"
        )
    yield ""
    yield from sorted({f"Machine: {line['machine']}." for line in results})
    yield ""


def _row(share: float, method: str, lines: list[Line]) -> str:
    sides = " / ".join(
        f"{np.mean([line['metrics'][f'obedience_{side}'] for line in lines]):.1f}" for side in ("left", "right")
    )
    return (
        f"| {share:.0%} | {method} | {len(lines)} | {_spread([line['valid_dice'] for line in lines])} | "
        f"{_spread([dice_of(line) for line in lines])} | {_spread([obedience_of(line) for line in lines])} | {sides} | "
        f"{np.mean([other_captions_of(line) for line in lines]):.1f} |"
    )


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.1f} - {max(values):.1f})"


def _number(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.2f}"


def plot(results: list[Line], path: Path) -> None:
    """Plain Dice against obedience of the first recipe, a point a run, a ring at each mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    groups = grouped(results, next(iter(RECIPES)))
    shares = sorted({share for share, _ in groups})
    figure, axes = plt.subplots(1, len(shares), figsize=(5 * len(shares), 4.2), layout="constrained", squeeze=False)
    colours = dict(zip(METHODS, COLOURS, strict=True))
    for axis, share in zip(axes[0], shares, strict=True):
        for (other, method), lines in groups.items():
            if other == share and method in COMPARED:
                x, y = [obedience_of(line) for line in lines], [dice_of(line) for line in lines]
                axis.scatter(x, y, color=colours[method], s=22, alpha=0.7)
                ring = {"s": 160, "facecolors": "none", "edgecolors": colours[method], "lw": 2}
                axis.scatter([np.mean(x)], [np.mean(y)], label=method, **ring)
        axis.set(title=f"{share:.0%} of the labels", xlabel="obedience, Dice %", ylabel="global test Dice, %")
        axis.margins(0.15)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(COMPARED), frameon=False
    )
    figure.savefig(path, dpi=130)
