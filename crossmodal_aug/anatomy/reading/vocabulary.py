"""Vocabulary: the words of an atlas, of plain English and of the cues, as one phrase matcher of spaCy."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING

from spacy.matcher import Matcher, PhraseMatcher
from spacy.tokens import Doc

from crossmodal_aug.anatomy.atlas.atlas import Atlas
from crossmodal_aug.anatomy.atlas.english import english_stems
from crossmodal_aug.anatomy.atlas.lexicon import Sense, lexicon_for
from crossmodal_aug.anatomy.atlas.tokens import TOKEN
from crossmodal_aug.anatomy.reading.cues import Cue, english_cues
from crossmodal_aug.anatomy.reading.spelling import Spelling

if TYPE_CHECKING:
    from spacy.vocab import Vocab

# Words, numbers and marks, contractions in two, whatever a tokenizer makes of them.
PARTS = re.compile(rf"[^\W\d_]+(?=n['\u2019]t\b)|n['\u2019]t\b|{TOKEN.pattern}", re.IGNORECASE)
NUMBER = Sense(kind="number")
UNKNOWN = Sense(kind="unknown")
MARK = Sense(kind="mark")
GUESSED = Sense(kind="finding", row="stem")
# A corpus holds more words than memory should.
_MOST_GUESSES = 50_000


class Vocabulary:
    """All words that are read for one atlas, matched on the tokens of one pipeline.

    Args:
        atlas: The atlas.
        vocab: The strings of the pipeline whose tokenizer cuts texts.
        cut: Cuts a word of several parts as that tokenizer does, into a document.
        cues: Further cues; a word of theirs counts more than one of the library.

    Raises:
        AtlasError: A cue stands for too many forms.
    """

    def __init__(self, atlas: Atlas, vocab: Vocab, cut: Callable[[str], Doc], cues: Iterable[Cue] = ()) -> None:
        lexicon = lexicon_for(atlas)
        self.vocab = vocab
        self.full = lexicon.full
        self.axes = lexicon.axes
        self.mirrored_mask = lexicon.mirrored_mask
        self.sides = tuple(sum(1 << index for index in side) for side in atlas.sides)
        self.eager = atlas.bare == "finding"
        self.patterns = Matcher(vocab)
        self._pattern_senses: dict[int, Sense] = {}
        own_cues = tuple(cues)
        # A library's pattern only takes the force from a cue; one of a user may deny where no other cue stands.
        self.always_match_patterns = any(cue.pattern for cue in own_cues)
        self._guesses: dict[str, Sense] = {}
        # A word of the atlas counts more than one of the library, and a user's own cue more than both.
        library = {
            form: sense for form, sense in self._spelt(english_cues()).items() if not _hides_a_place(form, lexicon.own)
        }
        self.forms = lexicon.english | library | lexicon.own | self._spelt(own_cues)
        self._spelling = Spelling(self.forms.items())
        self.matcher = PhraseMatcher(vocab, attr="LOWER")
        self.senses: dict[int, Sense] = {}
        for number, (form, sense) in enumerate(self.forms.items()):
            key = f"position-word-{number}"
            self.matcher.add(key, _cuts(form, cut, vocab))
            self.senses[vocab.strings[key]] = sense

    @property
    def has_patterns(self) -> bool:
        """Whether any cue is a token pattern."""
        return bool(self._pattern_senses)

    def kind_of(self, word: str) -> str:
        """Return the kind of one word, lower case, or "" where it is not listed."""
        sense = self.forms.get(word)
        return sense.kind if sense is not None else ""

    def guess(self, word: str) -> Sense:
        """Return what a word that is not listed is taken for: a number, a mark, a finding by its stem, or nothing.

        Args:
            word: The word, lower case.

        Returns:
            Its meaning.
        """
        known = self._guesses.get(word)
        if known is None:
            known = self._by_shape(word)
            if len(self._guesses) < _MOST_GUESSES:
                self._guesses[word] = known
        return known

    def patterns_in(self, doc: Doc) -> list[tuple[int, int, Sense]]:
        """Return the token patterns of cues that match, as (first token, one past the last, meaning)."""
        return [(start, end, self._pattern_senses[key]) for key, start, end in self.patterns(doc)]

    def _by_shape(self, word: str) -> Sense:
        if word[:1].isdigit():
            return NUMBER
        if not word[:1].isalpha():
            return MARK
        starts, ends, others = english_stems()
        if word in others:
            return UNKNOWN
        meant = self._spelling.meant(word)
        if meant is not None:
            return meant
        is_finding = len(word) > 5 and (word.startswith(starts) or word.endswith(ends))
        return GUESSED if is_finding else UNKNOWN

    def _spelt(self, cues: Iterable[Cue]) -> dict[str, Sense]:
        forms: dict[str, Sense] = {}
        for cue in cues:
            sense = Sense(kind=cue.category, row=cue.name, reach=cue.reach, ends=frozenset(cue.ends))
            forms.update(dict.fromkeys(cue.forms(), sense))
            if cue.pattern:
                self.patterns.add(cue.name, [cue.pattern])
                self._pattern_senses[self.vocab.strings[cue.name]] = sense
        return forms


def _hides_a_place(form: str, own: Container[str]) -> bool:
    """Return whether a form speaks of two other things: "both kidneys", where the atlas is not one of kidneys."""
    first, _, others = form.partition(" ")
    return first == "both" and others in own


def _cuts(form: str, cut: Callable[[str], Doc], vocab: Vocab) -> list[Doc]:
    """Return a form as a tokenizer cuts it; one with marks also in capitals, and in its parts, as texts may hold it."""
    small = cut(form)
    if form.replace(" ", "").isalpha():
        return [small]
    cuts = {tuple(token.lower_ for token in small): small}
    for other in (cut(form.upper()), Doc(vocab, words=PARTS.findall(form))):
        cuts.setdefault(tuple(token.lower_ for token in other), other)
    return list(cuts.values())
