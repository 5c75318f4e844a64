"""PosAug: position phrases masked, fuzzed or coarsened."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.anatomy.report import Mention, Report
from crossmodal_aug.augment.batch import check_texts
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.augment.settings import Settings
from crossmodal_aug.augment.text_op import TextOp
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.checks import check_choice, check_probability
from crossmodal_aug.functional.mixing import uniforms

_ARTICLE_BEFORE = re.compile(r"\b(?:the|an?)\s+$", re.IGNORECASE)
_OWN_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class PosAugParams(Params):
    """What one call of `PosAug` did, beside what every op records.

    Attributes:
        seeds: (B,) int64: what each text's choices are drawn from; -1 leaves a text as it is.
    """

    seeds: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(super().undone(refused, reason), seeds=self.seeds.masked_fill(refused.to(self.seeds.device), -1))


class PosAug(TextOp):
    """Text only: each position phrase is made vaguer with probability `phrase_p` (Semi-MedRef, arXiv 2605.15720).

    Args:
        parser: Finds the phrases.
        phrase_p: Probability that a phrase is altered, for each phrase on its own.
        mode: "mask" writes `mask_token` in its place. "fuzz" writes `fuzzy_phrase`. "coarsen" widens it to
            something that is still true ("upper left lung" becomes "left lung"), fuzzes what cannot be widened, and
            leaves what the text calls clear. "mix" takes one of the three at random, phrase by phrase.
        mask_token: A token that the user's tokenizer knows; "[MASK]" is BERT's.
        fuzzy_phrase: Words that name no region of the atlas; behind an article they lose their own. None takes
            "a region of the lung" for an atlas whose regions are of the lung, and "a region" for any other.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: `mode` is not one of the four, `phrase_p` lies outside [0, 1], or `mask_token` or
            `fuzzy_phrase` names a region.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PosAug, PositionParser
        >>> op = PosAug(PositionParser(LUNG_ZONES), phrase_p=1.0, mode="coarsen")
        >>> op(None, ["Opacity in the lower left lung."], generator=torch.Generator().manual_seed(0)).texts
        ['Opacity in the left lung.']

    Convention:
        - Images, target and maps come out as they went in, the same objects; images may be None.
        - Positions: with "mask" they stay, for the image still shows what the text hides; with the other modes they
          are what the altered text states.
        - Gate: `accepted` is True where a phrase was altered.
        - Randomness: two draws a sample, from which all choices within its text follow; so `rewrite` on other
          texts of the same batch makes its choices from the same seeds.
    """

    params_type = PosAugParams

    def __init__(
        self,
        parser: PositionParser,
        *,
        phrase_p: float = 0.5,
        mode: Literal["mask", "fuzz", "coarsen", "mix"] = "mix",
        mask_token: str = "[MASK]",
        fuzzy_phrase: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        check_choice("mode", mode, ("mask", "fuzz", "coarsen", "mix"))
        if fuzzy_phrase is None:
            of_lungs = all("lung" in words.split() for words in self.atlas.phrasing.regions)
            fuzzy_phrase = "a region of the lung" if of_lungs else "a region"
        for name, value in (("mask_token", mask_token), ("fuzzy_phrase", fuzzy_phrase)):
            if not isinstance(value, str):
                raise InvalidTypeError(f"Expected `{name}` to be a string, but got {type(value).__name__}.")
            # Some words name a region only where something lies in them.
            named = {region for text in (value, f"Lesion in {value}.") for region in parser(text).regions}
            if named:
                raise InvalidValueError(
                    f"Expected `{name}` to name no region of the atlas, but {shown(value)} names {sorted(named)}."
                )
        self.phrase_p = check_probability("phrase_p", phrase_p)
        self.mode = mode
        self.mask_token = mask_token
        self.fuzzy_phrase = fuzzy_phrase

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        return (
            f"phrase_p={self.phrase_p}, mode={self.mode!r}, mask_token={self.mask_token!r}, "
            f"fuzzy_phrase={self.fuzzy_phrase!r}"
        )

    def draw_texts(
        self, texts: list[str], positions: Tensor, spatial: tuple[int, ...], generator: torch.Generator | None
    ) -> tuple[PosAugParams, list[str]]:
        """Draw a seed for each text within the budget, and alter the texts."""
        draws = (uniforms(len(texts), 2, generator=generator) * 2**24).long()
        seeds = (draws[:, 0] << 24) | draws[:, 1]
        altered = self._alter_texts(texts, seeds)
        reason = torch.full((len(texts),), int(Reason.UNCHANGED), dtype=torch.int8, device="cpu")
        if self.budget is not None:
            refused = torch.tensor(self.budget.exceeded(texts, altered), dtype=torch.bool, device="cpu")
            seeds = seeds.masked_fill(refused, -1)
            reason = reason.masked_fill(refused, int(Reason.TOO_LONG))
            altered = self._alter_texts(texts, seeds)
        changed = [new != old for new, old in zip(altered, texts, strict=True)]
        accepted = torch.tensor(changed, dtype=torch.bool, device="cpu")
        seeds = seeds.masked_fill(~accepted, -1)
        reason = reason.masked_fill(accepted, 0)
        accepted = accepted.to(positions.device)
        stated = positions
        if self.states_positions:
            stated = torch.where(accepted.unsqueeze(1), self.parser.encode(altered).to(positions.device), positions)
        params = PosAugParams(
            accepted=accepted,
            before=positions,
            positions=stated,
            reason=reason.to(positions.device),
            spatial=spatial,
            seeds=seeds,
        )
        return params, altered

    @property
    def states_positions(self) -> bool:
        """Whether altered texts state `params.positions`."""
        return self.mode != "mask"

    @property
    def hides_positions(self) -> bool:
        """Whether it masks places, which a later op would write down again."""
        return self.mode == "mask"

    def rewrite(self, texts: Sequence[str], params: PosAugParams) -> list[str]:
        """Alter other texts with the choices that follow from the same seeds."""
        self._check_params(params)
        return self._alter_texts(check_texts("texts", texts, params.accepted.shape[0]), params.seeds)

    def _alter_texts(self, texts: list[str], seeds: Tensor) -> list[str]:
        return [
            text if seed < 0 else self._alter_text(text, report, random.Random(seed))  # noqa: S311  (no secret)
            for text, report, seed in zip(texts, self.parser.parse_many(texts), seeds.tolist(), strict=True)
        ]

    def _alter_text(self, text: str, report: Report, rng: random.Random) -> str:
        changes = {}
        for index, mention in enumerate(report.mentions):
            drawn, mode = rng.random() < self.phrase_p, rng.choice(("mask", "fuzz", "coarsen"))
            if not drawn:
                continue
            mode = mode if self.mode == "mix" else self.mode
            if mode == "mask":
                changes[index] = self.mask_token
            elif mode == "fuzz":
                changes[index] = self._fuzzy(text, mention)
            elif not mention.negated:
                # A wider phrase would say too much of what is clear: "left lower lobe is clear" stays.
                changes[index] = report.coarsened(mention) or self._fuzzy(text, mention)
        return report.replace(changes) if changes else text

    def _fuzzy(self, text: str, mention: Mention) -> str:
        """The fuzzy phrase in the place of a mention: "in the left lung" has its article already."""
        return (
            _OWN_ARTICLE.sub("", self.fuzzy_phrase)
            if _ARTICLE_BEFORE.search(text[: mention.start])
            else self.fuzzy_phrase
        )
