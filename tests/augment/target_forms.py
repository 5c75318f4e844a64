"""Forms of a target, each a way to write down the same labels of the pixels, and ops to send them through."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    SyncGeometry,
    TPatchMix,
    ZoneMix,
)

PARSER = PositionParser(LUNG_ZONES)
TEXTS = [
    "Opacity in the lower left lung and upper right lung.",
    "Opacity in the upper right lung and the middle left lung.",
    "Opacity in the lower left lung and lower right lung.",
    "Opacity in the upper left lung and middle right lung.",
]
LESION, OTHER, IGNORED = 1, 2, 255
SIZE = (24, 24)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels_of(texts: list[str], *, more: bool) -> Tensor:
    """A lesion in each region that a text names; with more, something else and ignored pixels in every region."""
    labels = torch.zeros(len(texts), 1, *SIZE, dtype=torch.int64)
    if more:
        labels[..., 1::8, :], labels[..., :, 5::12] = OTHER, IGNORED
    for one, bits in zip(labels, PARSER.encode(texts), strict=True):
        for y0, y1, x0, x1 in [box for box, bit in zip(LUNG_ZONES.boxes, bits, strict=True) if bit]:
            y, x = int((y0 + y1) * SIZE[0] / 2), int((x0 + x1) * SIZE[1] / 2)
            one[0, y - 2 : y + 2, x - 2 : x + 2] = LESION
    return labels


@dataclass(frozen=True)
class Form:
    """How a form is written, what a pixel of nothing is in it, and where its lesion is."""

    write: Callable[[Tensor], Tensor]
    lesion: Callable[[Tensor], Tensor] | None = None
    fill: float | tuple[float, ...] | None = None
    ignored: int | None = None
    more: bool = False

    def evidence(self, target: Tensor) -> Tensor | None:
        return None if self.lesion is None else self.lesion(target)


def one_hot(labels: Tensor) -> Tensor:
    return torch.cat([labels == value for value in (0, LESION, OTHER)], dim=1)


FORMS = {
    "bool": Form(lambda labels: labels == LESION),
    "mask of 0 and 1": Form(lambda labels: (labels == LESION).int()),
    "mask of 0 and 255": Form(lambda labels: (labels == LESION).to(torch.uint8) * 255),
    "mask without channel": Form(lambda labels: ((labels == LESION)[:, 0].int() * 65535).to(torch.uint16)),
    "probabilities": Form(lambda labels: (labels == LESION) * 0.75),
    "half-precision probabilities": Form(lambda labels: (labels == LESION).half() * 0.75),
    "class ids": Form(lambda labels: labels, lambda target: target == LESION, fill=0, more=True),
    "class ids, background 7": Form(
        lambda labels: labels.where(labels > 0, 7).to(torch.int16),
        lambda target: target == LESION,
        fill=7,
        ignored=IGNORED,
        more=True,
    ),
    "ignore 255": Form(
        lambda labels: labels.to(torch.uint8), lambda target: target == LESION, fill=0, ignored=IGNORED, more=True
    ),
    "ignore -1": Form(
        lambda labels: labels.where(labels != IGNORED, -1).to(torch.int8),
        lambda target: target == LESION,
        fill=0,
        ignored=-1,
        more=True,
    ),
    "ignore 65535": Form(
        lambda labels: labels.where(labels != IGNORED, 65535).to(torch.uint16),
        lambda target: target.int() == LESION,
        fill=0,
        ignored=65535,
        more=True,
    ),
    "one-hot": Form(one_hot, lambda target: target[:, 1], fill=(1, 0, 0), more=True),
    "one-hot, ignore -100": Form(
        lambda labels: one_hot(labels).long().where(labels != IGNORED, -100),
        lambda target: target[:, 1:2] == 1,
        fill=(1, 0, 0),
        ignored=-100,
        more=True,
    ),
    "logit": Form(lambda labels: (labels == LESION) * 16.0 - 8.0, Tensor.sigmoid, fill=-8.0),
    "logits": Form(
        lambda labels: one_hot(labels) * 16.0 - 8.0,
        lambda target: target.softmax(dim=1)[:, 1:2],
        fill=(8.0, -8.0, -8.0),
        more=True,
    ),
}
Build = Callable[[Form], torch.nn.Module]
BENT = {"horizontal": True, "degrees": 8.0, "scale": (0.6, 0.9), "translate": 0.1}
OPS: dict[str, Build] = {
    "TPatchMix": lambda form: TPatchMix(PARSER, patch_size=8, p=1.0, where="probability", gate=None),
    "ZoneMix": lambda form: ZoneMix(PARSER, unit="subset", p=1.0, max_cut=0.9),
    "SyncFlip": lambda form: SyncFlip(PARSER, p=0.6),
    "SyncGeometry": lambda form: SyncGeometry(PARSER, p=1.0, target_fill=form.fill, **BENT),
    "Focus": lambda form: Focus(PARSER, p=1.0, unit="region", target_fill=form.fill, ignore_index=form.ignored),
    "PosAug": lambda form: PosAug(PARSER, phrase_p=1.0),
    "Reword": lambda form: Reword(PARSER, p=1.0),
    "CrossModalSequential": lambda form: CrossModalSequential(
        *(OPS[name](form) for name in ("ZoneMix", "SyncGeometry", "TPatchMix", "Focus", "SyncFlip", "Reword"))
    ),
}
READING = ("TPatchMix", "ZoneMix", "SyncGeometry", "Focus")


def followed(op: torch.nn.Module, labels: Tensor, params: object) -> Tensor:
    """What becomes of labels, where nothing is 0 and ignored pixels stay: written apart from what ops do to targets."""
    if isinstance(op, CrossModalSequential):
        for one, own in zip(op.ops, params, strict=True):
            labels = followed(one, labels, own)
        return labels
    if isinstance(op, Focus):
        kept = CF.union_mask(params.kept, LUNG_ZONES, SIZE) | ~params.accepted.view(-1, 1, 1)
        return labels.where(kept.unsqueeze(1) | (labels == IGNORED), 0)
    if isinstance(op, SyncGeometry):
        return op.replay(labels, params, role="evidence")
    return op.replay(labels, params, role="map")


def spread(values: Tensor) -> Tensor:
    """Values all over a batch of targets."""
    return values.repeat(len(TEXTS) * 24 * 24)[: len(TEXTS) * 24 * 24].view(-1, 1, *SIZE)
