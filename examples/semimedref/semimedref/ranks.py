"""Several processes that train one model: each computes its share of a batch, and all see the whole of it.

An op may take pixels from any sample of a batch, so every rank makes all of the batch and sends its own rows alone
through the networks. So R ranks with b rows each do what one process with R b rows does.
"""

import os

import torch
import torch.distributed as dist
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn

from crossmodal_aug.functional.distributed import sum_over_ranks, world_size


def is_first() -> bool:
    """Return whether this process is the one that makes the run's folder, prints and scores."""
    return rank_zero_only.rank == 0 and os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0")) == "0"


def own_rows(count: int) -> slice:
    """Return which of a batch's rows are this rank's; the ranks' shares differ by one row at most."""
    rank, ranks = (dist.get_rank(), world_size()) if world_size() > 1 else (0, 1)
    return slice(rank * count // ranks, (rank + 1) * count // ranks)


def gather_rows(tensor: Tensor, count: int) -> Tensor:
    """Return the rows of all ranks, in order and without gradient.

    Args:
        tensor: (own rows, ...).
        count: Rows of all ranks together.

    Returns:
        (count, ...).
    """
    if world_size() == 1:
        return tensor
    # By a sum, which all backends have for any shares: the rows of the others are 0.
    whole = tensor.new_zeros(count, *tensor.shape[1:])
    whole[own_rows(count)] = tensor
    dist.all_reduce(whole)
    return whole


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the samples of all ranks, on devices for which torch has no `SyncBatchNorm`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return (B, C, H, W), normalised by the statistics of all ranks' images in training."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        x = input.float()
        count = sum_over_ranks(x.new_tensor([x.numel() / x.shape[1]]))
        mean = (sum_over_ranks(x.sum(dim=(0, 2, 3))) / count).view(1, -1, 1, 1)
        centred = x - mean
        variance = sum_over_ranks(centred.square().sum(dim=(0, 2, 3))) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean.flatten(), share)
                self.running_var.lerp_(variance * count / (count - 1), share)
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        out = centred * scale.view(1, -1, 1, 1)
        out = out if self.bias is None else out + self.bias.view(1, -1, 1, 1)
        return out.to(input.dtype)


def share_batch_norm(model: nn.Module) -> None:
    """Let the batch norms of a model take their statistics from all ranks; its parameters stay the same objects."""
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm2d(
                    child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
                )
                shared.weight, shared.bias = child.weight, child.bias
                for buffer, value in child.named_buffers():
                    shared.register_buffer(buffer, value)
                setattr(module, name, shared.train(child.training))
