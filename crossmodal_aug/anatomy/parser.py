"""PositionParser: text to Report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sized
from threading import Lock
from typing import TYPE_CHECKING, Any

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.budget import TokenBudget
from crossmodal_aug.anatomy.counted import counted_in
from crossmodal_aug.anatomy.readback import check_cues, check_wording
from crossmodal_aug.anatomy.reading.conflicts import conflicts_of, contradicts_itself
from crossmodal_aug.anatomy.report import Mention, Report
from crossmodal_aug.anatomy.statement import Statement
from crossmodal_aug.anatomy.strings import strings_of
from crossmodal_aug.anatomy.texts import RememberedTexts
from crossmodal_aug.anatomy.writing.rewrite import with_regions
from crossmodal_aug.errors import AtlasError, CannotSay, InvalidTypeError, InvalidValueError, shown

if TYPE_CHECKING:
    from spacy.language import Language

    from crossmodal_aug.anatomy.reading.cues import Cue


# An atlas of many regions has more sets than memory should hold.
_MOST_SETS = 4096
# What the writer knows of a text takes some ten times the memory of a report.
_MOST_SOURCES, _LONGEST_SOURCE = 512, 1000
_MOST_KEPT = 16_384
_LONGEST_KEPT = 40
_HALVES = re.compile("[\ud800-\udfff]")


class PositionParser(RememberedTexts):
    """Reads which regions of an atlas a text names.

    It is a spaCy pipeline, `nlp`, of five small components on a blank English tokenizer: words and what they mean,
    sections, position phrases, scope of denials, and what they say together. Nothing is downloaded and no model runs.
    A parser can be shared by threads and pickled to worker processes; `nlp` itself, called
    by hand, cannot be used by another thread at the same time.

    Args:
        atlas: The regions and their words.
        nlp: A spaCy pipeline to add the components to, whose tokenizer and sentence splitter then count; None makes a
            blank one for reports.
        cues: Rows that add to those of `anatomy/reading/cues.toml`, as tables or as `Cue`; their words count more.
        cache_size: How many texts `parse_many`, `encode`, `rewrite`, `reword` and `mirror` each remember; 0 remembers
            none.
        max_tokens: Limit that ops with this parser keep: they leave a sample alone whose altered caption would be
            longer than this many tokens and longer than it was. None sets none.
        tokenizer: Any function from a text to a sequence with one entry per token; needed with `max_tokens`.

    Raises:
        AtlasError: The words of the atlas are not symmetric under a flip, its phrases do not read back as the
            regions that they stand for, or a cue is not as it must be.
        InvalidTypeError: `atlas` is not an Atlas, `nlp` not a pipeline, or `cache_size` not an integer.
        InvalidValueError: `cache_size` is negative, `max_tokens` below 1, or `nlp` holds the steps of another parser.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser
        >>> parser = PositionParser(LUNG_ZONES)
        >>> parser("Opacities in the right middle and lower lobes; the left lung is clear.").regions
        ('right middle', 'right lower')
        >>> parser.nlp.pipe_names[:2]
        ['position_terms', 'position_sections']
    """

    def __init__(
        self,
        atlas: Atlas,
        *,
        nlp: Language | None = None,
        cues: Iterable[Cue | Mapping[str, Any]] = (),
        cache_size: int = 16384,
        max_tokens: int | None = None,
        tokenizer: Callable[[str], Sized] | None = None,
    ) -> None:
        if not isinstance(atlas, Atlas):
            raise InvalidTypeError(
                "Expected `atlas` to be an Atlas (LUNG_ZONES, QUADRANTS, or Atlas.from_toml(path)), but got "
                f"{shown(atlas) if isinstance(atlas, str) else type(atlas).__name__}."
            )
        if not isinstance(cache_size, int) or isinstance(cache_size, bool):
            raise InvalidTypeError(f"Expected `cache_size` to be an integer, but got {shown(cache_size)}.")
        if cache_size < 0:
            raise InvalidValueError(f"Expected `cache_size` to be 0 or more, but got {shown(cache_size)}.")
        # spaCy is imported with the first parser, so that importing the package costs nothing.
        from spacy.language import Language  # noqa: PLC0415

        from crossmodal_aug.anatomy.reading import pipeline  # noqa: PLC0415
        from crossmodal_aug.anatomy.reading.cues import read_cues  # noqa: PLC0415

        if nlp is not None and not isinstance(nlp, Language):
            raise InvalidTypeError(f"Expected `nlp` to be a spaCy pipeline or None, but got {type(nlp).__name__}.")
        super().__init__(cache_size)
        self.budget = None if max_tokens is None else TokenBudget(max_tokens, tokenizer)
        self.atlas = atlas
        self._cues = read_cues(cues, where="cues")
        self._own_nlp = nlp is None
        try:
            self.nlp, self._vocabulary = pipeline.make_pipeline(atlas, nlp, self._cues)
        except AtlasError as error:
            raise AtlasError(f"atlas {shown(atlas.name)}: {error}") from error
        self._taken, self._steps = pipeline.take_statement, pipeline.STEPS
        self._sides = tuple(sum(1 << index for index in side) for side in atlas.sides)
        self._sets: dict[int, tuple[tuple[str, ...], tuple[bool, ...]]] = {}
        self._reading = Lock()
        self._kept_words: set[str] = set()
        check_wording(atlas, self.statement, self._vocabulary.kind_of, always=bool(self._cues) or not self._own_nlp)
        check_cues(self._cues, self.statement)

    def __reduce__(self) -> tuple[Any, ...]:
        # The caches and their lock stay at home; a worker fills its own.
        if not self._own_nlp or tuple(self.nlp.pipe_names) != self._steps:
            raise InvalidTypeError(
                "Expected a parser with the pipeline that it made itself to be copied or sent to another process, but "
                "`nlp` was given, or has been extended; make the parser there."
            )
        limit = None if self.budget is None else (self.budget.max_tokens, self.budget.tokenizer)
        return (_rebuilt, (self.atlas, self.cache_size, self._cues, limit))

    def __repr__(self) -> str:
        return f"PositionParser({self.atlas.name!r})"

    def __call__(self, text: str) -> Report:
        """Read one text.

        Args:
            text: The text.

        Returns:
            What it says.

        Raises:
            InvalidTypeError: `text` is not a string.
        """
        if not isinstance(text, str):
            raise InvalidTypeError(f"Expected `text` to be a string, but got {type(text).__name__}.")
        return self._report(text, self.statement(text))

    def statement(self, text: str) -> Statement:
        """Return what a text says as the writer needs it: its words, its phrases and how they were read.

        Args:
            text: The text.

        Returns:
            The statement; `Report` says the same in fewer words.
        """
        # Half of a surrogate pair is not a character, and spaCy keeps none; it is read as one that is not known.
        readable = _HALVES.sub("\ufffd", text)
        statement = self._read(readable)
        if readable != text:
            statement.text = text
        return statement

    def _read(self, text: str) -> Statement:
        if not self._own_nlp:
            return self._taken(self.nlp(text))
        # spaCy keeps every word that it has seen; in a memory zone it forgets those of this text again. A zone is one
        # of the whole pipeline, so threads take turns.
        with self._reading:
            with self.nlp.memory_zone():
                doc = self.nlp(text)
                new = {token.text for token in doc} - self._kept_words
                statement = self._taken(doc)
            if new and len(self._kept_words) < _MOST_KEPT:
                # A word that comes again costs spaCy much less where it need not be forgotten.
                new = {word for word in new if len(word) <= _LONGEST_KEPT}
                self._kept_words |= new
                for word in new:
                    self.nlp.vocab[word]
        return statement

    def rewritten(self, text: str, target: int) -> str:
        """Return a text rewritten to name exactly some regions; `rewrite` remembers what it returns.

        Args:
            text: The text.
            target: Bits of the regions.

        Returns:
            The text, read once and read back once or more.

        Raises:
            CannotSay: It cannot be rewritten well.
        """
        source = self._sources.get(text)
        if source is None:  # a caption is rewritten to many sets of regions
            source = self.statement(text)
            if len(text) <= _LONGEST_SOURCE:
                self._remember(self._sources, text, source, _MOST_SOURCES)
        read = {text: source}

        def stated(candidate: str) -> Statement | None:
            statement = read[candidate] = self.statement(candidate)
            return None if contradicts_itself(statement) else statement

        written = with_regions(source, self.atlas, target, stated)
        # Whoever asks next what it says need not read it again.
        if written in read:  # a pipeline of the caller's may read another text than it was given
            self._remember(self._cache, written, self._report(written, read[written]))
        return written if target or written == text else self._said_clear(written)

    def _said_clear(self, text: str) -> str:
        """Return a text that places nothing so that it says so: an empty set does not say the same as silence."""
        if self.statement(text).placed:
            return text
        absent, body = self.atlas.phrasing.absent, text.rstrip()
        if not any(letter.isalnum() for letter in body):
            return absent
        mark = "" if body[-1] in ".!?:;" else "."
        said = f"{body}{mark} {absent}" + text[len(body) :]
        statement = self.statement(said)
        if statement.affirmed or not statement.placed:
            raise CannotSay(f"Expected a text that can say that nothing is there, but {shown(body)} would not.")
        return said

    def _stated(self, text: str) -> Statement | None:
        statement = self.statement(text)
        return None if contradicts_itself(statement) else statement

    def unknown_words(self, texts: Iterable[str]) -> Counter[str]:
        """Count the words that neither the atlas nor the library's plain English lists.

        Most of them say nothing about places and need no entry; those that name a place, or a finding beside a bare
        "left", are what to add to the atlas file. Words of a longer form ("axillary tail") are known inside it alone.

        Args:
            texts: The texts of a corpus.

        Returns:
            For each unknown word, in lower case, how often it comes.

        Raises:
            InvalidTypeError: One of them is not a string, or `texts` is a single string or cannot be iterated.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES, PositionParser
            >>> PositionParser(LUNG_ZONES).unknown_words(["Opacity in the left zungula.", "Zungula clear"])
            Counter({'zungula': 2})
        """
        counts: Counter[str] = Counter()
        for text in strings_of(texts):
            statement = self.statement(text)
            words = (text[term.start : term.end].lower() for term in statement.terms if term.kind == "unknown")
            counts.update(word for word in words if not self._vocabulary.kind_of(word))
        return counts

    def _report(self, text: str, statement: Statement) -> Report:
        terms = statement.terms
        mentions = []
        for phrase in statement.phrases:
            start, end = terms[phrase.first].start, terms[phrase.last].end
            names, _ = self._set(phrase.mask)
            cue = statement.said(*phrase.cue) if phrase.negated and phrase.cue is not None else ""
            mentions.append(Mention(start, end, text[start:end], names, phrase.negated, cue))
        regions, bits = self._set(statement.affirmed)
        return Report(
            text=text,
            regions=regions,
            bits=bits,
            placed=statement.placed,
            negated=self._set(statement.negated)[0],
            mentions=tuple(mentions),
            laterality=statement.laterality,
            count=statement.count,
            conflicts=conflicts_of(statement, self._sides),
            unread=tuple(statement.said(*span) for span in statement.unread),
            counted=counted_in(statement),
            _reader=self,
        )

    def _set(self, mask: int) -> tuple[tuple[str, ...], tuple[bool, ...]]:
        """Return the names of a set of regions, and the same as bits; few sets recur in all texts."""
        known = self._sets.get(mask)
        if known is None:
            bits = tuple(bool(mask >> index & 1) for index in range(len(self.atlas)))
            known = (tuple(name for name, bit in zip(self.atlas.names, bits, strict=True) if bit), bits)
            if len(self._sets) < _MOST_SETS:
                self._sets[mask] = known
        return known


def _rebuilt(
    atlas: Atlas, cache_size: int, cues: tuple[Cue, ...], limit: tuple[int, Callable[[str], Sized]] | None
) -> PositionParser:
    most, tokenizer = limit or (None, None)
    return PositionParser(atlas, cache_size=cache_size, cues=cues, max_tokens=most, tokenizer=tokenizer)
