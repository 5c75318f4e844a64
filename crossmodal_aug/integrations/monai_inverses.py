"""MONAI: the ops whose effect on one sample can be undone, as invertible dictionary transforms."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

from torch import Tensor

from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.settings import Role
from crossmodal_aug.augment.sync_flip import SyncFlip, SyncFlipParams
from crossmodal_aug.augment.sync_geometry import SyncGeometry, SyncGeometryParams
from crossmodal_aug.errors import MissingDependencyError
from crossmodal_aug.integrations.axes import width_back
from crossmodal_aug.integrations.kinds import like
from crossmodal_aug.integrations.monai_arrays import CrossModald

try:
    from monai.config.type_definitions import KeysCollection
    from monai.transforms.inverse import InvertibleTransform
    from monai.utils.enums import TraceKeys
except ImportError as error:
    raise MissingDependencyError("Expected MONAI to be installed: pip install 'crossmodal-aug[monai]'.") from error


class _Invertibled(CrossModald, InvertibleTransform):
    """Notes in each array what is needed to undo the op there."""

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo what was done to a sample.

        Args:
            data: The sample, with MetaTensors that remember what was done to them.

        Returns:
            A new dictionary.
        """
        sample = dict(data)
        for key in self.key_iterator(sample):
            noted = self.pop_transform(sample[key])
            if not noted[TraceKeys.DO_TRANSFORM]:
                continue
            more = noted[TraceKeys.EXTRA_INFO]
            sample[key] = self._back(sample[key], key, more)
            sample.update(more["texts"])
            if self.positions_key is not None:
                sample[self.positions_key] = more["positions"]
        return sample

    def _back(self, array: Tensor, key: Hashable, more: dict[str, Any]) -> Tensor:
        """Take an array back to where it lay; a transform that can be inverted says how."""
        raise NotImplementedError

    def _note(
        self,
        sample: dict[Hashable, Any],
        key: Hashable,
        texts: list[str],
        positions: Tensor | None,
        out: Augmented | None,
        axis: int,
    ) -> None:
        more: dict[str, Any] = {}
        if self._do_transform and out is not None:
            more = {
                "axis": axis,
                "texts": dict(zip(self.text_keys, texts, strict=True)),
                "positions": None if positions is None else positions[0],
                "params": out.params.to_tensors(),
            }
        self.push_transform(sample[key], orig_size=tuple(sample[key].shape[1:]), extra_info=more)  # type: ignore[no-untyped-call]


