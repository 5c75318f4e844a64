"""Positions in human referring expressions of photographs, and in captions of endoscopy and ultrasound.

Run with CROSSMODAL_AUG_DATA set to the folder of the real data:

    python benchmarks/parser_expressions.py [--data DIR] [--hand FILE.jsonl] [--misses KIND]
        [--out benchmarks/results/parser_expressions.json]

Everything but the parser's answers is decided here, by regular expressions written apart from its vocabulary:
what kind of expression a text is (`kind_of`), and what it must say once the image is mirrored (`mirror_faults`).

Kinds, the first that fits:

    none      no direction word (left, right, top, bottom, upper, lower, middle, center and how people spell them)
    ordinal   a direction that is counted along: "second from left", "last on the right", "left to right"
    relation  a direction taken from a thing: "left of the car", "on top of the hill", not "left of the picture"
    own side  the side of a body: "his left", "right hand of the girl"; "our left" is the viewer's
    part      the part of a thing: "left side of the bench", "middle of the table"
    denied    a place that is left out: "not the one on the left", "anywhere but the top"
    beside    a place, and a relation without a direction: "sky above the man on the left"
    plain     all others: "left man", "bottom right corner"

A box agrees with the regions read where at least a tenth of it lies in their union. Left and right are mirrored
rightly where each word that means one is exchanged, in whatever spelling, and all else stays as it was; "right"
that means "just" or "true" ("right above", "you were right") and "left" that is a verb stay. Words that may be
either are not held against the parser. Only texts with a word for left or right that must turn are counted.

`--hand` scores labels written by a reader: lines of `text`, `mirror`, `regions` (null: no place), `kind`, and
`also`, other sets of regions that are as good.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import platform
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from expression_kinds import directions_of, kind_of, mirror_faults, shape, side_words
from PIL import Image

from crossmodal_aug import QUADRANTS, PositionParser
from crossmodal_aug.errors import CrossModalError

# The least and the most that is asked, in per cent.
ASKED = {
    "mirrored wrongly": ("at most", 0.5),
    "plain read": ("at least", 90.0),
    "plain read, box elsewhere": ("at most", 4.0),
    "ordinal read": ("at most", 10.0),
    "relation read": ("at most", 10.0),
    "own side read": ("at most", 10.0),
    "kvasir centroid covered": ("at least", 97.0),
    "busi centroid covered": ("at least", 97.0),
}
INSIDE = 0.1


def share_inside(box: tuple[float, ...], regions: Iterable[str]) -> float:
    """Return how much of a box (x0, y0, x1, y1) lies in a union of regions."""
    x0, y0, x1, y1 = box
    windows = [QUADRANTS.boxes[QUADRANTS.names.index(name)] for name in regions]
    rows = sorted({y0, y1, *(cut for window in windows for cut in window[:2] if y0 < cut < y1)})
    columns = sorted({x0, x1, *(cut for window in windows for cut in window[2:] if x0 < cut < x1)})
    area = 0.0
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            if any(is_inside(((left + right) / 2, (top + bottom) / 2), window) for window in windows):
                area += (bottom - top) * (right - left)
    return area / max((x1 - x0) * (y1 - y0), 1e-9)


def is_inside(point: tuple[float, float], window: tuple[float, ...]) -> bool:
    """Return whether a point (x, y) lies in a region's box (y0, y1, x0, x1)."""
    y0, y1, x0, x1 = window
    return x0 <= point[0] <= x1 and y0 <= point[1] <= y1


def rate(part: int, whole: int) -> dict[str, Any]:
    """Return a count, what it is of, and the per cent."""
    return {"count": part, "of": whole, "percent": round(100 * part / whole, 2) if whole else None}


def mirrored_or_none(parser: PositionParser, text: str) -> str | None:
    """Return a mirrored text, or None where the parser declines to write one."""
    try:
        return parser.mirror(text)
    except CrossModalError:
        return None


