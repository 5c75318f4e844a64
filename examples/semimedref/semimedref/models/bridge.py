"""Bridge: image and caption read each other between two stages of MMI-UNet."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F


class Bridge(nn.Module):
    """Fuses image and caption both ways, with a residual to each.

    The image's places are halved in resolution and the words projected to the stage's width. Two transformer blocks
    stand side by side, one for the image and one for the caption; each is self-attention, cross-attention to what
    the other stream was before, and a feed-forward layer, with the norm after each.

    Args:
        width: Channels of the stage; a multiple of ``heads``.
        text_width: Channels of the words.
        changes_text: Make the caption's block. No later bridge reads the words of the last one, which goes without.
        heads: Attention heads.
        feed_forward: Width of the feed-forward layers.
    """

    def __init__(
        self, width: int, text_width: int, *, changes_text: bool = True, heads: int = 8, feed_forward: int = 128
    ) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, width, 2, stride=2)
        self.up = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.to_image = nn.Linear(text_width, width)
        # Dropout would draw from the global generator, which a resumed run does not have.
        block = partial(
            nn.TransformerDecoderLayer, width, heads, dim_feedforward=feed_forward, dropout=0.0, batch_first=True
        )
        self.image_block = block()
        self.text_block = block() if changes_text else None
        self.to_text = nn.Linear(width, text_width) if changes_text else None

    def forward(self, image: Tensor, text: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse the two streams.

        Args:
            image: (B, C, H, W) of any size: an odd one is padded by zeros for the halving.
            text: (B, L, T).
            valid: (B, L) bool: False where padded.

        Returns:
            The image and the text, in the same shapes.
        """
        height, width = image.shape[-2:]
        half = self.down(F.pad(image, (0, width % 2, 0, height % 2)))
        places = half.flatten(2).transpose(1, 2)
        words = self.to_image(text)
        seen = self.image_block(places, words, memory_key_padding_mask=~valid)
        fused = image + self.up(seen.transpose(1, 2).reshape(half.shape))[..., :height, :width]
        if self.text_block is None or self.to_text is None:
            return fused, text
        return fused, text + self.to_text(self.text_block(words, places, tgt_key_padding_mask=~valid))
