"""PixelWordAttention and LanguageGate: how a stage of LAVT reads the caption, and how much of it goes on."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PixelWordAttention(nn.Module):
    """Each place of a map gathers the words that concern it, and is multiplied by them (arXiv 2112.02244, section 3.2).

    Queries are a 1x1 convolution of the map, keys and values one of the words. What is gathered goes through a 1x1
    convolution again, and the product of it and the projected map through a last one. Queries and what is gathered
    are normalised over the places of each image.

    Args:
        width: Channels of the map.
        text_width: Channels of the words.
    """

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        # What follows the first and the fourth takes any constant away, and so does the softmax after the keys.
        self.query = nn.Conv2d(width, width, 1, bias=False)
        self.key = nn.Linear(text_width, width, bias=False)
        self.value = nn.Linear(text_width, width)
        self.gathered = nn.Conv2d(width, width, 1, bias=False)
        self.seen = nn.Conv2d(width, width, 1)
        self.join = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, words: Tensor, valid: Tensor) -> Tensor:
        """Return what words say of each place of a map.

        Args:
            x: (B, C, H, W).
            words: (B, L, T).
            valid: (B, L) bool: False where padded.

        Returns:
            (B, C, H, W).
        """
        queries = normed_over_places(self.query(x)).flatten(2).transpose(1, 2)
        read = F.scaled_dot_product_attention(queries, self.key(words), self.value(words), attn_mask=valid.unsqueeze(1))
        gathered = normed_over_places(self.gathered(read.transpose(1, 2).reshape(x.shape)))
        joined: Tensor = F.relu(self.join(F.relu(self.seen(x)) * gathered))
        return joined


class LanguageGate(nn.Sequential):
    """How much of what the words say is added to each channel of each place, in (-1, 1) (section 3.3).

    Args:
        width: Channels of the map.
    """

    def __init__(self, width: int) -> None:
        super().__init__(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.Tanh())


def normed_over_places(x: Tensor) -> Tensor:
    """Return a (B, C, H, W) map of mean 0 and variance 1 in each channel of each image.

    As instance normalisation, which torch refuses for a map of one place; here that is 0.
    """
    variance, mean = torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5)