def score_mirror(parser: PositionParser, texts: list[str], show: str) -> dict[str, Any]:
    """Count how texts with a word for left or right, and texts without, are mirrored."""
    counts: Counter[str] = Counter()
    for text in texts:
        fates = [fate for _, _, _, fate in side_words(text)]
        mirrored = mirrored_or_none(parser, text)
        group = "side" if "turns" in fates else "adverb" if fates else "without"
        counts[group] += 1
        counts["direction"] += kind_of(text) != "none"
        if mirrored is None:
            counts[group + " declined"] += 1
        elif mirror_faults(text, mirrored):
            counts[group + " wrong"] += 1
            if show == "mirror":
                print(f"  {group}: {text}  ->  {mirrored}")
        else:
            again = mirrored_or_none(parser, mirrored)
            counts["not undone"] += again is None or again.lower() != text.lower()
    wrong = counts["side wrong"] + counts["adverb wrong"] + counts["without wrong"]
    return {
        "mirrored wrongly": rate(counts["side wrong"], counts["side"]),
        "mirrored wrongly, of all with any direction word": rate(wrong, counts["direction"]),
        "mirror declined": rate(counts["side declined"], counts["side"]),
        "only adverbs and verbs, changed": rate(counts["adverb wrong"], counts["adverb"]),
        "without left and right, changed": rate(counts["without wrong"], counts["without"]),
        "mirrored twice, not as before (other spellings count)": rate(counts["not undone"], len(texts)),
    }


def score_reading(parser: PositionParser, rows: list[dict[str, str]], show: str) -> dict[str, Any]:
    """Count which kinds of expressions are read, and where the boxes of those lie."""
    total: Counter[str] = Counter()
    read: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for row in rows:
        kind = kind_of(row["text"])
        groups = [kind, f"plain: {directions_of(row['text'])}"] if kind == "plain" else [kind]
        if kind in ("plain", "beside"):
            groups.append("plain or beside")
        regions = parser(row["text"]).regions
        box = tuple(float(row[key]) for key in ("x0", "y0", "x1", "y1"))
        is_off = bool(regions) and share_inside(box, regions) < INSIDE
        total.update(groups)
        read.update(groups if regions else [])
        elsewhere.update(groups if is_off else [])
        if show == kind and (is_off or bool(regions) != (kind == "plain")):
            print(f"  {row['text']}  ->  {', '.join(regions) or 'nothing'}{' (box elsewhere)' if is_off else ''}")
    return {
        kind: {"read": rate(read[kind], total[kind]), "box elsewhere": rate(elsewhere[kind], read[kind])}
        for kind in sorted(total, key=lambda name: (name.startswith("plain:"), -total[name]))
    }


def score_captions(parser: PositionParser, folder: Path, show: str) -> dict[str, Any]:
    """Count the captions whose regions hold the centroid of their own mask."""
    rows = [
        (part, row) for part, listed in json.loads((folder / "annotation.json").read_text()).items() for row in listed
    ]
    named = read = covered = possible = wrong = 0
    for part, row in rows:
        caption = row["caption"]
        wrong += (mirrored := mirrored_or_none(parser, caption)) is None or mirror_faults(caption, mirrored)
        mask = np.asarray(Image.open(folder / part / "masks" / row["mask"]).convert("L")) > 127
        if kind_of(caption) == "none" or not mask.any():
            continue
        named += 1
        ys, xs = np.nonzero(mask)
        centroid = (float(xs.mean() + 0.5) / mask.shape[1], float(ys.mean() + 0.5) / mask.shape[0])
        holding = {n for n, box in zip(QUADRANTS.names, QUADRANTS.boxes, strict=True) if is_inside(centroid, box)}
        regions = set(parser(caption).regions)
        read += bool(regions)
        covered += bool(regions & holding)
        possible += bool(listed_regions(caption) & holding)
        if show == folder.name and not regions & holding:
            print(f"  {caption}  ->  {', '.join(sorted(regions)) or 'nothing'}; {centroid[0]:.2f}, {centroid[1]:.2f}")
    return {
        "centroid covered": rate(covered, named),
        "centroid covered by the list as it stands": rate(possible, named),
        "read": rate(read, named),
        "mirrored wrongly": rate(wrong, len(rows)),
    }


def listed_regions(caption: str) -> set[str]:
    """Read a list of places ("top left, center") without the parser, a row or a side as the corners that it has."""
    regions: set[str] = set()
    for entry in re.findall(r"\b(?:(?:top|bottom|left|right|center)\b ?)+", caption.lower()):
        words = entry.split()
        corners = {name for name in QUADRANTS.names if all(word in name.split("-") for word in words)}
        regions |= corners or {"center"}
    return regions


