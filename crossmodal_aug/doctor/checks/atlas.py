"""Atlas: whether another one of the package reads captions that this one does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crossmodal_aug.anatomy.atlas import LUNG_ZONES, QUADRANTS
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.doctor.findings import Finding, Level, share
from crossmodal_aug.doctor.study import Study

_OTHERS = {"lung_zones": LUNG_ZONES, "quadrants": QUADRANTS}

FEW = 0.8
"""Share of captions with a place from which on the atlas reads the data set."""

_MORE = 0.2
"""Share of captions by which another atlas must read more."""


def check_atlas(study: Study, *, given: bool) -> Iterator[Finding]:
    """Name an atlas of the package that reads many captions which this one leaves unread.

    Args:
        study: The data set.
        given: Whether the user chose the atlas; one that was taken by default must be chosen.
    """
    placed = placed_in(study.reports)
    if placed >= FEW:
        return
    texts = [row.caption for row in study.rows]
    shares = {
        name: placed_in(PositionParser(atlas).parse_many(texts))
        for name, atlas in _OTHERS.items()
        if atlas.words != study.atlas.words
    }
    best = max(shares, key=shares.__getitem__, default="")
    if not best or shares[best] - placed < _MORE:
        return
    text = (
        f"Another atlas reads them: `--atlas {best}` finds a place in {share(shares[best], 1)} of the captions, "
        f"{study.atlas.name} in {share(placed, 1)}."
    )
    if not given:
        text += f" {study.atlas.name} was taken since none was named; the lines to paste have it."
    level = Level.LOOK if given else Level.MEND
    yield Finding("words", level, "other-atlas", text, figures={study.atlas.name: placed, **shares})


def placed_in(reports: Sequence[Report]) -> float:
    """Return the share of captions that say where."""
    return sum(one.placed for one in reports) / len(reports)
