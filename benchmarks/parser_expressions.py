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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
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

# left and right: spelt right, glued to a neighbour, abbreviated, misspelt.
GLUED = r"(?:on|in|the|n|to|top|bottom|upper|lower|far|wall)?"
LEFT = r"left(?!over)|lefft|laft|lft|lef(?=\b|most)|keft|lt\b(?! (?:blue|green|brown|gr[ae]y|pink|colou?red))"
RIGHT = r"right(?!eous|ful|ly)|riight|rigght|righrt|rigth|rigt|righ|rght|rgt|rt\b"
LETTER_AFTER = r"(?:to|on)(?: the)? |(?:top|bottom|upper|lower|middle|center|far) |\b[lr](?: to |/)"
SIDE = re.compile(
    rf"(?<![a-z]){GLUED}(?:(?P<left>{LEFT})|(?P<right>{RIGHT}))|(?<![a-z])(?:(?P<l>l)|(?P<r>r))(?![a-z'])",
    re.IGNORECASE,
)
BEFORE_LETTER = re.compile(rf"(?:{LETTER_AFTER})$", re.IGNORECASE)
AFTER_LETTER = re.compile(r"(?: to |/)[lr]\b| (?:side|hand|corner)\b", re.IGNORECASE)

# "right" that means "just": what stands behind it, and what before it makes it a place all the same.
JUST = (
    r"above|abouve|over|below|beneath|under|underneath|behind|beside|between|btween|inbetween|in between|infront|next|"
    r"in(?: the)?(?: very)? (?:front|middle|center|centre)|in(?: the)? back of|up front|here|there|now|away|through"
)
JUST_OR_PLACE = r"at|by|near|inside|outside|around|before|after|against|along|across|on top|up"
PLACE_BEFORE = re.compile(
    r"(?:\b(?:the|on|to|at|from|far|farthest|furthest|very|way|most|mid|upper|lower|top|bottom|your|our|his|her|or|and)"
    r"|'s|[-/])\s*$",
    re.IGNORECASE,
)
DOUBTFUL_BEFORE = re.compile(r"\b(?:middle|center|centre|back|front|rear|in)\s*$|[,.]\s*$", re.IGNORECASE)
TRUE_BEFORE = re.compile(r"\b(?:was|were|are|is|be|you're|youre|we're|that's|thats|all|got it) $", re.IGNORECASE)
TRUE_AFTER = re.compile(r"\s*(?:$|[.!?,;:/]|on the last|last time)", re.IGNORECASE)
VERB_BEFORE = re.compile(r"\b(?:was|were|been|being|be|has|have|had|is|are|you|they|we|he|she) $", re.IGNORECASE)
VERB_AFTER = re.compile(r" (?:in place|alone|unchanged|unread|untreated)\b", re.IGNORECASE)
PLACE_AFTER = re.compile(r"[- ]?(?:of|most|side|hand|corner|edge|part|half)\b", re.IGNORECASE)

SIDES = r"(?:left|right)(?:[- ]?most|est)?"
ROWS = r"(?:top|upper|bottom|lower)(?:[- ]?most)?|lowest|highest"
CENTRE = r"middle(?:ish)?|mid|center|centre|centr?al|centermost"
DIRECTION = rf"(?:{SIDES}|{ROWS}|{CENTRE})"
SPELLINGS = {
    r"botom|botton|btoom|bottm|bttm|btm|botto|nottom|bot": "bottom",
    r"topr": "top",
    r"middel|midle|imddle|middlish": "middle",
    r"centrally|centered|centred|cneter|ceter": "center",
}
# Clothes and the tops of things, which name no place.
NO_DIRECTION = re.compile(
    r"\b(?:tank|bikini|crop) (?:top|bottom)s?\b|\b(?:tree|hill|mountain|roof|table|desk|counter)s?[- ]?tops?\b|"
    r"\b(?:red|blue|green|white|black|pink|yellow|grey|gray|brown|orange|purple) (?:top|bottom)s?\b"
    rf"(?! (?:{DIRECTION}|corner|of|part|half|edge|row))"
)
IMAGE = (
    r"(?:the |this |your |our )?(?:whole |entire )?"
    r"(?:image|picture|picutre|picturte|pcture|pictur|pics?|pick|photo|photograph|screen|frame|shot|view|page|pg|scan)\b"
)
NUMBER = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|\d+ ?(?:st|nd|rd|th))"
PERSON = r"(?:man|guy|girl|boy|kid|child|woman|lady|dude|person|rider|biker|bird|horse|dog|cow|animal|baby|patient)"
BODY = r"(?:hand|arm|leg|foot|feet|knee|shoulder|elbow|eye|ear|cheek|thumb|finger|armpit|wing|paw|ankle|wrist)s?"
PARTS = r"(?:(?:hand )?(?:side|half|part|portion|edge|end|corner|tip|third|section|area))"

