"""CrossModalBatch: an op on the batches of any loader; needs no other library."""

from __future__ import annotations

from typing import Any

import torch

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.functional.checks import check_generator
from crossmodal_aug.integrations.axes import check_width_axis
from crossmodal_aug.integrations.samples import SampleKeys, alter_batch, check_keys, check_op


class CrossModalBatch:
    """Applies an op to a batch as its loader hands it over, on whatever device that is.

    Args:
        op: Any op, one of your own too, or a `CrossModalSequential` of several.
        keys: Where the batch, a dictionary or a tuple, keeps images, texts, masks and the like.
        width_axis: Which spatial axis of images, masks and maps runs from left to right, counted without batch and
            channel: 1 for (B, C, H, W), 0 for (B, C, W, H), as MONAI's readers load. None takes what a MetaTensor
            records, or else the last.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: There is no such axis.

    Examples:
        >>> import torch
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.batch import CrossModalBatch
        >>> from crossmodal_aug.integrations.samples import SampleKeys
        >>> keys = SampleKeys(image=0, text=(1, "caption"), mask=None, positions=(1, "positions"), accepted=None)
        >>> flip = CrossModalBatch(SyncFlip(PositionParser(LUNG_ZONES), p=1.0), keys=keys, width_axis=0)
        >>> image, words = flip((torch.tensor([[[[1], [2]]]]), {"caption": ["Left base opacity."]}))
        >>> image.tolist(), words["caption"]
        ([[[[2], [1]]]], ['Right base opacity.'])

    Convention:
        - Shapes: (B, C, H, W), (B, C, W, H) or (B, C, D, H, W), any dtype. Dtype, class (MetaTensor, tv_tensors) and
          channels-last memory format are kept; where pixels were moved as a whole, the affine of a MetaTensor follows.
        - Written beside the altered entries, where `keys` have a place for it: positions (B, K) bool, accepted (B,)
          bool, reason (B,) int8 (`Reason`), and params. With these, `op.replay` and `op.rewrite` do the same to more.
          They take tensors with the width last, whatever `width_axis`.
    """

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        keys: SampleKeys | None = None,
        width_axis: int | None = None,
    ) -> None:
        self.op = check_op(op)
        self.keys = check_keys(keys)
        self.width_axis = check_width_axis(width_axis)

    def __repr__(self) -> str:
        return f"CrossModalBatch({self.op!r}, keys={self.keys!r}, width_axis={self.width_axis!r})"

    def __call__(self, batch: Any, donors: Any = None, *, generator: torch.Generator | None = None) -> Any:
        """Alter a batch.

        Args:
            batch: Dictionary or tuple with B samples.
            donors: A second batch of the same layout to take pixels from; None takes them from this one.
            generator: Source of randomness; None takes torch's global one.

        Returns:
            A new batch of the same kind. No input is changed.

        Raises:
            InvalidTypeError: The batch is neither a dictionary nor a tuple, or an entry has the wrong type.
            InvalidValueError: A key is missing, entries do not fit together, or the axes that a MetaTensor records
                contradict `width_axis`, or leave open what that is.
        """
        check_generator(generator)
        return alter_batch(self.op, batch, self.keys, generator, width_axis=self.width_axis, donors=donors)
