"""The command `crossmodal-aug`."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from crossmodal_aug import __version__
from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.doctor.command import add_doctor
from crossmodal_aug.errors import CrossModalError, InvalidValueError
from crossmodal_aug.preview.command import add_preview
from crossmodal_aug.terminal import plain

# What names no file, but could be meant to: a slip is not a report.
_PATH = re.compile(
    r"\S*[/\\]\S*|.*\.(txt|text|csv|tsv|jsonl?|ndjson|md|toml|ya?ml|xml|html?|log|rtf|pdf|docx?|xlsx?|gz|zip)",
    re.IGNORECASE,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words behind the command; None takes them from the shell.

    Returns:
        The exit code: 0, 1 where the doctor found something to mend, or 2 where the input cannot be used.

    Examples:
        >>> main(["parse", "Opacity in the left lung base; right lung clear."])
        regions    left lower
        clear      right upper, right middle, right lower
        phrases    left lung base = left lower
                   right lung = clear of right upper, right middle, right lower (clear)
        0
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal of few letters gets escapes, not an error
    try:
        code = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (CrossModalError, OSError) as error:
        print(f"crossmodal-aug: {plain(' '.join(str(error).split()))}", file=sys.stderr)  # noqa: T201
        return 2
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crossmodal-aug", description="Words and regions of medical images.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parse = commands.add_parser("parse", help="show which regions a text names")
    parse.add_argument(
        "--atlas", default="lung_zones", help="lung_zones, quadrants, or the path of an atlas file (.toml)"
    )
    parse.add_argument("--json", action="store_true", help="one JSON object a line, for machines")
    parse.add_argument("--unknown", action="store_true", help="count the words that the atlas does not know, instead")
    parse.add_argument(
        "source", metavar="TEXT|FILE", help="a text, a UTF-8 file with one text a line, or - for stdin, likewise"
    )
    parse.set_defaults(run=_parse)
    add_doctor(commands)
    add_preview(commands)
    return parser


def _parse(options: argparse.Namespace) -> None:
    atlas = named_atlas(options.atlas)
    texts = _texts(options.source)
    parser = PositionParser(atlas)
    if options.unknown:
        for word, count in parser.unknown_words(texts).most_common():
            print(json.dumps({"word": word, "count": count}) if options.json else f"{count} {plain(word)}")  # noqa: T201
        return
    for number, text in enumerate(texts):
        report = parser(text)
        if options.json:
            print(json.dumps(_as_record(report)))  # noqa: T201
            continue
        if len(texts) > 1:
            print(("\n" if number else "") + plain(text))  # noqa: T201
        print("\n".join(map(plain, _as_table(report))))  # noqa: T201


def _texts(source: str) -> list[str]:
    """Return the text, or one text for each line of a file, blank ones too, so that rows can be matched to lines."""
    if source == "-":
        content, name = _decoded(sys.stdin.read, "stdin"), "stdin"
    elif _is_there(source):
        path = Path(source)
        if path.is_dir():
            raise InvalidValueError(f"{source}: Expected a file or a text, but this is a folder.")
        content, name = _decoded(lambda: path.read_text(encoding="utf-8"), source), source
    elif _PATH.fullmatch(source):
        raise InvalidValueError(f"{source}: no such file (a text that looks like a path can come through stdin: -).")
    elif source.strip():
        return [source]
    else:
        content, name = "", "the text"
    lines = content.removeprefix("\ufeff").removesuffix("\n").split("\n")
    if not any(line.strip() for line in lines):
        raise InvalidValueError(f"Expected at least one text in {name}, but there is none.")
    return lines


def _decoded(read: Callable[[], str], name: str) -> str:
    try:
        return read()
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{name}: Expected UTF-8 text, but got {error}.") from error


def _is_there(source: str) -> bool:
    try:
        return Path(source).exists() and source != ""
    except (OSError, ValueError):  # too long for a file name, or with a zero byte: it is a text
        return False


def _as_record(report: Report) -> dict[str, object]:
    return {
        "text": report.text,
        "regions": report.regions,
        "bits": [int(bit) for bit in report.bits],
        "placed": report.placed,
        "negated": report.negated,
        "laterality": report.laterality,
        "count": report.count,
        "conflicts": report.conflicts,
        "unread": report.unread,
        "mentions": [
            {
                "start": m.start,
                "end": m.end,
                "text": m.text,
                "regions": m.regions,
                "negated": m.negated,
                "cue": m.cue,
            }
            for m in report.mentions
        ],
    }


def _as_table(report: Report) -> list[str]:
    phrases = []
    for mention in report.mentions:
        meaning = ", ".join(mention.regions) or "nothing, filler"
        cue = f" ({mention.cue})" if mention.cue else ""
        phrases.append(f"{mention.text} = {'clear of ' if mention.negated else ''}{meaning}{cue}")
    rows: list[tuple[str, list[str]]] = [
        ("regions", [", ".join(report.regions) or ("none" if report.placed else "none; the text does not say where")]),
        ("clear", [", ".join(report.negated)] if report.negated else []),
        ("phrases", phrases),
        ("laterality", [report.laterality] if report.laterality else []),
        ("count", [str(report.count)] if report.count is not None else []),
        ("conflict", list(report.conflicts)),
        ("unread", list(report.unread)),
    ]
    return [f"{name if not index else '':<11}{value}" for name, values in rows for index, value in enumerate(values)]


if __name__ == "__main__":
    raise SystemExit(main())