FRACTION = re.compile(rf"{DIRECTION} (?:1/3|third|3rd|quarter)\b")
NOT_COUNTED = re.compile(rf"\b{NUMBER} (?:floor|story|level|time|pic|try)\b|\bthe last one!?$")
ORDINAL = re.compile(
    rf"\b{NUMBER}\b|\b(?:from|for) (?:the )?(?:far |very )?{DIRECTION}\b|\bnext to last\b|"
    rf"\b{SIDES} to {SIDES}\b|\bl to r\b|\br to l\b"
)
CENTRE_OF_IMAGE = rf"(?:the )?(?:image )?(?:{CENTRE})\b(?! \w)"
RELATION = re.compile(
    rf"\b{SIDES} (?:of|fo)\b(?! {IMAGE}| {CENTRE_OF_IMAGE})|\b{SIDES} to (?!{DIRECTION}|the {DIRECTION})|"
    rf"\bon top of (?!{IMAGE})|\b(?:left|right) on (?:him|her|{PERSON})\b"
)
OWN_SIDE = re.compile(
    rf"\b(?:left|right) {BODY}\b(?! (?:side|corner))|"
    rf"\b(?:his|her|their|its|{PERSON}'?s) (?:left|right)\b(?! hand side| hand corner)(?! {PERSON})"
)
PART = re.compile(rf"\b{DIRECTION}(?: {PARTS})? of (?!{IMAGE}|{CENTRE_OF_IMAGE})")
DENIED = re.compile(rf"(?:\bnot|n't|\bbut|\bexcept|\bavoid) (?:\w+ ){{0,4}}?{DIRECTION}\b")
BESIDE = re.compile(
    r"\b(?:above|abouve|aobve|below|under|beneath|underneath|behind|in ?front of|next to|beside|near|nearest|between|"
    r"by|over|against|touching|around|across|inside|before|beyond|around|closest to)\b"
)

LATER_KINDS = {"relation": RELATION, "own side": OWN_SIDE, "part": PART, "denied": DENIED, "beside": BESIDE}


def side_words(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, side ("L", "R") and fate of each word for left or right.

    The fate under a mirror is "turns", "stays" (an adverb, a verb) or "either" (this rule cannot tell).
    """
    for found in SIDE.finditer(text):
        name = str(found.lastgroup)
        start, end = found.span(name)
        before, after = text[: found.start()], text[end:]
        if name in ("l", "r") and not (BEFORE_LETTER.search(before) or AFTER_LETTER.match(after)):
            continue
        yield start, end, name[0].upper(), fate_of(name, before, after)


def fate_of(name: str, before: str, after: str) -> str:
    """Return what a mirror does with a word for left or right."""
    if name == "right":
        if TRUE_BEFORE.search(before) and TRUE_AFTER.match(after):
            return "stays"
        if not PLACE_BEFORE.search(before):
            if re.match(rf" +(?:{JUST})\b", after, re.IGNORECASE):
                return "either" if DOUBTFUL_BEFORE.search(before) or not after.strip() else "stays"
            if re.match(rf" +(?:{JUST_OR_PLACE})\b", after, re.IGNORECASE):
                return "either"
    if name == "left":
        if VERB_AFTER.match(after):
            return "stays"
        if VERB_BEFORE.search(before) and not PLACE_AFTER.match(after):
            return "either"
    return "turns"


def shape(text: str) -> tuple[list[str], list[str], list[str]]:
    """Split a text at its words for left and right: what lies between, the sides, their fates."""
    words = list(side_words(text))
    cuts = [0, *(cut for start, end, _, _ in words for cut in (start, end)), len(text)]
    between = [text[a:b].lower() for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    return between, [side for _, _, side, _ in words], [fate for _, _, _, fate in words]


def mirror_faults(text: str, mirrored: str) -> bool:
    """Return whether a text was mirrored wrongly."""
    between, sides, fates = shape(text)
    # The words stand in the same places, but fates are those of the source: "left above" is no adverb.
    other_between, other_sides, _ = shape(mirrored)
    if between != other_between or len(sides) != len(other_sides):
        return True
    turned = {"L": "R", "R": "L"}
    return any(
        (fate == "turns" and other != turned[side]) or (fate == "stays" and other != side)
        for side, other, fate in zip(sides, other_sides, fates, strict=True)
    )


def plain_spelling(text: str) -> str:
    """Return a text in lower case with its direction words spelt in one way, and those that name no place left out."""
    pieces, at = [], 0
    for start, end, side, fate in side_words(text):
        word = "just" if fate == "stays" else "left" if side == "L" else "right"
        # A word that is glued to its neighbour is cut off from it.
        gap = " " if text[:start][-1:].isalpha() else ""
        pieces += [text[at:start], gap, word]
        at = end
    text = ("".join(pieces) + text[at:]).lower().replace("-", " ")
    for spellings, word in SPELLINGS.items():
        text = re.sub(rf"\b(?:{spellings})\b", word, text)
    return NO_DIRECTION.sub("thing", " ".join(text.split()))


def kind_of(text: str) -> str:
    """Return the kind of an expression, as listed at the head of this file."""
    text = plain_spelling(text)
    if not re.search(rf"\b{DIRECTION}", text):
        return "none"
    counted = NOT_COUNTED.sub("", FRACTION.sub("left", text))
    if ORDINAL.search(counted):
        return "ordinal"
    return next((kind for kind, pattern in LATER_KINDS.items() if pattern.search(text)), "plain")


def directions_of(text: str) -> str:
    """Return which directions a plain expression names, to sort the figures by."""
    text = plain_spelling(text)
    side = "side" if re.search(rf"\b{SIDES}", text) else ""
    row = "row" if re.search(rf"\b(?:{ROWS})\b", text) else ""
    centre = "center" if re.search(rf"\b(?:{CENTRE})\b", text) else ""
    return " + ".join(filter(None, (row, centre, side)))


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
