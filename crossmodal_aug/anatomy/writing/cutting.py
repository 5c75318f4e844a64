"""Cutting: whole sentences out of a text, with their numbers and headings, and what hangs on them."""

from __future__ import annotations

import re

from crossmodal_aug.anatomy.casing import capitalised
from crossmodal_aug.anatomy.writing.claims import tells
from crossmodal_aug.anatomy.writing.clearing import contradicts
from crossmodal_aug.anatomy.writing.places import FINDINGS, Sentence
from crossmodal_aug.anatomy.writing.source import Source, declined
from crossmodal_aug.anatomy.writing.styles import parts_of, word_list

_ITEM = re.compile(r"\s*\(?(\d{1,2}|[a-z])[.)](?=\s)")
_HEADED = re.compile(r":\s*\d{1,2}[.)]\s*$")
NUMBERING = frozenset({"number", "close", "open", "bullet"})
_NAMING = FINDINGS | {"structure", "device"}
_TITLES = FINDINGS | {
    "noun", "unknown", "structure", "space", "and", "slash", "modifier", "plain", "side", "level", "zone", "both",
}  # fmt: skip
_MOST_HEADING = 5
_DENYING = frozenset({"denies", "clear", "absent", "resolved"})
_NAMED = frozenset({"structure", "device"})
Piece = tuple[str, str, str]


