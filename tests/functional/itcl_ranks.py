"""What each process of `test_contrastive_distributed.py` runs."""

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.losses import ITCLoss, ITCQueue
from tests.ranks import leave

FEATURES, WIDTH, LABELS = 6, 4, 3


def containment(labels, others):
    """Share of the row's labels that the other has: not symmetric."""
    rows, columns = labels.double(), others.double()
    return (rows @ columns.T + 1) / (rows.sum(dim=1, keepdim=True) + 1)


CASES = {
    "plain": {},
    "chunked": {"chunk_size": 2},
    "weights": {"weights": True},
    "references": {"references": True},
    "references, chunked, weights": {"references": True, "chunk_size": 3, "weights": True},
    "sum": {"reduction": "sum"},
    "asymmetric affinity": {"affinity": containment, "chunk_size": 2},
    "learnable scale": {"learnable": True},
}


class Projections(nn.Module):
    """Two linear projections and a logit scale, the same on every rank."""

    def __init__(self, learnable):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        for name in ("image", "text"):
            weight = torch.randn(FEATURES, WIDTH, generator=generator, dtype=torch.float64)
            setattr(self, name, nn.Parameter(weight))
        if learnable:
            self.logit_scale = nn.Parameter(torch.tensor(1.3, dtype=torch.float64))

    def forward(self, images, texts):
        return images @ self.image, texts @ self.text, getattr(self, "logit_scale", None)


def samples(count):
    generator = torch.Generator().manual_seed(0)
    images, texts = (torch.randn(count, FEATURES, generator=generator, dtype=torch.float64) for _ in range(2))
    positions = torch.rand(count, LABELS, generator=generator) < 0.5
    weights = torch.rand(count, generator=generator, dtype=torch.float64)
    references = {
        "ref_image_embeddings": torch.randn(4, WIDTH, generator=generator, dtype=torch.float64),
        "ref_text_embeddings": torch.randn(4, WIDTH, generator=generator, dtype=torch.float64),
        "ref_positions": torch.rand(4, LABELS, generator=generator) < 0.5,
    }
    return (images, texts, positions, weights), references


def run_case(model, rows, references, case, *, gather):
    """Return parts of the loss and parameter gradients of one case on some of the samples."""
    case = dict(case)
    images, texts, positions, weights = rows
    options = references if case.pop("references", False) else {}
    if case.pop("weights", False):
        options = {**options, "weights": weights}
    case.pop("learnable", None)
    u, v, logit_scale = model(images, texts)
    parts = itcl_loss(
        u, v, positions, logit_scale=logit_scale, gather_distributed=gather, return_parts=True, **options, **case
    )
    model.zero_grad()
    parts.loss.backward()
    return [part.detach() for part in parts], [parameter.grad.clone() for parameter in model.parameters()]


def penalty_gradients(rows, *, gather, ranks=1):
    """Return the gradients of the squared gradients of the loss with respect to the embeddings."""
    u, v = (rows[index][:, :WIDTH].clone().requires_grad_() for index in (0, 1))
    loss = itcl_loss(u, v, rows[2], gather_distributed=gather, chunk_size=2)
    # Every rank's loss is the whole loss, so gradients come out `ranks` times.
    first = torch.autograd.grad(loss / ranks, (u, v), create_graph=True)
    return list(torch.autograd.grad(sum(gradient.square().sum() for gradient in first), (u, v)))


def run_rank(rank, splits, folder):
    """Run all cases on this rank's share of each split and leave the results in the folder."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=len(splits[0]))
    torch.set_num_threads(1)
    torch.save([run_split(rank, counts) for counts in splits], f"{folder}/{rank}.pt")
    leave()


def run_queue_rank(rank, counts, folder):
    """Run a queue twice on this rank's samples and leave losses and memory in the folder."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=len(counts))
    torch.set_num_threads(1)
    rows = tuple(tensor.split(counts)[rank] for tensor in samples(sum(counts))[0][:3])
    queue = ITCQueue(4, ITCLoss(gather_distributed=True))
    losses = [queue(*rows) for _ in range(2)]
    torch.save((losses, queue.state_dict()), f"{folder}/{rank}.pt")
    leave()


def run_split(rank, counts):
    """Return the results of all cases where the ranks hold so many samples each."""
    everything, references = samples(sum(counts))
    rows = tuple(tensor.split(counts)[rank] for tensor in everything)
    results = {
        name: run_case(DistributedDataParallel(Projections("learnable" in case)), rows, references, case, gather=True)
        for name, case in CASES.items()
    }
    results["none"] = itcl_loss(*rows[:3], gather_distributed=True, reduction="none")
    results["penalty"] = penalty_gradients(rows, gather=True, ranks=len(counts))
    results["dtypes"] = [labels_of_dtype(rows, dtype) for dtype in LABEL_DTYPES]
    results["one rank's positions int64"] = itcl_loss(
        rows[0], rows[1], rows[2].long() if rank else rows[2], gather_distributed=True
    )
    results["own labels"] = itcl_loss(rows[0], rows[1], rows[2].short(), affinity=containment, gather_distributed=True)
    for name, (changed, affinity) in mismatches(rank, rows).items():
        try:
            itcl_loss(*changed, affinity=affinity, gather_distributed=True)
        except InvalidValueError as error:
            results[name] = str(error)
    return results


LABEL_DTYPES = (torch.uint8, torch.int16, torch.int32, torch.int64)


def labels_of_dtype(rows, dtype):
    return itcl_loss(rows[0], rows[1], rows[2].to(dtype), gather_distributed=True)


MISMATCHES = {
    "width": "`positions` of one dtype and one row shape on all ranks, but got torch.bool (N, 3) and torch.bool (N, 2)",
    "embedding dtype": "`embeddings` of one dtype and one row shape on all ranks, but got torch.float64 (N, 4) and "
    "torch.float32 (N, 4)",
    "label dtype": "`positions` of one dtype and one row shape on all ranks, but got torch.int16 (N, 3) and "
    "torch.float64 (N, 3)",
    "dimensions": "`positions` of one dtype and one row shape on all ranks, but got torch.float64 (N,) and "
    "torch.float64 (N, 3, 1)",
    "size in a dimension far back": "`positions` of one dtype and one row shape on all ranks",
}


def mismatches(rank, rows):
    """Arguments and affinity of calls in which every second rank brings something else."""
    images, texts, positions = rows[0][:, :WIDTH], rows[1][:, :WIDTH], rows[2]
    ages, second = positions.double(), rank % 2 == 1
    many = positions[(slice(None), slice(1), *[None] * 9)].expand(-1, *[1] * 9, 1 + rank % 2)
    return {
        "width": ((images, texts, positions[:, : LABELS - rank % 2]), None),
        "embedding dtype": ((images.float(), texts.float(), positions) if second else (images, texts, positions), None),
        "label dtype": ((images, texts, ages if second else positions.short()), containment),
        "dimensions": ((images, texts, ages[:, :, None] if second else ages[:, 0]), containment),
        "size in a dimension far back": ((images, texts, many), containment),
    }
