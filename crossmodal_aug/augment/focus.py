"""Focus: the caption keeps some of its regions, and the target follows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Batch, evidence_of
from crossmodal_aug.augment.filling import check_fillable, check_target_fill, target_fill_of
from crossmodal_aug.augment.params import Gate, Params, Reason
from crossmodal_aug.augment.settings import Role, Settings
from crossmodal_aug.augment.units import check_unit
from crossmodal_aug.functional import grid
from crossmodal_aug.functional.border import border_runs
from crossmodal_aug.functional.checks import check_integer, check_probability
from crossmodal_aug.functional.evidence import reaches
from crossmodal_aug.functional.mixing import one_of, pick_true, uniforms
from crossmodal_aug.functional.pasting import keep_regions
from crossmodal_aug.functional.regions import band_maxima, bands_per_region


@dataclass(frozen=True)
class FocusParams(Params):
    """What one call of `Focus` did, beside what every op records.

    Attributes:
        kept: (B, K) bool: the regions outside which the target is emptied; all of them where not accepted.
    """

    kept: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        rows = ~refused.unsqueeze(1)
        return replace(super().undone(refused, reason), kept=self.kept | ~rows)


class Focus(CrossModalOp):
    """Narrows what is referred to: a proper subset of the named regions stays in text and target.

    Where every lesion of a data set is described, a model may ignore the captions. After Focus the text is the only
    thing that says which lesion is meant: the image is untouched.

    Args:
        parser: Reads and rewrites the texts.
        unit: "side" keeps the named regions of one side, where two sides are named; "region" keeps a random proper
            subset of the named regions, where two or more are.
        p: Probability that a sample is narrowed.
        max_cut: Leave a sample alone when the border of what is kept would cut through more than this share of its
            evidence (>= 0.5), as `crossmodal_aug.functional.cut_share` measures it. None never does. It
            needs a target or evidence.
        target_fill: What the target becomes outside what is kept: a number, or one for each channel of
            (B, C, *spatial). None writes 0 into a mask or probabilities, and refuses a target that may hold more.
        ignore_index: A value of the target that stays where it is, as that of `torch.nn.CrossEntropyLoss`.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: `unit` is neither of the two, or "side" where the atlas has no sides. `p` or `max_cut` lies
            outside [0, 1], or `target_fill` is not finite.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, Focus, PositionParser
        >>> op = Focus(PositionParser(LUNG_ZONES), unit="side", p=1.0)
        >>> texts = ["Opacity in the lower left lung and upper right lung."]
        >>> out = op(torch.zeros(1, 1, 3, 2), texts, torch.ones(1, 1, 3, 2), generator=torch.Generator().manual_seed(0))
        >>> out.texts, out.target[0, 0, 0]
        (['Opacity in the upper right lung.'], tensor([0., 1.]))

    Convention:
        - Shapes: (B, C, H, W) and (B, C, D, H, W). Any dtype, kept. Images and further maps come out as they
          went in, the same objects.
        - Gate: `p`, something to choose from, evidence (>= 0.5) left in what is kept, and `max_cut`.
        - Evidence is emptied by zeros, a target as `target_fill` and `ignore_index` say.
        - Replay: `replay(tensor, params, role="target")` empties a tensor; with `role="image"` it is left alone.
        - Randomness: 2 + K draws a sample.
    """

    params_type = FocusParams
    narrows = True
    moves_pixels = False
    _reads_values = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        unit: Literal["side", "region"] = "side",
        p: float = 0.5,
        max_cut: float | None = None,
        target_fill: float | Sequence[float] | None = None,
        ignore_index: int | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        check_unit(unit, ("side", "region"), self.atlas)
        self.unit = unit
        self.p = check_probability("p", p)
        self.max_cut = None if max_cut is None else check_probability("max_cut", max_cut)
        self.target_fill = check_target_fill(target_fill)
        self.ignore_index = None if ignore_index is None else check_integer("ignore_index", ignore_index)

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        names = ("unit", "p", "max_cut", "target_fill", "ignore_index")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> FocusParams:
        """Draw which regions each sample keeps, and decide which samples are narrowed."""
        check_fillable(batch, self.target_fill, "Focus")
        named = batch.positions
        draws = uniforms(named.shape[0], 2 + named.shape[1], generator=generator, device=named.device)
        kept, possible = self._narrow(named, draws[:, 1], draws[:, 2:])
        gate = Gate(named.shape[0], named.device)
        gate.require(draws[:, 0] < self.p, Reason.NOT_DRAWN)
        gate.require(batch.placed, Reason.SILENT)
        gate.require(possible, Reason.NOTHING_TO_CHOOSE)
        if batch.target is not None or batch.evidence is not None:
            evidence = evidence_of(batch, "Focus", strict=self.strict)
            lesion = reaches(band_maxima(evidence, self.atlas), 0.5)
            held = bands_per_region(lesion, self.atlas, batch.spatial[-2]) > 0
            gate.require((held & kept).any(dim=1), Reason.EVIDENCE)
            if self.max_cut is not None:
                cut = border_runs(evidence, self.atlas).cut_share(kept, self.atlas)
                gate.require(cut <= self.max_cut, Reason.CUT)
        elif self.max_cut is not None:
            evidence_of(batch, "max_cut")  # raises: there is none to read
        accepted = gate.accepted
        chosen = torch.where(accepted.unsqueeze(1), kept, named)
        return FocusParams(
            accepted=accepted,
            before=named,
            positions=chosen,
            reason=gate.reason,
            spatial=batch.spatial,
            kept=kept | ~accepted.unsqueeze(1),
        )

    def _narrow(self, named: Tensor, choice: Tensor, coins: Tensor) -> tuple[Tensor, Tensor]:
        """A proper non-empty subset of the named regions, and whether there is one."""
        if self.unit == "region":
            one = one_of(pick_true(choice, named), named.shape[1])
            subset = named & (coins < 0.5)
            proper = subset.any(dim=1) & (subset != named).any(dim=1)
            return torch.where(proper.unsqueeze(1), subset, one), named.sum(dim=1) > 1
        by_side = named.unsqueeze(1) & grid.side_members(self.atlas, named.device)
        present = by_side.any(dim=2)
        side = pick_true(choice, present)
        kept = by_side.gather(1, side.view(-1, 1, 1).expand(-1, 1, named.shape[1])).squeeze(1)
        return kept, present.sum(dim=1) > 1

    def alter(self, tensor: Tensor, params: FocusParams, role: Role, donors: Tensor | None) -> Tensor:
        """Empty a target, or evidence, outside the regions that are kept."""
        if role in ("image", "map"):
            return tensor
        whole, spatial = ~params.accepted, params.spatial
        if role == "evidence":
            return keep_regions(tensor, params.kept, whole, self.atlas, spatial)
        fill = target_fill_of(self.target_fill, tensor, spatial)
        return keep_regions(tensor, params.kept, whole, self.atlas, spatial, fill=fill, ignored=self.ignore_index)
