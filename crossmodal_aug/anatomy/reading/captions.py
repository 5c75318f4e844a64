"""Captions that count: "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung".

Some say neither "bilateral" nor "unilateral" nor "no": "One infected area, upper left lung".
"""

from __future__ import annotations

from crossmodal_aug.anatomy.reading.kinds import POSITION, follows
from crossmodal_aug.anatomy.statement import Header, Phrase, Statement

_OPENING = frozenset({"both", "unilateral", "denies"})
_WORDS = frozenset({"unknown", "modifier", "state"})
_SEPARATORS = frozenset({"comma", "colon", "dash", "open", "end"})
_LISTED = POSITION | {
    "comma", "and", "or", "article", "modifier", "close", "colon", "dash", "end", "count noun", "part",
}  # fmt: skip
# A longer number counts nothing, and Python refuses to read one of thousands of digits.
_MOST_DIGITS = 9
# No caption says more before its count, and none of these.
_MOST_BEFORE = 12
_OUTSIDE = (POSITION - {"noun"}) | {"denies", "absent", "resolved", "clear", "stop", "structure", "device"}


def read_header(statement: Statement) -> None:
    """Note a caption's counting head, the number that it counts, and the "bilateral" that only sums up its list.

    Args:
        statement: The words of the text; its header, count, laterality and summary are set.
    """
    kinds = statement.kinds
    if "unilateral" in kinds:
        statement.laterality = "unilateral"
    if "count noun" in kinds and "number" in kinds:
        for index, kind in enumerate(kinds):
            if kind in _OPENING and statement.header is None:
                _read_header_at(statement, index)
        for begin, end in statement.sentences:
            if statement.header is None:
                _read_plain_header_at(statement, begin, end)
    if statement.summary < 0 and "both" in kinds:
        _find_summary(statement)
    if statement.summary >= 0 and statement.laterality is None:
        statement.laterality = "bilateral"


def _read_header_at(statement: Statement, index: int) -> None:
    kinds, end = statement.kinds, len(statement.kinds)
    finding = follows(kinds, index + 1, _WORDS, min(end, index + 5))
    number = finding + 2
    if (
        number >= end
        or kinds[finding] != "finding"
        or kinds[finding + 1] not in _SEPARATORS
        or kinds[number] != "number"
    ):
        return
    noun = _counted(kinds, number)
    if noun < 0:
        return
    statement.header = Header(index, index, number, noun, _end_of_list(statement, noun))
    if kinds[index] == "both":
        statement.summary = index
    _read_count(statement, number)


def _read_plain_header_at(statement: Statement, begin: int, end: int) -> None:
    """Read a head without such a word: "One infected area, upper left lung", "COVID-19 infection: two areas"."""
    kinds = statement.kinds
    before: set[str] = set()
    first = begin
    for number in range(begin, min(end, begin + _MOST_BEFORE)):
        if kinds[number] == "number" and (number == begin or kinds[number - 1] in _SEPARATORS):
            noun = _counted(kinds, number)
            follows_on = noun > 0 and (noun + 1 >= end or kinds[noun + 1] in _SEPARATORS | POSITION)
            stop = _end_of_list(statement, noun) if follows_on else 0
            if follows_on and before.isdisjoint(_OUTSIDE) and _LISTED.issuperset(kinds[noun + 1 : stop]):
                statement.header = Header(first, -1, number, noun, stop)
                _read_count(statement, number)
                return
        before.add(kinds[number])
        first = number + 1 if kinds[number] == "colon" and "finding" not in before else first


def _counted(kinds: list[str], number: int) -> int:
    """Return the term of what a number counts, or -1."""
    noun = follows(kinds, number + 1, _WORDS, min(len(kinds), number + 4))
    return noun if noun < len(kinds) and kinds[noun] == "count noun" else -1


def _read_count(statement: Statement, number: int) -> None:
    term = statement.terms[number]
    written = statement.text[term.start : term.end]
    if term.sense.number is not None:
        statement.count = term.sense.number
    elif written.isdecimal() and len(written) <= _MOST_DIGITS:
        statement.count = int(written)


def _end_of_list(statement: Statement, noun: int) -> int:
    """Return one past the last term of the list that a counting head opens, maybe in a sentence of its own."""
    kinds = statement.kinds
    begin, end = statement.sentence_of(noun)
    if end == noun + 1 and end < len(kinds):
        begin, later = statement.sentence_of(end + 1) if end + 1 < len(kinds) else (end, end)
        if later > begin and _LISTED.issuperset(kinds[begin:later]):
            return later
    return end


def _find_summary(statement: Statement) -> None:
    """Find "Bilateral infection, upper left lung and lower right lung", whose first word sums up the list."""
    kinds = statement.kinds
    for begin, end in statement.sentences:
        for index in range(begin, end):
            if kinds[index] != "both":
                continue
            finding = follows(kinds, index + 1, _WORDS, min(end, index + 5))
            if finding + 2 < end and kinds[finding] == "finding" and kinds[finding + 1] in ("comma", "colon", "dash"):
                rest = kinds[finding + 2 : end]
                if _LISTED.issuperset(rest) and not {"side", "place"}.isdisjoint(rest):
                    statement.summary = index
                    return


def mark_filler(phrases: list[Phrase]) -> None:
    """In "Unilateral ..., left lung and middle right lung" the side without a zone names nothing.

    Args:
        phrases: Phrases of one sentence with their masks; they are changed.
    """
    precise = 0
    for phrase in phrases:
        if phrase.levelled or phrase.whole:
            precise |= phrase.side
    if not precise:
        return
    for phrase in phrases:
        vague = phrase.noun and not (phrase.levelled or phrase.whole or phrase.negated)
        if vague and phrase.side and not phrase.side & precise:
            phrase.filler = True
            phrase.mask = 0
