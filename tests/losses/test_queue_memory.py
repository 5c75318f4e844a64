"""What the memory keeps through moves, copies, storage, DistributedDataParallel and bad batches."""

import copy
import pickle

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.losses import ITCLoss, ITCQueue
from tests.ranks import leave

MEMORY = ("image_embeddings", "text_embeddings", "positions")


def batch(count=4, width=5, labels=3, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, width, generator=generator, dtype=dtype) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.5


def closeness(ages, others):
    return (-(ages[:, None] - others[None, :]).abs()).exp()


class Model(torch.nn.Module):
    """A parameter for DistributedDataParallel to hold on to, and a queue behind it."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(2))
        self.queue = ITCQueue(100)

    def forward(self, images, texts, positions):
        return self.queue(images + self.shift, texts + self.shift, positions)


def run_rank(rank, counts, folder):
    """Feed rank-specific values and leave the memory in the folder: images positive, texts negative."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=len(counts))
    torch.set_num_threads(1)
    model = DistributedDataParallel(Model())
    for step in range(3):
        images = torch.full((counts[rank], 2), 100.0 * rank + step + 1)
        model(images, -images, torch.zeros(counts[rank], 3, dtype=torch.bool)).backward()
    queue = model.module.queue
    torch.save([getattr(queue, name) for name in MEMORY], f"{folder}/{rank}.pt")
    leave()


@pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo backend")
@pytest.mark.parametrize("counts", [(3, 3), (3, 5)], ids=["even", "uneven"])
def test_each_rank_keeps_its_own_past_inside_distributed_data_parallel(counts, tmp_path):
    mp.spawn(run_rank, args=(counts, tmp_path), nprocs=2)
    for rank, count in enumerate(counts):
        images, texts, positions = torch.load(tmp_path / f"{rank}.pt")
        expected = (100.0 * rank + torch.arange(1.0, 4)).repeat_interleave(count)
        assert torch.equal(images, expected[:, None].expand(-1, 2))
        assert torch.equal(texts, -images)
        assert positions.shape == (3 * count, 3)


def test_moving_to_another_dtype_rounds_embeddings_and_leaves_labels_alone():
    queue = ITCQueue(8)
    ages = torch.tensor([2049.0, 1.0, 2.0, 3.0])
    queue.remember(*batch()[:2], ages, affinity=closeness)
    queue.half()
    assert queue.image_embeddings.dtype == queue.text_embeddings.dtype == torch.float16
    assert torch.equal(queue.positions, ages)
    queue.double()
    assert queue.image_embeddings.dtype == torch.float64
    assert queue.positions.dtype == torch.float32


def test_moving_to_another_device_takes_the_whole_memory_along():
    queue = ITCQueue(8)
    queue.remember(*batch()[:2], torch.rand(4), affinity=closeness)
    queue.to("meta", torch.float16)
    assert {getattr(queue, name).device.type for name in MEMORY} == {"meta"}
    assert queue.positions.dtype == torch.float32


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda queue: pickle.loads(pickle.dumps(queue))])
def test_a_copy_has_a_memory_of_its_own(copied):
    queue = ITCQueue(8)
    queue(*batch())
    other = copied(queue)
    other(*batch(seed=1))
    assert (len(queue), len(other)) == (4, 8)
    assert torch.equal(other.image_embeddings[:4], queue.image_embeddings)


@pytest.mark.parametrize("assign", [False, True])
def test_loading_keeps_the_saved_dtypes_and_leaves_the_saved_tensors_alone(assign):
    queue, other = ITCQueue(8), ITCQueue(8)
    queue(*batch(dtype=torch.float64))
    state = queue.state_dict()
    other.load_state_dict(state, assign=assign)
    assert other.image_embeddings.dtype == torch.float64
    other.image_embeddings.zero_()
    assert torch.equal(state["image_embeddings"], batch(dtype=torch.float64)[0])


def test_loading_into_a_queue_on_meta_follows_torch():
    # Copying onto meta has no values to keep; assigning takes the saved tensors as they are.
    queue = ITCQueue(8)
    queue(*batch())
    other = ITCQueue(8).to("meta")
    other.load_state_dict(queue.state_dict(), assign=True)
    assert torch.equal(other.image_embeddings, batch()[0])


def test_keys_missing_and_unexpected_are_named_as_torch_does():
    queue = ITCQueue(8)
    state = queue.state_dict()
    assert set(state) == set(MEMORY)
    del state["positions"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "positions"'):
        queue.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "extra"'):
        queue.load_state_dict({**queue.state_dict(), "extra": torch.ones(1)})


@pytest.mark.parametrize(
    "damage",
    [
        {"text_embeddings": torch.ones(7, 5)},
        {"positions": torch.ones(3, 3, dtype=torch.bool)},
        {"image_embeddings": torch.ones(4, 5, dtype=torch.long)},
        {"image_embeddings": torch.ones(4), "text_embeddings": torch.ones(4)},
        {"positions": torch.tensor(True)},
    ],
)
def test_a_damaged_state_is_refused_and_the_memory_stays(damage):
    queue = ITCQueue(8)
    queue(*batch())
    with pytest.raises(RuntimeError, match=r"memory of `image_embeddings` and `text_embeddings` .* but got"):
        ITCQueue(8).load_state_dict({**queue.state_dict(), **damage})
    with pytest.raises(RuntimeError, match="memory of"):
        queue.load_state_dict({**queue.state_dict(), **damage})
    assert torch.equal(queue.text_embeddings, batch()[1])


def test_non_finite_rows_are_not_remembered():
    queue = ITCQueue(8)
    images, texts, positions = batch()
    images[1, 2], texts[3, 0] = float("nan"), float("inf")
    queue(images, texts, positions)
    for name, rows in zip(MEMORY, (images, texts, positions), strict=True):
        assert torch.equal(getattr(queue, name), rows[[0, 2]])
    assert queue(*batch(seed=1)).isfinite()


def test_a_batch_without_any_finite_row_leaves_the_memory_as_it_was():
    queue = ITCQueue(8)
    images, texts, positions = batch()
    queue(images * float("nan"), texts, positions)
    assert len(queue) == 0
    assert torch.equal(queue(*batch(seed=1)), itcl_loss(*batch(seed=1)))


def test_integer_labels_are_remembered_as_bool_and_own_labels_as_they_are():
    queue = ITCQueue(8)
    images, texts, positions = batch()
    queue(images, texts, positions.long())
    assert queue.positions.dtype == torch.bool
    ages = ITCQueue(8)
    ages(images, texts, torch.arange(4), affinity=lambda a, b: (a[:, None] == b).float())
    assert ages.positions.dtype == torch.int64


@pytest.mark.parametrize("call", ["forward", "remember"])
def test_an_affinity_matrix_is_refused_at_the_first_call(call):
    queue = ITCQueue(8)
    with pytest.raises(InvalidValueError, match=r"`affinity` to be a callable, .* but got a matrix"):
        getattr(queue, call)(*batch(), affinity=torch.eye(4))
    assert len(queue) == 0


def test_the_queue_compiles():
    queue, compiled = ITCQueue(8, ITCLoss(chunk_size=3)), ITCQueue(8, ITCLoss(chunk_size=3))
    function = torch.compile(compiled, fullgraph=True, backend="eager")
    for seed in range(3):
        torch.testing.assert_close(function(*batch(seed=seed)), queue(*batch(seed=seed)))
