"""Captions that count: "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung"."""

from __future__ import annotations

from crossmodal_aug.anatomy.casing import capitalised, cased_like
from crossmodal_aug.anatomy.statement import Header
from crossmodal_aug.anatomy.writing.cutting import Chunks, stands, with_what_hangs
from crossmodal_aug.anatomy.writing.edits import Edit, overlap, spliced
from crossmodal_aug.anatomy.writing.source import Source
from crossmodal_aug.anatomy.writing.wording import Style, position_phrase, sides_named

_MORE = frozenset({"count noun", "part", "comma", "modifier"})
_OPEN = ("(", "[", "{", "\uff08")
_CLOSE = (")", "]", "}", "\uff09")


def caption_with(source: Source, header: Header, target: int) -> str | None:
    """Rewrite a caption that counts: its uni- or bilateral word, its number and its list.

    Args:
        source: The text.
        header: Its counting head.
        target: Bits of the regions to state.

    Returns:
        The text; sentences beside the caption that say where something is are cut. None where it has no list that
        could be exchanged.
    """
    caption = _Caption(source, header, target)
    return caption.absent() if not target else caption.present()


class _Caption:
    def __init__(self, source: Source, header: Header, target: int) -> None:
        self.source = source
        self.header = header
        self.target = target
        self.text = source.text
        self.listed = [phrase for phrase in source.statement.phrases if header.noun < phrase.first < header.stop]
        self.first = source.terms[header.first].start
        # The last word of the head whose case a negative caption takes.
        self.opening = max(header.laterality, header.first)
        self.last = source.terms[self._end_of_list()].end

    def _end_of_list(self) -> int:
        """Return the last term of the list, with what says more of its last place: "left perihilar region"."""
        last = self.listed[-1].last if self.listed else self.header.noun
        kinds, stop = self.source.kinds, self.header.stop
        behind = last + 1
        while behind < stop and kinds[behind] in _MORE:
            behind += 1
        return behind - 1 if behind == stop or kinds[behind] in ("end", "close") else last

    def absent(self) -> str | None:
        """Return the atlas's negative caption in the place of head and list."""
        opening = self.text[self.first : self.source.terms[self.opening].end]
        loud = self.source.is_loud(self.opening)
        caption = _like(self.source.atlas.phrasing.absent_caption, opening, loud=loud)
        return self._with([(self.first, self._behind_aside(self.last), caption)])

    def present(self) -> str | None:
        """Return the caption with its words, its number and its list in agreement."""
        source, header, atlas = self.source, self.header, self.source.atlas
        count = self.target.bit_count()
        whole = any(phrase.whole for phrase in self.listed)
        positions = position_phrase(atlas, self.target, Style(stacked=True, whole=whole))
        if self.listed:
            start = source.terms[self.listed[0].first].start
            new = cased_like(positions, self.text[start : self.last])
        else:
            start = self.last
            loud = source.is_loud(header.first)
            new = self._separator() + (positions.upper() if loud else positions)
        return self._with([
            *self._laterality(),
            self._edit(header.number, self._number(count)),
            self._edit(header.noun, self._count_noun(count)),
            (start, self.last, new),
        ])  # fmt: skip

    def _laterality(self) -> list[Edit]:
        """Return the edit that puts "bilateral" or "unilateral" right; none where the caption has no such word."""
        if self.header.laterality < 0:
            return []
        end = self.source.terms[self.header.laterality].end
        word = "bilateral" if sides_named(self.source.atlas, self.target) > 1 else "unilateral"
        return [(self.first, end, cased_like(word, self.text[self.first : end]))]

    def _with(self, edits: list[Edit]) -> str | None:
        """Make the edits and cut the other sentences that say where something is."""
        if overlap(edits):
            return None
        source = self.source
        results: dict[int, str | None] = {}
        begin, _ = source.statement.sentence_of(self.header.first)
        own = {number for number, one in enumerate(source.sentences) if begin <= one.begin < self.header.stop}
        for number, sentence in enumerate(source.sentences):
            contradicts = any(place.mask & self.target for place in sentence.denied)
            goes = sentence.affirmed or contradicts or not (self.target or stands(source, sentence, 0))
            if number not in own and goes:
                results[number] = None
        results.update(dict.fromkeys(with_what_hangs(source, {*own, *results}) - own))
        if not results:
            return spliced(self.text, edits)
        # Sentences are cut from a text in which the caption is one chunk, then the caption is written anew.
        text = Chunks(source).joined(results)
        start = text.find(self.text[self.first : self.last])
        shift = start - self.first
        return spliced(text, [(a + shift, b + shift, new) for a, b, new in edits]) if start >= 0 else None

    def _behind_aside(self, last: int) -> int:
        """Return where a bracket that opened inside the list closes."""
        inside = self.text[self.first : last]
        opened = sum(map(inside.count, _OPEN)) - sum(map(inside.count, _CLOSE))
        return last + 1 if opened > 0 and self.text[last : last + 1] in _CLOSE else last

    def _separator(self) -> str:
        """Return what stands between the head and its count, to part the count from the list too."""
        source, number = self.source, self.header.number
        if number == self.header.first:
            return ", "
        return self.text[source.terms[number - 2].end : source.terms[number].start]

    def _edit(self, term: int, new: str) -> Edit:
        return self.source.edit(term, term, new)

    def _number(self, count: int) -> str:
        written = self.text[self.source.terms[self.header.number].start : self.source.terms[self.header.number].end]
        words = self.source.lexicon.numbers
        if written.isdecimal() or count >= len(words):
            return str(count)
        loud = self.source.is_loud(self.header.first)
        return words[count].upper() if loud else cased_like(words[count], written)

    def _count_noun(self, count: int) -> str:
        term = self.source.terms[self.header.noun]
        written = self.text[term.start : term.end]
        order = term.sense.number or 0
        plural_before, one_before = bool(order % 2), self.source.statement.count == 1
        if (count == 1) == one_before or plural_before == (count != 1):
            # The source's own "one infected areas" is kept where it still counts one.
            return written
        return cased_like(self.source.lexicon.count_nouns[order ^ 1], written)


def _like(sentence: str, opening: str, *, loud: bool) -> str:
    """Write a sentence in lower case where the source opens in lower case."""
    lowered = sentence.lower()
    if loud:
        return sentence.upper()
    return lowered if opening[:1].islower() else capitalised(lowered)
