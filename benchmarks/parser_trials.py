"""Texts that an earlier parser read, mirrored or rewrote wrongly, each with the right value.

    python benchmarks/parser_trials.py [--out benchmarks/results/parser_trials.json]

Run with CROSSMODAL_AUG_DATA set to the folder of the real data. Prints what is left, by kind; rows whose right value is
only described in words are printed for reading.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import CannotSay


def judged(parser: PositionParser, row: dict[str, Any]) -> tuple[bool | None, str]:
    """Return whether a row is right, None where only a reader can tell, and what came."""
    if row["do"] == "read":
        report = parser(row["text"])
        right = set(report.regions) == set(row["regions"]) if "regions" in row else True
        if row.get("negated") is not None:
            right &= set(report.negated) == set(row["negated"])
        return right, f"{report.regions}, clear {report.negated}"
    if row["do"] == "mirror":
        came = parser.mirror(row["text"])
    else:
        try:
            came = parser(row["text"]).with_regions(row["names"])
        except CannotSay as error:
            came = f"declined: {error}"
    return (came == row["want"] if row.get("want") else None), came


def main() -> int:
    """Print the rows that are wrong and those that a reader must judge; 1 where one is wrong."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, help="write the counts to this file")
    options = arguments.parse_args()
    path = Path(os.environ["CROSSMODAL_AUG_DATA"]) / "text/trials_dev.jsonl"
    parsers = {"lung_zones": PositionParser(LUNG_ZONES), "quadrants": PositionParser(QUADRANTS)}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    counts: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        right, came = judged(parsers[row["atlas"]], row)
        if right is None:
            counts[f"{row['do']}: for a reader"] += 1
            print(f"{row['kind']}: {row['text']}\n    -> {came}\n    wanted: {row['want_said']}")
            continue
        counts[f"{row['do']}: {'right' if right else 'wrong'}"] += 1
        if not right:
            wrong[row["kind"]] += 1
            print(f"WRONG {row['kind']}: {row['text']}\n    -> {came}")
    print(json.dumps({"rows": len(rows), **dict(sorted(counts.items())), "wrong_by_kind": dict(wrong)}, indent=2))
    if options.out:
        figures = {"rows": len(rows), **dict(sorted(counts.items())), "wrong_by_kind": dict(wrong)}
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
