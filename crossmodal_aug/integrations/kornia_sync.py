"""KorniaSync: a kornia pipeline that the words follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from crossmodal_aug.anatomy.atlas.geometry import Frame
from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.batch import Augmented, Batch, check_batch, check_texts, evidence_of
from crossmodal_aug.augment.params import Gate, Params, Reason
from crossmodal_aug.augment.turned_texts import turned_texts
from crossmodal_aug.errors import CannotSay, InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_choice
from crossmodal_aug.functional.following import followed, lesion_of
from crossmodal_aug.functional.geometry import normalised, turned
from crossmodal_aug.functional.precision import full_precision

try:
    import kornia.augmentation as K

    from crossmodal_aug.integrations.kornia_cuts import cut_on_the_way
    from crossmodal_aug.integrations.kornia_matrices import check_readable, is_exact, shares_of
except ImportError as error:
    raise MissingDependencyError("Expected kornia to be installed: pip install 'kornia>=0.9'.") from error


@dataclass(frozen=True)
class KorniaSyncParams(Params):
    """What one call of `KorniaSync` did, beside what every op records.

    `accepted` is False for the samples whose caption would have broken, and that came back as they went in.

    Attributes:
        matrices: (B, 3, 3) float32: the pipeline as kornia ran it, on (x, y) in shares of the image.
        turn: (B,) int64: what became of left and right, as `Turned`.
        kornia: The pipeline's own parameters; a call with `params` replays them.
    """

    matrices: Tensor
    turn: Tensor
    kornia: Any


class KorniaSync(nn.Module):
    """Runs a kornia geometric pipeline and rewrites captions and positions to match, sample by sample.

    Which regions hold afterwards, and whether a caption survives, is read from each sample's transformation matrix by
    `crossmodal_aug.functional.follow`. A sample whose caption would break raises, or is left as it was.

    Args:
        pipeline: A geometric or intensity augmentation, an `AugmentationSequential`, an `ImageSequential` or an
            auto-augmentation policy of kornia.
        parser: Reads and rewrites the texts.
        frame: What words speak of, "body" or "image"; None takes that of the atlas.
        on_break: What to do with a sample that no caption survives: "raise", or "skip", which returns it as it was.

    Raises:
        InvalidTypeError: `pipeline` holds a module that has no matrix to read, or another argument has the wrong
            type.
        InvalidValueError: `frame` or `on_break` is neither of the two.

    Examples:
        >>> import kornia.augmentation as K
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser
        >>> from crossmodal_aug.integrations.kornia import KorniaSync
        >>> sync = KorniaSync(K.RandomHorizontalFlip(p=1.0), PositionParser(LUNG_ZONES))
        >>> out = sync(torch.tensor([[[[1.0, 2.0]]]]), ["Opacity in the lower left lung."])
        >>> out.images, out.texts
        (tensor([[[[2., 1.]]]]), ['Opacity in the lower right lung.'])

    Convention:
        - Shapes: images (B, C, H, W), floating as kornia demands. Target, evidence and maps (B, ..., H, W) go through
          kornia as masks: nearest neighbour, own dtype kept.
        - Evidence: what is given as such, or the target where the pipeline does more than flips and quarter turns, as
          in `SyncGeometry`. Give it apart where the target holds class labels, ignore values, channels or logits.
        - Gate: what no caption survives by the matrix, and what a step before the last one has cut off. The matrix of
          the whole does not show that; those of the steps do, whatever a step pads with.
        - Randomness: kornia's, that is torch's global generator.
        - A module without a matrix is refused at construction: mixing, elastic and other non-rigid warps, patches,
          video, 3-D, and plain modules other than kornia's filters, colour and enhancement. So is RandomErasing, which
          takes lesions away that a caption speaks of.
        - Autocast is off inside: kornia would work out its matrices in half precision.
    """

    def __init__(
        self,
        pipeline: nn.Module,
        parser: PositionParser,
        *,
        frame: Frame | None = None,
        on_break: Literal["raise", "skip"] = "raise",
    ) -> None:
        super().__init__()
        if not isinstance(parser, PositionParser):
            raise InvalidTypeError(f"Expected `parser` to be a PositionParser, but got {type(parser).__name__}.")
        check_choice("on_break", on_break, ("raise", "skip"))
        if frame is not None:
            check_choice("frame", frame, ("body", "image"))
        check_readable(pipeline)
        # A container of its own hands masks on, whatever the pipeline is, and puts their dtypes back.
        if not isinstance(pipeline, K.AugmentationSequential):
            pipeline = K.AugmentationSequential(cast(K.ImageSequential, pipeline), data_keys=["input"])
        self.pipeline = pipeline
        self.parser = parser
        self.frame: Frame = parser.atlas.frame if frame is None else frame
        self.on_break = on_break

    def extra_repr(self) -> str:
        """Settings, for `print`."""
        return f"frame={self.frame!r}, on_break={self.on_break!r}"

    def forward(
        self,
        images: Tensor,
        texts: Sequence[str] | None,
        target: Tensor | None = None,
        *,
        evidence: Tensor | None = None,
        positions: Tensor | None = None,
        maps: Sequence[Tensor] = (),
        params: KorniaSyncParams | None = None,
    ) -> Augmented:
        """Transform a batch.

        Args:
            images: (B, C, H, W), floating.
            texts: B captions, or None where only `positions` are carried.
            target: Aligned map (B, ..., H, W).
            evidence: (B, 1, H, W) or (B, H, W): where lesion is, as in `CrossModalOp`; None takes the target.
            positions: (B, K) multi-hot regions; None reads them from `texts`.
            maps: Further aligned tensors (B, ..., H, W).
            params: `out.params` of an earlier call, to repeat it; None draws anew.

        Returns:
            The transformed batch; `params` say what was done to each sample.

        Raises:
            InvalidTypeError: An argument has the wrong type.
            InvalidValueError: Shapes or devices disagree, the target cannot be the evidence, or a caption would break
                and `on_break` is "raise". Or a sample is to be left as it was in a pipeline that changes the size of
                images.
        """
        batch = check_batch(images, texts, target, positions, maps, self.parser, evidence=evidence)
        if batch.images.ndim != 4 or not batch.images.is_floating_point():
            raise InvalidValueError(
                "Expected `images` of shape (B, C, H, W) and a floating dtype, as kornia takes them, "
                f"but got {tuple(batch.images.shape)} {batch.images.dtype}."
            )
        if params is not None:
            _check_params(params)
        before = [one for one in (batch.target, batch.evidence, *batch.maps) if one is not None]
        # Of no sample at all, `reshape` could not tell the number of channels.
        flat = [one.reshape(one.shape[0], one.shape[1:-2].numel(), *batch.spatial) for one in before]
        # Under autocast kornia would work out its matrices in half precision, and warp by those.
        with full_precision(batch.images.device):
            after = self.pipeline(
                batch.images,
                *flat,
                params=None if params is None else params.kornia,
                data_keys=["input"] + ["mask"] * len(flat),
            )
            out, *moved = after if flat else [after]
            done = self._read(batch, tuple(out.shape[-2:]))
        written = None if batch.texts is None else self._written(batch.texts, done)
        if written is not None and None in written:
            unsaid = torch.tensor([text is None for text in written], device="cpu").to(done.accepted.device)
            done = done.undone(unsaid, Reason.CANNOT_SAY)
        if self.on_break == "raise":
            _raise_if_broken(done)
        moved = [
            new.reshape(*old.shape[: old.ndim - 2], *new.shape[-2:]) for new, old in zip(moved, before, strict=True)
        ]
        if self.on_break == "skip":
            out = _keep(done.accepted, out, batch.images)
            moved = [_keep(done.accepted, new, old) for new, old in zip(moved, before, strict=True)]
        rest = iter(moved)
        return Augmented(
            images=out,
            texts=None if batch.texts is None or written is None else _or_old(written, batch.texts),
            target=None if batch.target is None else next(rest),
            evidence=None if batch.evidence is None else next(rest),
            positions=done.positions,
            maps=tuple(rest),
            params=done,
        )

    def rewrite(self, texts: Sequence[str], params: KorniaSyncParams) -> list[str]:
        """Repeat on other texts what a call did.

        Args:
            texts: B strings.
            params: `out.params` of that call.

        Returns:
            B strings.

        Raises:
            CannotSay: The text of an accepted sample cannot be rewritten well.
            InvalidTypeError: A text is not a string, or `params` are not those of a `KorniaSync`.
            InvalidValueError: There are not B texts.
        """
        _check_params(params)
        texts = check_texts("texts", texts, params.accepted.shape[0])
        written = self._written(texts, params)
        if None in written:
            raise CannotSay(
                f"Expected texts that can follow, but texts[{written.index(None)}] cannot be rewritten well."
            )
        return _or_old(written, texts)

    def _written(self, texts: list[str], params: KorniaSyncParams) -> list[str | None]:
        """Return each text as its sample was moved, None where it cannot be written well."""
        return turned_texts(self.parser, texts, params.accepted, params.turn, params.positions, self.frame)

    def _read(self, batch: Batch, output_size: tuple[int, int]) -> KorniaSyncParams:
        """Judge each sample by its matrix, and by that of every step, where steps may cut something off."""
        named, size = batch.positions, (batch.spatial[0], batch.spatial[1])
        # Half precision would not tell neighbouring pixels apart.
        like = batch.images.new_empty(0, dtype=torch.float32)
        steps = [one.expand(named.shape[0], 3, 3) for one in shares_of(self.pipeline, like, size, output_size)]
        shares, may_cut = steps[-1], not is_exact(self.pipeline, is_square=size[0] == size[1])
        lesion = None
        if batch.evidence is not None or (may_cut and batch.target is not None):
            lesion = lesion_of(evidence_of(batch, "KorniaSync"))
        matrices, sound = normalised(shares)
        after, kept = followed(matrices, sound, named, self.parser.atlas, lesion, self.frame)
        gate = Gate(named.shape[0], named.device)
        if self.frame == "image":
            gate.require(batch.placed, Reason.SILENT)
        if may_cut:
            kept = kept & ~cut_on_the_way(steps, size, named, self.parser.atlas, lesion, self.frame)
        gate.require(kept, Reason.NO_CAPTION)
        return KorniaSyncParams(
            accepted=gate.accepted,
            before=named,
            positions=torch.where(gate.accepted.unsqueeze(1), after, named),
            reason=gate.reason,
            spatial=output_size,
            matrices=shares,
            turn=turned(matrices, size),
            kornia=self.pipeline._params,
        )


def _check_params(params: object) -> None:
    if not isinstance(params, KorniaSyncParams):
        raise InvalidTypeError(
            f"Expected `params` to be the KorniaSyncParams of a call, but got {type(params).__name__}."
        )


def _or_old(written: Sequence[str | None], texts: Sequence[str]) -> list[str]:
    return [old if new is None else new for new, old in zip(written, texts, strict=True)]


def _raise_if_broken(done: KorniaSyncParams) -> None:
    reasons = done.reason.tolist()
    for index, reason in enumerate(reasons):
        if reason:
            raise InvalidValueError(
                f"Expected a transformation that leaves captions true, but of sample {index}: "
                f"{Reason(reason).words}. Narrow the pipeline, give `evidence`, or pass on_break='skip'."
            )


def _keep(accepted: Tensor, new: Tensor, old: Tensor) -> Tensor:
    if new.shape != old.shape:
        raise InvalidValueError(
            f"Expected a pipeline that keeps the size of images for on_break='skip', which returns samples as they "
            f"were, but it made {tuple(new.shape)} of {tuple(old.shape)}."
        )
    return torch.where(accepted.view(-1, *[1] * (old.ndim - 1)), new, old)
