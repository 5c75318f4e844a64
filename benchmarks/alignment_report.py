"""Table and plot of what `alignment.py` measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def table(results: list[dict[str, Any]], order: list[str]) -> Iterator[str]:
    """Markdown tables, one for each data set and evidence, with rows in some order."""
    groups = dict.fromkeys((one["data"], one["evidence"]) for one in results)
    for data, evidence in groups:
        group = [one for one in results if (one["data"], one["evidence"]) == (data, evidence)]
        group.sort(key=lambda one: order.index(one["row"]))
        yield f"\n### {data}, evidence: {evidence} ({group[0]['samples']} samples)\n"
        yield (
            "| augmentation | altered | pixels moved | captions changed "
            "| agreement before | after | kept | exact after | names empty | misses | points at the middle "
            "| left alone |"
        )
        yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
        for one in group:
            dose = f"{one['altered']:.1%} | {one['pixels_moved']:.2%} | {one['captions_changed']:.1%}"
            if "after" in one:
                after = one["after"]
                rest = (
                    f"{one['before']['jaccard']:.3f} | {after['jaccard']:.3f} | {one['kept']:.1%} | "
                    f"{after['exact']:.1%} | "
                    f"{after['names_an_empty_region']:.1%} | {after['misses_an_occupied_region']:.1%} | "
                    f"{one['middle'][0]:.1%} to {one['middle'][1]:.1%} | "
                    + (", ".join(f"{why.replace('_', ' ')} {count}" for why, count in one["left_alone"].items()) or "-")
                )
            else:
                rest = " | ".join(["-"] * 8)
            yield f"| {one['row']} | {dose} | {rest} |"


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """Share of the agreement that each augmentation keeps, with its dose."""
    group = [one for one in results if (one["data"], one["evidence"]) == ("qata", "true masks") and "kept" in one]
    group.sort(key=lambda one: one["kept"])
    colours = ["#2a7f62" if one["kept"] >= 0.97 else "#c0504d" for one in group]
    figure, axes = plt.subplots(figsize=(10, 0.3 * len(group) + 1.2), layout="constrained")
    axes.barh([one["row"] for one in group], [100 * one["kept"] for one in group], color=colours)
    for place, one in enumerate(group):
        axes.text(100 * one["kept"] + 0.5, place, f"{one['altered']:.0%} of samples altered", va="center", fontsize=7)
    axes.axvline(97, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("agreement of caption and mask that is left in the altered samples, in % of the unaltered one")
    axes.set_xlim(0, 118)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
