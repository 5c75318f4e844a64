"""FrozenBert: reads captions, and is never trained."""

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.integrations.huggingface import TruncationWarning
from semimedref.models.bert_files import BertParts
from semimedref.models.text_states import TextFeatures, TextStates
from semimedref.models.tokenizer import Tokens

if TYPE_CHECKING:
    from transformers import BertModel

WORD = re.compile(r"\[MASK\]|\w+")


class FrozenBert(nn.Module):
    """A BERT with its tokenizer: in eval mode always, without gradients.

    A copy of a model shares its encoder, since a frozen one never differs from its copies: ``copy.deepcopy`` returns
    the encoder itself, and a teacher costs no second BERT. What it makes of a caption is worked out once, and kept as
    long as there is room.

    Args:
        parts: Architecture and vocabulary.
        max_tokens: Longest caption, counted with [CLS] and [SEP].
        bert: The network; None makes one with random weights.

    Raises:
        InvalidValueError: The network has no positions for captions that long.
    """

    def __init__(self, parts: BertParts, *, max_tokens: int, bert: "BertModel | None" = None) -> None:
        super().__init__()
        longest = parts.architecture["max_position_embeddings"]
        if not 3 <= max_tokens <= longest:
            raise InvalidValueError(f"Expected `max_tokens` to be in [3, {longest}], but got {shown(max_tokens)}.")
        self.parts = parts
        self.max_tokens = max_tokens
        self.tokenizer = parts.tokenizer()
        self.bert = parts.model() if bert is None else bert
        self.states = TextStates(self._features)
        self.requires_grad_(False)
        self.train(False)

    @classmethod
    def from_name(cls, name: str, *, max_tokens: int, random: bool = False) -> Self:
        """Read an encoder from a folder or the Hugging Face hub.

        Args:
            name: A folder with config.json, vocab.txt and weights, or a name on the hub.
            max_tokens: Longest caption, counted with [CLS] and [SEP].
            random: Take architecture and vocabulary alone, and random weights.

        Raises:
            MissingDependencyError: transformers is not installed.
            InvalidValueError: A file is missing, damaged or cannot be had.
        """
        parts = BertParts.read(name)
        return cls(parts, max_tokens=max_tokens, bert=parts.model(None if random else name))

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """Make an encoder, with random weights, from what `settings` returned."""
        return cls(BertParts(**settings["parts"]), max_tokens=settings["max_tokens"])

    def settings(self) -> dict[str, Any]:
        """Return what `from_settings` needs, in plain types."""
        return {"parts": self.parts.to_plain(), "max_tokens": self.max_tokens}

    @property
    def width(self) -> int:
        """Channels of the hidden states, T."""
        width: int = self.parts.architecture["hidden_size"]
        return width

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, whatever the module around it is put into."""
        return super().train(False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without any limit."""
        return [len(row) for row in self._rows(texts)]

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of B captions, padded to the longest of them.

        Warns:
            TruncationWarning: A caption is longer than ``max_tokens``, and its end was cut off.
        """
        rows = self._rows(texts)
        longest = max(map(len, rows), default=1)
        if longest > self.max_tokens:
            warnings.warn(
                f"Expected captions of at most {self.max_tokens} tokens, as --max-tokens says, but got one of "
                f"{longest}: its end is not read.",
                TruncationWarning,
                stacklevel=2,
            )
            # The last token is [SEP], which closes a shortened caption too.
            rows = [row if len(row) <= self.max_tokens else [*row[: self.max_tokens - 1], row[-1]] for row in rows]
            longest = self.max_tokens
        padding = self.parts.vocabulary.index("[PAD]")
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in rows], dtype=torch.long)
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
        return Tokens(ids.view(len(rows), longest), torch.arange(longest) < lengths[:, None])

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text for which the vocabulary has no pieces, in text order, each once."""
        unknown = self.parts.vocabulary.index("[UNK]")
        words = list(dict.fromkeys(WORD.findall(text)))
        return [word for word, row in zip(words, self._rows(words), strict=True) if unknown in row]

    @torch.no_grad()
    def forward(self, tokens: Tokens) -> TextFeatures:
        """Return the features of B captions."""
        return self.states(tokens, list(self.bert.parameters()))

    def _features(self, ids: Tensor) -> TextFeatures:
        """Return the features of captions without padding, given their (B, L) numbers."""
        hidden = self.bert(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
        _, first, second, *_ = hidden.hidden_states
        layers = (first + second + hidden.last_hidden_state) / 3
        return TextFeatures(hidden.last_hidden_state, layers.mean(dim=1))

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        rows: list[list[int]] = self.tokenizer(list(texts), padding=False, truncation=False)["input_ids"]
        return rows
