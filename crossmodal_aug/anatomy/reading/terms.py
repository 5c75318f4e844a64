"""Terms: from the tokens of a text to its words and their meaning, the longest form first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spacy.tokens import Doc

from crossmodal_aug.anatomy.atlas.lexicon import Sense
from crossmodal_aug.anatomy.reading.homographs import AMBIGUOUS, told_apart
from crossmodal_aug.anatomy.reading.sentences import with_sentences
from crossmodal_aug.anatomy.reading.sides import settled_sides
from crossmodal_aug.anatomy.reading.vocabulary import PARTS
from crossmodal_aug.anatomy.statement import Statement, Term

if TYPE_CHECKING:
    from crossmodal_aug.anatomy.reading.vocabulary import Vocabulary

# Kinds of words beside which the token patterns of cues are tried.
CUED = frozenset({"denies", "absent", "resolved", "clear", "past", "plain"})
# Texts in which tokens are no plain words: two spaces, line breaks, typesetters' marks.
_ODD = re.compile(r"[^\x00-\x7f]|\s\s|[\t\n\r\v\f]|^\s")
_PLAIN = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2019": "'", "\u02bc": "'", "\uff0d": "-", "\u00ad": "-"})
_NOT = frozenset({"n't", "n\u2019t"})
_CONTRACTION = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
_LETTER, _MARK = re.compile(r"[^\W\d_]"), re.compile(r"[^\w\s]")
# A line that ends in such a word goes on: "in the | right base".
_GOES_ON = frozenset({"article", "in", "of", "and", "or"})


def read_terms(doc: Doc, vocabulary: Vocabulary) -> Statement:
    """Read a text word by word.

    Args:
        doc: The tokens of the text, as any tokenizer cuts them.
        vocabulary: The words to look for, made for the same tokenizer.

    Returns:
        A statement with its terms and its sentences.
    """
    text = doc.text
    if _ODD.search(text) is None:
        view, tokens = doc, list(doc)
        offsets = [token.idx for token in tokens]
    else:
        view, offsets = _plain_view(doc, vocabulary)
        tokens = list(view)
    if _CONTRACTION.search(text) is not None and not any(token.lower_ in _NOT for token in tokens):
        # A tokenizer that parts "isn't" in three hides the denial.
        parts = list(PARTS.finditer(text))
        view, offsets = (
            Doc(doc.vocab, words=[part.group().translate(_PLAIN) for part in parts]),
            [part.start() for part in parts],
        )
        tokens = list(view)
    found = _found(view, vocabulary)
    glued = [at for at, token in enumerate(tokens) if at not in found and _is_glued(token.text)]
    if glued:
        view, offsets = _parted_view(view, offsets, frozenset(glued))
        tokens = list(view)
        found = _found(view, vocabulary)
    terms: list[Term] = []
    index, total = 0, len(tokens)
    kinds = set()
    has_sides = False
    while index < total:
        hit = found.get(index)
        if hit is None:
            sense, stop = vocabulary.guess(tokens[index].lower_), index + 1
        else:
            stop, sense = hit
            has_sides |= sense.mirror is not None or sense.implies_side or sense.short
        kinds.add(sense.kind)
        terms.append(Term(sense.kind, sense, offsets[index], offsets[stop - 1] + len(tokens[stop - 1])))
        index = stop
    if not AMBIGUOUS.isdisjoint(kinds):
        terms, has_sides = told_apart(text, terms, vocabulary), True
    if has_sides:
        terms = settled_sides(text, terms, vocabulary)
    opening = {token.idx for token in doc if token.is_sent_start} if doc.has_annotation("SENT_START") else frozenset()
    return with_sentences(text, terms, opening)


def _found(view: Doc, vocabulary: Vocabulary) -> dict[int, tuple[int, Sense]]:
    """Return for each token the longest form that begins there, as the token behind it and its meaning."""
    found: dict[int, tuple[int, Sense]] = {}
    senses = vocabulary.senses
    for key, start, end in vocabulary.matcher(view):
        known = found.get(start)
        if known is None or known[0] < end:
            found[start] = (end, senses[key])
    cued = vocabulary.always_match_patterns or any(sense.kind in CUED for _, sense in found.values())
    if vocabulary.has_patterns and cued:
        for start, end, sense in vocabulary.patterns_in(view):
            known = found.get(start)
            if known is None or known[0] < end:
                found[start] = (end, sense)
    return found


def _is_glued(word: str) -> bool:
    """Return whether a token of a foreign tokenizer holds a mark between or behind letters: "lung(all", "R&L"."""
    if len(word) < 2 or word.isalnum():
        return False
    return (_LETTER.search(word) is not None and _MARK.search(word) is not None) or word[-1] in ")].,;:"


def _parted_view(view: Doc, offsets: list[int], glued: frozenset[int]) -> tuple[Doc, list[int]]:
    words: list[str] = []
    starts: list[int] = []
    for index, token in enumerate(view):
        parts = list(PARTS.finditer(token.text)) if index in glued else []
        words += [part.group() for part in parts] or [token.text]
        starts += [offsets[index] + part.start() for part in parts] or [offsets[index]]
    return Doc(view.vocab, words=words), starts


def _plain_view(doc: Doc, vocabulary: Vocabulary) -> tuple[Doc, list[int]]:
    """Return the tokens without spaces and without the line breaks that only wrap a sentence, in plain letters."""
    words: list[str] = []
    starts: list[int] = []
    tokens = [(token.text, token.idx) for token in doc]
    for index, (word, start) in enumerate(tokens):
        if not word.isspace():
            words.append(word.translate(_PLAIN))
            starts.append(start)
        elif "\n" in word and words:
            following = next((later for later, _ in tokens[index + 1 : index + 2]), "")
            wraps = word.count("\n") == 1 and (
                following[:1].islower() or vocabulary.kind_of(words[-1].lower()) in _GOES_ON
            )
            if not wraps:
                words.append("\n")
                starts.append(start + word.index("\n"))
    # Tokens of more than one letter that became another length would shift what follows; `translate` keeps lengths.
    return Doc(doc.vocab, words=words), starts
