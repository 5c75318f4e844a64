"""MONAI: an op on the arrays and texts of one sample, as a dictionary transform."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.focus import Focus
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.errors import CannotSay, InvalidTypeError, InvalidValueError, MissingDependencyError, shown
from crossmodal_aug.functional.checks import check_choice
from crossmodal_aug.integrations.axes import check_width_axis, unknown_axis, width_axis_of, width_back, width_last
from crossmodal_aug.integrations.calls import matrices_of, reason_of
from crossmodal_aug.integrations.kinds import like, plain
from crossmodal_aug.integrations.monai_texts import check_different, note_outcome, positions_of, text_of
from crossmodal_aug.integrations.samples import check_op, ops_of

try:
    from monai.config.type_definitions import KeysCollection
    from monai.data.meta_obj import get_track_meta
    from monai.transforms.transform import MapTransform, RandomizableTransform
    from monai.utils.misc import ensure_tuple
    from monai.utils.type_conversion import convert_to_tensor
except ImportError as error:
    raise MissingDependencyError("Expected MONAI to be installed: pip install 'crossmodal-aug[monai]'.") from error


class CrossModald(RandomizableTransform, MapTransform):
    """Any op that needs one sample alone, one of your own too, on its arrays and its texts.

    Args:
        keys: Keys of the arrays, channel first: (C, H, W) or (C, W, H), or volumes (C, D, H, W).
        op: The op, or a `CrossModalSequential`; one that mixes samples (its `mixes`) needs a batch and is refused.
        roles: What each array is to the op, one for all or one for each key: "image", "target", "evidence" or "map".
            `SyncGeometry` interpolates an image and takes the nearest pixel of all others; `Focus` empties targets.
        width_axis: Which spatial axis runs from left to right, counted without the channel as MONAI does: 1 for
            (C, H, W), 0 for (C, W, H). None takes what the meta data of a MetaTensor record, and refuses an array
            that records nothing. Where they record another axis than the one that is given, the array is refused.
        text_keys: Keys of the texts; the first is what the op reads, the others follow it.
        positions_key: Key of (K,) multi-hot positions, altered too; None where there are none.
        accepted_key: Where to write whether the sample was altered, () bool; None does not.
        reason_key: Where to write why it was left alone, () int8, a code of `Reason` (of a sequence see `reason_of`);
            None does not.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: `op` mixes samples, there is no such axis or role, not one role for each key, or keys are the
            same.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, CrossModalSequential, Focus, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.monai import CrossModald
        >>> parser = PositionParser(LUNG_ZONES)
        >>> op = CrossModalSequential(SyncFlip(parser, p=1.0), Focus(parser, p=1.0))
        >>> both = CrossModald(["image", "label"], op, roles=["image", "target"], width_axis=1)
        >>> sample = {"image": torch.rand(1, 6, 4), "label": torch.ones(1, 6, 4), "text": "Left base and right apex."}
        >>> out = both.set_random_state(seed=0)(sample)
        >>> out["text"], out["label"][0, 0].tolist()
        ('Right base.', [0.0, 0.0, 0.0, 0.0])

    Convention:
        - Dtype, meta data and channels-last memory format are kept; where pixels move as a whole, the affine follows.
        - A sample of which any text cannot follow is left alone.
        - The parameters of the call are not handed on: MONAI's collation takes tensors, numbers and strings. What is to
          be altered alike goes into `keys`, with its role; further texts into `text_keys`.
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample.
    """

    op_type: ClassVar[type[CrossModalOp] | None] = None
    # Whether the op works on rows too, so that in a volume it must be known which axis they are.
    reads_rows: ClassVar[bool] = True

    def __init__(
        self,
        keys: KeysCollection,
        op: CrossModalOp | CrossModalSequential,
        *,
        roles: Role | Sequence[Role],
        width_axis: int | None = None,
        text_keys: KeysCollection = "text",
        positions_key: Hashable | None = None,
        accepted_key: Hashable | None = None,
        reason_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        if self.op_type is not None and not isinstance(op, self.op_type):
            raise InvalidTypeError(f"Expected `op` to be a {self.op_type.__name__}, but got {type(op).__name__}.")
        check_op(op)
        mixing = [type(one).__name__ for one in ops_of(op) if one.mixes]
        if mixing:
            raise InvalidValueError(
                f"Expected `op` to work on one sample, but {' and '.join(mixing)} takes pixels from others: apply it "
                "to the batches of MONAI's loader with CrossModalBatch, or use CrossModalCollate."
            )
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        self.op = op
        self.roles = self._checked_roles(roles)
        self.width_axis = check_width_axis(width_axis)
        self.text_keys = ensure_tuple(text_keys)
        self.positions_key, self.accepted_key, self.reason_key = positions_key, accepted_key, reason_key
        check_different((*self.keys, *self.text_keys), positions_key, accepted_key, reason_key)
        self.atlas = ops_of(op)[0].atlas
        self._seed = 0

    def _checked_roles(self, roles: Role | Sequence[Role]) -> dict[Hashable, Role]:
        several = (roles,) * len(self.keys) if isinstance(roles, str) else tuple(roles)
        if len(several) != len(self.keys):
            raise InvalidValueError(f"Expected `roles` for each of {self.keys}, but got {several}.")
        for role in several:
            check_choice("roles", role, ("image", "map", "target", "evidence"))
        return dict(zip(self.keys, several, strict=True))

    def randomize(self, data: Any = None) -> None:
        """Draw the seed from which the op draws."""
        self._seed = int(self.R.randint(2**31))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Alter a sample, or leave it.

        Args:
            data: The sample.

        Returns:
            A new dictionary.

        Raises:
            InvalidTypeError: A text is not a string, or the positions are not a bool or integer tensor.
            InvalidValueError: A text is missing, arrays or positions have another shape, or it is not known which
                axis is the width.
        """
        sample = dict(data)
        self.randomize(None)
        for key in self.key_iterator(sample):
            sample[key] = convert_to_tensor(sample[key], track_meta=get_track_meta())
        axes = {key: self._axis_of(str(key), sample[key]) for key in self.key_iterator(sample)}
        taken = {key: self._taken(sample[key], axis) for key, axis in axes.items()}
        texts = [text_of(sample, key) for key in self.text_keys]
        positions = None
        if self.positions_key is not None:
            positions = positions_of(sample, self.positions_key, len(self.atlas)).unsqueeze(0)
            sample[self.positions_key] = positions[0]
        out = self._altered(taken, texts, positions) if taken else None
        written, reason = self._outcome(texts, out)
        self._do_transform = out is not None and reason == Reason.ALTERED
        if out is not None and self._do_transform:
            matrices = matrices_of(out.params)
            for key, values in self._arrays(taken, out).items():
                count = sample[key].ndim - 1
                back = width_back(values[0], axes[key], count)
                sample[key] = like(back, sample[key], matrices=matrices, axis=axes[key])
            sample.update(zip(self.text_keys, written, strict=True))
            if self.positions_key is not None:
                sample[self.positions_key] = out.positions[0]  # type: ignore[index]
        note_outcome(sample, self.accepted_key, self.reason_key, reason)
        for key in taken:
            self._note(sample, key, texts, positions, out, axes[key])
        return sample

    def _note(
        self,
        sample: dict[Hashable, Any],
        key: Hashable,
        texts: list[str],
        positions: Tensor | None,
        out: Augmented | None,
        axis: int,
    ) -> None:
        """Note in an array what its inverse needs; here there is none."""

    def _altered(self, taken: dict[Hashable, Tensor], texts: list[str], positions: Tensor | None) -> Augmented:
        first = {role: key for key, role in reversed(self.roles.items()) if key in taken}
        image = taken[first["image"]] if "image" in first else next(iter(taken.values()))
        for key, values in taken.items():
            if values.shape[2:] != image.shape[2:]:
                raise InvalidValueError(
                    f"Expected arrays of the same size, with {tuple(image.shape[2:])} rows and columns, but got "
                    f"{tuple(values.shape[2:])} for {shown(key)}."
                )
        out: Augmented = self.op(
            image,
            texts[:1] if texts else None,
            taken[first["target"]] if "target" in first else None,
            evidence=taken[first["evidence"]] if "evidence" in first else None,
            positions=None if positions is None else positions.to(image.device),
            generator=torch.Generator(image.device).manual_seed(self._seed),
        )
        return out

    def _arrays(self, taken: dict[Hashable, Tensor], out: Augmented) -> dict[Hashable, Tensor]:
        """Each array as the call altered it: those that it was given, and the others by its replay."""
        altered = {}
        made: dict[str, Tensor | None] = {"image": out.images, "target": out.target, "evidence": out.evidence}
        for key, values in taken.items():
            role = self.roles[key]
            done = made.pop(role, None)
            altered[key] = self.op.replay(values, out.params, role=role) if done is None else done
        return altered

    def _outcome(self, texts: list[str], out: Augmented | None) -> tuple[list[str], Reason]:
        """Each text as it follows, and why the sample is left alone where it is."""
        if out is None:  # a sample without any of the arrays
            return texts, Reason.NOT_DRAWN
        if not texts or not bool(out.accepted[0]):
            return texts, Reason(int(reason_of(out.params)[0]))
        try:
            written = [out.texts[0], *(self.op.rewrite([text], out.params)[0] for text in texts[1:])]  # type: ignore[index]
        except CannotSay:
            return texts, Reason.CANNOT_SAY
        budgets = [one.budget for one in ops_of(self.op) if one.budget is not None]
        too_long = any(any(budget.exceeded(texts, written)) for budget in budgets)
        return (texts, Reason.TOO_LONG) if too_long else (written, Reason.ALTERED)

    def _axis_of(self, name: str, array: Tensor) -> int:
        count = array.ndim - 1
        if count not in (2, 3):
            raise InvalidValueError(
                f"Expected {shown(name)} of shape (C, H, W) or (C, D, H, W), channel first, "
                f"but got {tuple(array.shape)}."
            )
        axis = width_axis_of(name, array, self.width_axis, axes=count)
        if axis is None:
            raise unknown_axis(name, array)
        if count == 3 and axis != 2 and self.reads_rows:
            raise InvalidValueError(
                f"Expected {shown(name)} to be a volume (C, D, H, W), whose width is the last axis, but its width is "
                f"axis {axis}: which of the others runs downwards is not known. Bring it into this order first."
            )
        return axis

    @staticmethod
    def _taken(array: Tensor, axis: int) -> Tensor:
        return width_last(plain(array).unsqueeze(0), axis, array.ndim - 1)


