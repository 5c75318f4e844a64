"""Mean teacher: a student learns from its own average's masks on unlabelled images (arXiv 1703.01780)."""

from typing import Any

import torch
from torch import Tensor

from crossmodal_aug import Atlas
from semimedref.config import Config
from semimedref.data.module import StepBatch
from semimedref.data.views import normalise, photometric, to_unit
from semimedref.draws import Draws
from semimedref.losses import segmentation_loss
from semimedref.methods.base import Method
from semimedref.methods.ops import make_pos_aug, vaguer
from semimedref.methods.teacher import EMATeacher, momentum
from semimedref.methods.watch import dice
from semimedref.models import ReferringModel
from semimedref.ranks import gather_rows, own_rows

UNLABELLED_ITCL = 0.10
SURE = 0.9


class MeanTeacher(Method):
    """Trains a student on labelled images and on its teacher's pseudo-masks (Semi-MedRef, arXiv 2605.15720).

        total = Seg(labelled) + 0.02 ITCL(labelled) + w(t) [Seg(unlabelled) + 0.10 ITCL(unlabelled)]

    The teacher sees the weak view and the full caption; the student sees the strong view after the ops, under the
    caption that they leave. Which ops there are, how captions are made vaguer, whether there is a contrastive loss
    and what a pixel of a pseudo-mask counts, the settings say: that is all in which the methods differ.

    Args:
        student: The model to train.
        config: Settings of the run.
        atlas: The data set's regions.
        steps: Optimiser steps of the whole run.
        steps_a_pass: Steps that one pass over the unlabelled samples takes.
    """

    def __init__(
        self, student: ReferringModel, config: Config, atlas: Atlas, *, steps: int, steps_a_pass: float
    ) -> None:
        super().__init__(student, config, atlas, steps=steps, steps_a_pass=steps_a_pass)
        self.teacher = EMATeacher(student)
        self.pos_aug = make_pos_aug(self.parser, config)

    @property
    def models(self) -> dict[str, ReferringModel]:
        """Student and teacher."""
        return {"student": self.student, "teacher": self.teacher.model}

    def objective(self, batch: StepBatch, draws: Draws) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Return the loss of a step, and what to log of it."""
        weight = ramp(self.global_step / self.steps, self.config)
        labelled = self.labelled_inputs(batch, draws)
        if not weight:
            return self.labelled_alone(labelled)

        unlabelled = batch.unlabelled
        images, hidden = to_unit(unlabelled.images), unlabelled.hidden_masks
        hidden = torch.zeros_like(images, dtype=torch.bool) if hidden is None else hidden
        with self.clock("ops"):
            weak = self.geometry.weak(images, unlabelled.texts, hidden, known=False, draws=draws, branch="unlabelled")
        own = own_rows(len(unlabelled))
        plain, plain_texts = normalise(weak.images[own]), weak.texts[own]
        tokens = self.tokens(plain_texts).to(plain.device)
        pseudo = gather_rows(self.teacher.probabilities(plain, tokens), len(unlabelled))
        strong = normalise(photometric(weak.images, draws("unlabelled", "photometric")))
        with self.clock("ops"):
            altered = self.altered(self.ops, weak, strong, pseudo, draws, "unlabelled")
            texts = vaguer(self.pos_aug, altered, draws=draws)
        self.watch("unlabelled", weak.texts, pseudo, altered)
        if unlabelled.hidden_masks is not None:
            self.noted["pseudo dice"] = dice(pseudo >= 0.5, weak.masks)

        labelled = labelled.rows(own_rows(len(labelled.texts)))
        mixed = altered.rows(own)
        count = len(labelled.texts)
        logits, image_embedding, text_embedding = self.see(
            torch.cat((labelled.images, mixed.images)), [*labelled.texts, *texts[own]], embedded=count
        )
        loss, parts = self.labelled_loss(logits[:count], image_embedding, text_embedding, labelled)
        pseudo_loss = segmentation_loss(logits[count:], mixed.target >= 0.5, trust(mixed.target, self.config))
        parts |= {
            "unlabelled seg": pseudo_loss.detach(),
            "unlabelled weight": weight,
            "mixed share": altered.mixed.float().mean(),
            "teacher certainty": (2 * pseudo - 1).abs().mean(),
        }
        if self.config.itcl:
            # As published, the contrast is between the unmixed image and its own full caption.
            image_embedding, text_embedding = self.student.embed_images(plain), self.student.embed_texts(tokens)
            itcl, noted = self.contrast(image_embedding, text_embedding, plain_texts, "unlabelled")
            pseudo_loss = pseudo_loss + self.config.itcl * UNLABELLED_ITCL * itcl
            parts |= noted
        return loss + weight * pseudo_loss, parts

    def on_train_batch_end(self, outputs: Any, batch: StepBatch, batch_idx: int) -> None:
        """Let the teacher follow, after every optimiser step."""
        super().on_train_batch_end(outputs, batch, batch_idx)
        if (batch_idx + 1) % self.config.accumulate:
            return
        step = self.global_step
        self.teacher.follow(self.student, momentum(step, step / self.steps_a_pass))


def trust(pseudo: Tensor, config: Config) -> Tensor | None:
    """Return what each pixel of a pseudo-mask counts in the loss, (B, 1, H, W); None where all count alike.

    Example:
        >>> pseudo = torch.tensor([0.5, 0.75, 1.0])
        >>> trust(pseudo, Config(pseudo_weight="certainty"))
        tensor([0.0000, 0.5000, 1.0000])
        >>> trust(pseudo, Config(pseudo_weight="threshold"))
        tensor([0., 0., 1.])
    """
    if config.pseudo_weight == "equal":
        return None
    if config.pseudo_weight == "threshold":
        return (torch.maximum(pseudo, 1 - pseudo) >= SURE).to(pseudo.dtype)
    return (2 * pseudo - 1).abs()


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
