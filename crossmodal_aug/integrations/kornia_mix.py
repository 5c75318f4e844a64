"""KorniaMix: an op as a mix augmentation of kornia."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import check_batch, check_texts
from crossmodal_aug.augment.params import MixParams
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_choice, check_generator, check_tensor

try:
    import kornia.augmentation as K
    from kornia.constants import DataKey
except ImportError as error:
    raise MissingDependencyError("Expected kornia to be installed: pip install 'kornia>=0.9'.") from error


class KorniaMix(K.RandomTransplantation):  # type: ignore[misc]
    """Makes an op usable inside ``AugmentationSequential(data_keys=["input", "mask"])``, with replay.

    kornia's pipelines carry tensors only, so the words travel beside them: `feed` hands over the texts or positions
    of the next batch, and after the pipeline ran `texts`, `positions` and `accepted` hold what came of them.

    Args:
        op: Any op, or a `CrossModalSequential` of several: kornia allows one mix augmentation a pipeline.
        evidence: How the first mask serves the op as evidence. kornia hands masks on as floats, so their dtype does
            not tell: "probability" takes values in [0, 1] as they are, and so a mask of 0 and 1 too; "mask" counts
            everything above 0, as a mask of 0 and 255 or of class labels needs.
        generator: Source of randomness; None takes torch's global one, as kornia does.

    Attributes:
        texts: The texts of the last batch as they now read, or None where none were fed for it.
        positions: (B, K) bool: the regions that now hold, or None before the first batch.
        accepted: (B,) bool: the samples that were altered, or None before the first batch.

    Raises:
        InvalidTypeError: ``op`` is no op of this library, or ``generator`` no `torch.Generator`.
        InvalidValueError: ``evidence`` is neither of the two.

    Example:
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
        - Masks: every mask is altered as the op's target; the first is the evidence. Dtypes are kept. A pipeline
          without a mask suits the ops that need no evidence. Boxes and keypoints raise `NotImplementedError`.
        - Replay: kornia's own, ``pipeline(images, masks, params=pipeline._params)``; the recorded parameters are all
          that it needs. Texts that are fed before a replay are rewritten by it too.
        - A batch is fed once: a second draw without a new `feed` raises.
        - ``same_on_batch`` has no meaning for it.
    """

    # kornia draws a child's parameters from shapes alone. `RandomTransplantation` is the one base whose children are
    # shown image and mask before anything is altered, which evidence needs; nothing else of it is used.

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        evidence: Literal["probability", "mask"] = "probability",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(p=1.0, data_keys=["input", "mask"])
        if not isinstance(op, (CrossModalOp, CrossModalSequential)):
            raise InvalidTypeError(f"Expected `op` to be an op of crossmodal_aug, but got {type(op).__name__}.")
        check_choice("evidence", evidence, ("probability", "mask"))
        check_generator(generator)
        self.op = op
        self.evidence = evidence
        self.generator = generator
        self.texts: list[str] | None = None
        self.positions: Tensor | None = None
        self.accepted: Tensor | None = None
        self._is_fed = False

    def __repr__(self) -> str:
        return f"KorniaMix({self.op!r}, evidence={self.evidence!r})"

    def feed(self, texts: Sequence[str] | None, *, positions: Tensor | None = None) -> None:
        """Hand over what the next batch is about.

        Args:
            texts: B captions, or None where only ``positions`` are carried.
            positions: (B, K) multi-hot regions; None reads them from ``texts``.

        Raises:
            InvalidTypeError: A text is no string, or ``positions`` no tensor.
            InvalidValueError: Neither is given.
        """
        if texts is None and positions is None:
            raise InvalidValueError("Expected `texts` or `positions`, but got neither.")
        self.texts = None if texts is None else check_texts("texts", texts)
        self.positions = None if positions is None else check_tensor("positions", positions)
        self.accepted = None
        self._is_fed = True

    def forward(
        self,
        *input: Tensor,
        params: dict[str, Tensor] | None = None,
        data_keys: list[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Alter images and masks; see kornia's ``MixAugmentationBaseV2``.

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
        """Draw the op's parameters into ``params``, or leave recorded ones; kornia calls it before it alters anything.

        Args:
            *input: One tensor a data key.
            data_keys: What the tensors are.
            params: Parameters so far; changed in place, for kornia records that dictionary.
            extra_args: Not used.

        Returns:
            ``params``.

        Raises:
            InvalidValueError: No texts were fed, or the op refuses the batch.
        """
        if "0.accepted" not in params:
            self._draw(input, data_keys, params)
        steps = self._recorded(params)
        texts = self.texts if self._is_fed else None
        whole = steps if isinstance(self.op, CrossModalSequential) else steps[0]
        self.texts = None if texts is None else self.op.rewrite(texts, whole)
        self.positions = steps[-1].positions
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
        if isinstance(self.op, CrossModalSequential) or self.op.strict:
            out = self.op(images, self.texts, target, positions=self.positions, generator=self.generator)
            steps = out.params if isinstance(out.params, tuple) else (out.params,)
        else:
            batch = check_batch(images, self.texts, target, self.positions, (), self.op.parser)
            steps = (self.op.draw(batch, None, self.generator)[0],)
        for index, step in enumerate(steps):
            for field in fields(step):
                value = getattr(step, field.name)
                if value is not None:
                    params[f"{index}.{field.name}"] = value if isinstance(value, Tensor) else torch.tensor(value)
        params["batch_prob"] = torch.stack([step.accepted for step in steps]).any(dim=0).float()

    def _recorded(self, params: dict[str, Tensor]) -> tuple[Any, ...]:
        """The op's parameters, out of kornia's dictionary of tensors."""
        steps = []
        for index, op in enumerate(self._ops()):
            # kornia knows no second batch: `pool` is None, and no tensor can say so.
            names = [field.name for field in fields(op.params_type) if field.name != "pool"]
            missing = [name for name in names if f"{index}.{name}" not in params]
            if missing:
                raise InvalidValueError(
                    f"Expected `params` that a call of {type(op).__name__} recorded, but they lack {missing}: in a "
                    "nested container kornia shows a child no mask to draw them from; make it a direct child."
                )
            values: dict[str, Any] = {name: params[f"{index}.{name}"] for name in names}
            values |= {name: tuple(values[name].tolist()) for name in ("spatial", "window") if name in values}
            if issubclass(op.params_type, MixParams):
                values["pool"] = None
            steps.append(op.params_type(**values))
        return tuple(steps)

    def _apply_recorded(self, tensor: Tensor, params: dict[str, Tensor], role: Literal["image", "target"]) -> Tensor:
        for op, step in zip(self._ops(), self._recorded(params), strict=True):
            tensor = op.replay(tensor, step, role=role)
        return tensor

    def _ops(self) -> list[CrossModalOp]:
        return list(self.op.ops) if isinstance(self.op, CrossModalSequential) else [self.op]  # type: ignore[arg-type]
