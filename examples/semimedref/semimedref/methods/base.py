"""What the training methods share: the student, its optimiser, validation, and what a checkpoint stores."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from crossmodal_aug import Atlas, ITCLoss
from crossmodal_aug.augment import CrossModalOp
from semimedref.atlases import parser_for
from semimedref.checkpoints import CHECKPOINT_FORMAT
from semimedref.config import Config
from semimedref.data.module import StepBatch
from semimedref.data.samples import Samples
from semimedref.data.views import normalise, to_unit
from semimedref.draws import Draws
from semimedref.encoder_file import frozen_in
from semimedref.inference import predict_logits, resize_probabilities
from semimedref.losses import OTHER_LOSSES, segmentation_loss
from semimedref.methods.clock import StepClock
from semimedref.methods.faults import FillerParser
from semimedref.methods.geometry import Geometry, View
from semimedref.methods.ops import Altered, make_ops, make_reword, reworded, run_ops
from semimedref.methods.positives import AFFINITIES, numbered
from semimedref.methods.released import FirstPhraseParser
from semimedref.methods.tokens import TokenMemory
from semimedref.methods.unknown_words import UnknownWords
from semimedref.methods.watch import agreement, dose
from semimedref.methods.zone_masks import bits_of
from semimedref.metrics import Confusion
from semimedref.models import ReferringModel
from semimedref.models.own_caption import OwnCaption
from semimedref.models.tokenizer import Tokens
from semimedref.ranks import own_rows

WARM_UP = 0.05
LABELLED_ITCL = 0.02
LOG_EVERY = 10

PARSERS = {"released": FirstPhraseParser, "faulty": FillerParser}
"""By mix: the parsers that misread as the released code does."""

Logged = dict[str, Tensor | float]
"""What a step writes to the log, by name."""


class Method(pl.LightningModule, ABC):
    """Trains a model on a data set's batches.

    Args:
        student: The model to train.
        config: Settings of the run.
        atlas: The data set's regions.
        steps: Optimiser steps of the whole run.
        steps_a_pass: Steps that one pass over the unlabelled samples takes: an epoch, in the paper's words.
    """

    def __init__(
        self, student: ReferringModel, config: Config, atlas: Atlas, *, steps: int, steps_a_pass: float
    ) -> None:
        super().__init__()
        self.student = student
        self.config = config
        # The published faults are those of the published ops: what was not published reads the whole caption.
        self.whole = parser_for(atlas)
        self.parser = PARSERS[config.mix](atlas) if config.mix in PARSERS else self.whole
        self.geometry = Geometry(self.whole, config)
        self.reword = make_reword(self.whole, config)
        self.unknown = UnknownWords(self.whole, words=config.unknown, captions=config.unknown_captions)
        self.ops = make_ops(self.parser, config)
        self.itcl = ITCLoss(gather_distributed=config.ranks > 1)
        self.clock = StepClock()
        self.tokens = TokenMemory(student.tokenize)
        self.steps = steps
        self.steps_a_pass = steps_a_pass
        self.log_every = min(LOG_EVERY, config.validate_every, steps)
        self.noted: dict[str, Tensor] = {}
        self._validation: dict[str, Confusion] = {}

    @property
    def models(self) -> dict[str, ReferringModel]:
        """The models that come out of it, by name; the last is the one to use."""
        return {"student": self.student}

    @abstractmethod
    def objective(self, batch: StepBatch, draws: Draws) -> tuple[Tensor, Logged]:
        """Return the loss of a step, and what to log of it."""

    def labelled_inputs(self, batch: StepBatch, draws: Draws) -> Altered:
        """Return the labelled samples of all ranks as students see them."""
        given, branch = batch.labelled, "labelled"
        with self.clock("ops"):
            weak = self.geometry.weak(
                to_unit(given.images), given.texts, given.known_masks, known=True, draws=draws, branch=branch
            )
            ops = self.ops if self.config.alter == "both" else {}
            altered = self.altered(ops, weak, normalise(weak.images), weak.masks, draws, branch)
        self.watch(branch, given.texts, given.known_masks, altered)
        return altered

    def altered(
        self, ops: dict[str, CrossModalOp], weak: View, images: Tensor, target: Tensor, draws: Draws, branch: str
    ) -> Altered:
        """Return a batch after the ops, the geometry where it comes last, and what changes words alone.

        Args:
            ops: Those to send it through.
            weak: Its weak view.
            images: (B, 1, H, W) that the student sees: the weak view or a strong one, normalised.
            target: (B, 1, H, W) masks or probabilities.
            draws: The randomness of the step.
            branch: "labelled" or "unlabelled".
        """
        batch = run_ops(ops, images, weak.texts, target, draws=draws, branch=branch)
        batch = self.geometry.last(batch, draws=draws, branch=branch)
        batch = reworded(self.reword, batch, draws=draws, branch=branch)
        if self.config.unknown or self.config.unknown_captions:
            texts = self.unknown(batch.texts, batch.focused, draws(branch, "unknown"))
            batch = batch._replace(texts=texts)
        return batch._replace(params=weak.params | batch.params)

    def labelled_alone(self, labelled: Altered) -> tuple[Tensor, Logged]:
        """Return the loss of a step that sees no unlabelled sample, and what to log of it."""
        own = labelled.rows(own_rows(len(labelled.texts)))
        return self.labelled_loss(*self.see(own.images, own.texts), own)

    def labelled_loss(
        self, logits: Tensor, image_embedding: Tensor | None, text_embedding: Tensor | None, labelled: Altered
    ) -> tuple[Tensor, Logged]:
        """Return the loss of what the student made of the labelled samples, and what to log of it."""
        loss = self.seg(logits, labelled.target)
        parts: Logged = {"labelled seg": loss.detach()}
        if image_embedding is not None and text_embedding is not None:
            itcl, noted = self.contrast(image_embedding, text_embedding, labelled.texts, "labelled")
            loss = loss + self.config.itcl * LABELLED_ITCL * itcl
            parts |= noted
        return self.with_written_loss(loss, parts, labelled.images, labelled.texts, "labelled")

    def seg(self, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return what the settings compare masks by."""
        if self.config.loss == "dice-ce":
            return segmentation_loss(logits, target, weight)
        return OTHER_LOSSES[self.config.loss](logits, target, weight)

    def with_written_loss(
        self, loss: Tensor, parts: Logged, images: Tensor, texts: Sequence[str], branch: str
    ) -> tuple[Tensor, Logged]:
        """Add, for a student that writes captions, how far its regions are from those of the captions given."""
        if not isinstance(self.student, OwnCaption):
            return loss, parts
        found = self.student.caption_logits(images).float()
        written = binary_cross_entropy_with_logits(found, bits_of(self.whole, texts, found.device).float())
        return loss + written, parts | {f"{branch} caption": written.detach()}

    def see(
        self, images: Tensor, texts: Sequence[str], embedded: int | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the student's logits and, where there is a contrastive loss, the embeddings of the first samples."""
        tokens = self.tokens(texts).to(images.device)
        if not self.config.itcl:
            return self.student.segment(images, tokens), None, None
        after = self.config.itcl_image == "after"
        out: tuple[Tensor, Tensor, Tensor] = self.student(images, tokens, embedded, after_reading=after)
        return out

    def embed(self, images: Tensor, tokens: Tokens) -> Tensor:
        """Return the embedding of images, which as released have read their own captions."""
        if self.config.itcl_image == "after":
            return self.student.embed_images(images, tokens)
        return self.student.embed_images(images)

    def contrast(
        self, image_embedding: Tensor, text_embedding: Tensor, texts: Sequence[str], branch: str
    ) -> tuple[Tensor, Logged]:
        """Return the contrastive loss of images and the captions that are theirs, over all ranks, and what to log.

        Beside the loss stand what a model reaches that tells no pair from another, and the least that any can reach,
        since images of the same regions belong to each other's captions too.
        """
        with self.clock("ops"):
            positions = self.parser.encode(texts).to(image_embedding.device, non_blocking=True)
            affinity = AFFINITIES.get(self.config.positives)
            if affinity is None:
                found = self.itcl(image_embedding, text_embedding, positions, return_parts=True)
            else:
                labels = numbered(positions, own_rows(len(texts) * self.config.ranks).start)
                found = self.itcl(image_embedding, text_embedding, labels, affinity=affinity, return_parts=True)
        return found.loss, {
            f"{branch} itcl": found.loss.detach(),
            f"{branch} itcl chance": math.log(len(texts) * self.config.ranks),
            f"{branch} itcl floor": found.target_entropy.detach(),
        }

    def watch(self, branch: str, texts: Sequence[str], target: Tensor, altered: Altered) -> None:
        """Note for the log what the ops did to a batch, where this step is logged."""
        if (self.global_step + 1) % self.log_every:
            return
        self.noted |= dose(altered, branch)
        self.noted[f"{branch} agreement before"] = agreement(self.parser, texts, target)
        self.noted[f"{branch} agreement after"] = agreement(self.parser, altered.texts, altered.target)

    def training_step(self, batch: StepBatch, batch_idx: int) -> Tensor:
        """Return the loss. All that is random in it follows from the seed and the number of the batch."""
        number = self.global_step * self.config.accumulate + batch_idx % self.config.accumulate
        self.noted = {}
        loss, parts = self.objective(batch, Draws(self.config.seed, number))
        count, several = len(batch.labelled), self.config.ranks > 1
        self.log("loss", loss, prog_bar=True, batch_size=count, sync_dist=several)
        self.log_dict({f"train/{name}": value for name, value in parts.items()}, batch_size=count, sync_dist=several)
        # Of the whole batch, and so the same on all ranks.
        self.log_dict({f"train/{name}": value for name, value in self.noted.items()}, batch_size=count)
        return loss

    def on_train_epoch_start(self) -> None:
        """Time each stretch between validations for itself."""
        self.clock = StepClock()

    def on_train_batch_start(self, batch: StepBatch, batch_idx: int) -> None:
        """Count the time since the last step: the batch was made in it."""
        self.clock.lap("data")

    def on_train_batch_end(self, outputs: Any, batch: StepBatch, batch_idx: int) -> None:
        """Count the time of the step."""
        self.clock.lap("step")
        self.log_dict({f"time/{part} share": self.clock.share(part) for part in ("ops", "data")})

    def on_validation_epoch_start(self) -> None:
        """Begin counting."""
        self._validation = {name: Confusion() for name in self.models}

    def validation_step(self, batch: Samples, batch_idx: int) -> None:
        """Count one batch."""
        for name, model in self.models.items():
            logits = predict_logits(model, batch.images, batch.texts)
            for one, mask in zip(logits, batch.full_masks, strict=True):
                self._validation[name].add(resize_probabilities(one, mask.shape), mask.to(one.device))

    def on_validation_epoch_end(self) -> None:
        """Log the scores; `valid/dice` is that of the model to use, by which the best checkpoint is chosen."""
        dice = {name: counts.scores().global_dice for name, counts in self._validation.items()}
        self.log_dict({f"valid/{name} dice": value for name, value in dice.items()})
        self.log("valid/dice", list(dice.values())[-1], prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with a cosine schedule after a short warm-up."""
        optimiser = torch.optim.AdamW(self.student.parameters(), lr=self.config.learning_rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate_factor(step, self.steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to make the models again without the training data."""
        checkpoint["semimedref"] = {
            "format": CHECKPOINT_FORMAT,
            "config": asdict(self.config),
            "model": self.student.name,
            "model_settings": self.student.settings(),
            "frozen": frozen_in(self.student),
            "step": self.global_step,
        }


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step: a linear warm-up, then half a cosine down to 0.

    Example:
        >>> [round(learning_rate_factor(step, 100), 2) for step in (0, 4, 5, 52, 100)]
        [0.2, 1.0, 1.0, 0.51, 0.0]
    """
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))
