"""What `itcl_loss` accepts; each check says what was expected and what came."""

import math
from typing import Any

import torch
from torch import Tensor

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.affinity import check_multi_hot

TEMPERATURES = (1e-6, 1e6)
"""Range in which float32 similarities and their sums stay finite with room to spare."""


def check_settings(temperature: float, chunk_size: int, reduction: str) -> None:
    """Raise unless the settings of the loss can be used."""
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)):
        raise InvalidTypeError(f"Expected `temperature` to be a float, but got {type(temperature).__name__}.")
    lowest, highest = TEMPERATURES
    if not lowest <= temperature <= highest:
        raise InvalidValueError(f"Expected `temperature` in [{lowest}, {highest}], but got {shown(temperature)}.")
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int):
        raise InvalidTypeError(f"Expected `chunk_size` to be an int, but got {type(chunk_size).__name__}.")
    if chunk_size < 0:
        raise InvalidValueError(f"Expected `chunk_size` of 0 (all rows at once) or more, but got {shown(chunk_size)}.")
    if reduction not in ("mean", "sum", "none"):
        raise InvalidValueError(f"Expected `reduction` of 'mean', 'sum' or 'none', but got {shown(reduction)}.")


def check_flags(**flags: object) -> None:
    """Raise unless each flag, given by name, is a bool."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise InvalidTypeError(f"Expected `{name}` to be a bool, but got {type(value).__name__}.")


def check_embeddings(images: Tensor, texts: Tensor, prefix: str = "") -> None:
    """Raise unless both are floating (N, D) tensors of one shape and device."""
    image_name, text_name = f"{prefix}image_embeddings", f"{prefix}text_embeddings"
    for name, value in ((image_name, images), (text_name, texts)):
        _check_tensor(name, value)
        if not value.is_floating_point():
            raise InvalidTypeError(f"Expected `{name}` of a floating dtype, but got {value.dtype}.")
        if value.ndim != 2:
            raise InvalidValueError(f"Expected `{name}` of shape (N, D), but got {tuple(value.shape)}.")
    if texts.shape != images.shape:
        raise InvalidValueError(f"Expected `{text_name}` of shape {tuple(images.shape)}, but got {tuple(texts.shape)}.")
    _check_device(text_name, texts, images)
    if images.is_meta:
        raise InvalidValueError(f"Expected `{image_name}` on a device that holds values, but it is on meta.")


def check_labels(labels: Tensor | None, embeddings: Tensor, affinity: Any, prefix: str = "") -> None:
    """Raise unless the labels are what the affinity needs: multi-hot for Jaccard, N rows for a function."""
    if isinstance(affinity, Tensor) and labels is None:
        return
    name = f"{prefix}positions"
    if labels is None:
        raise InvalidValueError(f"Expected `{name}` with {len(embeddings)} rows, but got None.")
    if callable(affinity):
        _check_tensor(name, labels)
    else:
        check_multi_hot(labels, name)
    if labels.ndim == 0 or len(labels) != len(embeddings):
        expected = f"({len(embeddings)}, ...)" if callable(affinity) else f"({len(embeddings)}, K)"
        raise InvalidValueError(f"Expected `{name}` of shape {expected}, but got {tuple(labels.shape)}.")
    _check_device(name, labels, embeddings)


def check_references(
    images: Tensor | None,
    texts: Tensor | None,
    labels: Tensor | None,
    batch: tuple[Tensor, Tensor | None],
    affinity: Any,
) -> None:
    """Raise unless there are no references, or whole ones that fit the batch's (embeddings, labels)."""
    if images is None or texts is None:
        given = [
            f"`ref_{name}`"
            for name, value in (
                ("image_embeddings", images),
                ("text_embeddings", texts),
                ("positions", labels),
            )
            if value is not None
        ]
        if given:
            raise InvalidValueError(
                "Expected `ref_image_embeddings`, `ref_text_embeddings` and `ref_positions` together, "
                f"but got only {' and '.join(given)}."
            )
        return
    embeddings, batch_labels = batch
    check_embeddings(images, texts, "ref_")
    check_labels(labels, images, affinity, "ref_")
    pairs = [("ref_image_embeddings", images, embeddings)]
    if labels is not None and batch_labels is not None:
        pairs.append(("ref_positions", labels, batch_labels))
    for name, value, own in pairs:
        if value.shape[1:] != own.shape[1:]:
            expected = ", ".join(map(str, ("R", *own.shape[1:])))
            raise InvalidValueError(f"Expected `{name}` of shape ({expected}), but got {tuple(value.shape)}.")
    _check_device("ref_image_embeddings", images, embeddings)


