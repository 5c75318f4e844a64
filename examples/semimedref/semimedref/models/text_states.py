"""What a frozen encoder made of captions, kept by caption."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from semimedref.models.tokenizer import Tokens

MOST_BYTES = 2**28
"""Kept at most: some 3,500 captions of 24 pieces at the width of a BERT-base."""


class TextFeatures(NamedTuple):
    """Captions as the encoder reads them.

    Attributes:
        words: (B, L, T) last hidden states; 0 where padded.
        mean: (B, T) mean of the hidden layers 1, 2 and last, over the tokens that are no padding.
    """

    words: Tensor
    mean: Tensor


class TextStates:
    """Remembers the features of the captions that were read last, on the device that they were read on.

    Each caption is read alone and without padding. So its bits depend neither on the captions beside it nor on what is
    remembered, and a resumed run, which remembers nothing, goes on with the same ones. They do depend on the device
    and on autocast, which are remembered with the caption.

    Args:
        read: Makes the features of captions, given their (1, L) numbers.
        most: Bytes to keep; those that were not asked for longest are forgotten first.
    """

    def __init__(self, read: Callable[[Tensor], TextFeatures], most: int = MOST_BYTES) -> None:
        self.read, self.most, self.size = read, most, 0
        self._weights: tuple[tuple[int, int], ...] = ()
        self._kept: OrderedDict[tuple[object, ...], TextFeatures] = OrderedDict()

    def __call__(self, tokens: Tokens, weights: Sequence[Tensor]) -> TextFeatures:
        """Return the features of B captions.

        Args:
            tokens: Those of the captions.
            weights: What they are read with; where one has changed, all is read anew.
        """
        # In-place changes are counted; a move to another device or new data are seen by their place.
        now = tuple((one.data_ptr(), one._version) for one in weights)
        if now != self._weights:
            self._kept.clear()
            self._weights, self.size = now, 0
        found = [self._of(row, tokens.ids[number : number + 1, : len(row)]) for number, row in enumerate(tokens.rows())]
        length = tokens.ids.shape[1]
        words = torch.stack([torch.nn.functional.pad(one.words, (0, 0, 0, length - len(one.words))) for one in found])
        return TextFeatures(words, torch.stack([one.mean for one in found]))

    def _of(self, row: tuple[int, ...], ids: Tensor) -> TextFeatures:
        """Return the (L, T) and (T,) features of a caption."""
        kind = ids.device.type
        half = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        key = (row, ids.device, half)
        features = self._kept.get(key)
        if features is not None:
            self._kept.move_to_end(key)
            return features
        # Tensors of the inference mode could not be trained on later.
        with torch.inference_mode(False), torch.no_grad():
            made = self.read(ids.clone())
        features = TextFeatures(made.words[0], made.mean[0])
        self._kept[key] = features
        self.size += _bytes(features)
        while self.size > self.most:
            self.size -= _bytes(self._kept.popitem(last=False)[1])
        return features


def _bytes(features: TextFeatures) -> int:
    return features.words.nbytes + features.mean.nbytes
