"""A memory of past batches whose samples serve as further columns of the contrastive loss."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError, shown
from crossmodal_aug.functional.affinity_rows import AffinityFunction
from crossmodal_aug.functional.contrastive import ITCLParts
from crossmodal_aug.functional.contrastive_checks import check_embeddings, check_labels
from crossmodal_aug.functional.distributed import gather_row_counts, gather_rows, world_size
from crossmodal_aug.losses.itcl import ITCLoss

MEMORY = ("image_embeddings", "text_embeddings", "positions")


class ITCQueue(nn.Module):
    """Wraps `ITCLoss` with the last samples seen, Cross-Batch Memory (arXiv 1912.06798).

    Experimental: may change in every version.

    A call returns the loss of the batch with the remembered samples as references, then remembers the batch in
    place of the oldest samples. So small batches meet many negatives and soft positives at the price of a few
    rows.

    Convention:
        - Remembered embeddings carry no gradient.
        - In eval mode the memory is read and not written.
        - A pair with an embedding that is not finite is not remembered. Finding it costs an accelerator one wait
          per call; under `torch.compile` values are not looked at.
        - The memory takes width and label shape from the first batch; the dtypes of what it holds and of a new
          batch promote to the wider. Labels that Jaccard compares are kept as bool.
        - `state_dict` holds the memory whole, and loading restores it into a fresh queue, the newest samples
          into a smaller one. It moves with the module; labels keep their dtype under `half()` and the like.
        - With `gather_distributed` every rank remembers the samples of all ranks, without it its own, which then
          each rank has to save. The memory is not a buffer: DistributedDataParallel leaves it alone.

    Args:
        size: How many samples are remembered.
        loss: The loss to wrap; `ITCLoss()` by default.

    Raises:
        InvalidTypeError: If `size` is not an int or `loss` is not an `ITCLoss`.
        InvalidValueError: If `size` is below 1.

    Examples:
        >>> generator = torch.Generator().manual_seed(0)
        >>> queue = ITCQueue(6)
        >>> for _ in range(2):
        ...     images, texts = (torch.randn(4, 8, generator=generator) for _ in range(2))
        ...     positions = torch.rand(4, 3, generator=generator) < 0.5
        ...     loss = queue(images, texts, positions)
        >>> len(queue)
        6
    """

    # DistributedDataParallel would write rank 0's buffers over every rank's past, so these are plain tensors.
    image_embeddings: Tensor
    text_embeddings: Tensor
    positions: Tensor

    def __init__(self, size: int, loss: ITCLoss | None = None) -> None:
        super().__init__()
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidTypeError(f"Expected `size` to be an int, but got {type(size).__name__}.")
        if size < 1:
            raise InvalidValueError(f"Expected `size` of 1 or more, but got {shown(size)}.")
        if loss is not None and not isinstance(loss, ITCLoss):
            raise InvalidTypeError(f"Expected `loss` to be an ITCLoss, but got {type(loss).__name__}.")
        self.size = size
        self.loss = ITCLoss() if loss is None else loss
        self.image_embeddings, self.text_embeddings = torch.empty(0, 0), torch.empty(0, 0)
        self.positions = torch.empty(0, 0, dtype=torch.bool)

    def __len__(self) -> int:
        """Return how many samples are remembered."""
        return len(self.image_embeddings)

    def forward(
        self,
        image_embeddings: Tensor,
        text_embeddings: Tensor,
        positions: Tensor,
        *,
        weights: Tensor | None = None,
        affinity: AffinityFunction | None = None,
        return_parts: bool = False,
    ) -> Tensor | ITCLParts:
        """Return the loss of a batch against itself and the memory; then remember the batch if training.

        Arguments, conventions and errors are those of `itcl_loss`; `affinity` has to be a function.
        """
        _check_function(affinity)
        references = {}
        if len(self):
            references = {
                "ref_image_embeddings": self.image_embeddings,
                "ref_text_embeddings": self.text_embeddings,
                "ref_positions": self.positions,
            }
        loss: Tensor | ITCLParts = self.loss(
            image_embeddings,
            text_embeddings,
            positions,
            weights=weights,
            affinity=affinity,
            return_parts=return_parts,
            **references,
        )
        if self.training:
            self.remember(image_embeddings, text_embeddings, positions, affinity=affinity)
        return loss

    @torch.no_grad()
    def remember(
        self,
        image_embeddings: Tensor,
        text_embeddings: Tensor,
        positions: Tensor,
        *,
        affinity: AffinityFunction | None = None,
    ) -> None:
        """Add a batch to the memory in place of the oldest samples.

        Args:
            image_embeddings: (N, D) projections of the images.
            text_embeddings: (N, D) projections of the texts.
            positions: (N, K) multi-hot labels, or the (N, ...) labels that `affinity` takes.
            affinity: The function that will compare the labels, if it is not Jaccard.

        Raises:
            InvalidTypeError: If an argument has the wrong type.
            InvalidValueError: If shapes or devices do not fit each other or the memory.
        """
        _check_function(affinity)
        check_embeddings(image_embeddings, text_embeddings)
        check_labels(positions, image_embeddings, affinity)
        labels = positions.bool() if affinity is None else positions
        batch = dict(zip(MEMORY, (image_embeddings, text_embeddings, labels), strict=True))
        for name, new in batch.items():
            self._check_like_remembered(name, new)
        if self.loss.gather_distributed and world_size() > 1:
            counts = gather_row_counts(**batch)
            batch = {name: gather_rows(rows, counts) for name, rows in batch.items()}
        # A single row that is not finite would make every loss NaN until it is forgotten.
        if not torch.compiler.is_compiling():
            finite = batch["image_embeddings"].isfinite().all(dim=1) & batch["text_embeddings"].isfinite().all(dim=1)
            batch = {name: rows[finite] for name, rows in batch.items()}
        for name, new in batch.items():
            remembered = torch.cat([getattr(self, name), new]) if len(getattr(self, name)) else new
            # A new tensor each time: the backward pass of the last loss may still read the old one.
            batch[name] = remembered[-self.size :].clone()
        self._hold(batch)

    def extra_repr(self) -> str:
        """Return the size, for `repr`."""
        return f"size={self.size}"

    def _hold(self, memory: dict[str, Tensor]) -> None:
        for name, rows in memory.items():
            setattr(self, name, rows)

    def _check_like_remembered(self, name: str, new: Tensor) -> None:
        old: Tensor = getattr(self, name)
        if len(self) and (new.shape[1:] != old.shape[1:] or new.device != old.device):
            expected = ", ".join(map(str, ("N", *old.shape[1:])))
            raise InvalidValueError(
                f"Expected `{name}` of shape ({expected}) on {old.device} like the remembered ones, "
                f"but got {tuple(new.shape)} on {new.device}."
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name in ("image_embeddings", "text_embeddings"):
            setattr(self, name, fn(getattr(self, name)))
        # Labels say something by their value: an age of 2049 would be 2048 in half precision.
        moved = fn(self.positions)
        same = moved.dtype == self.positions.dtype
        self.positions = moved if same else self.positions.to(moved.device)
        return self

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in MEMORY:
            destination[prefix + name] = getattr(self, name)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        keys = [prefix + name for name in MEMORY]
        unexpected_keys[:] = [key for key in unexpected_keys if key not in keys]
        absent = [key for key in keys if key not in state_dict]
        if absent:
            missing_keys.extend(absent if strict else [])
            return
        saved = [state_dict[key] for key in keys]
        if not _fit_each_other(*saved):
            came = ", ".join(
                f"{tuple(rows.shape)} {rows.dtype}" if isinstance(rows, Tensor) else type(rows).__name__
                for rows in saved
            )
            error_msgs.append(
                f"Expected the memory of `{keys[0]}` and `{keys[1]}` to be floating and of one shape (N, D), and "
                f"`{keys[2]}` of shape (N, ...), but got {came}"
            )
            return
        # As torch does: loading copies to the module's device, assigning keeps the saved one.
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, rows in zip(MEMORY, saved, strict=True):
            kept = rows.detach()[-self.size :].clone()
            setattr(self, name, kept if assign else kept.to(getattr(self, name).device))


def _check_function(affinity: AffinityFunction | None) -> None:
    if isinstance(affinity, Tensor):
        raise InvalidValueError(
            "Expected `affinity` to be a callable, which can compare a batch with the remembered labels, "
            "but got a matrix."
        )


def _fit_each_other(images: object, texts: object, labels: object) -> bool:
    if not (isinstance(images, Tensor) and isinstance(texts, Tensor) and isinstance(labels, Tensor)):
        return False
    if not (images.is_floating_point() and texts.is_floating_point() and images.ndim == 2):
        return False
    return images.shape == texts.shape and labels.ndim > 0 and len(labels) == len(images)
