"""Examination: what was found, as a table, as JSON, and as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.doctor.dose import Dose
from crossmodal_aug.doctor.findings import Finding, Level
from crossmodal_aug.doctor.geometry import Geometry
from crossmodal_aug.doctor.page import page_of
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.doctor.table import table_of


@dataclass(frozen=True)
class Examination:
    """What the doctor found. Made by `examine`.

    Experimental: may change in every version.

    Attributes:
        findings: All findings, check by check.
        atlas: The atlas with cuts and laterality as they were fitted to the data.
        code: Lines of Python to paste: that atlas, and ops to begin with.
        doses: What each op did to a sample of the data.
    """

    findings: Sequence[Finding]
    atlas: Atlas
    code: str
    doses: Sequence[Dose]
    _geometry: Geometry = field(repr=False)
    _study: Study = field(repr=False)

    @property
    def must_mend(self) -> bool:
        """Whether something must be mended before training."""
        return any(finding.level == Level.MEND for finding in self.findings)

    def names(self, *levels: str) -> list[str]:
        """Return the names of the findings of some levels: "mend", "look", "good", "unknown"."""
        return [finding.name for finding in self.findings if finding.level in levels]

    def rows(self, finding: Finding) -> list[str]:
        """Return the names of the images that a finding is about, the worst first."""
        pairs = [index for pair in finding.pairs for index in pair]
        return [self._study.rows[index].name for index in (*finding.rows, *pairs)]

    def as_table(self, width: int = 100) -> str:
        """Return it as text for a terminal.

        Args:
            width: Characters in a line, at most.
        """
        return table_of(self.findings, self.doses, self.code, self._study, width)

    def as_record(self) -> dict[str, Any]:
        """Return it as numbers, texts and lists, for `json`."""
        study = self._study
        return {
            "rows": len(study.rows),
            "layout": study.listing.layout,
            "parts": {part: len(indices) for part, indices in study.parts.items()},
            "must_mend": self.must_mend,
            "atlas": {
                "name": self.atlas.name,
                "rows": list(self.atlas.rows),
                "columns": list(self.atlas.columns),
                "laterality": self.atlas.laterality,
                "frame": self.atlas.frame,
            },
            "findings": [self._finding(finding) for finding in self.findings],
            "doses": [asdict(dose) for dose in self.doses],
            "code": self.code,
        }

    def write_json(self, path: str | Path) -> None:
        """Write `as_record` to a file."""
        record = json.dumps(self.as_record(), indent=1, ensure_ascii=False)
        # Half a character, as a file name or a caption may hold, is written as JSON escapes it.
        Path(path).write_text(f"{record}\n", encoding="utf-8", errors="backslashreplace")

    def write_html(self, path: str | Path) -> None:
        """Write one self-contained page with pictures, which opens from disk.

        Raises:
            MissingDependencyError: jinja2 or pillow is not installed.
        """
        page = page_of(self.findings, self.doses, self.code, self._study, self._geometry)
        Path(path).write_text(page, encoding="utf-8", errors="xmlcharrefreplace")

    def _finding(self, finding: Finding) -> dict[str, Any]:
        rows = self._study.rows
        record = {
            "check": finding.check,
            "level": str(finding.level),
            "name": finding.name,
            "text": finding.text,
            "figures": dict(finding.figures),
            "rows": [{"name": rows[i].name, "part": rows[i].part, "caption": rows[i].caption} for i in finding.rows],
            "pairs": [[rows[i].name for i in pair] for pair in finding.pairs],
            "files": list(finding.files),
        }
        return {key: value for key, value in record.items() if value or key in ("check", "level", "name", "text")}
