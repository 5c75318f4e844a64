"""Captions: which are empty or silent, contradict themselves, or name what is not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crossmodal_aug.anatomy.report import Report
from crossmodal_aug.doctor.findings import Finding, Level, listed, several, share, verb
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import shown

_MOSTLY = 0.5
"""Share of silent captions beyond which ops that need a place have next to nothing to work on."""


def check_captions(study: Study) -> Iterator[Finding]:
    """Say which captions give an op nothing to work on."""
    reports, count = study.reports, len(study.rows)
    empty = [index for index, row in enumerate(study.rows) if not row.caption.strip()]
    silent = [index for index, one in enumerate(reports) if not one.placed and index not in set(empty)]
    said = [_conflicts(one) for one in reports]
    conflicts = [index for index, one in enumerate(said) if one]
    fillers = [index for index, one in enumerate(reports) if one.conflicts and index not in set(conflicts)]
    unread = [index for index, one in enumerate(reports) if one.unread]
    if empty:
        names = listed([study.rows[index].place for index in empty])
        yield Finding(
            "captions",
            Level.MEND,
            "empty-captions",
            f"{several(len(empty), 'row')} without a caption: {names}.",
            tuple(empty),
        )
    if silent:
        level = Level.MEND if len(silent) > _MOSTLY * count else Level.LOOK
        text = (
            f"{several(len(silent), 'caption')} ({share(len(silent), count)}) without a word of where, so ops leave "
            f"{verb(len(silent), 'it', 'them')} alone; {_commonest(study, silent)}{_first(study, silent)}."
        )
        yield Finding("captions", level, "silent-captions", text, tuple(silent))
    if conflicts:
        reasons = Counter(reason for index in conflicts for reason in said[index])
        told = "; ".join(f"{reason} ({times:,} times)" for reason, times in reasons.most_common(3))
        does = verb(len(conflicts), "contradicts itself", "contradict themselves")
        text = f"{several(len(conflicts), 'caption')} {does}: {told}{_first(study, conflicts)}."
        yield Finding("captions", Level.MEND, "contradictory-captions", text, tuple(conflicts))
    if fillers:
        reasons = Counter(reason for index in fillers for reason in reports[index].conflicts)
        told = "; ".join(f"{reason} ({times:,} times)" for reason, times in reasons.most_common(2))
        text = (
            f"{several(len(fillers), 'caption')} with a side that is taken for an empty slot of a template: {told}"
            f"{_first(study, fillers)}."
        )
        yield Finding("captions", Level.LOOK, "filler", text, tuple(fillers))
    if unread:
        words = Counter(word.casefold() for index in unread for word in reports[index].unread)
        told = ", ".join(f"{shown(word, 40)} ({times:,} times)" for word, times in words.most_common(4))
        text = (
            f"{several(len(unread), 'caption')} with a side beside what is not known, so that it is not read: "
            f"{told}{_first(study, unread)}. Add the words to an atlas file of your own."
        )
        yield Finding("captions", Level.LOOK, "unread-places", text, tuple(unread))
    if not (empty or silent or conflicts or fillers or unread):
        nothing = sum(not any(one.bits) for one in reports)
        text = f"All {several(count, 'caption')} say where" + (
            f"; {nothing:,} of them say that nothing is there." if nothing else "."
        )
        yield Finding("captions", Level.GOOD, "captions", text, figures={"nothing-there": nothing})


def _first(study: Study, indices: list[int]) -> str:
    """The first row, by which it is found in the data set."""
    return f"; {study.rows[indices[0]].name}{' first' if len(indices) > 1 else ''}"


def _conflicts(report: Report) -> list[str]:
    """What a caption contradicts itself in, beside sides that a template filled in without a zone."""
    fillers = [repr(mention.text) for mention in report.mentions if not mention.regions]
    return [reason for reason in report.conflicts if not any(words in reason for words in fillers)]


def _commonest(study: Study, indices: list[int]) -> str:
    texts = Counter(study.rows[index].caption for index in indices)
    text, times = texts.most_common(1)[0]
    return f"{'' if len(texts) == 1 else 'most often '}{shown(text, 60)} ({times:,} times)"
