"""Rewriting a text so that it places something in exactly the regions that are asked for.

Ways to do it are tried from the gentlest to the roughest; the first whose result reads back as asked is it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.lexicon import Lexicon, lexicon_for
from crossmodal_aug.anatomy.casing import capitalised, cased_like
from crossmodal_aug.anatomy.statement import Exceptions, Header, Phrase, Reading, sentence_bounds
from crossmodal_aug.anatomy.writing.agreement import phrase_edits
from crossmodal_aug.anatomy.writing.cutting import cuts_for, recapitalised
from crossmodal_aug.anatomy.writing.edits import Edit, spliced
from crossmodal_aug.anatomy.writing.wording import Style, position_phrase, present_sentence, sides_named
from crossmodal_aug.errors import AtlasError

_BETWEEN = set(",&|/ti")


def with_regions(reading: Reading, atlas: Atlas, target: int, stated: Callable[[str], int | None]) -> str:
    """Rewrite a text; see `Report.with_regions`.

    Args:
        reading: What the text says now.
        atlas: The atlas that it was read with.
        target: Bits of the regions that it shall name.
        stated: Reads a text: the bits of the regions that it names, or None where it contradicts itself.

    Returns:
        The rewritten text.

    Raises:
        AtlasError: The sentences of the atlas file cannot be read with its own words.
    """
    text = reading.scan.text
    if target == reading.affirmed:
        return text
    for candidate in _Rewriter(text, reading, atlas, lexicon_for(atlas), target).candidates():
        if stated(candidate) == target:
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
        yield from self._clauses(in_place=True)
        yield from self._clauses(in_place=False)
        yield from self._clauses(in_place=False, whole_sentences=True)
        cuts = cuts_for(self.scan, self.reading.phrases, whole_sentences=True)
        yield self._appended(spliced(self.text, cuts.edits()), self.target)
        yield self._appended("", self.target)

    def _caption(self, header: Header) -> Iterator[str]:
        """Rewrite a caption that counts: its uni- or bilateral word, its number and its list."""
        scan = self.scan
        _, end = sentence_bounds(scan.codes, header.noun)
        listed = [phrase for phrase in self.reading.phrases if header.noun < phrase.first < end]
        others = [phrase for phrase in self.affirmed if not header.laterality < phrase.first < end]
        cuts = cuts_for(scan, others, whole_sentences=True).edits()
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
        edits, dropped = self._narrowed(phrase for phrase in self.reading.phrases if phrase.negated)
        edits += self._phrase_edits(self.affirmed[0].first, self.affirmed[-1].last, self.target)
        edits += cuts_for(self.scan, dropped, whole_sentences=False).edits()
        for drop in (False, True):
            every = sorted([*edits, *self._laterality_edits(drop=drop)])
            if all(one[1] <= other[0] for one, other in itertools.pairwise(every)):
                yield spliced(self.text, recapitalised(self.scan, every))

    def _phrase_edits(self, first: int, last: int, mask: int) -> list[Edit]:
        return phrase_edits(self.scan, first, last, mask, self.atlas, self.lexicon, self.style)

    def _laterality_edits(self, *, drop: bool) -> list[Edit]:
        """Put uni- and bilateral words outside the list right, or drop what two sides make wrong."""
        scan, sides = self.scan, sides_named(self.atlas, self.target)
        edits = []
        for token, code in enumerate(scan.codes):
            if code == "U" and sides > 1:
                if drop:
                    edits.append(self._drop_of(token))
                    continue
                word = "bilateral"
            elif token == self.reading.summary and sides == 1:
                word = "unilateral"
            else:
                continue
            edits.append(self._token_edit(token, cased_like(word, self.text[scan.starts[token] : scan.ends[token]])))
        return edits

    def _drop_of(self, token: int) -> Edit:
        """Return the edit that drops a word with the gap on one side of it."""
        starts, ends = self.scan.starts, self.scan.ends
        if token > 0 and self.scan.codes[token + 1 : token + 2] in ("", "."):
            return (ends[token - 1], ends[token], "")
        return (starts[token], starts[token + 1] if token + 1 < len(starts) else ends[token], "")

    def _clauses(self, *, in_place: bool, whole_sentences: bool = False) -> Iterator[str]:
        """Narrow or drop each clause that names too much, and say elsewhere what no clause names.

        Args:
            in_place: Whether what is to be added takes the place of the first phrase that is to go.
            whole_sentences: Whether to cut out the sentences of what goes, not only the clauses.
        """
        edits, dropped = self._narrowed(self.reading.phrases)
        placed = 0
        home = next((phrase for phrase in dropped if not phrase.negated), None) if in_place else None
        if home is not None:
            placed = self.target & ~self.reading.affirmed
            dropped = [phrase for phrase in dropped if phrase is not home]
            edits += self._phrase_edits(home.first, home.last, placed) if placed else []
        if in_place and not placed:
            return
        cuts = cuts_for(self.scan, dropped, whole_sentences=whole_sentences)
        if home is not None and self.scan.starts[home.first] in cuts:
            return
        kept = placed
        for phrase in self.affirmed:
            if self.scan.starts[phrase.first] not in cuts:
                kept |= phrase.mask
        edits = [edit for edit in [*edits, *self._laterality_edits(drop=True)] if edit[0] not in cuts]
        text = spliced(self.text, recapitalised(self.scan, sorted([*edits, *cuts.edits()])))
        if cuts.spans and cuts.spans[-1][1] == len(self.text):
            text = self._closed(text)
        yield self._appended(text, self.target & ~kept)

    def _closed(self, text: str) -> str:
        """Close a text that lost its last sentence as it was closed before."""
        body = text.rstrip()
        gap = self.text[len(self.text.rstrip()) :]
        return (body[:-1] + "." if body.endswith(";") else body) + gap

    def _narrowed(self, phrases: Iterable[Phrase]) -> tuple[list[Edit], list[Phrase]]:
        """Return the edits that narrow phrases to the target, and the phrases of which nothing is left.

        A region that is named can no longer be called clear, but for "clear except for" and its like.
        """
        edits: list[Edit] = []
        dropped: list[Phrase] = []
        exceptions = Exceptions(self.scan)
        for phrase in phrases:
            keep = phrase.mask & (~self.target if phrase.negated else self.target)
            if phrase.negated and keep and phrase in exceptions:
                continue
            if keep == phrase.mask and not phrase.filler:
                continue
            if keep:
                edits += self._phrase_edits(phrase.first, phrase.last, keep)
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
