"""Own affinities and labels: what is refused, what may change when, and how often labels are made ready."""

import pytest
import torch

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import affinity_rows
from crossmodal_aug.functional.contrastive import itcl_loss

CHUNKS = pytest.mark.parametrize("chunk_size", [0, 3])


def batch(count=7, width=5, labels=4):
    generator = torch.Generator().manual_seed(0)
    images, texts = (torch.randn(count, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.4


def obvious_jaccard(positions, others):
    """What one writes first: 0/0 for two empty sets."""
    a, b = positions.double(), others.double()
    shared = a @ b.T
    return shared / (a.sum(1)[:, None] + b.sum(1) - shared)


def closeness(ages, others):
    return (-(ages[:, None] - others[None, :]).abs()).exp()


@CHUNKS
@pytest.mark.parametrize(
    ("affinity", "words"),
    [
        (obvious_jaccard, "from nan to nan"),
        (lambda a, b: obvious_jaccard(a, b).nan_to_num() - 0.5, "from -0.5 to 0.5"),
        (lambda a, b: torch.full((len(a), len(b)), torch.inf), "from inf to inf"),
    ],
)
def test_own_affinities_that_cannot_weigh_are_named(affinity, words, chunk_size):
    images, texts, positions = batch()
    positions[:2] = False
    with pytest.raises(InvalidValueError, match=rf"`affinity\(\.\.\.\)` to be finite and non-negative.*{words}"):
        itcl_loss(images, texts, positions, affinity=affinity, chunk_size=chunk_size)


@CHUNKS
def test_where_values_are_not_looked_at_an_affinity_that_is_no_number_gives_a_loss_that_is_none(chunk_size):
    # As on an accelerator, values go unseen while compiling.
    images, texts, positions = batch()
    positions[:2] = False
    compiled = torch.compile(itcl_loss, backend="eager")
    parts = compiled(images, texts, positions, affinity=obvious_jaccard, chunk_size=chunk_size, return_parts=True)
    assert all(part.isnan() for part in parts)


@pytest.mark.parametrize("kind", ["matrix", "labels of a function"])
def test_chunks_that_would_be_built_again_from_changed_values_are_an_error(kind):
    images, texts, _ = batch()
    images.requires_grad_()
    changing = torch.rand(7, 7) if kind == "matrix" else torch.rand(7)
    options = {"affinity": changing} if kind == "matrix" else {"positions": changing, "affinity": closeness}
    loss = itcl_loss(images, texts, **options, chunk_size=3)
    changing += 1
    name = "affinity" if kind == "matrix" else "positions"
    with pytest.raises(InvalidValueError, match=f"`{name}` to stay as it was until the backward pass"):
        loss.backward()


def test_references_labels_that_change_are_an_error_too():
    images, texts, _ = batch()
    images.requires_grad_()
    ages = torch.rand(7)
    further = {"ref_image_embeddings": images.detach(), "ref_text_embeddings": texts, "ref_positions": ages}
    loss = itcl_loss(images, texts, torch.rand(7), affinity=closeness, chunk_size=3, **further)
    ages.zero_()
    with pytest.raises(InvalidValueError, match="`ref_positions` to stay"):
        loss.backward()


@CHUNKS
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64])
def test_positions_may_change_in_place_before_the_backward_pass(dtype, chunk_size):
    images, texts, positions = batch()
    gradients = []
    for change in (False, True):
        leaf = images.clone().requires_grad_()
        own = positions.to(dtype)
        loss = itcl_loss(leaf, texts, own, chunk_size=chunk_size)
        if change:
            own.zero_()
        loss.backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)


@CHUNKS
def test_labels_made_in_inference_mode_can_be_used(chunk_size):
    images, texts, positions = batch()
    images.requires_grad_()
    with torch.inference_mode():
        ages = torch.arange(7.0)
        own = positions.clone()
    itcl_loss(images, texts, ages, affinity=closeness, chunk_size=chunk_size).backward()
    itcl_loss(images, texts, own, chunk_size=chunk_size).backward()
    assert images.grad.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"affinity": closeness}, {"affinity": torch.eye(8)}])
def test_the_chunked_form_compiles_with_every_kind_of_affinity(options):
    images, texts, positions = batch(8)
    labels = torch.arange(8.0) if options.get("affinity") is closeness else positions
    compiled = torch.compile(itcl_loss, backend="eager")
    torch.testing.assert_close(
        compiled(images, texts, labels, chunk_size=3, **options), itcl_loss(images, texts, labels, **options)
    )


def test_chunks_do_not_make_the_labels_ready_again(monkeypatch):
    calls = []

    def counted(positions, dtype):
        calls.append(len(positions))
        return original(positions, dtype)

    original = affinity_rows.label_sets
    monkeypatch.setattr(affinity_rows, "label_sets", counted)
    images, texts, positions = batch()
    itcl_loss(images.requires_grad_(), texts, positions, chunk_size=1).backward()
    assert calls == [7]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"affinity": torch.eye(7).to_sparse()}, InvalidTypeError, "`affinity` to be a dense tensor, but got .*sparse"),
        ({"affinity": torch.eye(7) + 0j}, InvalidTypeError, "`affinity` of a real dtype, but got torch.complex64"),
        (
            {"affinity": lambda a, b: torch.eye(7).to_sparse()},
            InvalidTypeError,
            r"`affinity\(\.\.\.\)` to be a dense tensor",
        ),
        ({"weights": torch.ones(7) + 0j}, InvalidTypeError, "`weights` of a real dtype, but got torch.complex64"),
        ({"weights": torch.ones(7).to_sparse()}, InvalidTypeError, "`weights` to be a dense tensor"),
        ({"normalize": "no"}, InvalidTypeError, "`normalize` to be a bool, but got str"),
        ({"gather_distributed": "no"}, InvalidTypeError, "`gather_distributed` to be a bool, but got str"),
        (
            {
                "image_embeddings": torch.ones(7, 5, device="meta"),
                "text_embeddings": torch.ones(7, 5, device="meta"),
                "positions": torch.ones(7, 4, device="meta", dtype=torch.int64),
            },
            InvalidValueError,
            "`image_embeddings` on a device that holds values, but it is on meta",
        ),
        ({"positions": torch.ones(7, 4)}, InvalidTypeError, r"`labels\.bool\(\)` if it holds 0 and 1 only"),
    ],
)
def test_bad_input_is_named(changes, error, words):
    images, texts, positions = batch()
    arguments = {"image_embeddings": images, "text_embeddings": texts, "positions": positions, **changes}
    with pytest.raises(error, match=words):
        itcl_loss(**arguments)
