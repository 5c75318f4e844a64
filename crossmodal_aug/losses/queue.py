"""A memory of past batches whose samples serve as further columns of the contrastive loss."""

from typing import Any

import torch
from torch import Tensor, nn

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.contrastive import AffinityFunction, ITCLParts
from crossmodal_aug.functional.contrastive_checks import check_embeddings, check_labels
from crossmodal_aug.functional.distributed import gather_row_counts, gather_rows, world_size
from crossmodal_aug.losses.itcl import ITCLoss


class ITCQueue(nn.Module):
    """Wraps `ITCLoss` with the last samples seen, Cross-Batch Memory (arXiv 1912.06798).

    A call returns the loss of the batch with the remembered samples as references, then remembers the batch in
    place of the oldest samples. So small batches meet many negatives and soft positives at the price of a few
    rows.

    Convention:
        - Remembered embeddings carry no gradient.
        - In eval mode the memory is read and not written.
        - The memory takes width, label count and dtypes from the first batch; `state_dict` holds it whole, and
          loading restores it into a fresh queue of the same size.
        - With `gather_distributed` every rank remembers the samples of all ranks.

    Args:
        size: How many samples are remembered.
        loss: The loss to wrap; `ITCLoss()` by default.

    Raises:
        InvalidTypeError: If `size` is no int or `loss` no `ITCLoss`.
        InvalidValueError: If `size` is below 1.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> queue = ITCQueue(6)
        >>> for _ in range(2):
        ...     images, texts = (torch.randn(4, 8, generator=generator) for _ in range(2))
        ...     positions = torch.rand(4, 3, generator=generator) < 0.5
        ...     loss = queue(images, texts, positions)
        >>> len(queue)
        6
    """

    image_embeddings: Tensor
    text_embeddings: Tensor
    positions: Tensor

    def __init__(self, size: int, loss: ITCLoss | None = None) -> None:
        super().__init__()
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidTypeError(f"Expected `size` to be an int, but got {type(size).__name__}")
        if size < 1:
            raise InvalidValueError(f"Expected `size` of 1 or more, but got {size}")
        if loss is not None and not isinstance(loss, ITCLoss):
            raise InvalidTypeError(f"Expected `loss` to be an ITCLoss, but got {type(loss).__name__}")
        self.size = size
        self.loss = ITCLoss() if loss is None else loss
        for name in ("image_embeddings", "text_embeddings"):
            self.register_buffer(name, torch.empty(0, 0))
        self.register_buffer("positions", torch.empty(0, 0, dtype=torch.bool))

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

        Arguments, conventions and errors are those of `itcl_loss`.
        """
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
        check_embeddings(image_embeddings, text_embeddings)
        check_labels(positions, image_embeddings, affinity)
        batch = {
            "image_embeddings": image_embeddings,
            "text_embeddings": text_embeddings,
            "positions": positions,
        }
        for name, new in batch.items():
            self._check_like_remembered(name, new)
        if self.loss.gather_distributed and world_size() > 1:
            counts = gather_row_counts(image_embeddings, positions)
            batch = {name: gather_rows(rows, counts) for name, rows in batch.items()}
        for name, new in batch.items():
            remembered = torch.cat([getattr(self, name), new]) if len(self) else new
            # A new tensor each time: the backward pass of the last loss may still read the old one.
            batch[name] = remembered[-self.size :].clone()
        self.image_embeddings = batch["image_embeddings"]
        self.text_embeddings = batch["text_embeddings"]
        self.positions = batch["positions"]

    def extra_repr(self) -> str:
        """Return the size, for `repr`."""
        return f"size={self.size}"

    def _check_like_remembered(self, name: str, new: Tensor) -> None:
        old: Tensor = getattr(self, name)
        if len(self) and (new.shape[1:] != old.shape[1:] or new.device != old.device):
            expected = ", ".join(map(str, ("N", *old.shape[1:])))
            raise InvalidValueError(
                f"Expected `{name}` of shape ({expected}) on {old.device} like the remembered ones, "
                f"but got {tuple(new.shape)} on {new.device}"
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # A fresh queue does not know the shapes yet, and torch copies into equal shapes only.
        for name in ("image_embeddings", "text_embeddings", "positions"):
            saved = state_dict.get(prefix + name)
            if isinstance(saved, Tensor):
                device = getattr(self, name).device
                setattr(self, name, torch.empty_like(saved, device=device))
        super()._load_from_state_dict(state_dict, prefix, *args)
        for name in ("image_embeddings", "text_embeddings", "positions"):
            setattr(self, name, getattr(self, name)[-self.size :].clone())
