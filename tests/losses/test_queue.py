"""The memory: what it adds to the loss, what it keeps, and how it is saved."""

import io

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.losses import ITCLoss, ITCQueue
from tests.functional import itcl_ranks


def batch(count=4, width=5, labels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.5


def joined(*batches):
    return tuple(torch.cat(parts) for parts in zip(*batches, strict=True))


def with_references(rows, references):
    names = ("ref_image_embeddings", "ref_text_embeddings", "ref_positions")
    return itcl_loss(*rows, **dict(zip(names, references, strict=True)))


def test_the_first_batch_meets_itself_and_later_ones_the_last_samples():
    queue = ITCQueue(6)
    batches = [batch(seed=seed) for seed in range(3)]
    assert torch.equal(queue(*batches[0]), itcl_loss(*batches[0]))
    assert torch.equal(queue(*batches[1]), with_references(batches[1], batches[0]))
    newest = tuple(part[-6:] for part in joined(*batches[:2]))
    assert torch.equal(queue(*batches[2]), with_references(batches[2], newest))
    assert len(queue) == 6


def test_a_batch_larger_than_the_memory_leaves_its_last_samples():
    queue = ITCQueue(3)
    rows = batch(count=7)
    queue(*rows)
    for kept, given in zip((queue.image_embeddings, queue.text_embeddings, queue.positions), rows, strict=True):
        assert torch.equal(kept, given[-3:])


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("chunk_size", [0, 2])
def test_remembering_leaves_the_gradient_of_the_batch_alone(chunk_size, normalize):
    queue = ITCQueue(8, ITCLoss(chunk_size=chunk_size, normalize=normalize))
    queue(*batch(seed=1))
    images, texts, positions = batch(seed=2)
    images.requires_grad_()
    loss = queue(images, texts, positions)
    queue(*batch(seed=3))  # overwrites part of what the first loss has yet to read
    loss.backward()
    again = batch(seed=2)[0].requires_grad_()
    names = ("ref_image_embeddings", "ref_text_embeddings", "ref_positions")
    references = dict(zip(names, batch(seed=1), strict=True))
    itcl_loss(again, texts, positions, normalize=normalize, **references).backward()
    torch.testing.assert_close(images.grad, again.grad, rtol=0, atol=1e-12)


def test_memory_carries_no_gradient():
    queue = ITCQueue(8)
    images, texts, positions = batch()
    queue(images.requires_grad_(), texts, positions)
    assert not queue.image_embeddings.requires_grad


def test_eval_reads_and_does_not_write():
    queue = ITCQueue(8)
    queue(*batch(seed=1))
    queue.eval()
    assert torch.equal(queue(*batch(seed=2)), with_references(batch(seed=2), batch(seed=1)))
    assert torch.equal(queue.image_embeddings, batch(seed=1)[0])


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_restored_queue_goes_on_as_if_never_stopped(steps):
    queue = ITCQueue(6, ITCLoss(learnable=True))
    for seed in range(steps):
        queue(*batch(seed=seed))
    stored = io.BytesIO()
    torch.save(queue.state_dict(), stored)
    stored.seek(0)
    restored = ITCQueue(6, ITCLoss(learnable=True))
    restored(*batch(count=2, seed=77))  # whatever it held before is replaced
    restored.load_state_dict(torch.load(stored))
    assert len(restored) == len(queue)
    for seed in (50, 51, 52):
        assert torch.equal(restored(*batch(seed=seed)), queue(*batch(seed=seed)))


def test_restores_inside_a_larger_model_and_into_a_smaller_queue():
    model = torch.nn.ModuleDict({"itcl": ITCQueue(6)})
    model["itcl"](*batch(count=6))
    smaller = torch.nn.ModuleDict({"itcl": ITCQueue(4)})
    smaller.load_state_dict(model.state_dict())
    assert torch.equal(smaller["itcl"].image_embeddings, batch(count=6)[0][-4:])


def test_parts_and_own_affinity_pass_through():
    def close(ages, others):
        return (-(ages[:, None] - others[None, :]).abs()).exp()

    queue = ITCQueue(8)
    images, texts, _ = batch()
    ages = torch.tensor([1.0, 2.0, 2.5, 7.0])
    queue(images, texts, ages, affinity=close)
    parts = queue(images, texts, ages, affinity=close, return_parts=True)
    matrix = close(ages, ages.repeat(2))
    references = {"ref_image_embeddings": images, "ref_text_embeddings": texts}
    expected = itcl_loss(images, texts, affinity=matrix, **references, return_parts=True)
    torch.testing.assert_close(tuple(parts), tuple(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ITCQueue(0), InvalidValueError, "`size` of 1 or more, but got 0"),
        (lambda: ITCQueue(2.5), InvalidTypeError, "`size` to be an int, but got float"),
        (lambda: ITCQueue(2, torch.nn.ReLU()), InvalidTypeError, "`loss` to be an ITCLoss, but got ReLU"),
    ],
)
def test_bad_settings_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_batch_that_does_not_fit_the_memory_is_named_and_nothing_is_lost():
    queue = ITCQueue(8)
    queue(*batch(seed=1))
    with pytest.raises(InvalidValueError, match=r"`ref_image_embeddings` of shape \(R, 7\), but got \(4, 5\)"):
        queue(*batch(width=7))
    with pytest.raises(InvalidValueError, match=r"`positions` of shape \(N, 3\) .* but got \(4, 2\)"):
        queue.remember(*batch(labels=2))
    assert torch.equal(queue.image_embeddings, batch(seed=1)[0])
    assert torch.equal(queue.positions, batch(seed=1)[2])


@pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo backend")
def test_ranks_remember_the_samples_of_all_ranks(tmp_path):
    mp.spawn(itcl_ranks.run_queue_rank, args=((3, 2), tmp_path), nprocs=2)
    images, texts, positions, _ = itcl_ranks.samples(5)[0]
    queue = ITCQueue(4)
    expected = [queue(images, texts, positions) for _ in range(2)]
    for rank in range(2):
        losses, state = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(losses, expected, rtol=0, atol=1e-10)
        assert torch.equal(state["image_embeddings"], images[-4:])
