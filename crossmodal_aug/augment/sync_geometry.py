"""SyncGeometry: flips, turns, crops, zooms, shifts and small rotations that the words follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, Unpack

import torch
from torch import Tensor

from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Batch, evidence_of
from crossmodal_aug.augment.filling import check_fillable, check_target_fill, fill_for
from crossmodal_aug.augment.params import Gate, Params, Reason
from crossmodal_aug.augment.settings import Role, Settings
from crossmodal_aug.augment.turned_texts import Turned, turned_texts
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.bits import as_bits, on_bits
from crossmodal_aug.functional.checks import check_choice, check_flag, check_number, check_probability
from crossmodal_aug.functional.following import followed, lesion_of
from crossmodal_aug.functional.geometry import normalised, turned
from crossmodal_aug.functional.mixing import uniforms
from crossmodal_aug.functional.motions import Motions, check_range, draw_motions, moved, moved_back
from crossmodal_aug.functional.pasting import choose
from crossmodal_aug.functional.sided import check_pairs, exchange_sides


@dataclass(frozen=True)
class SyncGeometryParams(Params):
    """What one call of `SyncGeometry` did, beside what every op records.

    Attributes:
        motions: Flips, quarter turns and the matrix of all the rest; none where not accepted.
    """

    motions: Motions

    @property
    def matrices(self) -> Tensor:
        """(B, 3, 3) float32: from source to result, on (x, y) in shares of the image."""
        return self.motions.matrices

    @property
    def turn(self) -> Tensor:
        """(B,) int64: what became of left and right, as `Turned`: 1 where they were exchanged."""
        return turned(normalised(self.matrices)[0], (self.spatial[-2], self.spatial[-1]))

    def undone(self, refused: Tensor, reason: Reason | Tensor) -> Self:
        """Return the same call with some samples (B,) bool left alone after all."""
        return replace(super().undone(refused, reason), motions=self.motions.without(refused))


class SyncGeometry(CrossModalOp):
    """One geometry a sample for image, maps and caption; where no caption survives it, the sample is left alone.

    The regions that hold afterwards are those that `crossmodal_aug.functional.follow` finds. In the image frame words
    speak of a place in the picture. Flips and turns exchange regions where the atlas is symmetric under them. Anything
    else derives them again from evidence, or without evidence from the places of the regions. In the body frame
    words travel with the tissue. A mirror exchanges sides, and a region is dropped whose evidence left the view.
    Nothing else changes words, and upside down is refused.

    Args:
        parser: Reads and rewrites the texts.
        p: Probability that a geometry is drawn for a sample.
        horizontal: Whether half of them are flipped left to right.
        vertical: Whether half of them are flipped upside down.
        quarter_turns: Whether they are turned by 0, 90, 180 or 270 degrees; images must be square.
        degrees: They are turned by up to this many degrees, either way.
        scale: They are magnified by a factor in this range, about the centre.
        translate: They are shifted by up to this share of the width and of the height.
        crop: A window with sides of a share in this range is cut out anywhere and fills the image; one number is the
            least share. None crops nothing.
        frame: "body" or "image"; None takes that of the atlas.
        sided_labels: Pairs of labels of the target that mean a side, such as ((1, 2),) for 1 = right lung and 2 = left
            lung; a mirror exchanges them.
        sided_channels: The same for channels of the target, (B, C, *spatial).
        fill: What pixels of the image and of further maps become that lie outside the source.
        target_fill: The same for the target, one number or one a channel, for example the label that the loss
            ignores. None writes 0 into a mask or probabilities, and refuses what may hold more.
        **settings: `max_tokens`, `tokenizer` and `strict`, as in `CrossModalOp`.

    Raises:
        InvalidValueError: An argument is not what it should be (or InvalidTypeError), or the settings can move nothing.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import QUADRANTS, PositionParser, SyncGeometry
        >>> op = SyncGeometry(PositionParser(QUADRANTS), p=1.0, horizontal=False, vertical=True)
        >>> out = op(torch.tensor([[[[1.0], [2.0]]]]), ["Polyp, top left."], generator=torch.Generator().manual_seed(1))
        >>> out.images.flatten().tolist(), out.texts
        ([2.0, 1.0], ['Polyp, bottom left.'])

    Convention:
        - Shapes: (B, C, H, W) and (B, C, D, H, W), where every slice is moved alike. Any dtype, kept.
        - Interpolation: flips and quarter turns move pixels. For all else the image is interpolated once between four
          pixels (kornia); target, evidence and further maps take the nearest one. A map that has to be interpolated
          belongs beside the image's channels.
        - Gate: `p`, a draw that moves something, a caption that survives, and a text that can be rewritten well. In the
          image frame also a text that says where.
        - Evidence: what is given as such, or the target where there is more than flips and quarter turns.
        - Replay: `replay(tensor, params, role=...)`; `inverse` takes what is seen in the result back to the source.
        - Randomness: 11 draws a sample.
    """

    params_type = SyncGeometryParams
    _reads_values = True

    def __init__(
        self,
        parser: PositionParser,
        *,
        p: float = 0.5,
        horizontal: bool = True,
        vertical: bool = False,
        quarter_turns: bool = False,
        degrees: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        translate: float = 0.0,
        crop: float | tuple[float, float] | None = None,
        frame: Frame | None = None,
        sided_labels: Sequence[tuple[int, int]] = (),
        sided_channels: Sequence[tuple[int, int]] = (),
        fill: float = 0.0,
        target_fill: float | Sequence[float] | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(parser, **settings)
        if frame is not None:
            check_choice("frame", frame, ("body", "image"))
        self.p = check_probability("p", p)
        self.horizontal, self.vertical = check_flag("horizontal", horizontal), check_flag("vertical", vertical)
        self.quarter_turns = check_flag("quarter_turns", quarter_turns)
        self.degrees = check_range("degrees", (0.0, degrees), 0.0, 180.0)[1]
        self.scale = check_range("scale", scale, 0.05, 20.0)
        self.translate = check_probability("translate", translate)
        window = (crop, 1.0) if isinstance(crop, float) else crop
        self.crop = None if window is None else check_range("crop", window, 0.05, 1.0)
        self.frame: Frame = self.atlas.frame if frame is None else frame
        self.fill, self.target_fill = check_number("fill", fill), check_target_fill(target_fill)
        self.sided_labels = check_pairs("sided_labels", sided_labels)
        self.sided_channels = check_pairs("sided_channels", sided_channels)
        self.bends = bool(self.degrees or self.translate) or self.scale != (1.0, 1.0) or self.crop is not None
        if not (self.bends or self.horizontal or self.vertical or self.quarter_turns):
            raise InvalidValueError("Expected settings that move something, but got none.")

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        names = ("p", "horizontal", "vertical", "quarter_turns", "degrees", "scale", "translate", "crop", "frame")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    def sample(self, batch: Batch, donors: Batch | None, generator: torch.Generator | None) -> SyncGeometryParams:
        """Draw a geometry for each sample, and decide which ones keep a caption."""
        named, (height, width) = batch.positions, batch.spatial[-2:]
        if self.quarter_turns and height != width:
            raise InvalidValueError(
                f"Expected square images, which `quarter_turns` turns, but got {height} x {width} pixels."
            )
        check_fillable(batch, self.target_fill if self.bends else 0.0, "SyncGeometry")
        draws = uniforms(named.shape[0], 11, generator=generator, device=named.device)
        motions = draw_motions(
            draws[:, 1:],
            (height, width),
            flips=(self.horizontal, self.vertical),
            quarter_turns=self.quarter_turns,
            degrees=self.degrees,
            scale=self.scale,
            translate=self.translate,
            crop=self.crop,
        )
        lesion = None
        if batch.evidence is not None or (self.bends and batch.target is not None):
            lesion = lesion_of(evidence_of(batch, "SyncGeometry", strict=self.strict))
        after, kept = followed(*normalised(motions.matrices), named, self.atlas, lesion, self.frame)
        gate = Gate(named.shape[0], named.device)
        gate.require((draws[:, 0] < self.p) & motions.any, Reason.NOT_DRAWN)
        if self.frame == "image":
            gate.require(batch.placed, Reason.SILENT)
        gate.require(kept, Reason.NO_CAPTION)
        accepted = gate.accepted
        return SyncGeometryParams(
            accepted=accepted,
            before=named,
            positions=torch.where(accepted.unsqueeze(1), after, named),
            reason=gate.reason,
            spatial=batch.spatial,
            motions=motions.without(~accepted),
        )

    def alter(self, tensor: Tensor, params: SyncGeometryParams, role: Role, donors: Tensor | None) -> Tensor:
        """Move the accepted samples."""
        out = self._moved(moved, tensor, params, role)
        if role != "target":
            return out
        return self._exchanged(out, params)

    def inverse(self, tensor: Tensor, params: SyncGeometryParams, *, role: Role = "image") -> Tensor:
        """Take an aligned tensor of the result back to where it lay in the source, for example a prediction.

        Args:
            tensor: (B, ..., *spatial) of the result.
            params: `out.params` of the call.
            role: What the tensor is, as in `replay`.

        Returns:
            The tensor in the source; what the result did not show is filled as in the op.

        Raises:
            InvalidTypeError: `tensor` is not a tensor, or `params` are not those of a SyncGeometry call.
            InvalidValueError: The tensor does not fit the parameters.
        """
        self._check_replay(tensor, params, role)
        if role == "target":
            tensor = self._exchanged(tensor, params)
        return self._moved(moved_back, tensor, params, role)

    def _moved(self, way: Callable[..., Tensor], tensor: Tensor, params: SyncGeometryParams, role: Role) -> Tensor:
        fill = fill_for(role, tensor, params.spatial, self.fill, self.target_fill if self.bends else 0.0)
        out = way(tensor, params.motions, bends=self.bends, nearest=role != "image", fill=fill)
        accepted = params.accepted.view(-1, *[1] * (tensor.ndim - 1))
        return on_bits(lambda bits: choose(accepted, as_bits(out), bits), tensor)

    def _exchanged(self, tensor: Tensor, params: SyncGeometryParams) -> Tensor:
        mirrored = params.turn == Turned.EXCHANGED
        return exchange_sides(tensor, mirrored, self.sided_labels, self.sided_channels, params.spatial)

    def _written(self, texts: list[str], params: Any) -> list[str | None]:
        """Return each text as its sample was moved, None where it cannot be written well."""
        return turned_texts(self.parser, texts, params.accepted, params.turn, params.positions, self.frame)
