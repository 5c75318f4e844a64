"""Placing: a text that names no place may still say that nothing is there."""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import FINDINGS, LOOSE, OTHERS, VERBS, follows
from crossmodal_aug.anatomy.reading.questions import is_question
from crossmodal_aug.anatomy.statement import Statement

_SUBJECTS = LOOSE | OTHERS | FINDINGS | VERBS | {"noun", "article", "level", "whole", "and", "comma"}


def find_denial(statement: Statement) -> None:
    """Note what says that nothing is there, in a text that names no place: "No infection.".

    A text that also tells of a finding somewhere ("COVID-19 pneumonia. No effusion.") does not say so.

    Args:
        statement: What was read; its `denial` is set.
    """
    kinds, found = statement.kinds, None
    for place, (begin, end) in enumerate(statement.sentences):
        if place in statement.silent or is_question(statement, place):
            continue
        denied = False
        for index in range(begin, end):
            kind = kinds[index]
            if kind in ("denies", "absent", "resolved"):
                denied = not _is_void(kinds, index, end)
                if denied and found is None and _denies_finding(kinds, index, begin, end):
                    found = (index, _last_of(kinds, index, end))
            elif kind in ("stop", "dash", "except"):
                denied = False
            elif kind == "clear":
                found = found or _clear_at(kinds, index, begin, end)
            elif (
                (kind in FINDINGS or _is_counted(statement, index, begin))
                and not denied
                and not _is_denied_behind(kinds, index, end)
                and not _is_of_other(kinds, index, begin)
            ):
                return
    statement.denial = found


def _is_counted(statement: Statement, index: int, begin: int) -> bool:
    """Return whether a term is what a number counts: "two infected areas"."""
    before = range(max(begin, index - 3), index)
    return statement.kinds[index] == "count noun" and any(
        statement.kinds[at] == "number" and statement.terms[at].sense.number != 0 for at in before
    )


def _is_void(kinds: list[str], cue: int, end: int) -> bool:
    at = follows(kinds, cue + 1, LOOSE - {"growth"} | {"article", "of"}, end)
    return at < end and kinds[at] in ("growth", "clear")


def _denies_finding(kinds: list[str], cue: int, begin: int, end: int) -> bool:
    """Return whether a denial is one of a finding: "no infection", but not "no comparison"."""
    near = kinds[cue + 1 : min(end, cue + 9)] if kinds[cue] == "denies" else kinds[max(begin, cue - 9) : cue]
    return any(kind in FINDINGS or kind == "state" for kind in near) or (
        kinds[cue] == "absent" and (begin == cue or kinds[cue - 1] == "colon")
    )


def _last_of(kinds: list[str], cue: int, end: int) -> int:
    at = follows(kinds, cue + 1, LOOSE | FINDINGS | {"or", "comma", "of", "noun"}, end)
    return at - 1


def _clear_at(kinds: list[str], index: int, begin: int, end: int) -> tuple[int, int] | None:
    """Return a clear word that is said of the whole image and not of a neighbour alone."""
    others = OTHERS | {"device"}
    around = kinds[max(begin, index - 6) : index] + kinds[index + 1 : min(end, index + 4)]
    return None if any(kind in others for kind in around) and "noun" not in around else (index, index)


def _is_denied_behind(kinds: list[str], index: int, end: int) -> bool:
    at = follows(kinds, index + 1, LOOSE | FINDINGS | VERBS | {"or", "comma", "of", "colon", "and", "article"}, end)
    if at < end and kinds[at] == "denies":
        return at + 1 >= end  # "effusion: no", but not "pneumonia, no effusion"
    return at < end and kinds[at] in ("absent", "resolved")


def _is_of_other(kinds: list[str], index: int, begin: int) -> bool:
    return any(kind in OTHERS for kind in kinds[max(begin, index - 3) : index + 1])
