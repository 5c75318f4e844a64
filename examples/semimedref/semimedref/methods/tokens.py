"""Captions to tokens, each text once."""

from collections.abc import Callable, Sequence

from torch.nn.utils.rnn import pad_sequence

from semimedref.models.tokenizer import Tokens


class TokenMemory:
    """Remembers the tokens of the texts that it was asked for.

    A caption that no op changed is one of the data set's, and so are most that one did: flipped and mixed captions
    come again too. Each is tokenised alone, so that what a text becomes depends on no batch that it was in.

    Args:
        tokenize: Turns texts into tokens.
        size: How many texts are remembered; then it starts anew.

    Example:
        >>> from semimedref.models.tokenizer import WordTokenizer
        >>> memory = TokenMemory(WordTokenizer(["left", "lung"]))
        >>> memory(["left", "left lung"]).ids
        tensor([[3, 0],
                [3, 4]])
    """

    def __init__(self, tokenize: Callable[[Sequence[str]], Tokens], size: int = 65536) -> None:
        self.tokenize, self.size = tokenize, size
        self._rows: dict[str, Tokens] = {}

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of B texts, padded to the longest, on the CPU."""
        if len(self._rows) + len(texts) > self.size:
            self._rows.clear()
        for text in texts:
            if text not in self._rows:
                self._rows[text] = self.tokenize([text])
        rows = [self._rows[text] for text in texts]
        ids, valid = (
            pad_sequence([getattr(row, name)[0] for row in rows], batch_first=True) for name in ("ids", "valid")
        )
        return Tokens(ids, valid)
