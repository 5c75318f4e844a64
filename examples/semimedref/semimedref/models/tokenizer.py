"""WordTokenizer: words to numbers, with a vocabulary read from the training captions."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossmodal_aug.integrations.huggingface import TruncationWarning

PADDING, UNKNOWN, MASK = "[PAD]", "[UNK]", "[MASK]"
MOST_WORDS = 512
"""Words of a caption that are read, as many as a BERT reads pieces: attention costs the square of their number."""
WORD = re.compile(r"\[(?:mask|unk)\]|[a-z]+|\d+")


@dataclass(frozen=True)
class Tokens:
    """Captions as numbers.

    Attributes:
        ids: (B, L) int64 word numbers; 0 is padding.
        valid: (B, L) bool: False where padded, which is after the words.
        source: The same tokens where they were first, on the CPU.
    """

    ids: Tensor
    valid: Tensor
    source: "Tokens | None" = None

    def to(self, device: torch.device) -> "Tokens":
        """Return the same tokens on another device."""
        return Tokens(self.ids.to(device), self.valid.to(device), self.source or self)

    def rows(self) -> list[tuple[int, ...]]:
        """Return the numbers of each caption without the padding, with no look at a device that they were moved to."""
        if self.source is not None:
            return self.source.rows()
        counts = self.valid.sum(dim=1).tolist()
        return [tuple(row[:count]) for row, count in zip(self.ids.tolist(), counts, strict=True)]


class WordTokenizer:
    """Splits captions into lower-case words and numbers them.

    A batch is padded to its longest caption; of one of more than `MOST_WORDS` words the end is not read. `[MASK]`, as
    `PosAug` writes it, is one word, and so is `[UNK]`, which stands for every word that is not known.

    Args:
        words: The vocabulary, without the special words, in the order of their numbers.

    Raises:
        ValueError: A word occurs twice.

    Example:
        >>> tokenizer = WordTokenizer.from_texts(["Upper left lung.", "lower left lung"])
        >>> tokenizer(["left lung", "right"]).ids.tolist()
        [[3, 5], [1, 0]]
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (PADDING, UNKNOWN, MASK, *words)
        self._ids = {word.lower(): number for number, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise ValueError("Expected `words` to differ from each other and from the special words.")

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "WordTokenizer":
        """Return a tokenizer that knows every word of the texts, in alphabetical order."""
        words = {word for text in texts for word in WORD.findall(text.lower())}
        return cls(sorted(words - {MASK.lower(), UNKNOWN.lower()}))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def vocabulary(self) -> list[str]:
        """The words without the special ones: what the constructor takes."""
        return list(self.words[3:])

    def unknown(self, text: str) -> list[str]:
        """Return the words of a text that are not in the vocabulary, in text order, each once."""
        return [word for word in dict.fromkeys(WORD.findall(text.lower())) if word not in self._ids]

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of B captions; a caption without a word becomes one unknown word.

        Warns:
            TruncationWarning: A caption has more than `MOST_WORDS` words, and its end is not read.
        """
        rows = [[self._ids.get(word, 1) for word in WORD.findall(text.lower())] or [1] for text in texts]
        longest = max(map(len, rows), default=1)
        if longest > MOST_WORDS:
            warnings.warn(
                f"Expected captions of at most {MOST_WORDS} words, but got one of {longest}: its end is not read.",
                TruncationWarning,
                stacklevel=2,
            )
            rows = [row[:MOST_WORDS] for row in rows]
            longest = MOST_WORDS
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.long)
        return Tokens(ids, ids != 0)
