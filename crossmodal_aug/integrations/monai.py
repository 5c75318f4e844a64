"""MONAI: the ops that need one sample alone, as dictionary transforms."""

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from crossmodal_aug.augment.pos_aug import PosAug
from crossmodal_aug.augment.reword import Reword
from crossmodal_aug.augment.sync_flip import SyncFlip
from crossmodal_aug.augment.text_op import TextOp
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_positions

try:
    from monai.config.type_definitions import KeysCollection
    from monai.data.meta_obj import get_track_meta
    from monai.transforms.inverse import InvertibleTransform
    from monai.transforms.spatial.array import Flip
    from monai.transforms.transform import MapTransform, Randomizable, RandomizableTransform
    from monai.utils.enums import TraceKeys
    from monai.utils.misc import ensure_tuple
    from monai.utils.type_conversion import convert_to_tensor
except ImportError as error:
    raise MissingDependencyError("Expected MONAI to be installed: pip install 'crossmodal-aug[monai]'.") from error


class SyncFlipd(RandomizableTransform, MapTransform, InvertibleTransform):
    """`SyncFlip` of one sample: flips its arrays along the width and exchanges left and right in its texts.

    Args:
        keys: Keys of the arrays, channel first.
        op: The flip; it is done with probability ``op.p``.
        width_axis: Which spatial axis runs from left to right, counted without the channel as MONAI does. It has no
            default because MONAI's readers differ: ``PILReader`` and ``ITKReader`` load (C, W, H), so 0; arrays of
            numpy, torchvision or OpenCV with a channel put first are (C, H, W), so 1; a volume in the orientation
            "RAS" or "LPS" has it first, so 0.
        text_keys: Keys of the texts.
        positions_key: Key of (K,) multi-hot positions, exchanged too; None where there are none.
        allow_missing_keys: Whether a sample may lack one of ``keys``.

    Raises:
        InvalidTypeError: ``op`` is no SyncFlip, or ``width_axis`` no integer.

    Example:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.monai import SyncFlipd
        >>> flip = SyncFlipd("image", SyncFlip(PositionParser(LUNG_ZONES), p=1.0), width_axis=1)
        >>> out = flip({"image": torch.tensor([[[1, 2]]]), "text": "Left base opacity."})
        >>> out["image"].tolist(), out["text"]
        ([[[2, 1]]], 'Right base opacity.')

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw a sample.
        - A MetaTensor keeps its meta data, its affine follows, and `inverse` undoes array, texts and positions.
    """

    def __init__(
        self,
        keys: KeysCollection,
        op: SyncFlip,
        *,
        width_axis: int,
        text_keys: KeysCollection = "text",
        positions_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        if not isinstance(op, SyncFlip):
            raise InvalidTypeError(f"Expected `op` to be a SyncFlip, but got {type(op).__name__}.")
        if isinstance(width_axis, bool) or not isinstance(width_axis, int):
            raise InvalidTypeError(f"Expected `width_axis` to be an integer, but got {type(width_axis).__name__}.")
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, op.p)
        self.op = op
        self.flipper = Flip(spatial_axis=width_axis)
        self.text_keys = ensure_tuple(text_keys)
        self.positions_key = positions_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Flip a sample, or leave it.

        Args:
            data: The sample.

        Returns:
            A new dictionary.

        Raises:
            InvalidTypeError: A text is no string, or the positions are no bool or integer tensor.
            InvalidValueError: A text is missing, or the positions have another shape.
        """
        sample = dict(data)
        self.randomize(None)
        self._do_transform = self._do_transform and self._may_flip(sample)
        self._exchange(sample, done=self._do_transform)
        for key in self.key_iterator(sample):
            if self._do_transform:
                sample[key] = self.flipper(sample[key])
            else:
                sample[key] = convert_to_tensor(sample[key], track_meta=get_track_meta())
            self.push_transform(sample[key], replace=True)  # type: ignore[no-untyped-call]
        return sample

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo what was done to a sample.

        Args:
            data: The sample, with MetaTensors that remember what was done to them.

        Returns:
            A new dictionary.
        """
        sample = dict(data)
        done = False
        for key in self.key_iterator(sample):
            done = bool(self.pop_transform(sample[key])[TraceKeys.DO_TRANSFORM])
            if done:
                with self.flipper.trace_transform(False):
                    sample[key] = self.flipper(sample[key])
        self._exchange(sample, done=done)
        return sample

    def _may_flip(self, sample: dict[Hashable, Any]) -> bool:
        """Whether there is an array that the words would follow, and the words stay within the op's budget."""
        if not any(True for _ in self.key_iterator(sample)):
            return False
        texts = [_text(sample, key) for key in self.text_keys]
        budget = self.op.budget
        return budget is None or not any(budget.exceeded(texts, [self.op.parser.mirror(text) for text in texts]))

    def _exchange(self, sample: dict[Hashable, Any], *, done: bool) -> None:
        """Exchange left and right in the sample's words and bits, where it was flipped."""
        for key in self.text_keys:
            text = _text(sample, key)
            sample[key] = self.op.parser.mirror(text) if done else text
        if self.positions_key is not None:
            positions = _positions(sample, self.positions_key, len(self.op.atlas))
            sample[self.positions_key] = positions[list(self.op.atlas.mirror)] if done else positions


