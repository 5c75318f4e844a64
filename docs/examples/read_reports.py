"""One worker for many reports: a parser a process, and columns in, columns out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice

from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser


@cache
def parser() -> PositionParser:
    """Make the parser of this process, once."""
    return PositionParser(LUNG_ZONES)


def read(batch: Mapping[str, Sequence[str | None]]) -> dict[str, list]:
    """Read the column "text" of a batch; a missing text counts as one that says nothing."""
    reports = parser().parse_many(text or "" for text in batch["text"])
    return {
        "regions": ["; ".join(report.regions) for report in reports],
        "clear": ["; ".join(report.negated) for report in reports],
        "placed": [report.placed for report in reports],
    }


def read_partition(rows: Iterable[Mapping]) -> Iterator[tuple]:
    """Read the rows of a partition, with "id" and "text", a thousand at a time."""
    rows = iter(rows)
    while some := list(islice(rows, 1000)):
        found = read({"text": [row["text"] for row in some]})
        yield from zip((row["id"] for row in some), *found.values(), strict=True)
