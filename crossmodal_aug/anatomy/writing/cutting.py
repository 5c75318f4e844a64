"""Cutting clauses and sentences out of a text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.statement import Phrase, Scan, sentence_bounds
from crossmodal_aug.anatomy.writing.edits import Edit

_CLAUSE_MARKS = ",;w"
# What joins a clause to the one before it goes with either.
_JOINTS = ",;w&|p-/:)"
# What is left of a sentence when only these stand between the cuts is nothing.
_CONNECTORS = frozenset(_JOINTS + "(tve")
# A clause that opens so hangs on the one before it: "which may be", "greater than", "5 mm", "in keeping with".
_HANGING = frozenset("q>cnvoid~ge")
_STATING = frozenset("FXDNCh!")


class Cuts:
    """Spans to cut out of a text, in order and without overlap.

    Args:
        spans: Pairs of offsets, in any order; what overlaps is joined.
    """

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self.spans: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if self.spans and start < self.spans[-1][1]:
                self.spans[-1] = (self.spans[-1][0], max(end, self.spans[-1][1]))
            else:
                self.spans.append((start, end))
        self._starts = [start for start, _ in self.spans]

    def __contains__(self, place: int) -> bool:
        before = bisect_right(self._starts, place) - 1
        return before >= 0 and place < self.spans[before][1]

    def edits(self) -> list[Edit]:
        """Return them as replacements by nothing."""
        return [(start, end, "") for start, end in self.spans]


def cuts_for(scan: Scan, phrases: list[Phrase], *, whole_sentences: bool) -> Cuts:
    """Return what to cut out so that nothing states these phrases.

    A sentence goes as a whole, with the mark that ends it, where what would be left of it says nothing by
    itself: "which may represent pneumonia", "left greater than right", "unchanged".

    Args:
        scan: The scanned text.
        phrases: Phrases of it.
        whole_sentences: Whether to cut out their sentences, not only their clauses.

    Returns:
        The cuts.
    """
    if whole_sentences:
        return Cuts([_sentence_span(scan, phrase.first) for phrase in phrases])
    cuts = Cuts([_clause_span(scan, phrase) for phrase in phrases])
    more = []
    for begin, end in {sentence_bounds(scan.codes, phrase.first) for phrase in phrases}:
        rest = [token for token in range(begin, end) if scan.starts[token] not in cuts]
        if _says_nothing(scan.codes, rest, begin):
            more.append(_sentence_span(scan, begin))
        elif rest[0] != begin:
            opening = next(token for token in rest if scan.codes[token] not in _JOINTS)
            more.append((scan.starts[begin], scan.starts[opening]))
    return Cuts([*cuts.spans, *more])


def recapitalised(scan: Scan, edits: list[Edit]) -> list[Edit]:
    """Give each sentence that lost its beginning a capital where it had one.

    Args:
        scan: The scanned text.
        edits: Replacements without overlap.

    Returns:
        These and the capitals.
    """
    mended = {start: (start, end, new) for start, end, new in edits}
    for start, end, new in edits:
        token = bisect_left(scan.starts, end)
        if new or token == len(scan.starts) or scan.codes[token] == ".":
            continue
        begin, _ = sentence_bounds(scan.codes, token)
        place = scan.starts[token]
        if begin < token and start <= scan.starts[begin] and scan.text[scan.starts[begin]].isupper():
            _, stop, words = mended.get(place, (place, place + 1, scan.text[place]))
            mended[place] = (place, stop, capitalised(words))
    return list(mended.values())


def _says_nothing(codes: str, rest: list[int], begin: int) -> bool:
    """Say whether the tokens that are left of a sentence state nothing by themselves."""
    letters = "".join(codes[token] for token in rest)
    if _CONNECTORS.issuperset(letters):
        return True
    if rest[0] == begin and codes[begin] not in _JOINTS:
        return False
    letters = letters.lstrip(_JOINTS).lstrip("t")
    opening = letters[:1]
    if opening in _HANGING or (opening in "SB" and ">" in letters[:3]):
        return True
    if opening == "u":
        return not ("v" in letters or "C" in letters)
    return _STATING.isdisjoint(letters)


def _clause_span(scan: Scan, phrase: Phrase) -> tuple[int, int]:
    """Return the part of the sentence between two commas, or their like, that holds a phrase."""
    codes = scan.codes
    begin, end = sentence_bounds(codes, phrase.first)
    before = max(codes.rfind(mark, begin, phrase.first) for mark in _CLAUSE_MARKS)
    after = min((at for mark in _CLAUSE_MARKS if (at := codes.find(mark, phrase.last, end)) >= 0), default=end)
    while before > begin and codes[before - 1] in _CLAUSE_MARKS:
        before -= 1
    if before > begin:
        return scan.ends[before - 1], scan.ends[after - 1]
    if after < end and after + 1 < len(codes):
        return scan.starts[begin], scan.starts[after + 1]
    return _sentence_span(scan, phrase.first)


def _sentence_span(scan: Scan, token: int) -> tuple[int, int]:
    codes = scan.codes
    begin, end = sentence_bounds(codes, token)
    if codes[max(0, begin - 3) : begin] in ("n.", ".n."):
        begin -= 2  # its number in a list goes with it
    while end < len(codes) and codes[end] == ".":
        end += 1
    return scan.starts[begin], scan.starts[end] if end < len(codes) else len(scan.text)
