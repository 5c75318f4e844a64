"""Models made for tests: what they find follows from the image and the caption by a rule."""

import torch
from semimedref.models import ReferringModel
from semimedref.models.tokenizer import Tokens

from crossmodal_aug import LUNG_ZONES, PositionParser


class BrightPixels(ReferringModel):
    """Finds every pixel brighter than the mean, whatever the caption says."""

    name = "bright-pixels"
    stride = 1

    def __init__(self) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.parser = PositionParser(LUNG_ZONES)
        self.read: list[str] = []

    @classmethod
    def for_run(cls, texts, config):
        return cls()

    @classmethod
    def from_settings(cls, settings):
        return cls()

    def settings(self):
        return {}

    def tokenize(self, texts):
        self.read.extend(texts)
        bits = self.parser.encode(texts)
        return Tokens(bits.long(), torch.ones_like(bits))

    def unknown_words(self, text):
        return []

    def embed_images(self, images):
        return torch.zeros(len(images), 1)

    def embed_texts(self, tokens):
        return torch.zeros(len(tokens.ids), 1)

    def allowed(self, images, tokens):
        return torch.ones_like(images, dtype=torch.bool)

    def segment(self, images, tokens):
        return torch.where((images > 0) & self.allowed(images, tokens), 4.0, -4.0)

    def forward(self, images, tokens, embedded=None):
        return self.segment(images, tokens), self.embed_images(images)[:embedded], self.embed_texts(tokens)[:embedded]


class BrightPixelsOfTheSide(BrightPixels):
    """Finds them on the sides that the caption names alone; left is the image's left."""

    name = "bright-pixels-of-the-side"

    def allowed(self, images, tokens):
        sides = torch.stack([tokens.ids[:, :3].any(dim=1), tokens.ids[:, 3:].any(dim=1)], dim=1)
        half = (torch.arange(images.shape[-1]) >= images.shape[-1] / 2).long()
        return sides[:, half][:, None, None, :].expand_as(images)