class Focusd(CrossModald):
    """`Focus` of one sample: its text and targets keep some of the regions that are named.

    Args:
        keys: Keys of the arrays, channel first.
        op: What is kept.
        roles: What each array is, one for all or one for each key: a "target" and "evidence" are emptied outside
            what is kept, an "image" and a "map" stay as they are.
        width_axis: As for `CrossModald`.
        text_keys: Keys of the texts.
        positions_key: Key of (K,) multi-hot positions, narrowed too; None where there are none.
        accepted_key: As for `CrossModald`.
        reason_key: As for `CrossModald`.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a Focus, or another argument has the wrong type.
        InvalidValueError: There is no such axis or role, or not one role for each key.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, Focus, PositionParser
        >>> from crossmodal_aug.integrations.monai import Focusd
        >>> focus = Focusd(["image", "label"], Focus(PositionParser(LUNG_ZONES), p=1.0), roles=["image", "target"],
        ...                width_axis=1)
        >>> sample = {"image": torch.rand(1, 3, 2), "label": torch.ones(1, 3, 2), "text": "Left base and right apex."}
        >>> out = focus.set_random_state(seed=0)(sample)
        >>> out["text"], out["label"][0].tolist()
        ('Left base.', [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])

    Convention:
        - There is no inverse: what a target was emptied of is gone.
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample.
    """

    op_type = Focus
