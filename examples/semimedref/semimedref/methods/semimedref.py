"""Semi-MedRef (arXiv 2605.15720): a teacher's masks on unlabelled images, mixed together with their captions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossmodal_aug import (
    Atlas,
    CrossModalSequential,
    ITCLoss,
    PosAug,
    PositionParser,
    SyncFlip,
    TPatchMix,
    ZoneMix,
)
from semimedref.config import Config
from semimedref.data.module import StepBatch
from semimedref.data.views import normalise, photometric, to_unit, zoom
from semimedref.losses import segmentation_loss
from semimedref.methods.base import Method
from semimedref.methods.teacher import EMATeacher, momentum
from semimedref.models import ReferringModel

LABELLED_ITCL, UNLABELLED_ITCL = 0.02, 0.10


class Mixed(NamedTuple):
    """A batch after the mixing ops.

    Attributes:
        images: (B, 1, H, W).
        texts: B captions, true of the mix.
        target: (B, 1, H, W) masks or probabilities.
        positions: (B, K) bool regions that the captions name.
        altered: (B,) bool: the samples that hold pixels of another.
    """

    images: Tensor
    texts: list[str]
    target: Tensor
    positions: Tensor
    altered: Tensor


class SemiMedRef(Method):
    """Trains a student on labelled images and on its teacher's pseudo-masks.

        total = Seg(labelled) + 0.02 ITCL(labelled) + w(t) [Seg(unlabelled) + 0.10 ITCL(unlabelled)]

    The teacher sees the weak view and the full caption; the student sees the strong view, mixed with that of other
    samples, under the caption that is true of the mix. Pseudo-masks count by how sure the teacher is, abs(2 p - 1).

    Args:
        student: The model to train.
        config: Settings of the run.
        atlas: The data set's regions.
        steps: Optimiser steps of the whole run.
        steps_a_pass: Steps that one pass over the unlabelled samples takes.
    """

    def __init__(self, student: ReferringModel, config: Config, atlas: Atlas, *, steps: int, steps_a_pass: int) -> None:
        super().__init__(student, config, atlas, steps=steps, steps_a_pass=steps_a_pass)
        self.teacher = EMATeacher(student)
        self.mix = mixing_ops(self.parser, config.mix, config.size)
        self.pos_aug = PosAug(self.parser, p=0.5, mode="mix")
        self.itcl = ITCLoss()

    @property
    def models(self) -> dict[str, ReferringModel]:
        """Student and teacher."""
        return {"student": self.student, "teacher": self.teacher.model}

    def objective(self, batch: StepBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Return the loss of a step, and what to log of it."""
        weight = ramp(self.global_step / self.steps, self.config)
        images, masks = zoom(to_unit(batch.labelled.images), batch.labelled.known_masks, generator)
        labelled = self._mixed(normalise(images), batch.labelled.texts, masks, generator)
        if not weight:
            logits, image_embedding, text_embedding = self._student(labelled.images, labelled.texts)
            seg = segmentation_loss(logits, labelled.target)
            itcl = self.itcl(image_embedding, text_embedding, labelled.positions)
            return seg + LABELLED_ITCL * itcl, {"labelled seg": seg.detach(), "labelled itcl": itcl.detach()}

        weak = to_unit(batch.unlabelled.images)
        weak, _ = zoom(weak, torch.zeros_like(weak, dtype=torch.bool), generator)
        plain = normalise(weak)
        tokens = self.student.tokenize(batch.unlabelled.texts).to(weak.device)
        pseudo = self.teacher.probabilities(plain, tokens)
        strong = normalise(photometric(weak, generator))
        mixed = self._mixed(strong, batch.unlabelled.texts, pseudo, generator)
        vaguer = self.pos_aug(None, mixed.texts, generator=generator).texts

        logits, image_embedding, text_embedding = self._student(
            torch.cat((labelled.images, mixed.images)), [*labelled.texts, *vaguer]
        )
        count = len(batch.labelled)
        seg = segmentation_loss(logits[:count], labelled.target)
        itcl = self.itcl(image_embedding[:count], text_embedding[:count], labelled.positions)
        pseudo_seg = segmentation_loss(logits[count:], mixed.target >= 0.5, (2 * mixed.target - 1).abs())
        # As published, the contrast is between the unmixed image and its own full caption.
        pseudo_itcl = self.itcl(
            self.student.embed_images(plain),
            self.student.embed_texts(tokens),
            self.parser.encode(batch.unlabelled.texts).to(weak.device),
        )
        loss = seg + LABELLED_ITCL * itcl + weight * (pseudo_seg + UNLABELLED_ITCL * pseudo_itcl)
        return loss, {
            "labelled seg": seg.detach(),
            "labelled itcl": itcl.detach(),
            "unlabelled seg": pseudo_seg.detach(),
            "unlabelled itcl": pseudo_itcl.detach(),
            "unlabelled weight": weight,
            "mixed share": mixed.altered.float().mean(),
            "teacher certainty": (2 * pseudo - 1).abs().mean(),
        }

    def _mixed(self, images: Tensor, texts: Sequence[str], target: Tensor, generator: torch.Generator) -> Mixed:
        out = self.mix(images, texts, target, generator=generator)
        # The flip, which comes first, mixes nothing.
        accepted = [torch.zeros(len(texts), dtype=torch.bool, device=images.device)]
        accepted += [one.accepted for one in out.params[1:]]
        return Mixed(out.images, out.texts, out.target, out.positions, torch.stack(accepted).any(dim=0))

    def _student(self, images: Tensor, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        out: tuple[Tensor, Tensor, Tensor] = self.student(images, self.student.tokenize(texts).to(images.device))
        return out

    def on_train_batch_end(self, outputs: Any, batch: StepBatch, batch_idx: int) -> None:
        """Let the teacher follow, after every optimiser step."""
        step = self.global_step
        self.teacher.follow(self.student, momentum(step, step / self.steps_a_pass))


def mixing_ops(parser: PositionParser, mix: str, size: int) -> CrossModalSequential:
    """Return the ops that alter image, mask and caption together.

    Args:
        parser: Reads and rewrites the captions.
        mix: "patch", "zone", "both" or "none".
        size: Side of the images in pixels.

    Returns:
        The ops, a synchronous flip first.
    """
    ops: list[SyncFlip | TPatchMix | ZoneMix] = [SyncFlip(parser, p=0.5)]
    if mix in ("patch", "both"):
        # A patch goes where both captions name a region: there neither image holds anything that goes unnamed.
        ops.append(TPatchMix(parser, patch_size=max(2, size // 4), p=0.25, where="shared", gate="confident"))
    if mix in ("zone", "both"):
        ops.append(ZoneMix(parser, zones="side", p=0.5))
    return CrossModalSequential(*ops)


def ramp(progress: float, config: Config) -> float:
    """Return the weight of the unlabelled loss: 0 during burn-in, then a straight rise.

    Args:
        progress: Share of the run that is done.
        config: Settings of the run.

    Example:
        >>> config = Config(burn_in=0.2, ramp_up=0.2, unlabelled_weight=0.3)
        >>> [round(ramp(progress, config), 2) for progress in (0.1, 0.2, 0.3, 0.4, 1.0)]
        [0.0, 0.0, 0.15, 0.3, 0.3]
    """
    if progress < config.burn_in:
        return 0.0
    risen = 1.0 if config.ramp_up == 0 else min(1.0, (progress - config.burn_in) / config.ramp_up)
    return config.unlabelled_weight * risen
