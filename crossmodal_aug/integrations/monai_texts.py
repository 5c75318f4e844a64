"""MONAI: the ops on words alone, as dictionary transforms."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.augment.pos_aug import PosAug
from crossmodal_aug.augment.reword import Reword
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError, shown
from crossmodal_aug.functional.checks import check_positions
from crossmodal_aug.integrations.calls import reason_of
from crossmodal_aug.integrations.samples import check_op, ops_of

try:
    from monai.config.type_definitions import KeysCollection
    from monai.transforms.transform import MapTransform, Randomizable
except ImportError as error:
    raise MissingDependencyError("Expected MONAI to be installed: pip install 'crossmodal-aug[monai]'.") from error


class TextOpd(Randomizable, MapTransform):
    """Any op on words alone, one of your own too, of one sample; `PosAugd` and `Rewordd` are the library's.

    Args:
        keys: Keys of the texts.
        op: An op that leaves images where they are (its `moves_pixels`) and needs none, as a `TextOp` does; or a
            `CrossModalSequential` of such ops.
        positions_key: Where to write the (K,) bool positions that hold afterwards; read too where the sample has
            them. Needs a single text key. None writes none.
        accepted_key: Where to write whether the text was altered, () bool. Needs a single text key. None writes none.
        reason_key: Where to write why it was left alone, () int8, a code of `Reason`. Needs a single text key. None
            writes none.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not an op.
        InvalidValueError: `op` moves pixels, keys are the same, or `positions_key`, `accepted_key` or `reason_key` is
            given with several text keys.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PosAug, PositionParser, Reword
        >>> from crossmodal_aug.integrations.monai import TextOpd
        >>> parser = PositionParser(LUNG_ZONES)
        >>> reword, mask = Reword(parser, p=1.0, frames=["first"]), PosAug(parser, phrase_p=1.0, mode="mask")
        >>> op = CrossModalSequential(reword, mask)
        >>> TextOpd("text", op).set_random_state(seed=0)({"text": "Two infected areas, lower left lung."})["text"]
        '[MASK]: infiltrates.'

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample, the same for all of its texts.
        - The parameters of the call are not handed on: MONAI's collation takes tensors, numbers and strings.
    """

    op_type: ClassVar[type[CrossModalOp] | None] = None

    def __init__(
        self,
        keys: KeysCollection,
        op: CrossModalOp | CrossModalSequential,
        *,
        positions_key: Hashable | None = None,
        accepted_key: Hashable | None = None,
        reason_key: Hashable | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        if self.op_type is not None and not isinstance(op, self.op_type):
            raise InvalidTypeError(f"Expected `op` to be a {self.op_type.__name__}, but got {type(op).__name__}.")
        if check_op(op).moves_pixels:
            raise InvalidValueError(
                f"Expected `op` to alter words alone, but {type(op).__name__} moves pixels: use CrossModald."
            )
        written = {"positions_key": positions_key, "accepted_key": accepted_key, "reason_key": reason_key}
        for name, key in written.items():
            if key is not None and len(self.keys) > 1:
                raise InvalidValueError(f"Expected one text key beside `{name}`, but got {self.keys}.")
        check_different(self.keys, *written.values())
        self.op = op
        self.regions = len(ops_of(op)[0].atlas)
        self.positions_key, self.accepted_key, self.reason_key = positions_key, accepted_key, reason_key
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
            InvalidTypeError: A text is not a string, or the positions are not a bool or integer tensor.
            InvalidValueError: The positions have another shape.
        """
        sample = dict(data)
        self.randomize()
        for key in self.key_iterator(sample):
            positions = None
            if self.positions_key is not None and self.positions_key in sample:
                positions = positions_of(sample, self.positions_key, self.regions).unsqueeze(0)
            generator = torch.Generator().manual_seed(self._seed)
            out = self.op(None, [text_of(sample, key)], positions=positions, generator=generator)
            sample[key] = out.texts[0]
            if self.positions_key is not None:
                sample[self.positions_key] = out.positions[0]
            note_outcome(sample, self.accepted_key, self.reason_key, reason_of(out.params)[0])
        return sample


