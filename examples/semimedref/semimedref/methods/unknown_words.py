"""UnknownWords: a student meets words that it cannot know in training, and not first in a caption of other words."""

import re
from collections.abc import Sequence

import torch

from crossmodal_aug import PositionParser, Report

UNKNOWN = "[UNK]"
"""The word itself in a BERT's vocabulary, and in a vocabulary of words one that no caption has."""
WORD = re.compile(r"[^\W_]+")
MOST_TEXTS = 65536
"""How many texts are remembered; then it starts anew."""


class UnknownWords:
    """Makes words of captions unknown, other than those that say where.

    A word can be spared if the parser reads the same regions, denied ones too, in the caption without it. If several
    go and it then does not, the caption stays as it is.

    Args:
        parser: Reads the captions.
        p: Probability that a word that can be spared becomes unknown.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> op = UnknownWords(PositionParser(LUNG_ZONES), p=1.0)
        >>> op(["Pulmonary infection, one infected area, upper left lung."], torch.Generator().manual_seed(0))
        ['[UNK] [UNK], [UNK] [UNK] [UNK], upper left [UNK].']
    """

    def __init__(self, parser: PositionParser, p: float) -> None:
        self.parser, self.p = parser, p
        self._spare: dict[str, list[tuple[int, int]]] = {}

    def __call__(self, texts: Sequence[str], generator: torch.Generator) -> list[str]:
        """Return B captions with unknown words in them."""
        spare = [self.spare(text) for text in texts]
        drawn = torch.rand(sum(map(len, spare)), generator=generator).tolist()
        changed, first = [], 0
        for text, places in zip(texts, spare, strict=True):
            gone = [place for place, one in zip(places, drawn[first:], strict=False) if one < self.p]
            changed.append(without(text, gone))
            first += len(places)
        pairs = zip(texts, changed, self.parser.parse_many(texts), self.parser.parse_many(changed), strict=True)
        return [new if said(after) == said(before) else text for text, new, before, after in pairs]

    def spare(self, text: str) -> list[tuple[int, int]]:
        """Return where the words stand that a text can do without."""
        if text not in self._spare:
            if len(self._spare) >= MOST_TEXTS:
                self._spare.clear()
            places = [found.span() for found in WORD.finditer(text)]
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