class Chunks:
    """A text in pieces of one sentence each, with its number in front and its mark and gap behind.

    Args:
        source: The text.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.pieces: list[Piece] = []
        self.headings: list[str | None] = []
        self.of: dict[int, int] = {}
        text, terms = source.text, source.terms
        head, done = 0, 0
        spans: list[tuple[int, int, int]] = []
        for sentence in source.sentences:
            if self._is_number(sentence.number):
                continue
            start, stop = terms[sentence.begin].start, terms[sentence.end - 1].end
            if spans:
                head = self._behind_mark(sentence.begin, done)
            self.of[sentence.number] = len(spans)
            spans.append((head, start, stop))
            self.headings.append(self._heading(sentence.number))
            done = stop
        ends = [span[0] for span in spans[1:]] + [len(text)]
        for (first, start, stop), end in zip(spans, ends, strict=True):
            self.pieces.append((text[first:start], text[start:stop], text[stop:end]))

    def _is_number(self, number: int) -> bool:
        sentence = self.source.sentences[number]
        is_last = number + 1 == len(self.source.sentences)
        inside = self.source.kinds[sentence.begin : sentence.end]
        # "Impression: 1" of "Impression: 1. Opacities in both lungs."
        is_headed = len(inside) <= _MOST_HEADING and inside[-2:] == ["colon", "number"]
        return not is_last and (is_headed or NUMBERING.issuperset(inside))

    def _behind_mark(self, begin: int, done: int) -> int:
        """Return where the marks that end the sentence before, and the gap behind them, are over."""
        terms, kinds, text = self.source.terms, self.source.kinds, self.source.text
        term = begin
        while term > 0 and terms[term - 1].start >= done:
            term -= 1
        stop = done
        while term < begin and kinds[term] == "end":
            stop = terms[term].end
            term += 1
        while stop < len(text) and text[stop].isspace():
            stop += 1
        return stop

    def _heading(self, number: int) -> str | None:
        """Return the heading of a sentence, "Lungs:", "" where it names a place itself, or None where it has none."""
        sentence, kinds = self.source.sentences[number], self.source.kinds
        stop = min(sentence.begin + _MOST_HEADING, sentence.end)
        colon = next((term for term in range(sentence.begin, stop) if kinds[term] == "colon"), -1)
        places = (*sentence.affirmed, *sentence.denied)
        if colon < 0 or not _TITLES.issuperset(kinds[sentence.begin : colon]):
            return None
        if any(place.first <= colon for place in places):
            return ""
        return self.source.text[self.source.terms[sentence.begin].start : self.source.terms[colon].end]

    def joined(self, results: dict[int, str | None]) -> str:
        """Put the text together again.

        Args:
            results: By sentence, what it reads now, or None where it is cut.

        Returns:
            The text: numbers run on, a heading stays with what still stands below it, "" where nothing is left.
        """
        new = {self.of[number]: result for number, result in results.items() if number in self.of}
        cut = {at for at, result in new.items() if result is None}
        kept: list[Piece] = []
        missing, heading, opening = 0, "", ""
        for at, (head, body, tail) in enumerate(self.pieces):
            own = self.headings[at]
            if at in cut:
                opening = head if ":" in head else opening
                missing += (_ITEM.match(head) or _HEADED.search(head)) is not None
                heading = heading if own is None else own
                _close(kept, tail)
                continue
            written = new.get(at) or body
            is_first = not kept or not kept[-1][2].strip().endswith((";", ","))
            if at - 1 in cut and is_first and self.pieces[at - 1][1][:1].isupper():
                written = capitalised(written)
            if heading and own is None and not _ITEM.match(head):
                written = f"{heading} {written}"
            heading = ""
            kept.append((opening or _renumbered(head, missing), written, tail))
            opening = ""
        text = "".join(part for piece in kept for part in piece)
        if kept and len(self.pieces) - 1 in cut:
            text = text.rstrip() + self.source.text[len(self.source.text.rstrip()) :]
        return text


def _close(pieces: list[Piece], tail: str) -> None:
    """Let the sentence before a cut one end as the cut one did."""
    if not pieces:
        return
    head, body, own = pieces[-1]
    if own.strip() == "?":
        pieces[-1] = (head, body, tail.lstrip(" "))  # "haze ? oedema."
    elif own.strip() == ";" and tail.strip() != ";":
        pieces[-1] = (head, body, tail if tail.strip() else "." + tail)


def _renumbered(head: str, missing: int) -> str:
    found = _ITEM.match(head)
    if not missing or found is None:
        return head
    number = found.group(1)
    new = str(int(number) - missing) if number.isdecimal() else chr(ord(number) - missing)
    return head[: found.start(1)] + new + head[found.end(1) :]


def with_what_hangs(source: Source, cut: set[int]) -> set[int]:
    """Return sentences to cut with those behind them that speak of what they named, such as "Follow-up is advised".

    Args:
        source: The text.
        cut: Numbers of the sentences to cut.

    Returns:
        These and the others.

    Raises:
        CannotSay: Such a sentence says where something is.
    """
    found = set(cut)
    for sentence in source.sentences[1:]:
        number = sentence.number
        if number in found or number - 1 not in found or not _hangs(source, number):
            continue
        if sentence.affirmed:
            raise declined("a later sentence speaks of what would be left out")
        found.add(number)
    return found


def _hangs(source: Source, number: int) -> bool:
    sentence = source.sentences[number]
    words = source.words(sentence.begin, sentence.end)
    kinds = source.kinds[sentence.begin : sentence.end]
    if not word_list("bonds", "pointers").isdisjoint(words) or "hoped" in kinds:
        return True
    if "unit" in kinds and _NAMING.isdisjoint(kinds):  # "Size: 9 mm."
        return True
    return words[0] == "the" and "finding" in kinds[1:4]


def stands(source: Source, sentence: Sentence, target: int) -> bool:
    """Return whether a sentence is not a finding of the image, or stays true whatever else is said.

    Args:
        source: The text.
        sentence: A sentence of it.
        target: Bits of the regions to state.

    Returns:
        True for a history, for "No effusion." and for "Heart size is normal."; False for what tells of a finding or
        what comes of one ("The heart border is obscured."), calls clear where something is, or tells nothing that
        stands alone: "Unchanged.", "Repeat with markers."
    """
    if sentence.number in source.statement.silent:
        return True
    if sentence.affirmed or any(contradicts(source, sentence, place, target) for place in sentence.denied):
        return False
    words = parts_of(source.words(sentence.begin, sentence.end))
    if words & word_list("bonds", "advice") or words & word_list("bonds", "consequences") or tells(source, sentence):
        return False
    if not target and words & word_list("bonds", "referring"):
        return False
    kinds = set(source.kinds[sentence.begin : sentence.end])
    if sentence.denied or not kinds.isdisjoint(_DENYING) or NUMBERING.issuperset(kinds):
        return bool(target) or not words & word_list("bonds", "left")
    return not kinds.isdisjoint(_NAMED)
