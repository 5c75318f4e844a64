"""Rewriting a text so that it places something in exactly the regions that are asked for, or saying why it cannot be.

Ways to do it are tried from the gentlest to the roughest; the first whose result reads back as asked is it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.writing.anew import said_anew
from crossmodal_aug.anatomy.writing.captions import caption_with
from crossmodal_aug.anatomy.writing.claims import tells_of_findings
from crossmodal_aug.anatomy.writing.denials import denial_turned
from crossmodal_aug.anatomy.writing.pictures import pictures_with
from crossmodal_aug.anatomy.writing.prose import emptied, plans, written
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.wording import present_sentence, sides_named
from crossmodal_aug.errors import CannotSay

_MOST_TRIED = 8


def with_regions(statement: Statement, atlas: Atlas, target: int, stated: Callable[[str], Statement | None]) -> str:
    """Rewrite a text; see `Report.with_regions`.

    Args:
        statement: What the text says now.
        atlas: The atlas that it was read with.
        target: Bits of the regions that it should name.
        stated: Reads a text; None where it contradicts itself.

    Returns:
        The rewritten text.

    Raises:
        CannotSay: The text cannot be rewritten so that it reads well and contradicts nothing.
    """
    source = Source(statement, atlas)
    if target == statement.affirmed and (target or not _claims(source)):
        return statement.text
    reasons: list[CannotSay] = []
    for candidate in _candidates(source, target, reasons):
        read = stated(candidate)
        if read is not None and read.affirmed == target and not _is_lopsided(read, atlas):
            return candidate
    raise reasons[0] if reasons else declined("no wording of them reads back as they are")


def _claims(source: Source) -> bool:
    """Return whether a text tells of a finding without saying where: "COVID-19 pneumonia."."""
    return source.atlas.bare != "locative" and tells_of_findings(source)


def _is_lopsided(read: Statement, atlas: Atlas) -> bool:
    """Return whether a text says "unilateral" and names both sides."""
    return read.laterality == "unilateral" and sides_named(atlas, read.affirmed) > 1


def _candidates(source: Source, target: int, reasons: list[CannotSay]) -> Iterator[str]:
    """Yield rewritten texts; what cannot be said on the way goes to `reasons`."""
    header = source.statement.header
    if header is not None:
        caption = caption_with(source, header, target)
        if caption is not None:
            yield caption
    if not any(letter.isalnum() for letter in source.text):
        yield present_sentence(source.atlas, target)
        return
    if not (target or source.statement.affirmed):
        yield emptied(source) or _absent(source)
    if target and not source.statement.affirmed:
        try:
            yield denial_turned(source, target)
        except CannotSay as reason:
            reasons.append(reason)
    if source.atlas.bare == "locative":
        yield from pictures_with(source, target)
        return
    for _, moves in zip(range(_MOST_TRIED), plans(source, target), strict=False):
        try:
            text = written(source, moves, target)
        except CannotSay as reason:
            reasons.append(reason)
        else:
            yield text or _absent(source)
    if target and source.statement.affirmed:
        try:
            yield said_anew(source, target)
        except CannotSay as reason:
            reasons.append(reason)


def _absent(source: Source) -> str:
    """Return the sentence that says that nothing is there, in the case and with the mark of the text."""
    body = source.text.rstrip()
    gap = source.text[len(body) :]
    sentence = source.atlas.phrasing.absent
    if not source.lexicon.ends_sentence(body[-1:]):
        sentence = sentence.removesuffix(".")
    if source.text[:1].islower() and source.text.islower():
        return sentence.lower() + gap
    loud = source.is_loud(source.sentences[0].begin) and len(body.split()) > 1
    return (sentence.upper() if loud else sentence) + gap
