"""What a kornia pipeline did to each sample, as one matrix, and which modules can be read so."""

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
) -> Tensor:
    """Return what the last call of a pipeline did, on (x, y) in shares of the image.

    Args:
        pipeline: The pipeline, which keeps the parameters of its last call.
        like: A tensor of the dtype and device of the result.
        size: (H, W) of the input.
        output_size: (H, W) of the output.

    Returns:
        (B or 1, 3, 3), from source to result.
    """
    pixels = _matrices(pipeline, cast(list[ParamItem], pipeline._params), like)
    return to_shares(pixels, size, output_size)


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


def _matrices(container: nn.Module, params: list[ParamItem], like: Tensor) -> Tensor:
    """Product of the matrices of everything that ran, innermost first: (B or 1, 3, 3) float32.

    Worked out from the recorded parameters: kornia's own product leaves out a nested `ImageSequential`, and a
    child that ran twice only remembers its last matrix.
    """
    total = torch.eye(3, dtype=like.dtype, device=like.device).unsqueeze(0)
    for item in params:
        module = container.get_submodule(item.name)
        module = module.op if isinstance(module, OperationBase) else module
        if isinstance(module, ImageSequentialBase):
            step = _matrices(module, cast(list[ParamItem], item.data), like)
        elif isinstance(module, K.GeometricAugmentationBase2D):
            step = SequentialOpsInterface.get_transform_matrix(module, item, like)
        else:
            continue
        total = step.to(like) @ total
    return total


def _unreadable(module: object) -> InvalidTypeError:
    return InvalidTypeError(
        "Expected `pipeline` to hold kornia augmentations with a transformation matrix, or kornia filters, colour and "
        f"enhancement modules, but got {type(module).__name__}: what it does to a caption cannot be read. "
        "Run it on its own, beside KorniaSync."
    )
