"""T-PatchMix: CutMix over image, pseudo-mask and text, at a place that the texts choose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Literal, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp, Role, Settings
from crossmodal_aug.augment.batch import Batch, evidence_of
from crossmodal_aug.augment.params import Gate, MixParams, Reason
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.checks import check_choice, check_probability
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.evidence import evidence_values, reaches
from crossmodal_aug.functional.mixing import (
    box_mask,
    boxes_around,
    boxes_inside,
    draw_donors,
    pick_true,
    random_pixel,
    uniforms,
)
from crossmodal_aug.functional.pasting import paste_boxes, paste_windows
from crossmodal_aug.functional.regions import (
    band_maxima,
    bands_per_region,
    window_per_region,
)
from crossmodal_aug.functional.windows import Windows, windows_of_boxes

Where = Literal["anchor", "donor", "shared", "probability", "anywhere"]


@dataclass(frozen=True)
class PatchMixParams(MixParams):
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
            two texts name opposite sides); "donor": in one that the donor names; "shared": in one that both name;
            "probability": around a pixel where the donor's evidence reaches ``threshold`` (the paper's second
            rule); "anywhere": plain CutMix.
        gate: Keep a drawn patch only if, over its pixels, "lesion": the mean of the donor's evidence e (the paper);
            "confident": the mean of its certainty ``|2 e - 1|``; reaches ``threshold``. None keeps all.
        threshold: Evidence that counts as lesion, for ``where``, ``gate`` and ``text``.
        text: What the caption says afterwards. "evidence": a region named by the donor is added where donor
            evidence lies inside the patch, and one named by the anchor is dropped where the patch covered the last
            of its evidence and brought none; "union": the regions of both (the paper); "keep": the anchor's caption
            as it was.
        **settings: ``max_tokens``, ``tokenizer`` and ``strict``, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: An argument lies outside its range.

    Example:
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
        - Evidence: the target, (B, 1, *spatial) or (B, *spatial); not read by ``gate=None, text="union"`` or "keep"
          unless ``where="probability"``.
        - Randomness: 6 draws a sample.
    """

    params_type = PatchMixParams

    def __init__(
        self,
        parser: PositionParser,
        *,
        patch_size: int | Sequence[int] = 64,
        p: float = 0.5,
        where: Where = "anchor",
        gate: Literal["lesion", "confident"] | None = "confident",
        threshold: float = 0.55,
        text: Literal["evidence", "union", "keep"] = "evidence",
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        check_choice("where", where, ("anchor", "donor", "shared", "probability", "anywhere"))
        check_choice("gate", gate, ("lesion", "confident", None))
        check_choice("text", text, ("evidence", "union", "keep"))
        self.patch_size = _check_patch_size(patch_size)
        self.p = check_probability("p", p)
        self.where = where
        self.gate = gate
        self.threshold = check_probability("threshold", threshold)
        self.text = text

    @classmethod
    def paper(cls, parser: PositionParser, **settings: Unpack[Settings]) -> Self:
        """The published settings: 16 px, drawn with probability 0.08 in a region of the anchor, mostly lesion.

        The paper's target is binary: ``out.target >= 0.5``.
        """
        return cls(
            parser, patch_size=16, p=0.08, where="anchor", gate="lesion", threshold=0.55, text="union", **settings
        )

    def extra_repr(self) -> str:
        """Settings, for ``print``."""
        return (
            f"patch_size={self.patch_size}, p={self.p}, where={self.where!r}, gate={self.gate!r}, "
            f"threshold={self.threshold}, text={self.text!r}"
        )

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> PatchMixParams:
        """Draw donors and patches, decide which are pasted, and work out what the texts will say."""
        mine, spatial = batch.positions, batch.spatial
        source = batch if donors is None else donors
        draws = uniforms(mine.shape[0], 6, generator=generator, device=mine.device)
        index, possible = draw_donors(draws[:, 0], None if donors is None else donors.positions.shape[0])
        theirs = source.positions.index_select(0, index)
        needed_by = self._evidence_needed_by()
        evidence = None if needed_by is None else evidence_of(source, needed_by)
        size = self._size_for(spatial)

        lesion = None
        if self.where == "probability" and evidence is not None:
            lesion = reaches(evidence, self.threshold).index_select(0, index)
        boxes, allowed = self._place(draws[:, 2:], mine, theirs, lesion, spatial, size)
        # A region narrower than a pixel has no room for a patch.
        pixels = (boxes[..., 1] - boxes[..., 0]).prod(dim=1)
        gate = Gate(mine.shape[0], mine.device)
        gate.require(draws[:, 1] < self.p, Reason.NOT_DRAWN)
        gate.require(possible, Reason.NO_PARTNER)
        if self.text != "keep":
            # A text that does not say where cannot say what the patch brought or covered.
            gate.require(batch.placed, Reason.SILENT)
            gate.require(source.placed.index_select(0, index), Reason.SILENT_DONOR)
        gate.require(allowed & (pixels > 0), Reason.NO_ROOM)
        mixed = mine if self.text == "keep" else mine | theirs
        if evidence is not None:
            windows = windows_of_boxes(boxes, spatial, size)
            score, brought = self._read(evidence, index, windows, spatial)
            if self.gate is not None:
                gate.require(score >= self.threshold * pixels, Reason.EVIDENCE)
            if self.text == "evidence":
                own = evidence if donors is None else evidence_of(batch, "text='evidence'")
                mixed = self._evident_positions(mine, theirs, own, brought > 0, boxes, windows)
        accepted = gate.accepted
        mixed = torch.where(accepted.unsqueeze(1), mixed, mine)
        return PatchMixParams(
            accepted=accepted,
            before=mine,
            positions=mixed,
            reason=gate.reason,
            spatial=spatial,
            donors=index,
            pool=None if donors is None else donors.positions.shape[0],
            boxes=torch.where(accepted.view(-1, 1, 1), boxes, 0),
            window=size,
            mixed_share=(pixels * accepted).float() / prod(spatial),
        )

    def _read(
        self, evidence: Tensor, index: Tensor, windows: Windows, spatial: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """What the gate compares with the threshold, summed over the patch (B,), and the patch's lesion by region."""
        score, brought = (
            torch.zeros_like(index, dtype=torch.float32),
            index.new_zeros((len(index), len(self.atlas)), dtype=torch.float32),
        )
        for part in windows.parts(spatial):
            given = evidence_values(part.of(evidence, index))
            if self.text == "evidence":
                patch = (given >= self.threshold) & part.inside
                brought = brought + window_per_region(patch, part.start[:, -2:], self.atlas, (spatial[-2], spatial[-1]))
            if self.gate is not None:
                value = given if self.gate == "lesion" else (2 * given - 1).abs()
                score = score + (value * part.inside).flatten(1).sum(dim=1)
        return score, brought

    def _evidence_needed_by(self) -> str | None:
        reasons = {
            "where='probability'": self.where == "probability",
            f"gate={self.gate!r}": self.gate is not None,
            "text='evidence'": self.text == "evidence",
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _place(
        self,
        draws: Tensor,
        mine: Tensor,
        theirs: Tensor,
        lesion: Tensor | None,
        spatial: tuple[int, ...],
        size: tuple[int, ...],
    ) -> tuple[Tensor, Tensor]:
        """Box of each sample, and whether it has a place to lie in."""
        everywhere = constant(tuple((0, n) for n in spatial), torch.int64, mine.device).expand(mine.shape[0], -1, 2)
        if self.where == "anywhere":
            return boxes_inside(draws[:, 1 : 1 + len(spatial)], everywhere, size), torch.ones_like(mine[:, 0])
        if lesion is not None:
            return boxes_around(random_pixel(draws[:, :2], lesion), spatial, size), lesion.flatten(1).any(dim=1)
        options = {"anchor": mine, "donor": theirs, "shared": mine & theirs}[self.where]
        allowed = options.any(dim=1)
        if self.where == "anchor":
            sides = grid.side_members(self.atlas, mine.device)
            ours, others = ((named.unsqueeze(1) & sides).any(dim=2) for named in (mine, theirs))
            opposed = ours.any(dim=1) & others.any(dim=1) & ~(ours & others).any(dim=1)
            allowed = allowed & ~opposed
        region = pick_true(draws[:, 0], options)
        plane = grid.bounds(self.atlas, (spatial[-2], spatial[-1]), mine.device)[region]
        bounds = torch.cat((everywhere[:, :-2], plane), dim=1)
        return boxes_inside(draws[:, 1 : 1 + len(spatial)], bounds, size), allowed

    def _evident_positions(
        self, mine: Tensor, theirs: Tensor, own: Tensor, brought: Tensor, boxes: Tensor, windows: Windows
    ) -> Tensor:
        """Regions that a mixed sample names, from what its box brought and its own evidence around that."""
        size = (own.shape[-2], own.shape[-1])
        # The largest evidence of each column in a band of rows tells which regions hold lesion. Outside the box, only
        # the columns of the box can hold less: those are looked through once more without its rows.
        largest = reaches(band_maxima(own, self.atlas), self.threshold)
        rows = torch.arange(mine.shape[0], device=mine.device)
        left, width = windows.start[:, -1:], windows.size[-1]
        strips = Windows(left, windows.inside.new_empty(mine.shape[0], width)).of(own, rows)
        shut = box_mask(boxes[:, :-1], own.shape[1:-1]).unsqueeze(-1)
        if strips.is_floating_point():  # less 2 a value reaches no threshold, which is quicker than to compare first
            strips = band_maxima(strips.sub_(shut.to(strips.dtype), alpha=2), self.atlas)
            outside = reaches(strips, self.threshold)
        else:
            outside = band_maxima(reaches(strips, self.threshold).logical_and_(~shut), self.atlas)
        columns = left + torch.arange(width, device=left.device)
        in_box = (columns >= boxes[:, -1, :1]) & (columns < boxes[:, -1, 1:])
        places = columns.unsqueeze(1).expand(-1, largest.shape[1], -1)
        around = torch.where(in_box.unsqueeze(1), outside, largest.gather(2, places))
        held, remains = (
            bands_per_region(one, self.atlas, size[0]) > 0 for one in (largest, largest.scatter(2, places, around))
        )
        return (mine & ~(held & ~(remains | brought))) | (theirs & brought)

    def _size_for(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        if len(self.patch_size) == 1:
            return self.patch_size * len(spatial)
        if len(self.patch_size) != len(spatial):
            raise InvalidValueError(
                f"Expected `patch_size` of {len(spatial)} numbers for images of {len(spatial)} spatial axes, "
                f"but got {self.patch_size}."
            )
        return self.patch_size

    def alter(self, tensor: Tensor, params: PatchMixParams, role: Role, donors: Tensor | None) -> Tensor:
        """Take the pixels of the patch from the donor."""
        source = tensor if donors is None else donors
        if torch.compiler.is_compiling():
            return paste_boxes(tensor, source, params.donors, params.boxes, params.window)
        return paste_windows(tensor, source, params.donors, params.boxes, params.windows)

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state ``params.positions``."""
        return self.text != "keep"

    def write(self, text: str, positions: Sequence[bool]) -> str:
        """Make a text state the positions; with ``text="keep"``, leave it."""
        return super().write(text, positions) if self.states_positions else text


def _check_patch_size(patch_size: object) -> tuple[int, ...]:
    sizes = patch_size if isinstance(patch_size, Sequence) else (patch_size,)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidTypeError(f"Expected `patch_size` to hold integers, but got {patch_size!r}.")
        if size < 1:
            raise InvalidValueError(f"Expected `patch_size` of at least 1 pixel, but got {patch_size!r}.")
    if len(sizes) not in (1, 2, 3):
        raise InvalidValueError(
            f"Expected `patch_size` to be one number, or one for each axis, but got {patch_size!r}."
        )
    return tuple(sizes)
