"""PosAug and T-PatchMix word for word as in the paper (Semi-MedRef, arXiv 2605.15720), in its order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor

from crossmodal_aug import PosAug, PositionParser, Report
from crossmodal_aug.augment import CrossModalOp, Reason
from crossmodal_aug.augment.batch import Batch, evidence_of
from crossmodal_aug.augment.params import Gate, MixParams
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.mixing import box_mask, boxes_around, boxes_inside, random_pixel, uniforms
from crossmodal_aug.functional.pasting import paste

DRAWN = 0.08
"""Probability that a block is drawn for a sample."""
SIDE, FULL = 16, 224
"""Side of the block, in images of that side; in others it is scaled."""
LESION = 0.55
"""Probability that counts as lesion: of the block's mean, and of the pixel that it is centred on."""
PHRASE_P = 0.5
"""Probability that a phrase is made vaguer."""
MOST_PHRASES = 16
KEPT, MASKED, FUZZED = range(3)


@dataclass(frozen=True)
class PublishedParams(MixParams):
    """What one call of `PublishedMix` did.

    Attributes:
        boxes: (B, 2, 2) int64: the block in target and text; empty where none passed the gate.
        pasted: (B, 2, 2) int64: the block in the image.
        phrase: (B,) int64: which phrase of its caption was read, -1 for none.
        vague: (B, MOST_PHRASES) int64: what PosAug made of each phrase.
    """

    boxes: Tensor
    pasted: Tensor
    phrase: Tensor
    vague: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        kept = ~refused.view(-1, 1, 1)
        return replace(super().undone(refused, reason), boxes=self.boxes * kept, pasted=self.pasted * kept)