def check_affinity(affinity: Any, shape: tuple[int, int], embeddings: Tensor, *, gather: bool) -> None:
    """Raise unless `affinity` is None, a callable, or a non-negative matrix of the shape."""
    if affinity is None or (callable(affinity) and not isinstance(affinity, Tensor)):
        return
    if not isinstance(affinity, Tensor):
        raise InvalidTypeError(f"Expected `affinity` to be a callable or a tensor, but got {type(affinity).__name__}.")
    if gather:
        raise InvalidValueError(
            "Expected `affinity` to be a callable when gathering over ranks, but got a matrix, "
            "which knows only this rank's samples."
        )
    _check_real("affinity", affinity)
    if tuple(affinity.shape) != shape:
        raise InvalidValueError(f"Expected `affinity` of shape {shape}, but got {tuple(affinity.shape)}.")
    _check_device("affinity", affinity, embeddings)
    _check_non_negative("affinity", affinity)


def check_affinity_block(weight: Any, shape: tuple[int, int]) -> None:
    """Raise unless an own affinity function returned a non-negative matrix of the shape."""
    _check_tensor("affinity(...)", weight)
    _check_real("affinity(...)", weight)
    if tuple(weight.shape) != shape:
        raise InvalidValueError(
            f"Expected `affinity` to return a matrix of shape {shape}, but got {tuple(weight.shape)}."
        )
    _check_non_negative("affinity(...)", weight)


def check_weights(weights: Tensor | None, embeddings: Tensor) -> None:
    """Raise unless there are no weights or one non-negative weight for each sample."""
    if weights is None:
        return
    _check_tensor("weights", weights)
    _check_real("weights", weights)
    if weights.shape != embeddings.shape[:1]:
        raise InvalidValueError(f"Expected `weights` of shape ({len(embeddings)},), but got {tuple(weights.shape)}.")
    _check_device("weights", weights, embeddings)
    _check_non_negative("weights", weights)


def check_logit_scale(logit_scale: Tensor | None, embeddings: Tensor) -> None:
    """Raise unless there is no logit scale, or a floating scalar on the embeddings' device."""
    if logit_scale is None:
        return
    _check_tensor("logit_scale", logit_scale)
    if not logit_scale.is_floating_point():
        raise InvalidTypeError(f"Expected `logit_scale` of a floating dtype, but got {logit_scale.dtype}.")
    if logit_scale.ndim != 0:
        raise InvalidValueError(f"Expected `logit_scale` of shape (), but got {tuple(logit_scale.shape)}.")
    _check_device("logit_scale", logit_scale, embeddings)


def _check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise InvalidTypeError(f"Expected `{name}` to be a tensor, but got {type(value).__name__}.")


def _check_real(name: str, value: Tensor) -> None:
    if value.layout != torch.strided:
        raise InvalidTypeError(f"Expected `{name}` to be a dense tensor, but got one of layout {value.layout}.")
    if value.is_complex():
        raise InvalidTypeError(f"Expected `{name}` of a real dtype, but got {value.dtype}.")


def _check_device(name: str, value: Tensor, other: Tensor) -> None:
    if value.device != other.device:
        raise InvalidValueError(f"Expected `{name}` on {other.device}, but it is on {value.device}.")


def _check_non_negative(name: str, value: Tensor) -> None:
    # Looking at values would make an accelerator wait, and a trace cannot branch on them.
    if value.numel() == 0 or value.device.type != "cpu" or torch.compiler.is_compiling():
        return
    lowest, highest = (bound.item() for bound in value.detach().aminmax())
    if not (lowest >= 0 and math.isfinite(highest)):
        raise InvalidValueError(
            f"Expected `{name}` to be finite and non-negative, but got values from {lowest} to {highest}."
        )
