"""CrossModalCollate: an op as a DataLoader's `collate_fn`; needs no other library."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import distributed
from torch.utils.data import default_collate, get_worker_info
from torch.utils.data._utils import collate as torch_collate

from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.sequential import CrossModalSequential
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.axes import check_width_axis
from crossmodal_aug.integrations.samples import SampleKeys, alter_batch, check_keys, check_op, check_sample


class CrossModalCollate:
    """Puts samples into a batch and applies an op to it, in the worker that made them.

    Args:
        op: Any op, one of your own too, or a `CrossModalSequential` of several.
        keys: Where the samples, dictionaries or tuples, keep images, texts, masks and the like; the collated batch
            keeps them in the same places.
        seed: None draws from torch's global generator, which a DataLoader seeds for each worker and epoch. A number
            gives every worker a generator of its own, seeded from it and from the worker's seed, so that the draws
            depend on nothing else that the worker draws. Either way the rank of the process enters, where
            `torch.distributed` is initialised.
        width_axis: Which spatial axis runs from left to right, counted without batch and channel: 1 for (B, C, H, W),
            0 for (B, C, W, H), as MONAI's readers load. None takes what a MetaTensor records, or else the last.
        collate: Puts a list of samples together. The default is that of torch, with one affine for each sample where
            they hold MetaTensors, as by MONAI's `list_data_collate`.

    Raises:
        InvalidTypeError: `op` is not an op of this library, or another argument has the wrong type.
        InvalidValueError: `width_axis` is not an axis of an image or volume.

    Examples:
        >>> import torch
        >>> from torch.utils.data import DataLoader
        >>> from crossmodal_aug import LUNG_ZONES, PositionParser, SyncFlip
        >>> from crossmodal_aug.integrations.collate import CrossModalCollate
        >>> op = SyncFlip(PositionParser(LUNG_ZONES), p=1.0)
        >>> sample = {"image": torch.tensor([[[1, 2]]]), "text": "Left base opacity.", "mask": torch.tensor([[1, 0]])}
        >>> batch = next(iter(DataLoader([sample], collate_fn=CrossModalCollate(op, seed=0))))
        >>> batch["image"], batch["text"], batch["mask"]
        (tensor([[[[2, 1]]]]), ['Right base opacity.'], tensor([[[0, 1]]]))

    Convention:
        - Returns the collated batch with the altered entries. Dtype, class and channels-last memory format are kept.
        - Written beside them, where `keys` have a place for it: positions (B, K) bool, accepted (B,) bool, reason (B,)
          int8 (`Reason`), and params, which come out of workers as they are, on the CPU. Lightning refuses to move a
          frozen dataclass to a device: there, leave `params` out, or apply `CrossModalBatch` on the device.
        - The same `seed`, the same seed of the DataLoader (its `generator`, or `torch.manual_seed`) and the same
          number of workers and ranks give the same batches. Epochs differ, because the DataLoader seeds its workers
          anew; workers differ, and so do ranks, even where all of them seed their loaders alike.
    """

    def __init__(
        self,
        op: CrossModalOp | CrossModalSequential,
        *,
        keys: SampleKeys | None = None,
        seed: int | None = None,
        width_axis: int | None = None,
        collate: Callable[[list[Any]], Any] = default_collate,
    ) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise InvalidTypeError(f"Expected `seed` to be an integer or None, but got {type(seed).__name__}.")
        if not callable(collate):
            raise InvalidTypeError(f"Expected `collate` to be callable, but got {type(collate).__name__}.")
        self.op = check_op(op)
        self.keys = check_keys(keys)
        self.seed = seed
        self.width_axis = check_width_axis(width_axis)
        self.collate = collate
        self._rank = 0
        self._drawn_by: tuple[int, int] | None = None
        self._generator: torch.Generator | None = None

    def __call__(self, samples: Sequence[Any]) -> Any:
        """Put samples together and alter them.

        Args:
            samples: Dictionaries, or tuples.

        Returns:
            The altered batch.

        Raises:
            InvalidTypeError: A sample is neither, or an entry has the wrong type.
            InvalidValueError: A key is missing, or entries do not fit together.
        """
        if not samples:
            raise InvalidValueError("Expected `samples` to hold at least one sample, but got none.")
        for sample in samples:
            check_sample(sample, self.keys)
        batch = _collated(samples) if self.collate is default_collate else self.collate(list(samples))
        return alter_batch(self.op, batch, self.keys, self._generator_here(), width_axis=self.width_axis)

    def __getstate__(self) -> dict[str, Any]:
        # A worker makes its own generator; one that came along would draw the same numbers in each of them.
        # A spawned worker belongs to no process group, so that the rank comes along.
        return {**self.__dict__, "_generator": None, "_drawn_by": None, "_rank": self._rank_here()}

    def _rank_here(self) -> int:
        # A forked worker inherits the process group of its parent.
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank()
        return self._rank

    def _generator_here(self) -> torch.Generator | None:
        rank = self._rank_here()
        if self.seed is None:
            # Ranks are often seeded alike: the others go on from the same draw by ways of their own.
            return None if rank == 0 else torch.Generator().manual_seed(_mixed(int(torch.randint(2**62, ())), rank))
        worker = get_worker_info()
        # A worker's seed holds the DataLoader's seed of this epoch and the worker's number.
        here = 0 if worker is None else worker.seed
        if self._generator is None or self._drawn_by != (here, rank):
            self._drawn_by = (here, rank)
            seed = _mixed(self.seed, here)
            self._generator = torch.Generator().manual_seed(_mixed(seed, rank) if rank else seed)
        return self._generator


def _collated(samples: Sequence[Any]) -> Any:
    """`default_collate` that puts the meta data of MetaTensors together too, and not those of the first alone."""
    monai = sys.modules.get("monai.data.utils")  # else there are no MetaTensors
    if monai is None:
        return default_collate(list(samples))
    kinds = {
        **torch_collate.default_collate_fn_map,
        sys.modules["monai.data.meta_tensor"].MetaTensor: monai.collate_meta_tensor_fn,
    }
    return torch_collate.collate(list(samples), collate_fn_map=kinds)


def _mixed(seed: int, other: int) -> int:
    """One 64-bit seed of two, by the finaliser of SplitMix64, so that neighbouring seeds share nothing."""
    mask = 2**64 - 1
    value = (seed * 0x9E3779B97F4A7C15 + other) & mask
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = ((value ^ (value >> shift)) * factor) & mask
    return value ^ (value >> 31)
