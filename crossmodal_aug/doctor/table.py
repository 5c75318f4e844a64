"""The examination as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from crossmodal_aug.doctor.dose import Dose, reasons_of
from crossmodal_aug.doctor.findings import Finding, Level, several, share
from crossmodal_aug.doctor.specs import name_and_rest
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.terminal import plain

_MARKS = {Level.MEND: "MEND", Level.LOOK: "look", Level.GOOD: "good", Level.UNKNOWN: "unknown"}
_LEAST = 72


def table_of(findings: Sequence[Finding], given: Sequence[Dose], code: str, study: Study, width: int) -> str:
    """Return an examination as text.

    Args:
        findings: The findings.
        given: The doses.
        code: The lines to paste.
        study: What was looked at.
        width: Characters in a line, at most.

    Raises:
        InvalidTypeError: `width` is not an integer.
        InvalidValueError: It is below 60.
    """
    if isinstance(width, bool) or not isinstance(width, int):
        raise InvalidTypeError(f"Expected `width` to be an integer, but got {type(width).__name__}.")
    if width < _LEAST:
        raise InvalidValueError(f"Expected `width` of at least {_LEAST}, but got {width}.")
    lines = [*_wrapped("", headline(study), width), ""]
    check = ""
    for finding in findings:
        head = f"{finding.check if finding.check != check else '':<15}{_MARKS[finding.level]:<8}"
        lines += _wrapped(head, plain(finding.text), width)
        check = finding.check
    if given:
        lines += ["", *_doses(given, width)]
    lines += ["", *_wrapped("", verdict(findings), width), "", "Lines to paste:", "", *code.rstrip("\n").split("\n")]
    return "\n".join(lines)


def headline(study: Study) -> str:
    """Return what was looked at, in a sentence."""
    parts = ", ".join(f"{part or 'no part'} {len(indices):,}" for part, indices in study.parts.items())
    told = f" ({parts})" if set(study.parts) != {""} else ""
    return f"{several(len(study.rows), 'row')}{told}, {plain(study.listing.layout)}; atlas {study.atlas.name}"


def verdict(findings: Sequence[Finding]) -> str:
    """Return in a sentence how many findings matter."""
    mend, look, unknown = (
        sum(one.level == level for one in findings) for level in (Level.MEND, Level.LOOK, Level.UNKNOWN)
    )
    first = f"{several(mend, 'thing')} to mend" if mend else "Nothing must be mended"
    return f"{first}, {several(look, 'thing')} to look at, {several(unknown, 'thing')} that the data do not tell."


def _doses(given: Sequence[Dose], width: int) -> Iterator[str]:
    yield f"{'op':<12}{'altered':>8}{'captions':>10}{'pixels':>8}  why the others were left alone"
    for dose in given:
        name, settings = name_and_rest(dose.op)
        if dose.refused:
            yield from _wrapped(f"{name:<12}{'':>26}  ", plain(f"not with this atlas: {dose.refused}"), width)
            continue
        figures = (
            f"{share(dose.altered, dose.count):>8}{share(dose.captions, dose.count):>10}{share(dose.pixels, 1):>8}  "
        )
        yield from _wrapped(f"{name:<12}{figures}", reasons_of(dose) or "none was", width)
        if settings:
            yield from _wrapped(" " * 12, plain(settings), width)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    """Text in lines, the first behind a head, the others below it."""
    lines = wrap(text, width - len(head), break_on_hyphens=False) or [""]
    return [(f"{head}{lines[0]}").rstrip(), *(" " * len(head) + line for line in lines[1:])]