class PublishedMix(CrossModalOp):
    """A 16 px block of another image, and of its pseudo-mask and phrase, where the paper's rules put it.

    PosAug comes before: each phrase becomes a mask token or "a region of the lung" with probability 1/2. Then sample i
    meets j, a permutation of the batch. In mode "position" a block is drawn uniformly in the box that i's phrase names,
    side as image half and level as third of the rows, unless one phrase says left and the other right; in mode
    "probability" it is centred on a random pixel where j's probability is at least 0.55. It is kept where the mean of
    j's probability in it is at least 0.55. Where the phrases differ, i's becomes "phrase i and phrase j"; counts and
    uni-/bilateral words stay as they were.

    What the paper leaves open: of several phrases one is drawn; the box of a phrase of several levels holds them all; a
    caption without a phrase gets no block in mode "position", and its text stays in either.

    Args:
        parser: Finds the phrases.
        where: The mode.
        pos_aug: Whether PosAug comes before.
        mask_token: What masked phrases become.
    """

    params_type = PublishedParams
    mixes = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        where: Literal["position", "probability"] = "position",
        pos_aug: bool = True,
        mask_token: str = "[MASK]",
    ) -> None:
        super().__init__(parser)
        self.where, self.pos_aug = where, pos_aug
        self.mask_token, self.fuzzy = mask_token, PosAug(parser).fuzzy_phrase
        rows = len(parser.atlas.rows) + 1
        self.even = parser.atlas.with_geometry(rows=tuple(cut / rows for cut in range(1, rows)))

    def phrases(self, report: Report) -> list[int]:
        """Return which of a report's mentions are read as position phrases."""
        return [place for place, one in enumerate(report.mentions) if one.regions and not one.negated]

    def bounds(self, spatial: tuple[int, ...], device: torch.device) -> Tensor:
        """Return (K, 2, 2) int64: start and stop of each region, side as half and level as even share of the rows."""
        return grid.bounds(self.even, (spatial[0], spatial[1]), device)

    def pasted(self, boxes: Tensor, drawn: Tensor, passed: Tensor) -> Tensor:
        """Return the (B, 2, 2) blocks of the image.

        Args:
            boxes: (B, 2, 2) blocks.
            drawn: (B,) bool: those that there are.
            passed: (B,) bool: those of them that the gate lets pass.
        """
        return boxes * (drawn & passed).view(-1, 1, 1)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> PublishedParams:
        """Draw what becomes of each phrase, the pairs and their blocks; then ask the gate."""
        if donors is not None or batch.texts is None:
            raise InvalidValueError("Expected texts and no `donors`, since pairs are of one batch.")
        mine, spatial, device = batch.positions, batch.spatial, batch.positions.device
        count = len(mine)
        draws = uniforms(count, 6 + 2 * MOST_PHRASES, generator=generator, device=device)
        other = draws[:, 0].argsort()
        chosen, named = self._read(batch.texts, draws[:, 2])
        found = evidence_of(batch, "the gate")[other].float()
        boxes, allowed = self._place(draws[:, 3:6], chosen, named, found, other, spatial)
        inside = box_mask(boxes, spatial)
        pixels = inside.sum(dim=(1, 2))
        sure = (found * inside).sum(dim=(1, 2)) >= LESION * pixels
        gate = Gate(count, device)
        gate.require(draws[:, 1] < DRAWN, Reason.NOT_DRAWN)
        gate.require(allowed & (pixels > 0), Reason.NO_ROOM)
        drawn = gate.accepted
        gate.require(sure, Reason.EVIDENCE)
        accepted = gate.accepted
        vague = draws[:, 6:].view(count, 2, MOST_PHRASES)
        kind = torch.where(vague[:, 1] < 0.5, MASKED, FUZZED)
        return PublishedParams(
            accepted=accepted,
            before=mine,
            positions=torch.where(accepted.unsqueeze(1), mine | named[other], mine),
            reason=gate.reason,
            spatial=spatial,
            donors=other,
            pool=None,
            mixed_share=pixels * accepted / inside[0].numel(),
            boxes=boxes * accepted.view(-1, 1, 1),
            pasted=self.pasted(boxes, drawn, sure),
            phrase=chosen,
            vague=torch.where((vague[:, 0] < PHRASE_P) & self.pos_aug, kind, KEPT),
        )

    def _read(self, texts: Sequence[str], draws: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) which phrase of each text is read, -1 for none, and (B, K) bool: the regions that it names."""
        reports = self.parser.parse_many(texts)
        chosen, named = [], []
        for report, draw in zip(reports, draws.tolist(), strict=True):
            places = self.phrases(report)
            place = places[int(draw * len(places))] if places else -1
            regions = report.mentions[place].regions if places else ()
            chosen.append(place)
            named.append([name in regions for name in self.atlas.names])
        return torch.tensor(chosen, device=draws.device), torch.tensor(named, device=draws.device)

    def _place(
        self, draws: Tensor, chosen: Tensor, named: Tensor, found: Tensor, other: Tensor, spatial: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Return the (B, 2, 2) blocks, and for each whether there is a place for it."""
        size = [max(1, round(length * SIDE / FULL)) for length in spatial]
        if self.where == "probability":
            lesion = found >= LESION
            return boxes_around(random_pixel(draws[:, :2], lesion), spatial, size), lesion.flatten(1).any(dim=1)
        edges = self.bounds(spatial, named.device)
        mask = named.view(*named.shape, 1)
        first = torch.where(mask, edges[..., 0], max(spatial)).amin(dim=1)
        last = torch.where(mask, edges[..., 1], 0).amax(dim=1)
        sides = grid.side_members(self.atlas, named.device)
        ours = (named.unsqueeze(1) & sides).any(dim=2)
        theirs = ours[other]
        opposed = ours.any(dim=1) & theirs.any(dim=1) & ~(ours & theirs).any(dim=1)
        there = (chosen >= 0).view(-1, 1, 1)
        return boxes_inside(draws[:, :2], torch.stack((first, last), dim=2) * there, size), (chosen >= 0) & ~opposed

    def draw(
        self, batch: Batch, donors: Batch | None, generator: torch.Generator | None
    ) -> tuple[PublishedParams, list[str]]:
        """Draw the parameters of one call, and write its texts: those of samples that are not mixed may be vaguer."""
        params = self.sample(batch, donors, generator)
        return params, self._written(batch.texts or [], params)

    def _written(self, texts: list[str], params: Any) -> list[str]:
        reports = self.parser.parse_many(texts)
        words = [
            [self._vaguer(one.text, code) for one, code in zip(report.mentions, codes, strict=False)]
            + [one.text for one in report.mentions[MOST_PHRASES:]]
            for report, codes in zip(reports, params.vague.tolist(), strict=True)
        ]
        chosen = params.phrase.tolist()
        written = []
        for i, (j, accepted) in enumerate(zip(params.donors.tolist(), params.accepted.tolist(), strict=True)):
            own, (mine, theirs) = list(words[i]), (chosen[i], chosen[j])
            if accepted and min(mine, theirs) >= 0 and not self._same(reports[i], mine, reports[j], theirs):
                own[mine] = f"{words[i][mine]} and {words[j][theirs]}"
            changed = {
                place: new
                for place, (one, new) in enumerate(zip(reports[i].mentions, own, strict=True))
                if new != one.text
            }
            written.append(reports[i].replace(changed) if changed else texts[i])
        return written

    def _vaguer(self, phrase: str, code: int) -> str:
        return (phrase, self.mask_token, self.fuzzy)[code]

    def _same(self, one: Report, place: int, other: Report, there: int) -> bool:
        return one.mentions[place].text.lower() == other.mentions[there].text.lower()

    def alter(self, tensor: Tensor, params: Any, role: Role, donors: Tensor | None) -> Tensor:
        """Take the block's pixels from the other sample."""
        boxes = params.pasted if role == "image" else params.boxes
        return paste(tensor, tensor, params.donors, box_mask(boxes, params.spatial))

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state ``params.positions``: PosAug hides some."""
        return False
