"""KorniaMix: an op as a mix augmentation of kornia."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import calls_of, check_batch, check_texts
from crossmodal_aug.augment.params import Params
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_choice, check_generator, check_tensor
from crossmodal_aug.integrations.axes import check_width_axis, width_back, width_last
from crossmodal_aug.integrations.calls import reason_of
from crossmodal_aug.integrations.kinds import in_format_of
from crossmodal_aug.integrations.samples import check_op, ops_of

try:
    import kornia.augmentation as K
    from kornia.constants import DataKey
except ImportError as error:
    raise MissingDependencyError("Expected kornia to be installed: pip install 'kornia>=0.9'.") from error


class KorniaMix(K.RandomTransplantation):  # type: ignore[misc]
    """Makes an op usable inside `AugmentationSequential(data_keys=["input", "mask"])`, with replay.

    kornia's pipelines carry tensors only, so the words travel beside them: `feed` hands over the texts or positions
    of the next batch, and after the pipeline ran `texts`, `positions`, `accepted`, `reason` and `params` hold what
    came of them.

    Args:
        op: Any op, one of your own too, or a `CrossModalSequential` of several: kornia allows one mix augmentation a
            pipeline. Its parameters must be what `Params.to_tensors` takes apart.
        evidence: How the first mask serves the op as evidence. kornia hands masks on as floats, so their dtype does
            not tell: "probability" takes values in [0, 1] as they are, and so a mask of 0 and 1 too; "mask" counts
            everything above 0, as a mask of 0 and 255 or of class labels needs.
        generator: Source of randomness; None takes torch's global one, as kornia does.
        width_axis: Which spatial axis runs from left to right: 1 for (B, C, H, W), 0 for (B, C, W, H).

    Attributes:
        texts: The texts of the last batch as they now read, or None where none were fed for it.
        positions: (B, K) bool: the regions that now hold, or None before the first batch.
        accepted: (B,) bool: the samples that were altered, or None before the first batch.
        reason: (B,) int8: why a sample was left alone, as codes of `Reason` (of a sequence see `reason_of`), or None.
        params: The op's own parameters, for its `replay` on further tensors (B, ..., H, W), or None.

    Raises:
        InvalidTypeError: `op` is not an op of this library, or `generator` is not a `torch.Generator`.
        InvalidValueError: `evidence` is neither of the two, or `width_axis` neither 0 nor 1.

    Examples:
        >>> import kornia.augmentation as K
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.kornia import KorniaMix
        >>> mix = KorniaMix(SyncFlip(PositionParser(LUNG_ZONES), p=1.0))
        >>> pipeline = K.AugmentationSequential(mix, data_keys=["input", "mask"])
        >>> mix.feed(["Opacity in the lower left lung."])
        >>> images, masks = pipeline(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[0, 1]]]]))
        >>> images, masks, mix.texts
        (tensor([[[[2., 1.]]]]), tensor([[[[1, 0]]]]), ['Opacity in the lower right lung.'])

    Convention:
        - Order: geometry that runs before it in the same pipeline moves pixels and not the words that were fed. Run
          what mirrors, turns or crops in a `KorniaSync`, and feed this one the texts that come out of it.
        - Masks: every mask is altered as the op's target; the first is the evidence. Dtypes are kept, and the
          channels-last memory format where kornia hands it on. A pipeline
          without a mask suits the ops that need no evidence. Boxes and keypoints raise `NotImplementedError`.
        - Replay: kornia's own, `pipeline(images, masks, params=pipeline._params)`; the recorded parameters are all
          that it needs. Texts that are fed before a replay are rewritten by it too.
        - A batch is fed once: a second draw without a new `feed` raises.
        - `same_on_batch` has no meaning for it.
    """

    # kornia draws a child's parameters from shapes alone. `RandomTransplantation` is the one base whose children are
    # shown image and mask before anything is altered, which evidence needs; nothing else of it is used.

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        evidence: Literal["probability", "mask"] = "probability",
        generator: torch.Generator | None = None,
        width_axis: int = 1,
    ) -> None:
        super().__init__(p=1.0, data_keys=["input", "mask"])
        op = check_op(op)
        check_choice("evidence", evidence, ("probability", "mask"))
        check_generator(generator)
        self.op = op
        self.evidence = evidence
        self.generator = generator
        self._ops = ops_of(op)
        axis = check_width_axis(width_axis, axes=2)
        self.width_axis = 1 if axis is None else axis % 2
        self.texts: list[str] | None = None
        self.positions: Tensor | None = None
        self.accepted: Tensor | None = None
        self.reason: Tensor | None = None
        self.params: Any = None
        self._is_fed = False

    def __repr__(self) -> str:
        return f"KorniaMix({self.op!r}, evidence={self.evidence!r})"

    def feed(self, texts: Sequence[str] | None, *, positions: Tensor | None = None) -> None:
        """Hand over what the next batch is about.

        Args:
            texts: B captions, or None where only `positions` are carried.
            positions: (B, K) multi-hot regions; None reads them from `texts`.

        Raises:
            InvalidTypeError: A text is not a string, or `positions` is not a tensor.
            InvalidValueError: Neither is given.
        """
        if texts is None and positions is None:
            raise InvalidValueError("Expected `texts` or `positions`, but got neither.")
        self.texts = None if texts is None else check_texts("texts", texts)
        self.positions = None if positions is None else check_tensor("positions", positions)
        self.accepted = self.reason = self.params = None
        self._is_fed = True

    def forward(
        self,
        *input: Tensor,
        params: dict[str, Tensor] | None = None,
        data_keys: list[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Alter images and masks; see kornia's `MixAugmentationBaseV2`.

        Args:
            *input: One tensor a data key.
            params: Recorded parameters to replay; None draws anew.
            data_keys: What the tensors are; None takes "input" and "mask", as far as there are tensors.
            **kwargs: Resampling options that the container offers to every child; nothing is resampled here.

        Returns:
            The altered tensor, or a list of them.

        Raises:
            InvalidValueError: There are not as many keys as tensors, no texts were fed, or the op refuses the batch.
            NotImplementedError: A key is neither "input" nor "mask".
        """
        keys = self.data_keys[: len(input)] if data_keys is None else [DataKey.get(key) for key in data_keys]
        if len(keys) != len(input):
            raise InvalidValueError(f"Expected one tensor for each of {len(keys)} data keys, but got {len(input)}.")
        for key in keys:
            self._validate_data_key(key)
        if params is None:
            if DataKey.INPUT not in keys:
                raise InvalidValueError("Expected an 'input' among `data_keys` where `params` is None.")
            params = self.forward_parameters(input[keys.index(DataKey.INPUT)].shape)
            self.params_from_input(*input, data_keys=keys, params=params)
        self._params = params
        outputs = [
            (self.transform_input if key == DataKey.INPUT else self.transform_mask)(one, params, self.flags)
            for key, one in zip(keys, input, strict=True)
        ]
        return outputs[0] if len(outputs) == 1 else outputs

    def params_from_input(
        self,
        *input: Tensor,
        data_keys: list[DataKey],
        params: dict[str, Tensor],
        extra_args: Any = None,
    ) -> dict[str, Tensor]:
        """Draw the op's parameters into `params`, or leave recorded ones; kornia calls it before it alters anything.

        Args:
            *input: One tensor a data key.
            data_keys: What the tensors are.
            params: Parameters so far; changed in place, for kornia records that dictionary.
            extra_args: Not used.

        Returns:
            `params`.

        Raises:
            InvalidValueError: No texts were fed, or the op refuses the batch.
        """
        if "0.accepted" not in params:
            self._draw(input, data_keys, params)
        steps = self._recorded(params)
        texts = self.texts if self._is_fed else None
        for op, step in zip(self._ops, steps, strict=True):
            texts = None if texts is None else op.rewrite(texts, step)
        self.texts = texts
        self.positions = steps[-1].positions
        self.params = _nested(self.op, iter(steps))
        self.reason = reason_of(self.params)
        self.accepted = torch.stack([step.accepted for step in steps]).any(dim=0)
        self._is_fed = False
        return params

    def transform_input(self, input: Tensor, params: dict[str, Tensor], flags: Any) -> Tensor:
        """Alter images."""
        return self._apply_recorded(input, params, "image")

    def transform_mask(self, input: Tensor, params: dict[str, Tensor], flags: Any) -> Tensor:
        """Alter masks."""
        return self._apply_recorded(input, params, "target")

    # kornia asks whether a class has this to know that it takes masks.
    apply_transform_mask = transform_mask

    def _draw(self, tensors: Sequence[Tensor], data_keys: list[DataKey], params: dict[str, Tensor]) -> None:
        if not self._is_fed:
            raise InvalidValueError(
                "Expected the texts or positions of this batch, but none were fed: call `feed` before each batch."
            )
        images = tensors[data_keys.index(DataKey.INPUT)]
        target = tensors[data_keys.index(DataKey.MASK)] if DataKey.MASK in data_keys else None
        if target is not None and self.evidence == "mask":
            target = target > 0
        images, target = self._turned(images), None if target is None else self._turned(target)
        if len(self._ops) > 1 or self._ops[0].strict:
            out = self.op(images, self.texts, target, positions=self.positions, generator=self.generator)
            steps = calls_of(out.params)
        else:
            (op,) = self._ops
            batch = check_batch(images, self.texts, target, self.positions, (), op.parser)
            steps = [op.draw(batch, None, self.generator)[0]]
        for index, step in enumerate(steps):
            params |= {f"{index}.{name}": entry for name, entry in step.to_tensors().items()}
        params["batch_prob"] = torch.stack([step.accepted for step in steps]).any(dim=0).float()

    def _recorded(self, params: dict[str, Tensor]) -> list[Params]:
        """The op's parameters, out of kornia's dictionary of tensors."""
        steps = []
        for index, op in enumerate(self._ops):
            prefix = f"{index}."
            entries = {name.removeprefix(prefix): one for name, one in params.items() if name.startswith(prefix)}
            try:
                steps.append(op.params_type.from_tensors(entries))
            except InvalidValueError as error:
                raise InvalidValueError(
                    f"Expected `params` that a call of {type(op).__name__} recorded. {error} In a nested container "
                    "kornia shows a child no mask to draw them from; make it a direct child."
                ) from error
        return steps

    def _apply_recorded(self, tensor: Tensor, params: dict[str, Tensor], role: Literal["image", "target"]) -> Tensor:
        out = self._turned(tensor)
        for op, step in zip(self._ops, self._recorded(params), strict=True):
            out = op.replay(out, step, role=role)
        return in_format_of(width_back(out, self.width_axis, 2), tensor)

    def _turned(self, tensor: Tensor) -> Tensor:
        return width_last(tensor, self.width_axis, 2) if tensor.ndim > 1 else tensor


def _nested(op: Any, steps: Iterator[Params]) -> Any:
    """The parameters of single ops as their op returns them: those of a sequence in a tuple."""
    return tuple(_nested(one, steps) for one in op.ops) if isinstance(op, CrossModalSequential) else next(steps)
