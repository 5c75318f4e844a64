"""What a model finds in some images under many captions: asked once for each, remembered as bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossmodal_aug import PositionParser
from semimedref.data.samples import Samples
from semimedref.inference import predict_logits, resize_probabilities
from semimedref.mirroring import mirror_average
from semimedref.models import ReferringModel


@dataclass(frozen=True)
class Reading:
    """How captions reach a model.

    Attributes:
        name: As tables have it.
        template: In whose words they are brought; None leaves them as they are.
        mirrored: Whether probabilities are averaged with those of the mirror image under the mirrored caption.
    """

    name: str
    template: str | None = None
    mirrored: bool = False


def readings(template: str | None) -> tuple[Reading, ...]:
    """Return every way for captions to reach a model; without a template those that need none."""
    plain = (Reading("raw"), Reading("mirrored", mirrored=True))
    if template is None:
        return plain
    return (plain[0], Reading("in-style", template), plain[1], Reading("in-style, mirrored", template, mirrored=True))


Key = tuple[int, str, str | None]
"""An image, its caption, and that of its mirror image where both are averaged."""


class Answers:
    """Asks a model what it finds in its images, each image under each caption once.

    Args:
        model: The model, as it was trained.
        samples: N samples with ``full_masks``.
        parser: Reads and rewrites captions.
        batch: Images at a time.
    """

    def __init__(self, model: ReferringModel, samples: Samples, parser: PositionParser, *, batch: int = 32) -> None:
        self.model, self.samples, self.parser, self.batch = model, samples, parser, batch
        self._known: dict[Key, NDArray[np.uint8]] = {}

    def found(self, reading: Reading, indices: Sequence[int], texts: Sequence[str]) -> list[Tensor]:
        """Return the mask that the model finds in each image.

        Args:
            reading: How the captions reach the model.
            indices: B images, by their place among the samples.
            texts: B captions.

        Returns:
            B bool masks (H, W) of the size of the full masks, on the CPU: where the probability is at least 0.5.
        """
        pairs = self._worded(reading, texts)
        keys = [(index, *pair) for index, pair in zip(indices, pairs, strict=True)]
        missing = list(dict.fromkeys(key for key in keys if key not in self._known))
        for start in range(0, len(missing), self.batch):
            self._ask(missing[start : start + self.batch])
        return [self._unpacked(key) for key in keys]

    def _worded(self, reading: Reading, texts: Sequence[str]) -> list[tuple[str, str | None]]:
        """Return the words that the model gets of each caption, for the image and for its mirror image, if any."""

        def styled(given: list[str]) -> list[str]:
            return given if reading.template is None else self.parser.in_style_many(given, reading.template)[0]

        plain = styled(list(texts))
        if not reading.mirrored:
            return [(text, None) for text in plain]
        return list(zip(plain, styled([self.parser.mirror(text) for text in texts]), strict=True))

    def _ask(self, keys: Sequence[Key]) -> None:
        images = self.samples.images[torch.tensor([index for index, _, _ in keys])]
        texts = [text for _, text, _ in keys]
        # Either all of a call are averaged with their mirror images, or none.
        mirrored = [text for _, _, text in keys if text is not None]
        if mirrored:
            both = torch.cat((images, images.flip(-1)))
            logits = mirror_average(predict_logits(self.model, both, [*texts, *mirrored]))
        else:
            logits = predict_logits(self.model, images, texts)
        for key, one in zip(keys, logits, strict=True):
            found = resize_probabilities(one, self.samples.full_masks[key[0]].shape) >= 0.5
            self._known[key] = np.packbits(found.cpu().numpy())

    def _unpacked(self, key: Key) -> Tensor:
        shape = self.samples.full_masks[key[0]].shape
        bits = np.unpackbits(self._known[key], count=shape[0] * shape[1])
        return torch.from_numpy(bits.view(np.bool_).reshape(shape))
