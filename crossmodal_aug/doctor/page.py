"""The examination as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crossmodal_aug import __version__
from crossmodal_aug.doctor.dose import Dose
from crossmodal_aug.doctor.drawing import region_pictures, row_picture
from crossmodal_aug.doctor.findings import Finding, Level, share
from crossmodal_aug.doctor.geometry import Geometry
from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.doctor.specs import name_and_rest
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.doctor.table import headline, verdict

ROWS_SHOWN = 12
PAIRS_SHOWN = 4
NAMES_SHOWN = 500
WORDS_SHOWN = 40

_MARKS = {Level.MEND: "mend", Level.LOOK: "look", Level.GOOD: "good", Level.UNKNOWN: "unknown"}


@dataclass(frozen=True)
class Shown:
    """One row as the page shows it."""

    name: str
    part: str
    caption: str
    picture: str


def page_of(findings: Sequence[Finding], given: Sequence[Dose], code: str, study: Study, geometry: Geometry) -> str:
    """Return an examination as a page.

    Args:
        findings: The findings.
        given: The doses.
        code: The lines to paste.
        study: What was looked at.
        geometry: Its atlas.

    Raises:
        MissingDependencyError: jinja2 or pillow is not installed.
    """
    jinja2 = library("jinja2", "jinja2")
    loader = jinja2.PackageLoader("crossmodal_aug.doctor", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    words = next((dict(one.figures["words"]) for one in findings if "words" in one.figures), {})
    page: str = environment.get_template("page.html.j2").render(
        version=__version__,
        headline=headline(study),
        verdict=verdict(findings),
        counts=[(level, sum(one.level == level for one in findings)) for level in _MARKS],
        findings=[(number, one) for number, one in enumerate(findings)],
        details=[
            _detail(number, one, study, geometry)
            for number, one in enumerate(findings)
            if one.rows or one.pairs or one.files
        ],
        regions=region_pictures(study, study.atlas, geometry.atlas) if geometry.count else [],
        cuts=next((one for one in findings if one.check == "cuts"), None),
        words=list(words.items())[:WORDS_SHOWN],
        most=max(words.values(), default=1),
        doses=[_dose(one) for one in given],
        code=code.rstrip("\n"),
    )
    return page


def _detail(number: int, finding: Finding, study: Study, geometry: Geometry) -> dict[str, Any]:
    """What the page shows of a finding beside its text."""
    atlas, rows = geometry.atlas, study.rows
    names = [rows[index].name for index in finding.rows] or [" = ".join(rows[i].name for i in p) for p in finding.pairs]
    names = names or list(finding.files)
    shown = min(len(finding.rows), ROWS_SHOWN) or min(len(finding.pairs), PAIRS_SHOWN)
    return {
        "number": number,
        "finding": finding,
        "rows": [_shown(study, index, geometry) for index in finding.rows[:ROWS_SHOWN]],
        "pairs": [[_shown(study, index, geometry) for index in pair] for pair in finding.pairs[:PAIRS_SHOWN]],
        "names": names[:NAMES_SHOWN] if len(names) > shown else [],
        "left": max(0, len(names) - NAMES_SHOWN),
        "count": len(names),
        "regions": atlas.names,
    }


def _shown(study: Study, index: int, geometry: Geometry) -> Shown:
    row = study.rows[index]
    return Shown(row.name, row.part, row.caption, row_picture(study, index, geometry.atlas))


def _dose(dose: Dose) -> dict[str, Any]:
    """An op with the shares of its samples, the altered ones first, as a bar shows them."""
    name, settings = name_and_rest(dose.op)
    reasons = [(why, times, share(times, dose.count)) for why, times in dose.reasons.items()]
    return {
        "name": name,
        "settings": settings,
        "refused": dose.refused,
        "count": dose.count,
        "altered": dose.altered,
        "altered_share": share(dose.altered, dose.count),
        "captions_share": share(dose.captions, dose.count),
        "pixels_share": share(dose.pixels, 1),
        "reasons": reasons,
    }
