"""Rewriting a text so that it places something in exactly the regions that are asked for.

Ways to do it are tried from the gentlest to the roughest; the first whose result reads back as asked is it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.lexicon import Lexicon, lexicon_for
from crossmodal_aug.anatomy.phrases import Phrase
from crossmodal_aug.anatomy.reading import Reading, read
from crossmodal_aug.anatomy.splicing import Edit, spliced
from crossmodal_aug.anatomy.wording import (
    Style,
    capitalised,
    cased_like,
    position_phrase,
    present_sentence,
    sides_named,
)
from crossmodal_aug.errors import AtlasError

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.report import Report

_BETWEEN = set(",&|/ti")
_SEGMENT_MARKS = ",;w"


def with_regions(report: Report, atlas: Atlas, target: int) -> str:
    """Rewrite a report; see `Report.with_regions`.

    Args:
        report: What the text says now.
        atlas: Its atlas.
        target: Bits of the regions that it shall name.

    Returns:
        The rewritten text.

    Raises:
        AtlasError: The sentences of the atlas file cannot be read with its own words.
    """
    lexicon = lexicon_for(atlas)
    reading = read(report.text, lexicon, atlas.bare)
    if target == reading.affirmed:
        return report.text
    for candidate in _Rewriter(report.text, reading, atlas, lexicon, target).candidates():
        if read(candidate, lexicon, atlas.bare).affirmed == target:
            return candidate
    raise AtlasError(
        f"Expected the [phrases] of atlas {atlas.name!r} to be readable with its own words, but they are not"
    )


class _Rewriter:
    def __init__(self, text: str, reading: Reading, atlas: Atlas, lexicon: Lexicon, target: int) -> None:
        self.text = text
        self.reading = reading
        self.scan = reading.scan
        self.atlas = atlas
        self.lexicon = lexicon
        self.target = target
        self.affirmed = [phrase for phrase in reading.phrases if not phrase.negated]
        self.style = Style(stacked=reading.header is not None, whole=any(phrase.whole for phrase in reading.phrases))

    def candidates(self) -> Iterator[str]:
        """Yield rewritten texts, the gentlest first."""
        if self.reading.header is not None:
            yield from self._caption()
        if self.target and self._is_one_list():
            yield spliced(self.text, [*self._list_edit(), *self._laterality_edit()])
        yield self._clauses(whole_sentences=False)
        yield self._clauses(whole_sentences=True)
        yield self._appended(self._without(self.reading.phrases, whole_sentences=True), self.target)
        yield self._appended("", self.target)

    def _caption(self) -> Iterator[str]:
        """Rewrite a caption that counts: its uni- or bilateral word, its number and its list."""
        header = self.reading.header
        if header is None:
            return
        scan = self.scan
        end = self._sentence_end(header.noun)
        listed = [p for p in self.reading.phrases if header.noun < p.first < end]
        first, last = scan.starts[header.laterality], scan.ends[listed[-1].last if listed else header.noun]
        opening = self.text[first : scan.ends[header.laterality]]
        if not self.target:
            yield spliced(self.text, [(first, last, _like(self.atlas.phrasing.absent_caption, opening))])
            return
        if not self._contiguous(listed):
            return
        count = self.target.bit_count()
        word = "bilateral" if sides_named(self.atlas, self.target) > 1 else "unilateral"
        positions = position_phrase(self.atlas, self.target, self.style)
        edits: list[Edit] = [
            (first, scan.ends[header.laterality], cased_like(word, opening)),
            self._token_edit(header.number, self._number(header.number, count)),
            self._token_edit(header.noun, self._count_noun(header.noun, count)),
        ]
        if listed:
            start = scan.starts[listed[0].first]
            edits.append((start, last, cased_like(positions, self.text[start:last])))
        else:
            edits.append((last, last, f", {positions}"))
        yield spliced(self.text, edits)

    def _number(self, token: int, count: int) -> str:
        written = self.text[self.scan.starts[token] : self.scan.ends[token]]
        words = self.lexicon.numbers
        return str(count) if written.isdecimal() or count >= len(words) else cased_like(words[count], written)

    def _count_noun(self, token: int, count: int) -> str:
        written = self.text[self.scan.starts[token] : self.scan.ends[token]]
        order = self.scan.senses[token].number or 0
        plural_before, one_before = bool(order % 2), self.reading.count == 1
        if (count == 1) == one_before or plural_before == (count != 1):
            # The source's own "one infected areas" is kept where it still counts one.
            return written
        return cased_like(self.lexicon.count_nouns[order ^ 1], written)

    def _is_one_list(self) -> bool:
        return bool(self.affirmed) and self._contiguous(self.affirmed)

    def _contiguous(self, phrases: list[Phrase]) -> bool:
        return all(
            set(self.scan.codes[one.last + 1 : other.first]) <= _BETWEEN for one, other in itertools.pairwise(phrases)
        )

    def _list_edit(self) -> list[Edit]:
        start, end = self.scan.starts[self.affirmed[0].first], self.scan.ends[self.affirmed[-1].last]
        return [(start, end, self._words_for(self.target, self.text[start:end]))]

    def _words_for(self, mask: int, old: str) -> str:
        words = position_phrase(self.atlas, mask, self.style)
        return cased_like(f"in the {words}" if old.lower().endswith("ly") else words, old)

    def _laterality_edit(self) -> list[Edit]:
        """Put uni- and bilateral words outside the list right."""
        sides = sides_named(self.atlas, self.target)
        edits = []
        for token, code in enumerate(self.scan.codes):
            word = {"U": "bilateral" if sides > 1 else None}.get(code)
            if token == self.reading.summary and sides == 1:
                word = "unilateral"
            if word is not None:
                old = self.text[self.scan.starts[token] : self.scan.ends[token]]
                edits.append(self._token_edit(token, cased_like(word, old)))
        return edits

    def _clauses(self, *, whole_sentences: bool) -> str:
        """Narrow or drop each clause that names too much and append what no clause names."""
        edits: list[Edit] = []
        dropped: list[Phrase] = []
        added = self.target & ~self.reading.affirmed
        for phrase in self.reading.phrases:
            keep = phrase.mask & (~added if phrase.negated else self.target)
            if keep == phrase.mask and not phrase.filler:
                continue
            start, end = self.scan.starts[phrase.first], self.scan.ends[phrase.last]
            if keep:
                edits.append((start, end, self._words_for(keep, self.text[start:end])))
            else:
                dropped.append(phrase)
        cuts = self._cuts(dropped, whole_sentences=whole_sentences)
        inside = [e for e in edits if not any(start <= e[0] < end for start, end, _ in cuts)]
        lost = 0
        for phrase in self.affirmed:
            if any(start <= self.scan.starts[phrase.first] < end for start, end, _ in cuts):
                lost |= phrase.mask & self.target
        for phrase in self.affirmed:
            if not any(start <= self.scan.starts[phrase.first] < end for start, end, _ in cuts):
                lost &= ~phrase.mask
        return self._appended(spliced(self.text, [*inside, *cuts]), added | lost)

    def _without(self, phrases: list[Phrase], *, whole_sentences: bool) -> str:
        return spliced(self.text, self._cuts(phrases, whole_sentences=whole_sentences))

    def _cuts(self, phrases: list[Phrase], *, whole_sentences: bool) -> list[Edit]:
        """Return the edits that cut out the clauses of these phrases, without overlap."""
        spans = sorted(
            self._sentence_span(phrase.first) if whole_sentences else self._clause_span(phrase) for phrase in phrases
        )
        merged: list[Edit] = []
        for start, end in spans:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]), "")
            else:
                merged.append((start, end, ""))
        return merged

    def _clause_span(self, phrase: Phrase) -> tuple[int, int]:
        codes, begin, end = (
            self.scan.codes,
            self._sentence_start(phrase.first),
            self._sentence_end(phrase.last),
        )
        before = max(codes.rfind(mark, begin, phrase.first) for mark in _SEGMENT_MARKS)
        after = min((at for mark in _SEGMENT_MARKS if (at := codes.find(mark, phrase.last, end)) >= 0), default=end)
        if before >= 0:
            start = self.scan.ends[before - 1] if before > begin else self.scan.starts[before]
            return start, self.scan.ends[after - 1]
        if after < end and after + 1 < len(codes):
            return self.scan.starts[begin], self.scan.starts[after + 1]
        return self._sentence_span(phrase.first)

    def _sentence_span(self, token: int) -> tuple[int, int]:
        begin, end = self._sentence_start(token), self._sentence_end(token)
        codes = self.scan.codes
        while end < len(codes) and codes[end] == ".":
            end += 1
        stop = self.scan.starts[end] if end < len(codes) else len(self.text)
        return self.scan.starts[begin], stop

    def _sentence_start(self, token: int) -> int:
        return self.scan.codes.rfind(".", 0, token) + 1

    def _sentence_end(self, token: int) -> int:
        end = self.scan.codes.find(".", token)
        return len(self.scan.codes) if end < 0 else end

    def _appended(self, text: str, mask: int) -> str:
        """Append a sentence that names `mask`; where nothing is left of the text, that is the text."""
        lower = self.text.islower()
        if not any(letter.isalnum() for letter in text):
            sentence = present_sentence(self.atlas, mask) if mask else self.atlas.phrasing.absent
            return sentence.lower() if lower else sentence
        if not mask:
            return text
        sentence = present_sentence(self.atlas, mask)
        body = text.rstrip()
        joint = " " if self.lexicon.ends_sentence(body[-1]) else ". "
        return body + joint + (sentence.lower() if lower else sentence)

    def _token_edit(self, token: int, new: str) -> Edit:
        return (self.scan.starts[token], self.scan.ends[token], new)


def _like(sentence: str, opening: str) -> str:
    """Write a sentence in lower case where the source opens in lower case."""
    lowered = sentence.lower()
    if len(opening) > 3 and opening.isupper():
        return sentence.upper()
    return capitalised(lowered) if opening[:1].isupper() else lowered
