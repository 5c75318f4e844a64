"""UnknownWords: a student meets words that it cannot know in training, and not first in a caption of other words."""

import re
from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor

from crossmodal_aug import PositionParser, Report
from crossmodal_aug.functional.checks import check_probability

UNKNOWN = "[UNK]"
"""The word itself in a BERT's vocabulary, and in a vocabulary of words one that no caption has."""
WORD = re.compile(r"(?<![\w\[])[^\W_]+(?!\w*\])")
"""Not a word in square brackets, which a tokenizer takes for a token of its own."""
MOST_WORDS = 64
"""How many words of a caption can be spared, from its beginning: each is one more reading of the caption."""
MOST_TEXTS = 65536
"""How many texts are remembered; then it starts anew."""


class UnknownWords:
    """Makes words of captions unknown: some that do not say where, or all words of a caption.

    A word can be spared if the parser reads the same regions, denied ones too, in the caption without it. If several
    go and it then does not, the caption stays as it is. A caption of which nothing is known says nothing of where, as
    one whose positions PosAug masks; one that alone says which of the lesions are meant is not made so.

    Args:
        parser: Reads the captions.
        words: Probability that a word that can be spared becomes unknown.
        captions: Probability that all words of a caption do.

    Raises:
        InvalidTypeError: A probability is not a number.
        InvalidValueError: It lies outside [0, 1].

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> op = UnknownWords(PositionParser(LUNG_ZONES), words=1.0, captions=1.0)
        >>> texts, narrowed = ["One infected area, upper left lung."] * 2, torch.tensor([True, False])
        >>> op(texts, narrowed, torch.Generator().manual_seed(0))
        ['[UNK] [UNK] [UNK], upper left [UNK].', '[UNK] [UNK] [UNK], [UNK] [UNK] [UNK].']
    """

    def __init__(self, parser: PositionParser, *, words: float, captions: float) -> None:
        self.parser = parser
        self.words, self.captions = check_probability("words", words), check_probability("captions", captions)
        self._spare: dict[str, list[tuple[int, int]]] = {}

    def __call__(self, texts: Sequence[str], narrowed: Tensor, generator: torch.Generator) -> list[str]:
        """Return captions with unknown words in them.

        Args:
            texts: B captions.
            narrowed: (B,) bool: those that say which of the lesions are meant.
            generator: Of what is drawn.
        """
        spare = [self.spare(text) for text in texts]
        drawn = torch.rand(sum(map(len, spare)), generator=generator).tolist()
        changed, first = [], 0
        for text, places in zip(texts, spare, strict=True):
            gone = [place for place, one in zip(places, drawn[first:], strict=False) if one < self.words]
            changed.append(without(text, gone))
            first += len(places)
        pairs = zip(texts, changed, self.parser.parse_many(texts), self.parser.parse_many(changed), strict=True)
        kept = [new if said(after) == said(before) else text for text, new, before, after in pairs]
        whole = (torch.rand(len(texts), generator=generator) < self.captions) & ~narrowed.cpu()
        return [
            WORD.sub(UNKNOWN, text) if all_go else new for text, new, all_go in zip(texts, kept, whole, strict=True)
        ]

    def spare(self, text: str) -> list[tuple[int, int]]:
        """Return where the words stand that a text can do without."""
        if text not in self._spare:
            if len(self._spare) >= MOST_TEXTS:
                self._spare.clear()
            places = [found.span() for found in islice(WORD.finditer(text), MOST_WORDS)]
            whole, *others = self.parser.parse_many([text, *(without(text, [place]) for place in places)])
            self._spare[text] = [place for place, one in zip(places, others, strict=True) if said(one) == said(whole)]
        return self._spare[text]


def said(report: Report) -> tuple[object, ...]:
    """Return what a caption says of the regions."""
    return report.bits, report.placed, report.negated


def without(text: str, places: Sequence[tuple[int, int]]) -> str:
    """Return a text with unknown words in some places, which are given in text order."""
    for start, stop in reversed(places):
        text = text[:start] + UNKNOWN + text[stop:]
    return text
