"""Reword: the same statement in other words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.batch import check_texts
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.augment.settings import Settings
from crossmodal_aug.augment.text_op import TextOp
from crossmodal_aug.errors import CannotSay, InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.checks import check_probability
from crossmodal_aug.functional.mixing import pick, uniforms


@dataclass(frozen=True)
class RewordParams(Params):
    """What one call of `Reword` did, beside what every op records.

    Attributes:
        frames: (B,) int64: index in `Reword.frames` of the frame of each text; -1 leaves a text as it is.
    """

    frames: Tensor

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(
            super().undone(refused, reason), frames=self.frames.masked_fill(refused.to(self.frames.device), -1)
        )


class Reword(TextOp):
    """Text only: says the same of each region in the words of a frame of the atlas, drawn for each sample.

    A model that is trained on captions of one template reads only that template, and leans on what stands beside the
    positions in it, such as a count. Frames state the positions alone. At test time the reverse is
    `PositionParser.in_style`, which brings any text into the words of a template.

    Args:
        parser: Reads the texts; its atlas has the frames.
        p: Probability that a text is reworded.
        frames: Names of the frames to draw from, each with the same chance; None takes all of the atlas.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: `p` lies outside [0, 1], or `frames` is empty or names one that the atlas does not have.
            Or the atlas has no frames, or a frame does not read back as the regions that are put into it.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, Reword
        >>> op = Reword(PositionParser(LUNG_ZONES), p=1.0)
        >>> texts = ["Unilateral pulmonary infection, one infected area, lower left lung.", "COVID-19 pneumonia."]
        >>> op(None, texts, generator=torch.Generator().manual_seed(0)).texts
        ['Site of infection: lower left lung.', 'COVID-19 pneumonia.']

    Convention:
        - Shapes: images (B, C, H, W), (B, C, D, H, W) or None; they, target and maps come out as the same objects.
        - Positions: as they were, since the reworded text names the same regions.
        - Gate: `accepted` is True where a text was reworded. A text is left alone that does not say where, that calls
          regions clear beside what it places, or that stands in the words of the frame already. So is one in which
          unknown words stand in the place of a finding.
        - Replay: `rewrite(texts, params)` says other texts of the same batch in the same frames, each with its own
          regions.
        - Randomness: two draws a sample, on the host: whether, and which frame.
    """

    params_type = RewordParams

    def __init__(
        self,
        parser: PositionParser,
        *,
        p: float = 0.5,
        frames: Iterable[str] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        self.p = check_probability("p", p)
        self.frames = self._checked_frames(frames)

    def _checked_frames(self, frames: object) -> tuple[str, ...]:
        known = tuple(name for name, _ in self.atlas.phrasing.frames)
        if not known:
            raise InvalidValueError(
                f"Expected `parser` of an atlas with [[frames]], but {shown(self.atlas.name)} has none."
            )
        if frames is None:
            return known
        if isinstance(frames, str) or not isinstance(frames, Iterable):
            raise InvalidTypeError(f"Expected `frames` to be several names of frames, but got {shown(frames)}.")
        names = tuple(frames)
        wrong = [name for name in names if name not in known]
        if wrong or not names:
            raise InvalidValueError(
                f"Expected `frames` to be of {', '.join(known)}, but got {shown(wrong[0]) if wrong else 'none'}."
            )
        return names

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        return f"p={self.p}, frames={self.frames}"

    def draw_texts(
        self, texts: list[str], positions: Tensor, spatial: tuple[int, ...], generator: torch.Generator | None
    ) -> tuple[RewordParams, list[str]]:
        """Draw which texts are reworded and in which frames, within the budget, and reword them."""
        draws = uniforms(len(texts), 2, generator=generator)
        frames = pick(draws[:, 1], len(self.frames)).masked_fill(draws[:, 0] >= self.p, -1)
        altered = self._say(texts, frames)
        reason = torch.full((len(texts),), int(Reason.CANNOT_SAY), dtype=torch.int8, device="cpu")
        reason = reason.masked_fill(draws[:, 0] >= self.p, int(Reason.NOT_DRAWN))
        if self.budget is not None:
            refused = self.budget.exceeded(texts, altered)
            altered = [old if no else new for no, old, new in zip(refused, texts, altered, strict=True)]
            long = torch.tensor(refused, dtype=torch.bool, device="cpu")
            reason = reason.masked_fill(long, int(Reason.TOO_LONG))
        changed = [new is not old for new, old in zip(altered, texts, strict=True)]
        accepted = torch.tensor(changed, dtype=torch.bool, device="cpu")
        params = RewordParams(
            accepted=accepted.to(positions.device),
            before=positions,
            positions=positions,
            reason=reason.masked_fill(accepted, 0).to(positions.device),
            spatial=spatial,
            frames=frames.masked_fill(~accepted, -1),
        )
        return params, altered

    def rewrite(self, texts: Sequence[str], params: RewordParams) -> list[str]:
        """Say other texts in the same frames."""
        self._check_params(params)
        return self._say(check_texts("texts", texts, params.accepted.shape[0]), params.frames)

    def _say(self, texts: list[str], frames: Tensor) -> list[str]:
        return [
            text if frame < 0 else self._said(text, self.frames[frame])
            for text, frame in zip(texts, frames.tolist(), strict=True)
        ]

    def _said(self, text: str, frame: str) -> str:
        """The text in the words of a frame, or the same object where that cannot be or changes nothing."""
        try:
            words = self.parser.reword(text, frame)
        except CannotSay:
            return text
        return text if words == text else words
