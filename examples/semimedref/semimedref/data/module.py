"""The batches of every step, as a Lightning data module.

What a step gets follows from the seed and the number of the step alone. So a run that was killed and resumed sees
exactly the batches that it would have seen, without any state of a sampler or random generator being stored.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from semimedref.atlases import described
from semimedref.data.digest import data_digests
from semimedref.data.samples import DataSet, Samples
from semimedref.draws import seeded


@dataclass(frozen=True)
class StepBatch:
    """What one step sees.

    Attributes:
        labelled: Samples with masks, drawn with replacement.
        unlabelled: Samples without; a pass over all of them ends before the next begins. Empty where there are none.
    """

    labelled: Samples
    unlabelled: Samples

    def to(self, device: torch.device) -> "StepBatch":
        """Return the batch on another device."""
        return StepBatch(self.labelled.to(device), self.unlabelled.to(device))


class StepBatches(Dataset[StepBatch]):
    """Item t is the batch of step t.

    Args:
        data: The data set.
        batch_size: Labelled samples in a step, and unlabelled ones beside them.
        seed: Seed of the draws.
    """

    def __init__(self, data: DataSet, batch_size: int, seed: int) -> None:
        self.data, self.batch_size, self.seed = data, batch_size, seed

    @property
    def steps_a_pass(self) -> int:
        """Steps that one pass over the unlabelled samples takes; over the labelled ones where there are no others."""
        pool = len(self.data.unlabelled) or len(self.data.labelled)
        return max(1, pool // self.batch_size)

    def __getitem__(self, step: int) -> StepBatch:
        labelled = torch.randint(len(self.data.labelled), (self.batch_size,), generator=seeded(self.seed, 1, step))
        count = len(self.data.unlabelled)
        turn, place = divmod(step, self.steps_a_pass)
        order = torch.randperm(count, generator=seeded(self.seed, 2, turn))
        unlabelled = order[place * self.batch_size : (place + 1) * self.batch_size]
        return StepBatch(self.data.labelled.take(labelled.tolist()), self.data.unlabelled.take(unlabelled.tolist()))


class StepSampler(Sampler[int]):
    """The batches of one Lightning epoch, which is the stretch between two validations.

    Args:
        steps: Batches an epoch.
        made: Returns how many batches were used so far. Asked at the start of each epoch, it holds for a resumed run
            too, where counting epochs would not.
    """

    def __init__(self, steps: int, made: Callable[[], int]) -> None:
        self.steps, self.made = steps, made

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        first = self.made()
        return iter(range(first, first + self.steps))


class Parts(Dataset[Samples]):
    """Consecutive stretches of some samples, for validation and test."""

    def __init__(self, samples: Samples, batch_size: int) -> None:
        self.samples, self.batch_size = samples, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.samples) / self.batch_size)

    def __getitem__(self, number: int) -> Samples:
        start = number * self.batch_size
        if start >= len(self.samples):
            raise IndexError(f"Expected a part below {len(self)}, but got {number}.")
        return self.samples.take(range(start, min(start + self.batch_size, len(self.samples))))


class SamplesModule(pl.LightningDataModule):
    """Hands the batches to Lightning. All of them are cut from tensors in memory, so no worker is needed.

    Args:
        data: The data set.
        batch_size: Labelled samples in a batch, of all ranks together: every rank gets the whole batch.
        steps_an_epoch: Optimiser steps between validations.
        seed: Seed of the draws.
        accumulate: Batches of an optimiser step.
    """

    def __init__(self, data: DataSet, *, batch_size: int, steps_an_epoch: int, seed: int, accumulate: int = 1) -> None:
        super().__init__()
        self.data = data
        self.batches = StepBatches(data, batch_size, seed)
        self.steps_an_epoch, self.accumulate = steps_an_epoch, accumulate

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digests of the parts of the data set."""
        return data_digests(self.data)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint says of the data: digests, by which `--resume` knows of changes, and the atlas."""
        return {"digests": self.digests, "atlas": described(self.data.atlas)}

    def train_dataloader(self) -> DataLoader[StepBatch]:
        """Return the training batches of one epoch."""
        sampler = StepSampler(self.steps_an_epoch * self.accumulate, self._batches_used)
        return DataLoader(self.batches, batch_size=None, sampler=sampler)

    def _batches_used(self) -> int:
        return self.trainer.global_step * self.accumulate if self.trainer is not None else 0

    def val_dataloader(self) -> DataLoader[Samples]:
        """Return the validation set."""
        return DataLoader(Parts(self.data.valid, 2 * self.batches.batch_size), batch_size=None)
