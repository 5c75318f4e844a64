"""What a kornia pipeline did to each sample, as one matrix, and which modules can be read so."""

from collections.abc import Iterator
from itertools import accumulate
from typing import cast

import kornia.augmentation as K
import torch
from kornia.augmentation.auto.base import PolicyAugmentBase
from kornia.augmentation.auto.operations.base import OperationBase
from kornia.augmentation.container.base import ImageSequentialBase
from kornia.augmentation.container.ops import SequentialOpsInterface
from kornia.augmentation.container.params import ParamItem
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidTypeError
from crossmodal_aug.functional.pixels import to_shares

# Modules that work on values alone and so move nothing.
_VALUES_ONLY = ("kornia.color", "kornia.enhance", "kornia.filters")


def shares_of(
    pipeline: K.AugmentationSequential, like: Tensor, size: tuple[int, int], output_size: tuple[int, int]
) -> list[Tensor]:
    """Return what the last call of a pipeline had done after each step, on (x, y) in shares of the image there.

    Args:
        pipeline: The pipeline, which keeps the parameters of its last call.
        like: A tensor of the dtype and device of the result.
        size: (H, W) of the input.
        output_size: (H, W) of the output.

    Returns:
        (B or 1, 3, 3) for each step that moves pixels, from source to what the step returned. The last is the whole.
    """
    total = torch.eye(3, dtype=like.dtype, device=like.device).unsqueeze(0)
    steps = list(_steps(pipeline, cast(list[ParamItem], pipeline._params), like))
    totals = list(accumulate((step for step, _ in steps), lambda done, step: step @ done, initial=total))[1:]
    # What a step returned has the size that the next one took in.
    sizes = [*(taken for _, taken in steps[1:]), output_size]
    return [to_shares(pixels, size, after) for pixels, after in zip(totals or [total], sizes, strict=True)]


def check_readable(module: object) -> None:
    """Raise unless every module that could move pixels has a matrix to read.

    Args:
        module: A pipeline.

    Raises:
        InvalidTypeError: One has none.
    """
    if isinstance(module, OperationBase):
        check_readable(module.op)
    elif isinstance(module, (K.PatchSequential, K.VideoSequential)):
        if isinstance(module, K.VideoSequential) or not module.is_intensity_only():
            raise _unreadable(module)
    elif isinstance(module, (ImageSequentialBase, PolicyAugmentBase)):
        for child in module.children():
            check_readable(child)
    elif isinstance(module, K.RandomErasing) or (
        not isinstance(module, (K.GeometricAugmentationBase2D, K.IntensityAugmentationBase2D))
        and not (isinstance(module, nn.Module) and type(module).__module__.startswith(_VALUES_ONLY))
    ):
        raise _unreadable(module)


def is_exact(module: object, *, is_square: bool) -> bool:
    """Return whether a readable pipeline does no more than flip images, or turn them by quarters.

    Args:
        module: The pipeline.
        is_square: Whether images are; the others a quarter turn cuts.

    Returns:
        Whether each image shows all that it showed before, in whole pixels.
    """
    if isinstance(module, OperationBase):
        return is_exact(module.op, is_square=is_square)
    if isinstance(module, (ImageSequentialBase, PolicyAugmentBase)):
        return all(is_exact(child, is_square=is_square) for child in module.children())
    exact = (K.RandomHorizontalFlip, K.RandomVerticalFlip, *((K.RandomRotation90,) if is_square else ()))
    return not isinstance(module, K.GeometricAugmentationBase2D) or isinstance(module, exact)


def _steps(container: nn.Module, params: list[ParamItem], like: Tensor) -> Iterator[tuple[Tensor, tuple[int, int]]]:
    """Yield of each step that moved pixels its matrix, (B or 1, 3, 3) float32, and the (H, W) that it took in.

    Worked out from the recorded parameters: kornia's own product leaves out a nested `ImageSequential`, and a
    child that ran twice only remembers its last matrix.
    """
    for item in params:
        module = container.get_submodule(item.name)
        module = module.op if isinstance(module, OperationBase) else module
        if isinstance(module, ImageSequentialBase):
            yield from _steps(module, cast(list[ParamItem], item.data), like)
        elif isinstance(module, K.GeometricAugmentationBase2D):
            matrix = SequentialOpsInterface.get_transform_matrix(module, item, like)
            yield matrix.to(like), _size_taken(cast(dict[str, Tensor], item.data))


def _size_taken(params: dict[str, Tensor]) -> tuple[int, int]:
    """(H, W) of what a step took in; a crop that pads first has recorded that of the padded images."""
    height, width = params["forward_input_shape"].tolist()[-2:]
    padding = params.get("padding_size")
    if padding is not None and len(padding) > 0:
        left, right, top, bottom = padding[0].tolist()
        return height - top - bottom, width - left - right
    return height, width


def _unreadable(module: object) -> InvalidTypeError:
    return InvalidTypeError(
        "Expected `pipeline` to hold kornia augmentations with a transformation matrix, or kornia filters, colour and "
        f"enhancement modules, but got {type(module).__name__}: what it does to a caption cannot be read. "
        "Run it on its own, beside KorniaSync."
    )
