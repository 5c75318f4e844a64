"""Rewriting a text so that it places something in exactly the regions that are asked for.

Ways to do it are tried from the gentlest to the roughest; the first whose result reads back as asked is it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.anatomy.cutting import cuts_for, sentence_bounds
from crossmodal_aug.anatomy.lexicon import Lexicon, lexicon_for
from crossmodal_aug.anatomy.phrases import Phrase
from crossmodal_aug.anatomy.reading import Header, Reading, read
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
            yield from self._caption(self.reading.header)
        if self.target and self._is_one_list():
            yield from self._one_list()
        yield self._clauses(whole_sentences=False)
        yield self._clauses(whole_sentences=True)
        cuts = cuts_for(self.scan, self.reading.phrases, whole_sentences=True)
        yield self._appended(spliced(self.text, cuts), self.target)
        yield self._appended("", self.target)

    def _caption(self, header: Header) -> Iterator[str]:
        """Rewrite a caption that counts: its uni- or bilateral word, its number and its list."""
        scan = self.scan
        _, end = sentence_bounds(scan.codes, header.noun)
        listed = [phrase for phrase in self.reading.phrases if header.noun < phrase.first < end]
        others = [phrase for phrase in self.affirmed if not header.laterality < phrase.first < end]
        cuts = cuts_for(scan, others, whole_sentences=True)
        first, last = scan.starts[header.laterality], scan.ends[listed[-1].last if listed else header.noun]
        opening = self.text[first : scan.ends[header.laterality]]
        if any(start < last and first < stop for start, stop, _ in cuts) or not self._contiguous(listed):
            return
        if not self.target:
            yield spliced(self.text, [*cuts, (first, last, _like(self.atlas.phrasing.absent_caption, opening))])
            return
        count = self.target.bit_count()
        word = "bilateral" if sides_named(self.atlas, self.target) > 1 else "unilateral"
        positions = position_phrase(self.atlas, self.target, self.style)
        start = scan.starts[listed[0].first] if listed else last
        new = cased_like(positions, self.text[start:last]) if listed else f", {positions}"
        yield spliced(
            self.text,
            [
                *cuts,
                (first, scan.ends[header.laterality], cased_like(word, opening)),
                self._token_edit(header.number, self._number(header.number, count)),
                self._token_edit(header.noun, self._count_noun(header.noun, count)),
                (start, last, new),
            ],
        )

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

    def _one_list(self) -> Iterator[str]:
        """Rewrite the one list in which the text names all of its regions."""
        start, end = self.scan.starts[self.affirmed[0].first], self.scan.ends[self.affirmed[-1].last]
        edits, dropped = self._narrowed(phrase for phrase in self.reading.phrases if phrase.negated)
        cuts = cuts_for(self.scan, dropped, whole_sentences=False)
        edits += [(start, end, self._words_for(self.target, self.text[start:end])), *self._laterality_edit(), *cuts]
        edits.sort()
        if all(one[1] <= other[0] for one, other in itertools.pairwise(edits)):
            yield spliced(self.text, edits)

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
        edits, dropped = self._narrowed(self.reading.phrases)
        cuts = cuts_for(self.scan, dropped, whole_sentences=whole_sentences)

        def is_cut(place: int) -> bool:
            return any(start <= place < end for start, end, _ in cuts)

        kept = 0
        for phrase in self.affirmed:
            if not is_cut(self.scan.starts[phrase.first]):
                kept |= phrase.mask
        edits = [edit for edit in edits if not is_cut(edit[0])]
        return self._appended(spliced(self.text, [*edits, *cuts]), self.target & ~kept)

    def _narrowed(self, phrases: Iterable[Phrase]) -> tuple[list[Edit], list[Phrase]]:
        """Return the edits that narrow phrases to the target, and the phrases of which nothing is left.

        A region that is to be named can no longer be called clear.
        """
        edits: list[Edit] = []
        dropped: list[Phrase] = []
        added = self.target & ~self.reading.affirmed
        for phrase in phrases:
            keep = phrase.mask & (~added if phrase.negated else self.target)
            if keep == phrase.mask and not phrase.filler:
                continue
            start, end = self.scan.starts[phrase.first], self.scan.ends[phrase.last]
            if keep:
                edits.append((start, end, self._words_for(keep, self.text[start:end])))
            else:
                dropped.append(phrase)
        return edits, dropped

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
        mark = "" if self.lexicon.ends_sentence(body[-1]) else "."
        return body + mark + (text[len(body) :] or " ") + (sentence.lower() if lower else sentence)

    def _token_edit(self, token: int, new: str) -> Edit:
        return (self.scan.starts[token], self.scan.ends[token], new)


def _like(sentence: str, opening: str) -> str:
    """Write a sentence in lower case where the source opens in lower case."""
    lowered = sentence.lower()
    if len(opening) > 3 and opening.isupper():
        return sentence.upper()
    return capitalised(lowered) if opening[:1].isupper() else lowered