class PosAugd(TextOpd):
    """`PosAug` of one sample: its position phrases are masked, fuzzed or coarsened.

    Args:
        keys: Keys of the texts.
        op: What is done to each phrase.
        positions_key: Where to write the (K,) bool positions that hold afterwards; read too where the sample has
            them. Needs a single text key. None writes none.
        accepted_key: As for `TextOpd`.
        reason_key: As for `TextOpd`.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a PosAug.
        InvalidValueError: `positions_key`, `accepted_key` or `reason_key` is given with several text keys.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES, PosAug, PositionParser
        >>> from crossmodal_aug.integrations.monai import PosAugd
        >>> blur = PosAugd("text", PosAug(PositionParser(LUNG_ZONES), phrase_p=1.0, mode="coarsen"))
        >>> blur.set_random_state(seed=0)({"text": "Opacity in the lower left lung."})["text"]
        'Opacity in the left lung.'

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample, the same for all of its texts.
    """

    op_type = PosAug


class Rewordd(TextOpd):
    """`Reword` of one sample: it says the same in other words.

    Args:
        keys: Keys of the texts.
        op: How they are reworded.
        positions_key: Where to write the (K,) bool positions; read too where the sample has them. Needs a single
            text key. None writes none.
        accepted_key: As for `TextOpd`.
        reason_key: As for `TextOpd`.
        allow_missing_keys: Whether a sample may lack one of `keys`.

    Raises:
        InvalidTypeError: `op` is not a Reword.
        InvalidValueError: `positions_key`, `accepted_key` or `reason_key` is given with several text keys.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, Reword
        >>> from crossmodal_aug.integrations.monai import Rewordd
        >>> reword = Rewordd("text", Reword(PositionParser(LUNG_ZONES), p=1.0, frames=["first"]))
        >>> reword({"text": "Two infected areas, lower left lung."})["text"]
        'Lower left lung: infiltrates.'

    Convention:
        - Randomness: `set_random_state`, as everywhere in MONAI; one draw per sample, the same for all of its texts.
    """

    op_type = Reword


def check_different(keys: Sequence[Hashable], *others: Hashable | None) -> None:
    """Raise `InvalidValueError` where two of the keys of a transform are the same; None is not a key."""
    names = [*keys, *(other for other in others if other is not None)]
    if len(set(names)) < len(names):
        raise InvalidValueError(f"Expected keys that differ from each other, but got {names}.")


def note_outcome(
    sample: dict[Hashable, Any], accepted_key: Hashable | None, reason_key: Hashable | None, reason: Tensor | Reason
) -> None:
    """Write into a sample whether it was altered, () bool, and why not, () int8, where there are keys for it."""
    code = torch.as_tensor(reason, dtype=torch.int8)
    if accepted_key is not None:
        sample[accepted_key] = code == int(Reason.ALTERED)
    if reason_key is not None:
        sample[reason_key] = code


def text_of(sample: Mapping[Hashable, Any], key: Hashable) -> str:
    """Return a text of a sample, or raise unless it is there and a string."""
    if key not in sample:
        raise InvalidValueError(f"Expected a sample with the text key {shown(key)}, but it has {list(sample)}.")
    if not isinstance(sample[key], str):
        raise InvalidTypeError(f"Expected {shown(key)} to be a string, but got {type(sample[key]).__name__}.")
    return str(sample[key])


def positions_of(sample: Mapping[Hashable, Any], key: Hashable, regions: int) -> Tensor:
    """Return the positions (K,) bool of a sample, or raise unless they are there and fit."""
    if key not in sample:
        raise InvalidValueError(f"Expected a sample with the positions key {shown(key)}, but it has {list(sample)}.")
    value = sample[key]
    return check_positions(str(key), value.unsqueeze(0) if isinstance(value, Tensor) else value, (1, regions))[0]
