"""Cutting clauses and sentences out of a text."""

from __future__ import annotations

from crossmodal_aug.anatomy.phrases import Phrase
from crossmodal_aug.anatomy.scanner import Scan
from crossmodal_aug.anatomy.splicing import Edit

_CLAUSE_MARKS = ",;w"
# What is left of a sentence when only these stand between the cuts is nothing.
_CONNECTORS = frozenset(",;w&|p-/()tv")


def sentence_bounds(codes: str, token: int) -> tuple[int, int]:
    """Return the first token of the sentence around `token`, and the mark that ends it or the end of the text."""
    end = codes.find(".", token)
    return codes.rfind(".", 0, token) + 1, len(codes) if end < 0 else end


def cuts_for(scan: Scan, phrases: list[Phrase], *, whole_sentences: bool) -> list[Edit]:
    """Return the edits that cut out what states these phrases.

    Args:
        scan: The scanned text.
        phrases: Phrases of it.
        whole_sentences: Whether to cut out their sentences, not only their clauses.

    Returns:
        Edits in text order, without overlap.
    """
    spans = [_sentence_span(scan, p.first) if whole_sentences else _clause_span(scan, p) for p in phrases]
    cuts = _merged(spans)
    if not whole_sentences:
        # A sentence that loses all of its clauses goes, with the mark that ends it.
        sentences = {sentence_bounds(scan.codes, phrase.first) for phrase in phrases}
        emptied = [begin for begin, end in sentences if _is_emptied(scan, begin, end, cuts)]
        cuts = _merged([*cuts, *(_sentence_span(scan, begin) for begin in emptied)])
    return [(start, end, "") for start, end in cuts]


def _is_emptied(scan: Scan, begin: int, end: int, cuts: list[tuple[int, int]]) -> bool:
    return all(
        scan.codes[token] in _CONNECTORS or any(start <= scan.starts[token] < stop for start, stop in cuts)
        for token in range(begin, end)
    )


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _clause_span(scan: Scan, phrase: Phrase) -> tuple[int, int]:
    """Return the part of the sentence between two commas, or their like, that holds a phrase."""
    codes = scan.codes
    begin, end = sentence_bounds(codes, phrase.first)
    before = max(codes.rfind(mark, begin, phrase.first) for mark in _CLAUSE_MARKS)
    after = min((at for mark in _CLAUSE_MARKS if (at := codes.find(mark, phrase.last, end)) >= 0), default=end)
    if before >= 0:
        return scan.ends[before - 1] if before > begin else scan.starts[before], scan.ends[after - 1]
    if after < end and after + 1 < len(codes):
        return scan.starts[begin], scan.starts[after + 1]
    return _sentence_span(scan, phrase.first)


def _sentence_span(scan: Scan, token: int) -> tuple[int, int]:
    begin, end = sentence_bounds(scan.codes, token)
    while end < len(scan.codes) and scan.codes[end] == ".":
        end += 1
    return scan.starts[begin], scan.starts[end] if end < len(scan.codes) else len(scan.text)
