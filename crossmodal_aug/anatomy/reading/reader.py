"""The reader: the one pass from a text to what it says, before it is put into a Report."""

from __future__ import annotations

import re
from typing import Literal

from crossmodal_aug.anatomy.atlas.lexicon import Lexicon
from crossmodal_aug.anatomy.reading import locations, reports, scope
from crossmodal_aug.anatomy.reading.phrases import find_phrases
from crossmodal_aug.anatomy.reading.scanner import scan
from crossmodal_aug.anatomy.statement import Header, Phrase, Reading, Scan

# "Bilateral pulmonary infection, two infected areas": its first word sums up what the caption lists.
_HEADER = re.compile(r"([BU!])[um]{0,3}F,(n)[um]{0,2}(K)")
_SUMMARY = re.compile(r"(B)[um]{0,3}F,[SBLZNPA,&|tm]+$")
# A longer number counts nothing, and Python refuses to read one of thousands of digits.
_MOST_DIGITS = 9


def read(text: str, lexicon: Lexicon, bare: Literal["finding", "locative"]) -> Reading:
    """Read a text.

    Args:
        text: Any text.
        lexicon: The words to read it with.
        bare: What a side or level word without a noun needs, as in `Atlas.bare`.

    Returns:
        What the text says.
    """
    reading = Reading(scan(text, lexicon))
    codes = reading.scan.codes
    if "U" in codes:
        reading.laterality = "unilateral"
    start = 0
    while start < len(codes):
        end = codes.find(".", start)
        end = len(codes) if end < 0 else end
        if end > start:
            _read_sentence(reading, lexicon, start, end, bare)
        start = end + 1
    for phrase in reading.phrases:
        if phrase.negated:
            reading.negated |= phrase.mask
        else:
            reading.affirmed |= phrase.mask
    reading.negated &= ~reading.affirmed
    return reading


def _read_sentence(
    reading: Reading, lexicon: Lexicon, start: int, end: int, bare: Literal["finding", "locative"]
) -> None:
    codes = reading.scan.codes
    phrases = find_phrases(reading.scan, lexicon, start, end, eager=bare == "finding")
    summary = _summary_token(reading, start, end)
    phrases = [phrase for phrase in phrases if phrase.last != summary]
    if reading.laterality is None and any(phrase.both for phrase in phrases):
        reading.laterality = "bilateral"
    settle = reports.settle if bare == "finding" else locations.settle
    phrases = settle(codes, phrases, start, end)
    denies = scope.denies(codes, start, end)
    for phrase in phrases:
        for part in (phrase, *phrase.members):
            phrase.mask |= part.named(lexicon.full)
            if part.implies_side:
                reading.implied.update(_implied_tokens(reading.scan, part))
        if denies:
            begin, _ = scope.clause_bounds(codes, phrase.first, phrase.last, start, end)
            phrase.negated = scope.is_negated(codes, phrase.first, phrase.last, begin, end)
    if bare == "finding":
        # The lungs as a whole are a position only where they are called clear: "low lung volumes" is none.
        phrases = [p for p in phrases if p.negated or p.whole or p.side or p.levelled or p.place]
        if denies and codes.find("%", start, end) >= 0:
            reports.leave_out_spared(codes, phrases)
        if codes.find("d", start, end) >= 0:
            reports.narrow(codes, phrases)
        if reading.laterality == "unilateral":
            reports.mark_filler(phrases)
    else:
        phrases = locations.without_neighbours(codes, phrases)
    reading.phrases += phrases


def _implied_tokens(scanned: Scan, phrase: Phrase) -> list[int]:
    return [token for token in range(phrase.first, phrase.last + 1) if scanned.senses[token].implies_side]


def _summary_token(reading: Reading, start: int, end: int) -> int:
    """Note the counting head of a caption and return the token of its "bilateral", or -1."""
    codes = reading.scan.codes
    head = _HEADER.search(codes, start, end)
    if head is not None and reading.header is None:
        number = head.start(2)
        reading.header = Header(head.start(1), number, head.start(3))
        sense = reading.scan.senses[number]
        digits = reading.scan.text[reading.scan.starts[number] : reading.scan.ends[number]]
        if sense.number is not None:
            reading.count = sense.number
        elif digits.isdecimal() and len(digits) <= _MOST_DIGITS:
            reading.count = int(digits)
    head = head or _SUMMARY.search(codes, start, end)
    if head is None or head[1] != "B":
        return -1
    if reading.laterality is None:
        reading.laterality = "bilateral"
    reading.summary = head.start(1)
    return reading.summary
