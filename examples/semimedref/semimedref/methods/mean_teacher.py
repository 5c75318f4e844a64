"""Mean teacher: a student learns from its own average's masks on unlabelled images (arXiv 1703.01780)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossmodal_aug import Atlas
from semimedref.config import Config
from semimedref.data.module import StepBatch
from semimedref.data.samples import Samples
from semimedref.data.views import normalise, photometric, to_unit
from semimedref.draws import Draws
from semimedref.methods.base import Logged, Method
from semimedref.methods.copy_paste import copy_paste
from semimedref.methods.drop_by_loss import with_small_loss
from semimedref.methods.feature_dropout import FeatureDropout
from semimedref.methods.geometry import View
from semimedref.methods.lv_loss import lv_loss
from semimedref.methods.ops import Altered, make_pos_aug, vaguer
from semimedref.methods.pseudo_masks import PseudoMasks, trust
from semimedref.methods.teacher import EMATeacher, momentum, probabilities_of
from semimedref.methods.watch import dice
from semimedref.methods.zone_masks import bits_of, named_zones
from semimedref.mirroring import mirror_mean
from semimedref.models import ReferringModel
from semimedref.models.tokenizer import Tokens
from semimedref.ranks import gather_rows, own_rows

UNLABELLED_ITCL = 0.10


class Plain(NamedTuple):
    """This rank's unlabelled samples in their weak view, as the pseudo-masks are found in them.

    Attributes:
        images: (B, 1, H, W), normalised.
        texts: B captions.
        tokens: Those of the captions.
    """

    images: Tensor
    texts: list[str]
    tokens: Tokens


class Strong(NamedTuple):
    """A strong view of all unlabelled samples.

    Attributes:
        altered: The samples after the ops.
        texts: The captions that the student sees, which may be vaguer than those of ``altered``.
    """

    altered: Altered
    texts: list[str]


class MeanTeacher(Method):
    """Trains a student on labelled images and on its teacher's pseudo-masks (Semi-MedRef, arXiv 2605.15720).

        total = Seg(labelled) + 0.02 ITCL(labelled) + w(t) [Seg(unlabelled) + 0.10 ITCL(unlabelled)]

    The teacher sees the weak view and the full caption; the student sees the strong view after the ops, under the
    caption that they leave. Which ops there are, how captions are made vaguer, whose masks are learnt from and what
    their pixels count, how many views there are and what else is asked of them, the settings say: that is all in which
    the methods differ.

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
        self.pseudo_masks = PseudoMasks(self.whole, config)

    @property
    def models(self) -> dict[str, ReferringModel]:
        """Student and teacher."""
        return {"student": self.student, "teacher": self.teacher.model}

    def objective(self, batch: StepBatch, draws: Draws) -> tuple[Tensor, Logged]:
        """Return the loss of a step, and what to log of it."""
        weight = ramp(self.global_step / self.steps, self.config)
        labelled = self.labelled_inputs(batch, draws)
        if not weight:
            return self.labelled_alone(labelled)
        weak = self.weak_view(batch.unlabelled, draws)
        own = own_rows(len(weak.texts))
        images, texts = normalise(weak.images[own]), weak.texts[own]
        plain = Plain(images, texts, self.tokens(texts).to(images.device))
        pseudo = gather_rows(self.found(plain), len(weak.texts))
        pseudo = self.pseudo_masks(pseudo, weak.texts, batch.labelled)
        views = self.strong_views(weak, pseudo, draws)
        self.watch("unlabelled", weak.texts, pseudo, views[0].altered)
        if batch.unlabelled.hidden_masks is not None:
            self.noted["pseudo dice"] = dice(pseudo >= 0.5, weak.masks)
        about: Logged = {
            "unlabelled weight": weight,
            "mixed share": views[0].altered.mixed.float().mean(),
            "teacher certainty": (2 * pseudo - 1).abs().mean(),
        }
        if self.config.mix == "bcp":
            loss, parts = self.pasted_loss(labelled, views[0], weight, draws)
            loss, parts = self.with_written_loss(loss, parts, plain.images, plain.texts, "unlabelled")
            return loss, about | parts
        labelled = labelled.rows(own_rows(len(labelled.texts)))
        loss, pseudo_loss, parts = self.both_losses(labelled, views, own)
        if self.config.feature_dropout:
            # Half of the unlabelled loss, as in UniMatch, is that of the view in feature space.
            generator = draws("unlabelled", "features")
            perturb = FeatureDropout(self.config.feature_dropout, generator, len(pseudo), own)
            perturbed = self.perturbed_loss(plain, pseudo[own], perturb)
            pseudo_loss = (pseudo_loss + perturbed) / 2
            parts["unlabelled seg, features"] = perturbed.detach()
        if self.config.itcl:
            # As published, the contrast is between the unmixed image and its own full caption.
            itcl, noted = self.contrast(
                self.embed(plain.images, plain.tokens),
                self.student.embed_texts(plain.tokens),
                plain.texts,
                "unlabelled",
            )
            pseudo_loss = pseudo_loss + self.config.itcl * UNLABELLED_ITCL * itcl
            parts |= noted
        loss, parts = self.with_written_loss(loss, parts, plain.images, plain.texts, "unlabelled")
        return loss + weight * pseudo_loss, parts | about

    def weak_view(self, unlabelled: Samples, draws: Draws) -> View:
        """Return the weak view of all unlabelled samples."""
        images, hidden = to_unit(unlabelled.images), unlabelled.hidden_masks
        hidden = torch.zeros_like(images, dtype=torch.bool) if hidden is None else hidden
        with self.clock("ops"):
            return self.geometry.weak(images, unlabelled.texts, hidden, known=False, draws=draws, branch="unlabelled")

    def found(self, plain: Plain) -> Tensor:
        """Return (B, 1, H, W) probabilities of weak views: the teacher's or, as in FixMatch, the student's own."""
        if self.config.pseudo_views == "one":
            return self.seen_in(plain.images, plain.tokens)
        tokens = self.tokens([*plain.texts, *map(self.whole.mirror, plain.texts)]).to(plain.images.device)
        return mirror_mean(self.seen_in(torch.cat((plain.images, plain.images.flip(-1))), tokens))

    def seen_in(self, images: Tensor, tokens: Tokens) -> Tensor:
        """Return (B, 1, H, W) probabilities of whoever finds the pseudo-masks."""
        if self.config.masks_by == "teacher":
            return self.teacher.probabilities(images, tokens)
        return probabilities_of(self.student, images, tokens)

    def strong_views(self, weak: View, pseudo: Tensor, draws: Draws) -> list[Strong]:
        """Return the strong views of all unlabelled samples; the first draws what it would draw alone."""
        branches = ["unlabelled", "second view"] if self.config.views == "images" else ["unlabelled"]
        views = []
        for branch in branches:
            generator = draws(branch, "photometric")
            if self.config.photometric == "unit":
                strong = normalise(photometric(weak.images, generator))
            else:
                strong = photometric(normalise(weak.images), generator)
            with self.clock("ops"):
                altered = self.altered(self.ops, weak, strong, pseudo, draws, branch)
                views.append(Strong(altered, vaguer(self.pos_aug, altered, draws=draws, branch=branch)))
        if self.config.views == "texts":
            views.insert(0, Strong(views[0].altered, views[0].altered.texts))
        return views

    def both_losses(self, labelled: Altered, strong: Sequence[Strong], own: slice) -> tuple[Tensor, Tensor, Logged]:
        """Return the labelled loss, the unlabelled one as the mean over the views, and what to log of both.

        Args:
            labelled: This rank's labelled samples.
            strong: The views of all unlabelled samples.
            own: Which of these are this rank's.
        """
        views, whole = [view_rows(view, own) for view in strong], len(strong[0].texts)
        images = torch.cat([labelled.images, *(view.altered.images for view in views)])
        texts = [*labelled.texts, *(text for view in views for text in view.texts)]
        count = len(labelled.texts)
        logits, image_embedding, text_embedding = self.see(images, texts, embedded=count)
        loss, parts = self.labelled_loss(logits[:count], image_embedding, text_embedding, labelled)
        losses = [
            self.view_loss(part, view, whole)
            for part, view in zip(logits[count:].chunk(len(views)), views, strict=True)
        ]
        pseudo_loss = torch.stack(losses).mean()
        parts["unlabelled seg"] = pseudo_loss.detach()
        return loss, pseudo_loss, parts

    def view_loss(self, logits: Tensor, view: Strong, whole: int) -> Tensor:
        """Return the loss of one strong view of this rank's samples, of a batch of ``whole`` ones."""
        pseudo = view.altered.target
        target, weight = pseudo >= 0.5, trust(pseudo, self.config)
        if self.config.drop:
            weight = torch.ones_like(pseudo) if weight is None else weight
            kept = with_small_loss(logits, target, weight, self.config.drop, whole)
            weight = weight * kept.view(-1, 1, 1, 1)
        loss = self.seg(logits, target, weight)
        if self.config.lv:
            bits = bits_of(self.whole, view.altered.texts, logits.device)
            loss = loss + self.config.lv * lv_loss(logits, named_zones(bits, self.whole, logits.shape[-2:]))
        return loss

    def perturbed_loss(self, plain: Plain, pseudo: Tensor, perturb: FeatureDropout) -> Tensor:
        """Return the loss of the weak view whose features lack channels."""
        logits = self.student.segment(plain.images, plain.tokens, perturb)
        return self.seg(logits, pseudo >= 0.5, trust(pseudo, self.config))

    def pasted_loss(self, labelled: Altered, view: Strong, weight: float, draws: Draws) -> tuple[Tensor, Logged]:
        """Return the loss of BCP, and what to log: labelled pixels count 1 and others ``weight``, wherever they lie."""
        pseudo = view.altered.target
        trusted = trust(pseudo, self.config)
        weights = weight * (torch.ones_like(pseudo) if trusted is None else trusted)
        pasted = copy_paste(labelled, view.altered, weights, draws("unlabelled", "copy"))
        own = own_rows(len(labelled.texts))
        parts = [torch.cat([half[own] for half in part.chunk(2)]).chunk(2) for part in pasted]
        texts = [*labelled.texts[own], *view.texts[own]]
        logits = self.see(torch.cat(parts[0]), texts)[0].chunk(2)
        outside, inside = (self.seg(*one) for one in zip(logits, *parts[1:], strict=True))
        logged: Logged = {"labelled seg": outside.detach(), "unlabelled seg": inside.detach(), "mixed share": 1.0}
        return outside + inside, logged

    def on_train_batch_end(self, outputs: Any, batch: StepBatch, batch_idx: int) -> None:
        """Let the teacher follow, after every optimiser step."""
        super().on_train_batch_end(outputs, batch, batch_idx)
        if (batch_idx + 1) % self.config.accumulate:
            return
        step = self.global_step
        self.teacher.follow(self.student, momentum(step, step / self.steps_a_pass))


def view_rows(view: Strong, rows: slice) -> Strong:
    """Return some of the samples of a view."""
    return Strong(view.altered.rows(rows), view.texts[rows])


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
