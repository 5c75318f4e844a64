"""The tokenizer of reports and captions: spaCy's own, with the marks that reports glue to words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import spacy
from spacy.tokenizer import Tokenizer

if TYPE_CHECKING:
    from spacy.language import Language

# A mark is whatever is neither letter nor digit; "2.5" and "1,000" stay whole, "&gt;" is one mark.
_ESCAPE = r"&(?:gt|lt|amp|nbsp|quot);"
_MARK = r"[^\w\s]|_"
_INFIX = re.compile(rf"{_ESCAPE}|(?<!\d)[.,:](?!\s)|(?<=\d)[.,:](?!\d)|(?![.,:])(?:{_MARK})")
# A long run of marks is one token: parted one by one, it would take time that grows with the square of its length.
_RUN = r"[^\w\s]{32,}"
_PREFIX = re.compile(rf"^(?:{_RUN}|{_ESCAPE}|{_MARK})")
_SUFFIX = re.compile(rf"(?:{_RUN}|{_ESCAPE}|{_MARK})$")
# No model runs, so that memory bounds no text.
_LONGEST = 1_000_000_000
_CONTRACTED = (
    "is", "are", "was", "were", "has", "have", "had", "do", "does", "did", "could", "would", "should", "need", "must",
)  # fmt: skip


def blank_language() -> Language:
    """Return spaCy's blank English with a tokenizer that parts what reports join: "R>L", "lung(all)", "b/l".

    Contractions come apart as everywhere in spaCy ("is", "n't"), so that a denial is a word of its own.

    Returns:
        A pipeline without components.

    Examples:
        >>> [token.text for token in blank_language().make_doc("R>L, isn't 2.5 cm.")]
        ['R', '>', 'L', ',', 'is', "n't", '2.5', 'cm', '.']
    """
    nlp = spacy.blank("en")
    nlp.max_length = _LONGEST
    nlp.tokenizer = Tokenizer(
        nlp.vocab,
        rules=_contractions(),
        prefix_search=_PREFIX.search,
        suffix_search=_SUFFIX.search,
        infix_finditer=_INFIX.finditer,
    )
    return nlp


def _contractions() -> dict[str, list[dict[int | str, str]]]:
    rules: dict[str, list[dict[int | str, str]]] = {}
    for verb in _CONTRACTED:
        for word in (verb, verb.capitalize(), verb.upper()):
            for tail in ("n't", "n\u2019t", "N'T", "N\u2019T"):
                if word.isupper() == tail.isupper():
                    rules[word + tail] = [{"ORTH": word}, {"ORTH": tail}]
    for word, parts in (("can't", ("ca", "n't")), ("won't", ("wo", "n't"))):
        for mark in ("'", "\u2019"):
            for change in (str, str.capitalize, str.upper):
                written = change(word).replace("'", mark)
                cut = len(parts[0])
                rules[written] = [{"ORTH": written[:cut]}, {"ORTH": written[cut:]}]
    return rules
