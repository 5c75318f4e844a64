"""ZoneMix: whole anatomical regions change hands."""

from dataclasses import dataclass, replace
from typing import Literal, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Batch, evidence_of, readable_evidence
from crossmodal_aug.augment.params import Gate, MixParams, Reason
from crossmodal_aug.augment.settings import Role, Settings
from crossmodal_aug.augment.units import check_unit
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.border import border_runs
from crossmodal_aug.functional.checks import check_probability
from crossmodal_aug.functional.evidence import costs_nothing_to_look_at
from crossmodal_aug.functional.mixing import draw_donors, one_of, pick, uniforms
from crossmodal_aug.functional.pasting import paste_regions
from crossmodal_aug.functional.regions import bands_per_region, lesion_columns, row_bands


@dataclass(frozen=True)
class ZoneMixParams(MixParams):
    """What one call of `ZoneMix` did, beside what every op that takes pixels from donors records.

    Attributes:
        regions: (B, K) bool: the set S of regions that come from the donor; empty where not accepted.
    """

    regions: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(super().undone(refused, reason), regions=self.regions & ~refused.unsqueeze(1))


class ZoneMix(CrossModalOp):
    """CutMix along the borders of the atlas, so that the caption of the mix is known exactly.

    For a set S of regions, pixels inside S come from the donor and the positions are `where(S, donor, anchor)`:
    a text says what is in a region, so the region takes its words along. The text states exactly those.

    Args:
        parser: Reads and rewrites the texts.
        unit: How S is drawn: "side" (all regions of one side), "region" (one region), or "subset" (each region with
            probability 1/2, but neither none nor all).
        p: Probability that a sample is mixed.
        max_cut: Leave a sample alone when the border of S would cut through more than this share of its own
            evidence (>= 0.5) or its donor's, as `crossmodal_aug.functional.cut_share` measures it; needs a
            target. None never does.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: `parser` is not a PositionParser, or `p` or `max_cut` is not a number.
        InvalidValueError: `unit` is not one of the three, or "side" where the atlas has no sides; or `p` or `max_cut`
            lies outside [0, 1].

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, ZoneMix
        >>> op = ZoneMix(PositionParser(LUNG_ZONES), unit="side", p=1.0)
        >>> texts = ["Opacity in the lower left lung.", "Opacity in the upper right lung."]
        >>> out = op(torch.zeros(2, 1, 6, 4), texts, generator=torch.Generator().manual_seed(1))
        >>> bool((op.parser.encode(out.texts) == out.positions).all())
        True

    Convention:
        - Shapes: (B, C, H, W) and (B, C, D, H, W); regions extend through the depth. Any dtype, kept.
        - Gate: `p`, `max_cut`, two texts that say where (`PositionParser.placed`), and a text that can be rewritten
          well. A mix that would say that nothing is there must hold no lesion (evidence >= 0.5, where there is any to
          read). The text must call no region clear in which the donor's pixels hold lesion, nor for the first time
          one that holds any. All is decided before a pixel moves. A batch of one is left alone.
        - Pixels that belong to no region of the atlas stay the anchor's.
        - Randomness: 3 + K draws a sample.
    """

    params_type = ZoneMixParams
    mixes = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        unit: Literal["side", "region", "subset"] = "side",
        p: float = 0.5,
        max_cut: float | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        check_unit(unit, ("side", "region", "subset"), self.atlas)
        self.unit = unit
        self.p = check_probability("p", p)
        self.max_cut = None if max_cut is None else check_probability("max_cut", max_cut)

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        return f"unit={self.unit!r}, p={self.p}, max_cut={self.max_cut}"

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> ZoneMixParams:
        """Draw donors and the set S of each sample, and decide which mixes are made."""
        positions, regions = batch.positions, len(self.atlas)
        draws = uniforms(positions.shape[0], 3 + regions, generator=generator, device=positions.device)
        source = batch if donors is None else donors
        index, possible = draw_donors(draws[:, 0], None if donors is None else donors.positions.shape[0])
        gate = Gate(positions.shape[0], positions.device)
        gate.require(draws[:, 1] < self.p, Reason.NOT_DRAWN)
        gate.require(possible, Reason.NO_PARTNER)
        # A text that does not say where cannot say what a region holds.
        gate.require(batch.placed, Reason.SILENT)
        gate.require(source.placed.index_select(0, index), Reason.SILENT_DONOR)
        chosen = self._draw_regions(draws[:, 2], draws[:, 3:])
        if self.max_cut is not None:
            among = self.atlas.sides if self.unit == "side" else None
            mine = border_runs(evidence_of(batch, "max_cut", strict=self.strict), self.atlas, among=among)
            gate.require(mine.cut_share(chosen, self.atlas) <= self.max_cut, Reason.CUT)
            if donors is None:
                cut = mine.cut_share(chosen, self.atlas, index)
            else:
                other = border_runs(evidence_of(donors, "max_cut", strict=self.strict), self.atlas, index, among=among)
                cut = other.cut_share(chosen, self.atlas)
            gate.require(cut <= self.max_cut, Reason.CUT)
        theirs = source.positions.index_select(0, index)
        # A mask may go beyond what its text names: "nothing there" is not said over the rest of it.
        empty = ~torch.where(chosen, theirs, positions).any(dim=1)
        lesion = self._lesion(chosen, index, batch, donors, empty & gate.accepted)
        if lesion is not None:
            gate.require(~(empty & lesion[0]), Reason.EVIDENCE)
        held = None if lesion is None else lesion[1]
        accepted = gate.accepted
        chosen = chosen & accepted.unsqueeze(1)
        mixed = torch.where(chosen, theirs, positions)
        shares = grid.shares(self.atlas, (batch.spatial[-2], batch.spatial[-1]), chosen.device)
        return ZoneMixParams(
            accepted=accepted,
            before=positions,
            positions=mixed,
            reason=gate.reason,
            spatial=batch.spatial,
            donors=index,
            pool=None if donors is None else donors.positions.shape[0],
            regions=chosen,
            mixed_share=(chosen * shares).sum(dim=1),
            brought=None if held is None else held & chosen,
            held=held,
        )

    def _lesion(
        self, chosen: Tensor, index: Tensor, batch: Batch, donors: Batch | None, asked: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """Whether lesion is left in a mix, (B,), known where it is asked; and which regions may hold any, (B, K).

        None where there is no evidence to tell.
        """
        mine = readable_evidence(batch)
        theirs = mine if donors is None else readable_evidence(donors)
        if mine is None or theirs is None:
            return None
        # The sentence that nothing is there may name places itself: "Both lungs are clear."
        (absent,) = self.parser.parse_many([self.atlas.phrasing.absent])
        if batch.denies or absent.mentions:
            left = self._columns_left(chosen, mine, theirs, index)
            return left.flatten(1).any(dim=1), bands_per_region(left, self.atlas, batch.spatial[-2]) > 0
        # No text denies a place, so none will: it is enough to look where nothing would be named any more.
        if costs_nothing_to_look_at(mine):
            rows = asked.nonzero().flatten()
            if 2 * len(rows) < len(asked):
                found = torch.zeros_like(asked)
                if len(rows):
                    some = self._columns_left(chosen[rows], mine[rows], theirs[index[rows]])
                    found[rows] = some.flatten(1).any(dim=1)
                return found, torch.ones_like(chosen)
        left = self._columns_left(chosen, mine, theirs, index)
        return left.flatten(1).any(dim=1), torch.ones_like(chosen)

    def _columns_left(self, chosen: Tensor, mine: Tensor, theirs: Tensor, index: Tensor | None = None) -> Tensor:
        """Which columns of each band of a mix hold lesion, (B, bands, W)."""
        own = lesion_columns(mine, self.atlas, 0.5)
        given = own if theirs is mine else lesion_columns(theirs, self.atlas, 0.5)
        given = given if index is None else given.index_select(0, index)
        return torch.where(row_bands(chosen, self.atlas, (mine.shape[-2], mine.shape[-1])), given, own)

    def _draw_regions(self, choice: Tensor, coins: Tensor) -> Tensor:
        regions = len(self.atlas)
        one = one_of(pick(choice, regions), regions)
        if self.unit == "region":
            return one
        if self.unit == "side":
            return grid.side_members(self.atlas, choice.device)[pick(choice, len(self.atlas.sides))]
        subset = coins < 0.5
        proper = subset.any(dim=1) & ~subset.all(dim=1)
        return torch.where(proper.unsqueeze(1), subset, one)

    def alter(self, tensor: Tensor, params: ZoneMixParams, role: Role, donors: Tensor | None) -> Tensor:
        """Take the pixels of S from the donor."""
        return paste_regions(tensor, donors, params.donors, params.regions, self.atlas, params.spatial)
