"""T-PatchMix: CutMix over image, pseudo-mask and text, at a place that the texts choose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Literal, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Batch, evidence_of
from crossmodal_aug.augment.params import Gate, MixParams, Reason
from crossmodal_aug.augment.settings import Role, Settings
from crossmodal_aug.errors import InvalidValueError, shown
from crossmodal_aug.functional.checks import check_choice, check_probability
from crossmodal_aug.functional.evidence import reaches
from crossmodal_aug.functional.mixing import draw_donors, uniforms
from crossmodal_aug.functional.pasting import paste_boxes, paste_windows
from crossmodal_aug.functional.patches import (
    Measure,
    Where,
    check_patch_size,
    draw_boxes,
    evident_positions,
    patch_evidence,
    size_along,
)
from crossmodal_aug.functional.windows import Windows, windows_of_boxes

_PAPER_THRESHOLD = 0.55


@dataclass(frozen=True)
class TPatchMixParams(MixParams):
    """What one call of `TPatchMix` did, beside what every op that takes pixels from donors records.

    Attributes:
        boxes: (B, n, 2) int64: start and stop of the patch along n spatial axes, half open; empty where not accepted.
        window: Size that no box exceeds, along the n axes.
    """

    boxes: Tensor
    window: tuple[int, ...]

    @cached_property
    def windows(self) -> Windows:
        """The piece of each image that holds its box, of one size for all."""
        return windows_of_boxes(self.boxes, self.spatial, self.window)

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(super().undone(refused, reason), boxes=self.boxes * ~refused.view(-1, 1, 1))


class TPatchMix(CrossModalOp):
    """A patch of the donor in the anchor's image, target and caption (Semi-MedRef, arXiv 2605.15720).

    Args:
        parser: Reads and rewrites the texts.
        patch_size: Side of the patch in pixels, or one number for each spatial axis. A patch larger than the
            region that it is placed in is cut to the region.
        p: Probability that a patch is drawn for a sample.
        where: Where the patch lies. "anchor": in the box of a region that the anchor names (the paper; none if the
            two texts name opposite sides). "donor": in one that the donor names. "shared": in one that both name.
            "probability": around a pixel where the donor's evidence reaches `threshold` (the paper's second
            rule). "anywhere": plain CutMix.
        gate: Keep a drawn patch only if a mean over its pixels reaches `gate_threshold`. "lesion": of the donor's
            evidence e (the paper). "confident": of its certainty `|2 e - 1|`. None keeps all.
        gate_threshold: What the mean must reach; None is 0.55 (the paper). Without a gate it has no effect, and raises.
        threshold: Evidence that counts as lesion, for `where` and `text`.
        text: What the caption says afterwards. "evidence": a region named by the donor is added where donor
            evidence lies inside the patch. One named by the anchor is dropped where the patch covered the last
            of its evidence and brought none. "union": the regions of both (the paper). "keep": the anchor's caption
            as it was.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: An argument lies outside its range.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, TPatchMix
        >>> op = TPatchMix(PositionParser(LUNG_ZONES), patch_size=2, p=1.0, where="donor")
        >>> texts = ["Opacity in the lower left lung.", "Opacity in the lower right lung."]
        >>> target = torch.zeros(2, 1, 6, 4)
        >>> target[0, 0, 4:, :2] = target[1, 0, 4:, 2:] = 1.0
        >>> op(torch.zeros(2, 1, 6, 4), texts, target).texts[0]
        'Opacity in the lower left lung and lower right lung.'

    Convention:
        - Shapes: (B, C, H, W) and (B, C, D, H, W), where the patch is a box in all three axes. Any dtype, kept.
        - Gate: decided before a pixel moves; a sample that fails it comes out as it went in. So does a batch of one.
          A caption that denies lesion which the patch brought, or for the first time lesion that is left, fails it,
          but with "keep"; with "union", where the evidence of the donor is read.
        - Evidence: the target, (B, 1, *spatial) or (B, *spatial); not read by `gate=None, text="union"` or "keep"
          unless `where="probability"`.
        - Randomness: 6 draws a sample.
    """

    params_type = TPatchMixParams
    mixes = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        patch_size: int | Sequence[int] = 64,
        p: float = 0.5,
        where: Where = "anchor",
        gate: Measure | None = "confident",
        gate_threshold: float | None = None,
        threshold: float = 0.5,
        text: Literal["evidence", "union", "keep"] = "evidence",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        check_choice("where", where, ("anchor", "donor", "shared", "probability", "anywhere"))
        check_choice("gate", gate, ("lesion", "confident", None))
        check_choice("text", text, ("evidence", "union", "keep"))
        self.patch_size = check_patch_size(patch_size)
        self.p = check_probability("p", p)
        self.where = where
        self.gate = gate
        if gate is None and gate_threshold is not None:
            raise InvalidValueError(
                f"Expected no `gate_threshold` where `gate` is None, but got {shown(gate_threshold)}."
            )
        given = _PAPER_THRESHOLD if gate_threshold is None else gate_threshold
        self.gate_threshold = None if gate is None else check_probability("gate_threshold", given)
        self.threshold = check_probability("threshold", threshold)
        self.text = text

    @classmethod
    def paper(cls, parser: PositionParser, **settings: Unpack[Settings]) -> Self:
        """The published settings: 16 px, drawn with probability 0.08 in a region of the anchor, mostly lesion.

        The paper's target is binary: `out.target >= 0.5`.
        """
        return cls(parser, patch_size=16, p=0.08, where="anchor", gate="lesion", text="union", **settings)

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        names = ("patch_size", "p", "where", "gate", "gate_threshold", "threshold", "text")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> TPatchMixParams:
        """Draw donors and patches, decide which are pasted, and work out what the texts will say."""
        mine, spatial = batch.positions, batch.spatial
        source = batch if donors is None else donors
        draws = uniforms(mine.shape[0], 6, generator=generator, device=mine.device)
        index, possible = draw_donors(draws[:, 0], None if donors is None else donors.positions.shape[0])
        theirs = source.positions.index_select(0, index)
        needed_by = self._evidence_needed_by()
        evidence = None if needed_by is None else evidence_of(source, needed_by, strict=self.strict)
        size = size_along(self.patch_size, spatial)
        lesion = None
        if self.where == "probability" and evidence is not None:
            lesion = reaches(evidence, self.threshold).index_select(0, index)
        boxes, allowed = draw_boxes(draws[:, 2:], self.where, mine, theirs, lesion, self.atlas, spatial, size)
        pixels = (boxes[..., 1] - boxes[..., 0]).prod(dim=1)
        gate = Gate(mine.shape[0], mine.device)
        gate.require(draws[:, 1] < self.p, Reason.NOT_DRAWN)
        gate.require(possible, Reason.NO_PARTNER)
        if self.text != "keep":
            # A text that does not say where cannot say what the patch brought or covered.
            gate.require(batch.placed, Reason.SILENT)
            gate.require(source.placed.index_select(0, index), Reason.SILENT_DONOR)
        gate.require(allowed & (pixels > 0), Reason.NO_ROOM)  # a region narrower than a pixel has none
        mixed = mine if self.text == "keep" else mine | theirs
        brought = held = None
        if evidence is not None:
            windows = windows_of_boxes(boxes, spatial, size)
            threshold = None if self.text == "keep" else self.threshold
            score, brought, lesion = patch_evidence(evidence, index, windows, self.atlas, spatial, self.gate, threshold)
            if self.gate_threshold is not None:
                gate.require(score >= self.gate_threshold * pixels, Reason.EVIDENCE)
            if self.text == "evidence":
                own = evidence if donors is None else evidence_of(batch, "text='evidence'", strict=self.strict)
                mixed, held, left = evident_positions(
                    mine, theirs, own, brought, boxes, windows, self.atlas, self.threshold
                )
                held, lesion = held | brought, left | lesion
            gate.require(mixed.any(dim=1) | ~lesion, Reason.EVIDENCE)  # no "nothing there" over lesion
        accepted = gate.accepted
        params = TPatchMixParams(
            accepted=accepted,
            before=mine,
            positions=torch.where(accepted.unsqueeze(1), mixed, mine),
            reason=gate.reason,
            spatial=spatial,
            donors=index,
            pool=None if donors is None else donors.positions.shape[0],
            boxes=torch.where(accepted.view(-1, 1, 1), boxes, 0),
            window=size,
            mixed_share=(pixels * accepted).float() / prod(spatial),
            brought=brought,
            held=held,
        )
        if evidence is not None and not torch.compiler.is_compiling():
            params.__dict__["windows"] = windows.where(accepted)  # known already; a property would find them anew
        return params

    def _evidence_needed_by(self) -> str | None:
        if self.where == "probability":
            return "where='probability'"
        if self.gate is not None:
            return f"gate={shown(self.gate)}"
        return "text='evidence'" if self.text == "evidence" else None

    def alter(self, tensor: Tensor, params: TPatchMixParams, role: Role, donors: Tensor | None) -> Tensor:
        """Take the pixels of the patch from the donor."""
        source = tensor if donors is None else donors
        if torch.compiler.is_compiling():
            return paste_boxes(tensor, source, params.donors, params.boxes, params.window)
        return paste_windows(tensor, source, params.donors, params.boxes, params.windows)

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state `params.positions`."""
        return self.text != "keep"

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Make a text state the positions; with `text="keep"`, leave it."""
        return super().write(text, positions) if self.states_positions else text
