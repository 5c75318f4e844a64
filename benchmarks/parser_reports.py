"""How well the position parser reads real radiology prose: hand-labelled sentences and indexed reports.

Run with CROSSMODAL_AUG_DATA set to the folder of the real data:

    python benchmarks/parser_reports.py [--gold FILE.jsonl] [--misses] [--out benchmarks/results/parser_reports.json]
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
from typing import Any

from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser

LEVEL_OF = {
    "upper_lobe": "upper",
    "apex": "upper",
    "middle_lobe": "middle",
    "hilum": "middle",
    "lingula": "middle",
    "lower_lobe": "lower",
    "base": "lower",
}
# An indexed location counts as stated where one sentence holds a word for its side and one for its zone.
# These patterns are written apart from the parser's own vocabulary, as a check on it.
SIDE_WORDS = {
    "left": r"left|bilateral|both|lungs|bases|apices|hila\b|bibasilar|biapical|lobes|lingula",
    "right": r"right|bilateral|both|lungs|bases|apices|hila\b|bibasilar|biapical|lobes",
    "both": r"bilateral|both|bases|apices|hila\b|bibasilar|biapical|lobes|lungs|left.*right|right.*left",
    "": r"",
}
ZONE_WORDS = {
    "upper": r"upper (lobe|lung|zone)|ap(ex|ices|ical)|biapical|suprahilar",
    "middle": r"mid|middle|hil|lingula",
    "lower": r"lower|bas(e|al|ilar|es)|bibasilar|costophrenic|retrocardiac|infrahilar",
    "": r"lung|pleural|opacit|effusion|nodul|granuloma|pneumothorax|hemithorax|left|right|bilateral",
}


class Score:
    """Micro-averaged counts of regions that are right, too many and missing."""

    def __init__(self) -> None:
        self.right = self.extra = self.missing = 0

    def add(self, wanted: set[str], found: set[str]) -> None:
        """Count one sentence."""
        self.right += len(wanted & found)
        self.extra += len(found - wanted)
        self.missing += len(wanted - found)

    @property
    def f1(self) -> float:
        """The F1 over all sentences so far."""
        total = 2 * self.right + self.extra + self.missing
        return 2 * self.right / total if total else 1.0


def score_gold(parser: PositionParser, path: Path, *, misses: bool) -> dict[str, Any]:
    """Score hand-labelled sentences and print a line per stratum."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    affirmed, negated, exact = Score(), Score(), Counter()
    for row in rows:
        report = parser(row["text"])
        wanted, clear = set(row["regions"]), set(row["negated_regions"])
        found, found_clear = set(report.regions), set(report.negated)
        affirmed.add(wanted, found)
        negated.add(clear, found_clear)
        right = (wanted, clear) == (found, found_clear)
        for stratum in (row["stratum"], "all"):
            exact[stratum, right] += 1
        if misses and not right:
            print(f"  {row['text']}\n    wanted {sorted(wanted)} clear {sorted(clear)}")
            print(f"    found  {sorted(found)} clear {sorted(found_clear)}")
    strata: dict[str, list[int]] = {}
    for stratum in sorted({stratum for stratum, _ in exact}, key=lambda name: (name == "all", name)):
        hits, total = exact[stratum, True], exact[stratum, True] + exact[stratum, False]
        strata[stratum] = [hits, total]
        print(f"  {stratum:<10} exact {hits}/{total} = {hits / total:.3f}")
    result = {"affirmed_f1": affirmed.f1, "negated_f1": negated.f1, "exact": exact["all", True] / len(rows)}
    print("  " + "  ".join(f"{name} {value:.3f}" for name, value in result.items()))
    return {**result, "exact_and_sentences": strata}


def score_index(parser: PositionParser, path: Path, *, misses: bool) -> dict[str, Any]:
    """Score indexed reports and print the misses sorted by cause."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["is_lung"] == "1" and (row["side"] or row["zones"])]
    causes: Counter[str] = Counter()
    details: list[tuple[str, str]] = []
    found = stated = 0
    for row in rows:
        text = f"{row['findings']} {row['impression']}"
        report = parser(text)
        hits = set(report.regions)
        for zone in row["zones"].split("|"):
            level = LEVEL_OF.get(zone, "")
            sides = {"left": ["left"], "right": ["right"]}.get(row["side"], ["left", "right"])
            levels = [level] if level else ["upper", "middle", "lower"]
            wanted = {f"{side} {name}" for side in sides for name in levels}
            if zone == "lingula":
                wanted = {"left middle"}
            is_stated = is_in_words(text, row["side"], level)
            # Without a side in the index, one side in the report is enough; without a zone, one zone.
            is_found = bool(wanted & hits) if not (row["side"] and level) else wanted <= hits
            if row["side"] == "both" and not level:
                is_found = all(any(name.startswith(side) for name in hits) for side in sides)
            stated += is_stated
            found += is_stated and is_found
            if is_stated and not is_found:
                cause = cause_of(wanted, hits, set(report.negated))
                causes[cause] += 1
                details.append((cause, f"{row['mesh_term']}: {text}\n      found {sorted(hits)}"))
    share = found / stated
    print(f"  {found}/{stated} = {share:.3f} of the locations stated in words ({len(rows)} indexed)")
    for cause, count in causes.most_common():
        print(f"  missed, {cause}: {count}")
        for other, detail in sorted(details):
            if misses and other == cause:
                print(f"    {detail}")
    return {"found": found, "stated": stated, "share": share, "indexed": len(rows), "misses_by_cause": dict(causes)}


def is_in_words(text: str, side: str, level: str) -> bool:
    """Say whether one sentence of a report names a side and a zone."""
    return any(
        re.search(SIDE_WORDS[side], sentence) and re.search(ZONE_WORDS[level], sentence)
        for sentence in re.split(r"[.;]", text.lower())
    )


def cause_of(wanted: set[str], found: set[str], negated: set[str]) -> str:
    """Sort a miss by what was read instead."""
    if wanted & negated:
        return "read as clear"
    if wanted & found:
        return "only a part was read"
    if {name.split()[0] for name in wanted} & {name.split()[0] for name in found}:
        return "another zone of the side was read"
    return "the other side was read" if found else "nothing was read"


def main() -> int:
    """Score all there is and return 1 where a goal is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gold", type=Path, help="hand-labelled sentences (default: the development half)")
    options.add_argument("--misses", action="store_true", help="print every miss")
    options.add_argument("--out", type=Path, help="also write the figures to this file")
    chosen = options.parse_args()
    folder = os.environ.get("CROSSMODAL_AUG_DATA")
    if folder is None:
        print("CROSSMODAL_AUG_DATA is not set: the real reports are not at hand", file=sys.stderr)
        return 2
    texts = Path(folder) / "text"
    parser = PositionParser(LUNG_ZONES)
    print("hand-labelled sentences")
    gold = score_gold(parser, chosen.gold or texts / "gold_openi_dev.jsonl", misses=chosen.misses)
    print("indexed reports")
    index = score_index(parser, texts / "openi_mesh_dev.csv", misses=chosen.misses)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps({"hand_labelled": gold, "indexed_reports": index}, indent=1) + "\n")
    good = gold["affirmed_f1"] >= 0.93 and gold["negated_f1"] >= 0.85 and gold["exact"] >= 0.8
    reached = good and index["share"] >= 0.9
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