class _TextOpd(Randomizable, MapTransform):
    """An op on words alone, of one sample."""

    op_type: ClassVar[type[TextOp]]

    def __init__(
        self,
        keys: KeysCollection,
        op: TextOp,
        *,
        positions_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        if not isinstance(op, self.op_type):
            raise InvalidTypeError(f"Expected `op` to be a {self.op_type.__name__}, but got {type(op).__name__}.")
        if positions_key is not None and len(self.keys) > 1:
            raise InvalidValueError(f"Expected one text key beside `positions_key`, but got {self.keys}.")
        self.op = op
        self.positions_key = positions_key
        self._seed = 0

    def randomize(self, data: Any = None) -> None:
        """Draw the seed from which the choices within a sample follow."""
        self._seed = int(self.R.randint(2**31))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Alter the texts of a sample.

        Args:
            data: The sample.

        Returns:
            A new dictionary.

        Raises:
            InvalidTypeError: A text is no string, or the positions are no bool or integer tensor.
            InvalidValueError: The positions have another shape.
        """
        sample = dict(data)
        self.randomize()
        for key in self.key_iterator(sample):
            positions = None
            if self.positions_key is not None and self.positions_key in sample:
                positions = _positions(sample, self.positions_key, len(self.op.atlas)).unsqueeze(0)
            generator = torch.Generator().manual_seed(self._seed)
            out = self.op(None, [_text(sample, key)], positions=positions, generator=generator)
            sample[key] = out.texts[0]
            if self.positions_key is not None:
                sample[self.positions_key] = out.positions[0]
        return sample


class PosAugd(_TextOpd):
    """`PosAug` of one sample: its position phrases are masked, fuzzed or coarsened.

    Args:
        keys: Keys of the texts.
        op: What is done to each phrase.
        positions_key: Where to write the (K,) bool positions that hold afterwards; read too where the sample has
            them. Needs a single text key. None writes none.
        allow_missing_keys: Whether a sample may lack one of ``keys``.

    Raises:
        InvalidTypeError: ``op`` is no PosAug.
        InvalidValueError: ``positions_key`` is given with several text keys.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES, PosAug, PositionParser
        >>> from crossmodal_aug.integrations.monai import PosAugd
        >>> blur = PosAugd("text", PosAug(PositionParser(LUNG_ZONES), phrase_p=1.0, mode="coarsen"))
        >>> blur.set_random_state(seed=0)({"text": "Opacity in the lower left lung."})["text"]
        'Opacity in the left lung.'

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw a sample, the same for all of its texts.
    """

    op_type = PosAug


class Rewordd(_TextOpd):
    """`Reword` of one sample: it says the same in other words.

    Args:
        keys: Keys of the texts.
        op: How they are reworded.
        positions_key: Where to write the (K,) bool positions; read too where the sample has them. Needs a single
            text key. None writes none.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a Reword.
        InvalidValueError: `positions_key` is given with several text keys.

    Example:
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, Reword
        >>> from crossmodal_aug.integrations.monai import Rewordd
        >>> reword = Rewordd("text", Reword(PositionParser(LUNG_ZONES), p=1.0, frames=["first"]))
        >>> reword({"text": "Two infected areas, lower left lung."})["text"]
        'Lower left lung: infiltrates.'

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw a sample, the same for all of its texts.
    """

    op_type = Reword


def _text(sample: Mapping[Hashable, Any], key: Hashable) -> str:
    if key not in sample:
        raise InvalidValueError(f"Expected a sample with the text key {key!r}, but it has {list(sample)}.")
    if not isinstance(sample[key], str):
        raise InvalidTypeError(f"Expected {key!r} to be a string, but got {type(sample[key]).__name__}.")
    return str(sample[key])


def _positions(sample: Mapping[Hashable, Any], key: Hashable, regions: int) -> Tensor:
    if key not in sample:
        raise InvalidValueError(f"Expected a sample with the positions key {key!r}, but it has {list(sample)}.")
    value = sample[key]
    return check_positions(str(key), value.unsqueeze(0) if isinstance(value, Tensor) else value, (1, regions))[0]
