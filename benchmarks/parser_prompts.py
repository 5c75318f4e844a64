"""Image positions in prompts against the lesion's own box, with misses sorted by cause.

Run with CROSSMODAL_AUG_DATA set to the folder of the real data:

    python benchmarks/parser_prompts.py [--misses] [--out benchmarks/results/parser_prompts.json]

A box is given in pixels without the size of its image, so only the sets whose images all have one size are
scored. A prompt is scored where it names a corner; it agrees where the centre of the box lies in a corner or
the centre region that was read from it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

from crossmodal_aug.anatomy import QUADRANTS, PositionParser

# Width and height of the sets whose images all have one size, as published with them.
SIZES = {
    "clinicdb_polyp": (384, 288),
    "colondb_polyp": (574, 500),
    "etis_polyp": (1225, 966),
    "bkai_polyp": (1280, 959),
}
CORNERS = {f"{row}-{column}" for row in ("top", "bottom") for column in ("left", "right")}
LIST = re.compile(r"located in ((?:(?:top|bottom|left|right|center)[ ,]*)+)")
MARGIN = 0.1


def listed_regions(text: str) -> set[str] | None:
    """Read the list behind "located in" without the parser, as a check on it; None where there is none."""
    found = LIST.search(text.lower())
    if found is None:
        return None
    regions = set()
    for entry in (words.strip() for words in found[1].split(",")):
        if entry == "center":
            regions.add("center")
        elif entry:
            regions |= {corner for corner in CORNERS if all(word in corner for word in entry.split())}
    return regions


def cause_of(row: dict[str, str], centre: tuple[float, float], regions: set[str]) -> str:
    """Sort a disagreement by its cause."""
    wanted = listed_regions(row["text"])
    if wanted is not None and wanted != regions:
        return "the parser read another list than stands there"
    if not re.match(r"(one|a|an)\b", row["text"].lower()):
        return "several lesions share one box"
    if min(abs(centre[0] - 0.5), abs(centre[1] - 0.5)) < MARGIN:
        return f"the centre of the box lies within {MARGIN:.0%} of a midline"
    return "the prompt itself disagrees with the box"


def main() -> int:
    """Print the agreement and return 1 where the parser misread a list."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--misses", action="store_true", help="print every miss")
    options.add_argument("--out", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    folder = os.environ.get("CROSSMODAL_AUG_DATA")
    if folder is None:
        print("CROSSMODAL_AUG_DATA is not set: the real prompts are not at hand", file=sys.stderr)
        return 2
    with (Path(folder) / "text/image_position_prompts_dev.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parser = PositionParser(QUADRANTS)
    scored = agreed = with_list = same_list = no_size = 0
    causes: Counter[str] = Counter()
    details: list[str] = []
    for row in rows:
        regions = set(parser(row["text"]).regions)
        wanted = listed_regions(row["text"])
        if wanted is not None:
            with_list += 1
            same_list += wanted == regions
        if row["bbox"] == "null" or not CORNERS & regions or len(regions & CORNERS) == len(CORNERS):
            continue
        if row["dataset"] not in SIZES:
            no_size += 1
            continue
        width, height = SIZES[row["dataset"]]
        x0, y0, x1, y1 = json.loads(row["bbox"])
        centre = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height)
        own = f"{'top' if centre[1] < 0.5 else 'bottom'}-{'left' if centre[0] < 0.5 else 'right'}"
        in_middle = all(0.25 <= value <= 0.75 for value in centre)
        scored += 1
        if own in regions or (in_middle and "center" in regions):
            agreed += 1
            continue
        cause = cause_of(row, centre, regions)
        causes[cause] += 1
        details.append(f"{cause}: box centre {centre[0]:.2f}, {centre[1]:.2f}: {row['text']}")
    print(f"{same_list}/{with_list} lists of positions read as they stand")
    print(f"{agreed}/{scored} = {agreed / scored:.3f} agree with the box ({no_size} boxes without an image size)")
    for cause, count in causes.most_common():
        print(f"  missed, {cause}: {count}")
    if chosen.misses:
        print("\n".join(sorted(details)))
    if chosen.out is not None:
        found = {"lists": with_list, "read_as_they_stand": same_list, "boxes": scored, "agree": agreed}
        found |= {"boxes_without_image_size": no_size, "misses_by_cause": dict(causes)}
        chosen.out.write_text(json.dumps(found, indent=1) + "\n")
    return int(same_list != with_list)


if __name__ == "__main__":
    raise SystemExit(main())
