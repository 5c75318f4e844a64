"""The command `crossmodal-aug`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.errors import CrossModalError, InvalidValueError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words behind the command; None takes them from the shell.

    Returns:
        The exit code: 0, or 2 where the input cannot be used.

    Example:
        >>> main(["parse", "Opacity in the left lung base; right lung clear."])
        regions  left lower
        clear    right upper, right middle, right lower
        phrases  left lung base = left lower
                 right lung = clear of right upper, right middle, right lower
        0
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (CrossModalError, OSError, UnicodeDecodeError) as error:
        print(f"crossmodal-aug: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crossmodal-aug", description="Words and regions of medical images.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parse = commands.add_parser("parse", help="show which regions a text names")
    parse.add_argument(
        "--atlas", default="lung_zones", help="lung_zones, quadrants, or the path of an atlas file (.toml)"
    )
    parse.add_argument("--json", action="store_true", help="one JSON object a line, for machines")
    parse.add_argument("source", metavar="TEXT|FILE", help="a text, a file with one text a line, or - for stdin")
    parse.set_defaults(run=_parse)
    return parser


def _parse(options: argparse.Namespace) -> None:
    parser = PositionParser(named_atlas(options.atlas))
    texts = _texts(options.source)
    for number, text in enumerate(texts):
        report = parser(text)
        if options.json:
            print(json.dumps(_as_record(report), ensure_ascii=False))  # noqa: T201
            continue
        if len(texts) > 1:
            print(("\n" if number else "") + text)  # noqa: T201
        print("\n".join(_as_table(report)))  # noqa: T201


def _texts(source: str) -> list[str]:
    if source == "-":
        lines: Iterable[str] = sys.stdin
    elif _is_file(source):
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    elif re.fullmatch(r"\S+\.(txt|csv|tsv|jsonl?|md)", source):
        # One word that ends like a file's name is a slip, not a report.
        raise InvalidValueError(f"{source}: no such file")
    else:
        return [source]
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise InvalidValueError(f"Expected at least one text in {source}, but there is none")
    return texts


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # too long for a file name, or with a zero byte: it is a text
        return False


def _as_record(report: Report) -> dict[str, object]:
    return {
        "text": report.text,
        "regions": report.regions,
        "bits": [int(bit) for bit in report.bits],
        "negated": report.negated,
        "laterality": report.laterality,
        "count": report.count,
        "conflicts": report.conflicts,
        "mentions": [
            {"start": m.start, "end": m.end, "text": m.text, "regions": m.regions, "negated": m.negated}
            for m in report.mentions
        ],
    }


def _as_table(report: Report) -> list[str]:
    phrases = []
    for mention in report.mentions:
        meaning = ", ".join(mention.regions) or "nothing, filler"
        phrases.append(f"{mention.text} = {'clear of ' if mention.negated else ''}{meaning}")
    rows: list[tuple[str, list[str]]] = [
        ("regions", [", ".join(report.regions) or "none"]),
        ("clear", [", ".join(report.negated)] if report.negated else []),
        ("phrases", phrases),
        ("sides", [report.laterality] if report.laterality else []),
        ("count", [str(report.count)] if report.count is not None else []),
        ("conflict", list(report.conflicts)),
    ]
    return [f"{name if not index else '':<9}{value}" for name, values in rows for index, value in enumerate(values)]


if __name__ == "__main__":
    raise SystemExit(main())
