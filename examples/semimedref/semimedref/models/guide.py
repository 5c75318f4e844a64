"""TextGuide: how a decoder stage of GuideDecoder reads the caption."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semimedref.models.blocks import grid_places


class TextGuide(nn.Module):
    """Self-attention between the places of a map, then cross-attention to a summary of the caption.

    Args:
        width: Channels of the map; a multiple of 4.
        text_width: Channels of the words.
        max_tokens: Longest caption in tokens.
        summary: Number of vectors that the caption is reduced to.
        heads: Attention heads.
    """

    def __init__(self, width: int, text_width: int, *, max_tokens: int, summary: int, heads: int = 4) -> None:
        super().__init__()
        self.reduce = nn.Linear(max_tokens, summary)
        self.project = nn.Linear(text_width, width)
        self.self_norm, self.cross_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.scale = nn.Parameter(torch.tensor(0.01))

    def forward(self, x: Tensor, words: Tensor, valid: Tensor) -> Tensor:
        """Return the (B, C, H, W) map, altered by what (B, L, T) words say; ``valid`` (B, L) is False where padded."""
        text = self._summarise(words, valid)
        where = grid_places(x.shape[2], x.shape[3], x.shape[1], x.device)
        places = x.flatten(2).transpose(1, 2)
        normed = self.self_norm(places)
        placed = normed + where
        places = places + self.self_attention(placed, placed, normed, need_weights=False)[0]
        query = self.cross_norm(places) + where
        places = places + self.scale * self.cross_attention(query, text, text, need_weights=False)[0]
        altered: Tensor = places.transpose(1, 2).reshape(x.shape)
        return altered

    def _summarise(self, words: Tensor, valid: Tensor) -> Tensor:
        # Padding counts as zeros up to `max_tokens`, so the columns beyond the batch's longest caption add nothing.
        shown = (words * valid.unsqueeze(2)).transpose(1, 2)
        summary = F.linear(shown, self.reduce.weight[:, : shown.shape[2]], self.reduce.bias)
        text: Tensor = self.project(F.gelu(summary.transpose(1, 2)))
        return text
