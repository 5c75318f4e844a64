"""Table and plot of `label_regimes.py`."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from label_cells import (
    RECIPES,
    TITLES,
    Line,
    beside,
    dice_of,
    grouped,
    method_of,
    obedience_of,
    other_captions_of,
    set_of,
)

COLOURS = {
    "supervised": "#7f8c8d",
    "supervised + ours": "#2c3e50",
    "mean-teacher": "#2e86de",
    "mean-teacher + geometry": "#74b9ff",
    "mean-teacher + ours": "#0c2461",
    "cutmix": "#e67e22",
    "cutmix on all": "#f0b27a",
    "cutmix + geometry": "#d35400",
    "cutmix + ours": "#b71540",
    "text-flip": "#16a085",
    "paper": "#8e44ad",
    "paper, words corrected": "#c39bd3",
    "released": "#c0392b",
    "released, three faults": "#e6b0aa",
    "semimedref": "#1e8449",
    "semimedref-reads": "#78e08f",
}
BASELINE = "cutmix"


LEAST = 4.0
"""Dice that the plot of a share of labels shows at least."""


def table(results: list[Line]) -> Iterator[str]:
    """Markdown: means over seeds first, then every run that was made."""
    yield f"# Few labels on {TITLES[set_of(results[-1]) if results else 'qata']}\n"
    yield "Real test images; checkpoint chosen on the validation set. Percent; mean over the runs, and range."
    yield "A run has a seed and a draw of the labelled images; draw 0 is the published one. Where all runs are of one"
    yield "draw, the range leaves out what another choice of labelled images would do.\n"
    for data in dict.fromkeys(line["data"] for line in results):
        shown: set[int] = set()
        for name, recipe in RECIPES.items():
            # What two recipes make alike stands under the first.
            groups = {
                key: lines
                for key, lines in grouped(results, name, data).items()
                if not shown.issuperset(map(id, lines))
            }
            shown.update(id(line) for lines in groups.values() for line in lines)
            if groups:
                steps = ", ".join(f"{count} steps at {share:.0%}" for share, count in recipe.steps.items())
                about = ", ".join(f"{key} {value}" for key, value in recipe.settings.items())
                yield f"## {about}, {steps}; data {data}\n"
                yield from _means(groups)
    yield "Dice is global: of all pixels of all images at once."
    yield f"Over {BASELINE}: test Dice less that of {BASELINE} with the same seed and draw."
    yield "Obedience: Dice under captions narrowed to one side, mean of both; semimedref trains on such captions too."
    yield "Other captions: Dice under those of other images.\n"
    yield "## Every run\n"
    yield "A run whose settings are not those of its cell is a trial, and not counted.\n"
    heads = (
        "labels | network | method | other settings | draw | seed | steps | status | valid | test | obedience | minutes"
        " | on | commit"
    )
    yield f"| {heads} |"
    yield "|--:|---|---|---|--:|--:|--:|---|--:|--:|--:|--:|---|---|"
    for line in results:
        config = line["config"]
        draw, seed = _run(line)
        status = line["status"] + (", resumed" if line.get("resumed") else "")
        yield (
            f"| {config['labels']:.0%} | {config['model']} | {method_of(line)} | {', '.join(beside(line))} | "
            f"{draw} | {seed} | {config['steps']} | {status} | {_number(line.get('valid_dice'))} | "
            f"{_number(dice_of(line))} | {_number(obedience_of(line))} | {line['minutes']:.1f} | "
            f"{_where(line)} | {line['commit']} |"
        )
    yield ""
    yield from sorted({f"Machine: {line['machine']}." for line in results})
    yield ""


def _where(line: Line) -> str:
    """What computed: a GPU by its name, or the processor."""
    found = re.search(r"a run, (.+), Python", line["machine"])
    return found[1] if found else "CPU"


def _means(groups: dict[tuple[float, str], list[Line]]) -> Iterator[str]:
    heads = (
        f"labels | method | draws | runs | valid | test | over {BASELINE} | obedience | left / right | other captions"
    )
    yield f"| {heads} |"
    yield "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for (share, method), lines in groups.items():
        baseline = {_run(line): dice_of(line) for line in groups.get((share, BASELINE), [])}
        gains = [dice_of(line) - baseline[_run(line)] for line in lines if _run(line) in baseline]
        draws = len({draw for draw, _ in map(_run, lines)})
        sides = " / ".join(
            f"{np.mean([obedience_of(line, f'obedience_{side}') for line in lines]):.1f}" for side in ("left", "right")
        )
        yield (
            f"| {share:.0%} | {method} | {draws} | {len(lines)} | {_spread([line['valid_dice'] for line in lines])} | "
            f"{_spread([dice_of(line) for line in lines])} | "
            f"{_spread(gains, '+') if gains and method != BASELINE else ''} | "
            f"{_spread([obedience_of(line) for line in lines])} | {sides} | "
            f"{np.mean([other_captions_of(line) for line in lines]):.1f} |"
        )
    yield ""


def _run(line: Line) -> tuple[int, int]:
    """Draw of the labelled images, and seed."""
    return line["config"].get("split_seed", 0), line["config"]["seed"]


def _spread(values: list[float], sign: str = "") -> str:
    about = f" ({min(values):{sign}.1f} to {max(values):{sign}.1f})" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.2f}{about}"


def _number(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.2f}"


def plot(results: list[Line], path: Path) -> None:
    """Plain Dice against obedience of the recipe of which most was run, a point a run, a ring at each mean.

    Methods without a colour of their own, such as those that lack a part of another, are in the table alone.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    data = results[-1]["data"] if results else ""
    groups = max((grouped(results, name, data) for name in RECIPES), key=len)
    shares = sorted({share for share, _ in groups})
    if not shares:
        print("no run is counted yet: no plot")
        return
    figure, axes = plt.subplots(1, len(shares), figsize=(5 * len(shares), 4.2), layout="constrained", squeeze=False)
    rings = {}
    for axis, share in zip(axes[0], shares, strict=True):
        for (other, method), lines in groups.items():
            if other == share and method in COLOURS:
                x, y = [obedience_of(line) for line in lines], [dice_of(line) for line in lines]
                colour = COLOURS[method]
                axis.scatter(x, y, color=colour, s=22, alpha=0.7)
                ring = {"s": 160, "facecolors": "none", "edgecolors": colour, "lw": 2}
                rings[method] = axis.scatter([np.mean(x)], [np.mean(y)], **ring)
        axis.set(title=f"{share:.0%} of the labels", xlabel="obedience, Dice %", ylabel="global test Dice, %")
        axis.margins(0.15)
        # A few tenths are no difference, and should not look like one.
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, (low + high - LEAST) / 2), max(high, (low + high + LEAST) / 2))
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(rings.values(), rings.keys(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=130)
