"""torchvision: `CrossModalTransform` is an op as a v2 transform of dictionaries and tuples."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError, shown
from crossmodal_aug.functional.checks import check_generator
from crossmodal_aug.integrations.axes import check_width_axis
from crossmodal_aug.integrations.paths import Key, get, keys_in, path_of
from crossmodal_aug.integrations.samples import SampleKeys, alter_batch, check_keys, check_op, check_sample, ops_of

try:
    from torchvision import tv_tensors
    from torchvision.transforms import v2
except ImportError as error:
    raise MissingDependencyError(
        "Expected torchvision to be installed: pip install 'crossmodal-aug[torchvision]'."
    ) from error


class CrossModalTransform(v2.Transform):  # type: ignore[misc]
    """Applies an op to a dictionary, a single sample or a batch, within `v2.Compose` or on its own.

    A sample has an image (C, H, W) and a text; a batch has images (B, C, H, W) and a list of texts. As everywhere in
    torchvision, every `tv_tensors.Image`, `Mask` and `Video` of the dictionary is altered, whatever its key. With
    integer keys it takes a tuple instead, or several inputs, as a pipeline of torchvision's data sets hands them on.

    Args:
        op: Any op, one of your own too, or a `CrossModalSequential` of several. One that mixes samples (its `mixes`)
            takes batches only.
        keys: Where the dictionary keeps image, text, mask and the like. Tensors under them are altered too.
        generator: Source of randomness; None takes torch's global one, which a DataLoader seeds for each worker. In
            worker processes leave it at None: each would draw the same numbers from its copy of a generator.
        width_axis: Which spatial axis runs from left to right, counted without batch and channel: 1 for (C, H, W), 0
            for (C, W, H). None takes what a MetaTensor records, or else the last.

    Raises:
        InvalidTypeError: `op` is not an op of this library, or another argument has the wrong type.
        InvalidValueError: There is no axis `width_axis`.

    Examples:
        >>> import torch
        >>> from torchvision import tv_tensors
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.torchvision import CrossModalTransform
        >>> transform = CrossModalTransform(SyncFlip(PositionParser(LUNG_ZONES), p=1.0))
        >>> mask = tv_tensors.Mask(torch.tensor([[1, 0]]))
        >>> out = transform({"image": torch.rand(1, 1, 2), "text": "Left base opacity.", "mask": mask})
        >>> out["mask"], out["text"]
        (Mask([[0, 1]]), 'Right base opacity.')

    Convention:
        - Classes, dtypes and channels-last memory format are kept: a Mask stays a Mask, int64 stays int64.
        - Written beside the altered entries, where `keys` have a place for it: positions, (K,) or (B, K) bool,
          accepted, () or (B,) bool, reason, () or (B,) int8 (`Reason`), and params. Those of a single sample are of a
          batch of one, and torch's `default_collate` does not take them.
        - Boxes and keypoints raise where the op moves pixels (its `moves_pixels`): they would no longer fit. Beside
          `Focus`, which moves none, they stay, those of what the caption no longer names too.
    """

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        keys: SampleKeys | None = None,
        generator: torch.Generator | None = None,
        width_axis: int | None = None,
    ) -> None:
        super().__init__()
        check_generator(generator)
        self.op = check_op(op)
        self.keys = check_keys(keys)
        self.generator = generator
        self.width_axis = check_width_axis(width_axis)

    def forward(self, *inputs: Any) -> Any:
        """Alter a sample or a batch.

        Args:
            *inputs: One dictionary; or with integer keys one tuple, or its entries.

        Returns:
            A new one of the same kind.

        Raises:
            InvalidTypeError: The input is of another kind, or holds boxes or keypoints that would no longer fit, or a
                tv_tensor inside another container that no key names.
            InvalidValueError: A key is missing, entries do not fit together, a mixing op got a single sample, or a
                MetaTensor's record contradicts `width_axis`.
        """
        several = len(inputs) > 1 and all(isinstance(path_of(key)[0], int) for key in self.keys.read())
        if len(inputs) != 1 and not several:
            raise InvalidTypeError(f"Expected one dictionary, but got {len(inputs)} inputs.")
        sample = check_sample(inputs if several else inputs[0], self.keys)
        keys = self._with_further_maps(sample)
        single = self._is_single(sample)
        return alter_batch(self.op, sample, keys, self.generator, width_axis=self.width_axis, single=single)

    def _with_further_maps(self, sample: Any) -> SampleKeys:
        """The keys, and beside them every image-like tv_tensor that they do not name."""
        named = {path_of(key) for key in (*self.keys.read(), *self.keys.written())}
        kinds = (tv_tensors.BoundingBoxes, *((tv_tensors.KeyPoints,) if hasattr(tv_tensors, "KeyPoints") else ()))
        coordinates: list[Key] = []
        further: list[Key] = []
        for key in keys_in(sample):
            for path, leaf in _leaves(sample[key], (key,), named):
                if isinstance(leaf, kinds):
                    coordinates.append(path[0] if len(path) == 1 else path)
                elif isinstance(leaf, tv_tensors.TVTensor) and len(path) == 1:
                    further.append(key)
                elif isinstance(leaf, tv_tensors.TVTensor) and self.op.moves_pixels:
                    raise InvalidTypeError(
                        f"Expected every tv_tensor under a key of its own, but {shown(key)} is a "
                        f"{type(sample[key]).__name__} that holds one, which would be left as it was: name it in "
                        f"`maps`, as {shown(path)}."
                    )
        if coordinates and self.op.moves_pixels:
            raise InvalidTypeError(
                f"Expected no boxes or keypoints, which {type(self.op).__name__} cannot move, but got some under "
                f"{coordinates}."
            )
        return replace(self.keys, maps=(*self.keys.maps, *further))

    def _is_single(self, sample: Any) -> bool:
        text = None if self.keys.text is None else get(sample, self.keys.text)
        image = None if self.keys.image is None else get(sample, self.keys.image)
        single = isinstance(text, str) if text is not None else isinstance(image, Tensor) and image.ndim == 3
        mixing = [type(op).__name__ for op in ops_of(self.op) if op.mixes]
        if single and mixing:
            raise InvalidValueError(
                f"Expected a batch, from which {' and '.join(mixing)} can take donors, but got a single sample: apply "
                "it to what the DataLoader returns, or use CrossModalCollate."
            )
        return single


def _leaves(value: Any, path: tuple[Any, ...], named: set[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], Any]]:
    """Everything within a value that no key names, with its path."""
    if path in named:
        return []
    if isinstance(value, Tensor):
        return [(path, value)]
    if isinstance(value, (Mapping, tuple, list)):
        return [leaf for key in keys_in(value) for leaf in _leaves(value[key], (*path, key), named)]
    return [((*path, type(value).__name__), leaf) for leaf in tree_flatten(value)[0] if isinstance(leaf, Tensor)]