def score_hand(parser: PositionParser, path: Path, *, misses: bool) -> dict[str, Any]:
    """Compare with labels written by a reader, and the rule of this file with the same labels."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    counts: Counter[str] = Counter()
    by_kind: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        regions = set(parser(row["text"]).regions)
        same = any(regions == set(wanted or ()) for wanted in (row["regions"], *row.get("also", ())))
        mirrored = mirrored_or_none(parser, row["text"])
        # Compared by what the side words say, so that "rt" may become "lt" or "left".
        wrong = mirrored is None or shape(mirrored)[:2] != shape(row["mirror"])[:2]
        has_side = row["mirror"] != row["text"]
        counts["side"] += has_side
        counts["wrong"] += wrong
        counts["side wrong"] += wrong and has_side
        counts["same"] += same
        counts["rule wrong"] += mirror_faults(row["text"], row["mirror"])
        counts["rule kind"] += kind_of(row["text"]) == row["kind"]
        by_kind[row["kind"]][0] += same
        by_kind[row["kind"]][1] += 1
        if misses and (wrong or not same):
            print(
                f"  {row['text']}  ->  {sorted(regions)}, wanted {row['regions']}; {mirrored}, wanted {row['mirror']}"
            )
    return {
        "mirrored wrongly": rate(counts["wrong"], len(rows)),
        "mirrored wrongly, of those with left or right": rate(counts["side wrong"], counts["side"]),
        "read exactly": rate(counts["same"], len(rows)),
        "read exactly, by kind": {kind: rate(*pair) for kind, pair in sorted(by_kind.items())},
        "the mirror rule calls the label wrong": rate(counts["rule wrong"], len(rows)),
        "the rule names the label's kind": rate(counts["rule kind"], len(rows)),
    }


def machine() -> str:
    """Describe where the figures were taken."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def print_tree(name: str, found: dict[str, Any], depth: int = 0) -> None:
    """Print figures, one a line."""
    print(f"{'  ' * depth}{name}")
    for key, value in found.items():
        if "of" in value:
            print(f"{'  ' * depth}  {key:<56} {value['count']:>5} / {value['of']:<5} {shown(value['percent'])}")
        elif set(value) == {"read", "box elsewhere"}:
            read, off = value["read"], value["box elsewhere"]
            print(f"  {key:<28} {read['of']:>5}  read {shown(read['percent'])}  box elsewhere {shown(off['percent'])}")
        else:
            print_tree(key, value, depth + 1)


def shown(percent: float | None) -> str:
    """Return a per cent as text."""
    return "     -  " if percent is None else f"{percent:6.2f} %"


def main() -> int:
    """Print all figures beside what is asked, and return 1 where that is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, default=os.environ.get("CROSSMODAL_AUG_DATA"), help="the real data")
    options.add_argument("--hand", type=Path, help="labels written by a reader, to score as well")
    options.add_argument(
        "--misses", default="", metavar="KIND", help="print those of a kind, mirror, kvasir, busi, hand"
    )
    options.add_argument("--sample", type=int, metavar="N", help="print N random expressions with a direction, and end")
    options.add_argument("--out", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    if chosen.data is None:
        print("CROSSMODAL_AUG_DATA is not set: the real expressions are not at hand", file=sys.stderr)
        return 2
    with (Path(chosen.data) / "text/referit_dev.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if chosen.sample is not None:
        with_direction = [row["text"] for row in rows if kind_of(row["text"]) != "none"]
        print("\n".join(random.Random(0).sample(with_direction, chosen.sample)))
        return 0
    parser = PositionParser(QUADRANTS)
    mirror = score_mirror(parser, [row["text"] for row in rows], chosen.misses)
    reading = score_reading(parser, rows, chosen.misses)
    found: dict[str, Any] = {"expressions": len(rows), "mirror": mirror, "reading": reading}
    for name in ("kvasir", "busi"):
        found[name] = score_captions(parser, Path(chosen.data) / name, chosen.misses)
    if chosen.hand is not None:
        found["by hand"] = score_hand(parser, chosen.hand, misses=chosen.misses == "hand")
    for name in ("mirror", "reading", "kvasir", "busi", "by hand"):
        print_tree(name, found.get(name, {}))
    figures = {
        "mirrored wrongly": mirror["mirrored wrongly"],
        "plain read": reading["plain"]["read"],
        "plain read, box elsewhere": reading["plain"]["box elsewhere"],
        **{f"{kind} read": reading[kind]["read"] for kind in ("ordinal", "relation", "own side")},
        **{f"{name} centroid covered": found[name]["centroid covered"] for name in ("kvasir", "busi")},
    }
    print(f"\n{'figure':<28} {'found':>8}   asked")
    missed = []
    for name, (bound, limit) in ASKED.items():
        value = figures[name]["percent"]
        reached = value is not None and (value <= limit if bound == "at most" else value >= limit)
        missed += [] if reached else [name]
        print(f"{name:<28} {shown(value)}   {bound} {limit} %{'' if reached else '   missed'}")
    if chosen.out is not None:
        # Counts and shares only: no row of the data is written.
        result = {"machine": machine(), "asked": ASKED, "figures": figures, "missed": missed, **found}
        chosen.out.write_text(json.dumps(result, indent=1) + "\n")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