class SyncFlipd(_Invertibled):
    """`SyncFlip` of one sample: flips its arrays along the width and exchanges left and right in its texts.

    Args:
        keys: Keys of the arrays, channel first.
        op: The flip; it is done with probability `op.p`.
        width_axis: Which spatial axis runs from left to right, counted without the channel as MONAI does. MONAI's
            readers differ: `PILReader` and `ITKReader` load (C, W, H), so 0, and with `reverse_indexing=False`
            (C, H, W), so 1. Arrays of numpy, torchvision or OpenCV with a channel put first are (C, H, W) too. A volume
            in the orientation "RAS" or "LPS" has it first, so 0. None takes what the meta data of a MetaTensor record
            (its affine, or the width and height that it was loaded with), and refuses an array that records nothing.
            Where they record another axis than the one that is given, the array is refused.
        text_keys: Keys of the texts.
        positions_key: Key of (K,) multi-hot positions, exchanged too; None where there are none.
        accepted_key: As for `CrossModald`.
        reason_key: As for `CrossModald`.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a SyncFlip, or `width_axis` is not an integer.
        InvalidValueError: There is no axis `width_axis`, or keys are the same.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.monai import SyncFlipd
        >>> flip = SyncFlipd("image", SyncFlip(PositionParser(LUNG_ZONES), p=1.0), width_axis=1)
        >>> out = flip({"image": torch.tensor([[[1, 2]]]), "text": "Left base opacity."})
        >>> out["image"].tolist(), out["text"]
        ([[[2, 1]]], 'Right base opacity.')

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample.
        - A MetaTensor keeps its meta data, its affine follows, and `inverse` undoes array, texts and positions.
    """

    op_type = SyncFlip
    reads_rows = False

    def __init__(
        self,
        keys: KeysCollection,
        op: SyncFlip,
        *,
        width_axis: int | None = None,
        text_keys: KeysCollection = "text",
        positions_key: Hashable | None = None,
        accepted_key: Hashable | None = None,
        reason_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(
            keys,
            op,
            roles="map",
            width_axis=width_axis,
            text_keys=text_keys,
            positions_key=positions_key,
            accepted_key=accepted_key,
            reason_key=reason_key,
            allow_missing_keys=allow_missing_keys,
        )

    def _back(self, array: Tensor, key: Hashable, more: dict[str, Any]) -> Tensor:
        params = SyncFlipParams.from_tensors(more["params"])
        taken = self._taken(array, more["axis"])
        back = width_back(self.op.replay(taken, params)[0], more["axis"], array.ndim - 1)
        return like(back, array, matrices=params.matrices, axis=more["axis"])


class SyncGeometryd(_Invertibled):
    """`SyncGeometry` of one sample: one flip, turn, crop, zoom or shift for its arrays, which its texts follow.

    Args:
        keys: Keys of the arrays, channel first.
        op: What is drawn.
        roles: What each array is, one for all or one for each key: an "image" is interpolated; of a "target",
            "evidence" and "map" the nearest pixel is taken, so that labels stay labels. Evidence, or the target
            where there is none, tells which regions still hold.
        width_axis: As for `SyncFlipd`.
        text_keys: Keys of the texts; the op reads the first, the others follow it.
        positions_key: Key of (K,) multi-hot positions, moved too; None where there are none.
        accepted_key: As for `CrossModald`.
        reason_key: As for `CrossModald`.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a SyncGeometry, or another argument has the wrong type.
        InvalidValueError: There is no such axis or role, not one role for each key, or keys are the same.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import QUADRANTS, PositionParser, SyncGeometry
        >>> from crossmodal_aug.integrations.monai import SyncGeometryd
        >>> op = SyncGeometry(PositionParser(QUADRANTS), p=1.0, horizontal=False, vertical=True)
        >>> move = SyncGeometryd(["image", "label"], op, roles=["image", "target"], width_axis=1)
        >>> image, label = torch.rand(1, 2, 1), torch.tensor([[[1], [0]]])
        >>> sample = {"image": image, "label": label, "text": "Polyp at the top left."}
        >>> out = move.set_random_state(seed=2)(sample)
        >>> out["label"].flatten().tolist(), out["text"], move.inverse(out)["text"]
        ([0, 1], 'Polyp at the bottom left.', 'Polyp at the top left.')

    Convention:
        - Shapes: (C, H, W) or (C, W, H), or volumes (C, D, H, W), of which every slice is moved alike. Any dtype, kept.
        - A MetaTensor keeps its meta data, and its affine follows. `inverse` takes arrays back to where they lay, what
          left the view filled as in the op, and puts texts and positions back.
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample.
    """

    op_type = SyncGeometry

    def __init__(
        self,
        keys: KeysCollection,
        op: SyncGeometry,
        *,
        roles: Role | Sequence[Role],
        width_axis: int | None = None,
        text_keys: KeysCollection = "text",
        positions_key: Hashable | None = None,
        accepted_key: Hashable | None = None,
        reason_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(
            keys,
            op,
            roles=roles,
            width_axis=width_axis,
            text_keys=text_keys,
            positions_key=positions_key,
            accepted_key=accepted_key,
            reason_key=reason_key,
            allow_missing_keys=allow_missing_keys,
        )

    def _back(self, array: Tensor, key: Hashable, more: dict[str, Any]) -> Tensor:
        params = SyncGeometryParams.from_tensors(more["params"])
        taken = self._taken(array, more["axis"])
        op = cast(SyncGeometry, self.op)
        back = width_back(op.inverse(taken, params, role=self.roles[key])[0], more["axis"], array.ndim - 1)
        return like(back, array, matrices=params.matrices.double().inverse(), axis=more["axis"])
