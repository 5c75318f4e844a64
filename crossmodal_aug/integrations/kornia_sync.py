"""KorniaSync: a kornia pipeline that the words follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.batch import Augmented, Batch, check_batch, check_texts
from crossmodal_aug.augment.params import Params, Reason
from crossmodal_aug.augment.replaying import to_host
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_choice, check_probability
from crossmodal_aug.functional.constants import constant
from crossmodal_aug.functional.precision import full_precision
from crossmodal_aug.integrations.matrices import mirrored, region_shift, rotation, visible_share

try:
    import kornia.augmentation as K
    from kornia.augmentation.auto.base import PolicyAugmentBase
    from kornia.augmentation.auto.operations.base import OperationBase
    from kornia.augmentation.container.base import ImageSequentialBase
    from kornia.augmentation.container.ops import SequentialOpsInterface
    from kornia.augmentation.container.params import ParamItem
except ImportError as error:
    raise MissingDependencyError("Expected kornia to be installed: pip install 'kornia>=0.9'.") from error

# Modules that work on values alone and so move nothing.
_VALUES_ONLY = ("kornia.color", "kornia.enhance", "kornia.filters")


@dataclass(frozen=True)
class KorniaSyncParams(Params):
    """What one call of `KorniaSync` did, beside what every op records.

    ``accepted`` is False for the samples whose caption would have broken, and that came back as they went in.

    Attributes:
        mirrored: (B,) bool: samples whose image and words were mirrored.
        matrices: (B, 3, 3) float32: input to output pixels, of the pipeline as kornia ran it.
        rotation: (B,) float32 degrees, a mirroring undone.
        visible: (B,) float32: smallest share of a named region's place that stays in the image; 1 without one.
        shift: (B,) float32: largest shift of a named region, as a share of the image; 0 without one.
        kornia: The pipeline's own parameters; a call with ``params`` replays them.
    """

    mirrored: Tensor
    matrices: Tensor
    rotation: Tensor
    visible: Tensor
    shift: Tensor
    kornia: Any


class KorniaSync(nn.Module):
    """Runs a kornia geometric pipeline and rewrites captions and positions to match, sample by sample.

    Whether a sample was mirrored is read from its transformation matrix. A turn, a crop or a shift that would make
    the caption wrong raises, or leaves that sample as it was.

    Args:
        pipeline: A geometric or intensity augmentation, an ``AugmentationSequential``, an ``ImageSequential`` or an
            auto-augmentation policy of kornia.
        parser: Reads and rewrites the texts.
        max_rotation: Degrees that an image may be turned by, a mirroring undone: a vertical flip is a mirroring
            and a turn by 180 degrees, and no caption survives it.
        min_visible: Share of the place of each named region that must stay inside the image.
        max_shift: How far the middle of a named region may move along an axis, as a share of the image. None allows
            any shift, for captions that speak of anatomy and of nothing that depends on its place in the image.
        on_break: What to do with a sample outside these limits: "raise", or "skip", which returns it as it was.

    Raises:
        InvalidTypeError: ``pipeline`` holds a module that has no matrix to read, or another argument has the wrong
            type.
        InvalidValueError: A limit lies outside its range, or ``on_break`` is neither of the two.

    Example:
        >>> import kornia.augmentation as K
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser
        >>> from crossmodal_aug.integrations.kornia import KorniaSync
        >>> sync = KorniaSync(K.RandomHorizontalFlip(p=1.0), PositionParser(LUNG_ZONES))
        >>> out = sync(torch.tensor([[[[1.0, 2.0]]]]), ["Opacity in the lower left lung."])
        >>> out.images, out.texts
        (tensor([[[[2., 1.]]]]), ['Opacity in the lower right lung.'])

    Convention:
        - Shapes: images (B, C, H, W), floating as kornia demands. Target and maps (B, ..., H, W) go through kornia
          as masks: nearest neighbour, own dtype kept.
        - Randomness: kornia's, that is torch's global generator.
        - A module without a matrix is refused at construction: mixing, elastic and other non-rigid warps, patches,
          video, 3-D, and plain modules other than kornia's filters, colour and enhancement. So is RandomErasing, which
          takes lesions away that a caption speaks of.
        - Autocast is off inside: kornia would work out its matrices in half precision.
        - A text is rewritten only where the sample was mirrored; otherwise it is the same object.
    """

    def __init__(
        self,
        pipeline: nn.Module,
        parser: PositionParser,
        *,
        max_rotation: float = 30.0,
        min_visible: float = 0.5,
        max_shift: float | None = 0.2,
        on_break: Literal["raise", "skip"] = "raise",
    ) -> None:
        super().__init__()
        if not isinstance(parser, PositionParser):
            raise InvalidTypeError(f"Expected `parser` to be a PositionParser, but got {type(parser).__name__}.")
        check_choice("on_break", on_break, ("raise", "skip"))
        _check_readable(pipeline)
        # A container of its own hands masks on, whatever the pipeline is, and puts their dtypes back.
        if not isinstance(pipeline, K.AugmentationSequential):
            pipeline = K.AugmentationSequential(cast(K.ImageSequential, pipeline), data_keys=["input"])
        self.pipeline = pipeline
        self.parser = parser
        self.max_rotation = _check_degrees(max_rotation)
        self.min_visible = check_probability("min_visible", min_visible)
        self.max_shift = None if max_shift is None else check_probability("max_shift", max_shift)
        self.on_break = on_break

    def extra_repr(self) -> str:
        """Settings, for ``print``."""
        return (
            f"max_rotation={self.max_rotation}, min_visible={self.min_visible}, max_shift={self.max_shift}, "
            f"on_break={self.on_break!r}"
        )

    def forward(
        self,
        images: Tensor,
        texts: Sequence[str] | None,
        target: Tensor | None = None,
        *,
        positions: Tensor | None = None,
        maps: Sequence[Tensor] = (),
        params: KorniaSyncParams | None = None,
    ) -> Augmented:
        """Transform a batch.

        Args:
            images: (B, C, H, W), floating.
            texts: B captions, or None where only ``positions`` are carried.
            target: Aligned map (B, ..., H, W).
            positions: (B, K) multi-hot regions; None reads them from ``texts``.
            maps: Further aligned tensors (B, ..., H, W).
            params: ``out.params`` of an earlier call, to repeat it; None draws anew.

        Returns:
            The transformed batch; ``params`` say what was done to each sample.

        Raises:
            InvalidTypeError: An argument has the wrong type.
            InvalidValueError: Shapes or devices disagree; a caption would break and ``on_break`` is "raise"; or a
                sample is to be left as it was in a pipeline that changes the size of images.
        """
        batch = check_batch(images, texts, target, positions, maps, self.parser)
        if batch.images.ndim != 4 or not batch.images.is_floating_point():
            raise InvalidValueError(
                "Expected `images` of shape (B, C, H, W) and a floating dtype, as kornia takes them, "
                f"but got {tuple(batch.images.shape)} {batch.images.dtype}."
            )
        if params is not None and not isinstance(params, KorniaSyncParams):
            raise InvalidTypeError(
                f"Expected `params` to be the KorniaSyncParams of a call, but got {type(params).__name__}."
            )
        before = [one for one in (batch.target, *batch.maps) if one is not None]
        flat = [one.reshape(one.shape[0], -1, *batch.spatial) for one in before]
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
        moved = [
            new.reshape(*old.shape[: old.ndim - 2], *new.shape[-2:]) for new, old in zip(moved, before, strict=True)
        ]
        if self.on_break == "raise":
            self._raise_if_broken(done)
        else:
            out = _keep(done.accepted, out, batch.images)
            moved = [_keep(done.accepted, new, old) for new, old in zip(moved, before, strict=True)]
        return Augmented(
            images=out,
            texts=None if batch.texts is None else self.rewrite(batch.texts, done),
            target=None if batch.target is None else moved[0],
            positions=done.positions,
            maps=tuple(moved[len(before) - len(batch.maps) :]),
            params=done,
        )

    def rewrite(self, texts: Sequence[str], params: KorniaSyncParams) -> list[str]:
        """Repeat on other texts what a call did: left and right are exchanged where the sample was mirrored.

        Args:
            texts: B strings.
            params: ``out.params`` of that call.

        Returns:
            B strings.

        Raises:
            InvalidTypeError: A text is no string, or ``params`` are not those of a `KorniaSync`.
            InvalidValueError: There are not B texts.
        """
        if not isinstance(params, KorniaSyncParams):
            raise InvalidTypeError(
                f"Expected `params` to be the KorniaSyncParams of a call, but got {type(params).__name__}."
            )
        texts = check_texts("texts", texts, params.accepted.shape[0])
        flags = to_host(params.mirrored, params.mirrored.unsqueeze(1))
        return [self.parser.mirror(text) if flag else text for text, (flag, _) in zip(texts, flags, strict=True)]

    def _read(self, batch: Batch, output_size: tuple[int, int]) -> KorniaSyncParams:
        """Judge each sample by its matrix."""
        atlas, named, size = self.parser.atlas, batch.positions, (batch.spatial[0], batch.spatial[1])
        recorded = cast(list[ParamItem], self.pipeline._params)
        # Half precision would not tell neighbouring pixels apart.
        like = batch.images.new_empty(0, dtype=torch.float32)
        matrices = _matrices(self.pipeline, recorded, like).expand(named.shape[0], 3, 3)
        turned = rotation(matrices, size)
        visible = visible_share(matrices, atlas, size, output_size).masked_fill(~named, 1.0).amin(dim=1)
        shift = region_shift(matrices, atlas, size, output_size).masked_fill(~named, 0.0).amax(dim=1)
        # Written so that NaN does not pass.
        accepted = (turned <= self.max_rotation) & (visible >= self.min_visible)
        if self.max_shift is not None:
            accepted = accepted & (shift <= self.max_shift)
        flipped = accepted & mirrored(matrices, size)
        exchange = constant(atlas.mirror, torch.int64, named.device)
        positions = torch.where(flipped.unsqueeze(1), named.index_select(1, exchange), named)
        return KorniaSyncParams(
            accepted=accepted,
            before=named,
            positions=positions,
            reason=torch.where(accepted, 0, int(Reason.NO_CAPTION)).to(torch.int8),
            spatial=output_size,
            mirrored=flipped,
            matrices=matrices,
            rotation=turned,
            visible=visible,
            shift=shift,
            kornia=recorded,
        )

    def _raise_if_broken(self, done: KorniaSyncParams) -> None:
        rows = torch.stack((done.accepted.float(), done.rotation, done.visible, done.shift), dim=1).tolist()
        for index, (accepted, turned, visible, shift) in enumerate(rows):
            if not accepted:
                raise InvalidValueError(
                    f"Expected a transformation that leaves captions true, but sample {index} is turned by "
                    f"{turned:.1f} degrees (max_rotation={self.max_rotation:g}), keeps {visible:.0%} of a named region "
                    f"in the image (min_visible={self.min_visible:g}) and moves one by {shift:.0%} of the image "
                    f"(max_shift={self.max_shift}). Narrow the pipeline, widen the limit, or pass on_break='skip'."
                )


def _keep(accepted: Tensor, new: Tensor, old: Tensor) -> Tensor:
    if new.shape != old.shape:
        raise InvalidValueError(
            f"Expected a pipeline that keeps the size of images for on_break='skip', which returns samples as they "
            f"were, but it made {tuple(new.shape)} of {tuple(old.shape)}."
        )
    return torch.where(accepted.view(-1, *[1] * (old.ndim - 1)), new, old)


def _matrices(container: nn.Module, params: list[ParamItem], like: Tensor) -> Tensor:
    """Product of the matrices of everything that ran, innermost first: (B or 1, 3, 3) float32.

    Worked out from the recorded parameters: kornia's own product leaves out a nested ``ImageSequential``, and a
    child that ran twice only remembers its last matrix.
    """
    total = torch.eye(3, dtype=like.dtype, device=like.device).unsqueeze(0)
    for item in params:
        module = container.get_submodule(item.name)
        module = module.op if isinstance(module, OperationBase) else module
        if isinstance(module, ImageSequentialBase):
            step = _matrices(module, cast(list[ParamItem], item.data), like)
        elif isinstance(module, K.GeometricAugmentationBase2D):
            step = SequentialOpsInterface.get_transform_matrix(module, item, like)
        else:
            continue
        total = step.to(like) @ total
    return total


def _check_readable(module: object) -> None:
    """Raise unless every module that could move pixels has a matrix to read."""
    if isinstance(module, OperationBase):
        _check_readable(module.op)
    elif isinstance(module, (K.PatchSequential, K.VideoSequential)):
        if isinstance(module, K.VideoSequential) or not module.is_intensity_only():
            raise _unreadable(module)
    elif isinstance(module, (ImageSequentialBase, PolicyAugmentBase)):
        for child in module.children():
            _check_readable(child)
    elif isinstance(module, K.RandomErasing) or (
        not isinstance(module, (K.GeometricAugmentationBase2D, K.IntensityAugmentationBase2D))
        and not (isinstance(module, nn.Module) and type(module).__module__.startswith(_VALUES_ONLY))
    ):
        raise _unreadable(module)


def _unreadable(module: object) -> InvalidTypeError:
    return InvalidTypeError(
        "Expected `pipeline` to hold kornia augmentations with a transformation matrix, or kornia filters, colour and "
        f"enhancement modules, but got {type(module).__name__}: what it does to a caption cannot be read. "
        "Run it on its own, beside KorniaSync."
    )


def _check_degrees(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidTypeError(f"Expected `max_rotation` to be a number of degrees, but got {type(value).__name__}.")
    if not 0.0 <= value <= 180.0:
        raise InvalidValueError(f"Expected `max_rotation` to be in [0, 180] degrees, but got {value}.")
    return float(value)
