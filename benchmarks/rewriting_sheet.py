"""Rewritten report sentences that two readers judged, each alone, and what the writer makes of them today.

    python benchmarks/rewriting_sheet.py [--out benchmarks/results/rewriting_sheet.json]

Needs no data. `results/rewriting_sheet.jsonl` holds the sheet: made-up texts in seven sets, the regions asked for, what
was written and the verdicts. Each set was new to the writer when it was judged; its kinds of faults were mended before
the next. A row is ungrammatical or false where either reader says so.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser
from crossmodal_aug.errors import CannotSay

SHEET = Path(__file__).with_name("results") / "rewriting_sheet.jsonl"
FAULTS = ("ungrammatical", "false")


def is_faulty(row: dict[str, Any], *faults: str) -> bool:
    """Return whether a reader found one of some faults in a row."""
    return any(reader[fault] for reader in row.get("readers", ()) for fault in faults)


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many rows were declined, and how many of the others each reader found faulty."""
    written = [row for row in rows if row["written"] is not None]
    counts: dict[str, Any] = {"asked": len(rows), "written": len(written)}
    counts["declined_share"] = round(1 - len(written) / len(rows), 4)
    for fault in FAULTS:
        by_reader = [sum(row["readers"][place][fault] for row in written) for place in (0, 1)]
        counts[fault] = {
            "by_reader": by_reader,
            "either": sum(is_faulty(row, fault) for row in written),
            "either_share": round(sum(is_faulty(row, fault) for row in written) / len(written), 4),
        }
    return counts


def today(parser: PositionParser, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return what has become of the rows, by whether a reader found them faulty."""
    counts = dict.fromkeys(
        ("declined", "faulty_as_before", "faulty_written_anew", "faulty_declined", "good_changed"), 0
    )
    for row in rows:
        try:
            written = parser(row["text"]).with_regions(row["asked"])
        except CannotSay:
            written = None
        counts["declined"] += written is None
        if is_faulty(row, *FAULTS):
            same = written == row["written"]
            counts["faulty_declined" if written is None else "faulty_as_before" if same else "faulty_written_anew"] += 1
        elif row["written"] is not None:
            counts["good_changed"] += written != row["written"]
    return counts


def main() -> None:
    """Print the counts of each set, and write them where asked."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, help="write the counts to this file")
    options = arguments.parse_args()
    rows = [json.loads(line) for line in SHEET.read_text(encoding="utf-8").splitlines()]
    parser = PositionParser(LUNG_ZONES)
    result = {}
    for number in sorted({row["set"] for row in rows}):
        own = [row for row in rows if row["set"] == number]
        result[f"set {number}"] = {"when judged": judged(own), "today": today(parser, own)}
    print(json.dumps(result, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
