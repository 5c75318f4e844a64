"""torchvision: `CrossModalTransform` is an op as a v2 transform of dictionaries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.augment.t_patch_mix import TPatchMix
from crossmodal_aug.augment.text_op import TextOp
from crossmodal_aug.augment.zone_mix import ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, MissingDependencyError
from crossmodal_aug.functional.checks import check_generator, check_tensor
from crossmodal_aug.integrations.samples import SampleKeys, alter_batch, check_op, check_sample

try:
    from torchvision import tv_tensors
    from torchvision.transforms import v2
except ImportError as error:
    raise MissingDependencyError(
        "Expected torchvision to be installed: pip install 'crossmodal-aug[torchvision]'."
    ) from error


class CrossModalTransform(v2.Transform):  # type: ignore[misc]
    """Applies an op to a dictionary, a single sample or a batch, within ``v2.Compose`` or on its own.

    A sample has an image (C, H, W) and a text; a batch has images (B, C, H, W) and a list of texts. As everywhere in
    torchvision, every ``tv_tensors.Image``, ``Mask`` and ``Video`` of the dictionary is altered, whatever its key.

    Args:
        op: Any op, or a `CrossModalSequential` of several. `TPatchMix` and `ZoneMix` mix samples and take batches.
        keys: Where the dictionary keeps image, text, mask and the like. Tensors under them are altered too.
        generator: Source of randomness; None takes torch's global one, which a DataLoader seeds for each worker. In
            worker processes leave it at None: each would draw the same numbers from its copy of a generator.

    Raises:
        InvalidTypeError: ``op`` is no op of this library, or another argument has the wrong type.

    Example:
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
        - Types and dtypes are kept: a Mask stays a Mask, int64 stays int64, metadata included.
        - Written beside the altered entries: positions, (K,) or (B, K) bool, and accepted, () or (B,) bool.
        - Boxes and keypoints in the dictionary raise, unless the op is `PosAug` or `Reword`: they would no longer fit.
    """

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        keys: SampleKeys | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if keys is not None and not isinstance(keys, SampleKeys):
            raise InvalidTypeError(f"Expected `keys` to be SampleKeys, but got {type(keys).__name__}.")
        check_generator(generator)
        self.op = check_op(op)
        self.keys = keys or SampleKeys()
        self.generator = generator

    def forward(self, *inputs: Any) -> dict[str, Any]:
        """Alter a sample or a batch.

        Args:
            *inputs: One dictionary.

        Returns:
            A new dictionary of the same kind.

        Raises:
            InvalidTypeError: The input is no dictionary, or holds boxes or keypoints, or a tv_tensor inside another
                container.
            InvalidValueError: A key is missing, entries do not fit together, or a mixing op got a single sample.
        """
        if len(inputs) != 1:
            raise InvalidTypeError(f"Expected one dictionary, but got {len(inputs)} inputs.")
        sample = check_sample(inputs[0], self.keys)
        keys = self._with_further_maps(sample)
        tensors = [key for key in (keys.image, keys.mask, *keys.maps) if key is not None]
        plain = {**sample, **{key: _plain(key, sample[key]) for key in tensors}}
        single = self._is_single(sample)
        if single:
            plain = _batch_of_one(plain, keys, tensors)
        out = alter_batch(self.op, plain, keys, self.generator)
        if single:
            for key in (*tensors, keys.positions, keys.accepted, *(() if keys.text is None else (keys.text,))):
                out[key] = out[key][0]
        for key in tensors:
            if isinstance(sample[key], tv_tensors.TVTensor):
                out[key] = tv_tensors.wrap(out[key], like=sample[key])
        return out

    def _with_further_maps(self, sample: Mapping[str, Any]) -> SampleKeys:
        """The keys, and beside them every image-like tv_tensor that they do not name."""
        _check_flat(sample)
        kinds = (tv_tensors.BoundingBoxes, *((tv_tensors.KeyPoints,) if hasattr(tv_tensors, "KeyPoints") else ()))
        coordinates = [key for key, value in sample.items() if isinstance(value, kinds)]
        if coordinates and not isinstance(self.op, TextOp):
            raise InvalidTypeError(
                f"Expected no boxes or keypoints, which {type(self.op).__name__} cannot move, but got some under "
                f"{coordinates}."
            )
        image_like = (tv_tensors.Image, tv_tensors.Mask, tv_tensors.Video)
        known = {*self.keys.read(), self.keys.positions, self.keys.accepted}
        further = [key for key, value in sample.items() if isinstance(value, image_like) and key not in known]
        return replace(self.keys, maps=(*self.keys.maps, *further))

    def _is_single(self, sample: Mapping[str, Any]) -> bool:
        text = None if self.keys.text is None else sample[self.keys.text]
        image = None if self.keys.image is None else sample[self.keys.image]
        single = isinstance(text, str) if text is not None else isinstance(image, Tensor) and image.ndim == 3
        ops = self.op.ops if isinstance(self.op, CrossModalSequential) else [self.op]
        mixing = [type(op).__name__ for op in ops if isinstance(op, (TPatchMix, ZoneMix))]
        if single and mixing:
            raise InvalidValueError(
                f"Expected a batch, from which {' and '.join(mixing)} can take donors, but got a single sample: apply "
                "it to what the DataLoader returns, or use CrossModalCollate."
            )
        return single


def _check_flat(sample: Mapping[str, Any]) -> None:
    """Raise where a tv_tensor lies deeper than under a key of its own: it would stay as it was."""
    for key, value in sample.items():
        if isinstance(value, Tensor):
            continue
        leaves, _ = tree_flatten(value)
        if any(isinstance(leaf, tv_tensors.TVTensor) for leaf in leaves):
            raise InvalidTypeError(
                f"Expected every tv_tensor under a key of its own, but {key!r} is a {type(value).__name__} that holds "
                "one, which would be left as it was."
            )


def _plain(key: str, value: object) -> Tensor:
    tensor = check_tensor(key, value)
    return tensor.as_subclass(Tensor) if isinstance(tensor, tv_tensors.TVTensor) else tensor


def _batch_of_one(sample: Mapping[str, Any], keys: SampleKeys, tensors: list[str]) -> dict[str, Any]:
    batch = dict(sample)
    for key in (*tensors, *((keys.positions,) if keys.positions in sample else ())):
        batch[key] = check_tensor(key, batch[key]).unsqueeze(0)
    if keys.text is not None:
        batch[keys.text] = [batch[keys.text]]
    return batch
