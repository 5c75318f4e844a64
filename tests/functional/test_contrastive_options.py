"""Weights, references, own affinities, reductions, parts, logit scale; and what each says to bad input."""

import math

import numpy as np
import pytest
import torch

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.affinity import position_affinity
from crossmodal_aug.functional.contrastive import itcl_loss
from tests.functional import itcl_reference as reference

CHUNKS = pytest.mark.parametrize("chunk_size", [0, 3])


def batch(count=7, width=5, labels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.4


def references(count=5):
    names = ("ref_image_embeddings", "ref_text_embeddings", "ref_positions")
    return dict(zip(names, batch(count, seed=9), strict=True))


@CHUNKS
def test_weights_make_a_weighted_mean(chunk_size):
    weights = torch.tensor([0.0, 1, 2, 0.5, 1, 0, 3])
    loss = itcl_loss(*batch(), weights=weights, chunk_size=chunk_size)
    assert loss.item() == pytest.approx(reference.itcl(*batch(), weights=weights.numpy()), abs=1e-12)


def test_a_sample_of_weight_0_is_still_a_column():
    images, texts, positions = batch()
    weights = torch.ones(7)
    weights[-1] = 0
    without = itcl_loss(images[:-1], texts[:-1], positions[:-1])
    assert abs(itcl_loss(images, texts, positions, weights=weights) - without) > 1e-3


def test_weights_all_zero_give_zero_and_a_zero_gradient():
    images, texts, positions = batch()
    images.requires_grad_()
    loss = itcl_loss(images, texts, positions, weights=torch.zeros(7))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(images.grad, torch.zeros_like(images))


@CHUNKS
def test_references_are_further_columns(chunk_size):
    further = references()
    found = itcl_loss(*batch(), **further, chunk_size=chunk_size)
    expected = reference.itcl(*batch(), refs=tuple(further.values()))
    assert found.item() == pytest.approx(expected, abs=1e-12)


@CHUNKS
def test_references_get_their_gradient(chunk_size):
    further = references()
    further["ref_text_embeddings"].requires_grad_()
    itcl_loss(*batch(), **further, chunk_size=chunk_size).backward()

    def value(texts):
        return reference.itcl(*batch(), refs=(further["ref_image_embeddings"], texts, further["ref_positions"]))

    numeric = reference.numeric_gradient(value, further["ref_text_embeddings"].detach().numpy())
    gradient = further["ref_text_embeddings"].grad
    torch.testing.assert_close(gradient, torch.from_numpy(numeric), rtol=0, atol=1e-7)


@CHUNKS
def test_splitting_a_batch_in_rows_and_references_splits_its_loss(chunk_size):
    # Half of the batch against the rest as references has the same per-sample losses as the whole batch.
    whole = batch(8)
    rows, rest = (tuple(part[half] for part in whole) for half in (slice(0, 4), slice(4, 8)))
    names = ("ref_image_embeddings", "ref_text_embeddings", "ref_positions")
    split = itcl_loss(*rows, **dict(zip(names, rest, strict=True)), reduction="none", chunk_size=chunk_size)
    torch.testing.assert_close(split, itcl_loss(*whole, reduction="none")[:4], rtol=0, atol=1e-12)


@CHUNKS
def test_an_affinity_matrix_and_a_function_replace_jaccard(chunk_size):
    images, texts, _ = batch()
    affinity = torch.rand(7, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    affinity[2] = 0  # its own text still counts through other rows' columns
    affinity[2, 2] = 0.3
    by_matrix = itcl_loss(images, texts, affinity=affinity, chunk_size=chunk_size)
    expected = reference.itcl(images, texts, None, affinity=affinity.numpy())
    assert by_matrix.item() == pytest.approx(expected, abs=1e-12)
    index = torch.arange(7)
    by_function = itcl_loss(images, texts, index, affinity=lambda a, b: affinity[a][:, b], chunk_size=chunk_size)
    assert by_function.item() == pytest.approx(expected, abs=1e-12)


@CHUNKS
def test_jaccard_given_as_function_or_matrix_changes_nothing(chunk_size):
    images, texts, positions = batch()
    further = references()
    expected = itcl_loss(images, texts, positions, **further)
    whole = position_affinity(positions, torch.cat([positions, further["ref_positions"]]), dtype=torch.float64)
    by_matrix = itcl_loss(
        images,
        texts,
        affinity=whole,
        chunk_size=chunk_size,
        **{name: value for name, value in further.items() if name != "ref_positions"},
    )
    by_function = itcl_loss(
        images,
        texts,
        positions,
        affinity=lambda a, b: position_affinity(a, b, dtype=torch.float64),
        chunk_size=chunk_size,
        **further,
    )
    torch.testing.assert_close(by_matrix, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(by_function, expected, rtol=0, atol=1e-12)


@CHUNKS
def test_a_sample_without_any_affinity_has_loss_zero(chunk_size):
    images, texts, _ = batch()
    images.requires_grad_()
    affinity = torch.eye(7)
    affinity[3, 3] = 0
    losses = itcl_loss(images, texts, affinity=affinity, reduction="none", chunk_size=chunk_size)
    assert losses[3].item() == 0
    assert (losses > 0).sum() == 6
    losses.sum().backward()
    assert images.grad.isfinite().all()


def test_no_gradient_flows_into_labels_affinities_and_weights():
    images, texts, positions = batch()
    affinity = torch.rand(7, 7, requires_grad=True)
    weights = torch.rand(7, requires_grad=True)
    images.requires_grad_()
    itcl_loss(images, texts, positions, affinity=affinity, weights=weights).backward()
    assert affinity.grad is None
    assert weights.grad is None


@CHUNKS
def test_reductions_agree(chunk_size):
    weights = torch.rand(7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    each = itcl_loss(*batch(), weights=weights, reduction="none", chunk_size=chunk_size)
    i2t, t2i = reference.sample_losses(*batch())
    np.testing.assert_allclose(each.numpy(), weights.numpy() * (i2t + t2i) / 2, atol=1e-12)
    total = itcl_loss(*batch(), weights=weights, reduction="sum", chunk_size=chunk_size)
    mean = itcl_loss(*batch(), weights=weights, chunk_size=chunk_size)
    torch.testing.assert_close(total, each.sum(), rtol=0, atol=1e-12)
    torch.testing.assert_close(mean, total / weights.sum(), rtol=0, atol=1e-12)


@CHUNKS
@pytest.mark.parametrize("with_references", [False, True])
def test_parts_are_both_directions_and_the_entropy_of_the_target(chunk_size, with_references):
    images, texts, positions = batch()
    further = references() if with_references else {}
    parts = itcl_loss(images, texts, positions, **further, chunk_size=chunk_size, return_parts=True)
    i2t, t2i = reference.sample_losses(images, texts, positions, refs=tuple(further.values()) if further else None)
    columns = torch.cat([positions, further["ref_positions"]]) if further else positions
    target = reference.jaccard(positions, columns)
    target /= target.sum(axis=1, keepdims=True)
    entropy = -(target * np.log(target, out=np.zeros_like(target), where=target > 0)).sum(axis=1)
    expected = [((i2t + t2i) / 2).mean(), i2t.mean(), t2i.mean(), entropy.mean()]
    np.testing.assert_allclose([part.item() for part in parts], expected, atol=1e-12)
    assert parts.loss >= parts.target_entropy


def test_the_loss_reaches_its_target_entropy_where_softmax_equals_the_target():
    # log A as similarities: with rows of equal mass the softmax of both directions is the target itself.
    affinity = torch.tensor([[1.0, 0.5, 0.25], [0.25, 1.0, 0.5], [0.5, 0.25, 1.0]], dtype=torch.float64)
    parts = itcl_loss(
        affinity.log(),
        torch.eye(3, dtype=torch.float64),
        affinity=affinity,
        temperature=1,
        normalize=False,
        return_parts=True,
    )
    torch.testing.assert_close(parts.loss, parts.target_entropy, rtol=0, atol=1e-14)


@CHUNKS
def test_logit_scale_replaces_the_temperature_up_to_a_factor_of_100(chunk_size):
    for log_scale, temperature in ((math.log(5), 0.2), (math.log(100), 0.01), (7.0, 0.01), (300.0, 0.01)):
        found = itcl_loss(
            *batch(),
            logit_scale=torch.tensor(log_scale, dtype=torch.float64),
            temperature=3.0,
            chunk_size=chunk_size,
        )
        expected = itcl_loss(*batch(), temperature=temperature)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


def test_normalize_can_be_left_to_the_caller():
    images, texts, positions = batch()
    unit = torch.nn.functional.normalize
    torch.testing.assert_close(
        itcl_loss(unit(images), unit(texts), positions, normalize=False),
        itcl_loss(3 * images, 0.1 * texts, positions),
        rtol=0,
        atol=1e-13,
    )


def call(**changes):
    images, texts, positions = batch()
    arguments = {"image_embeddings": images, "text_embeddings": texts, "positions": positions, **changes}
    return itcl_loss(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"image_embeddings": [1.0]}, InvalidTypeError, "`image_embeddings` to be a tensor, but got list"),
        ({"image_embeddings": torch.ones(7, 5, dtype=torch.long)}, InvalidTypeError, "but got torch.int64"),
        ({"image_embeddings": torch.ones(7)}, InvalidValueError, r"shape \(N, D\), but got \(7,\)"),
        (
            {"text_embeddings": torch.ones(6, 5)},
            InvalidValueError,
            r"`text_embeddings` of shape \(7, 5\), but got \(6, 5\)",
        ),
        ({"text_embeddings": torch.ones(7, 5, device="meta")}, InvalidValueError, "on cpu, but it is on meta"),
        (
            {"positions": torch.ones(6, 4, dtype=torch.bool)},
            InvalidValueError,
            r"`positions` of shape \(7, K\), but got \(6, 4\)",
        ),
        ({"positions": None}, InvalidValueError, "`positions` with 7 rows, but got None"),
        ({"positions": torch.rand(7, 4)}, InvalidTypeError, "bool or integer 0/1, but got torch.float32"),
        ({"positions": -torch.eye(7).long()}, InvalidValueError, "to hold 0 and 1 only, but got -1"),
        ({"temperature": 0}, InvalidValueError, "`temperature` in .*, but got 0"),
        ({"temperature": -0.07}, InvalidValueError, "but got -0.07"),
        ({"temperature": math.inf}, InvalidValueError, "but got inf"),
        ({"temperature": None}, InvalidTypeError, "to be a float, but got NoneType"),
        ({"chunk_size": -2}, InvalidValueError, "`chunk_size` of 0 .* but got -2"),
        ({"chunk_size": True}, InvalidTypeError, "`chunk_size` to be an int, but got bool"),
        ({"reduction": "max"}, InvalidValueError, "`reduction` of 'mean', 'sum' or 'none', but got 'max'"),
        ({"weights": torch.ones(6)}, InvalidValueError, r"`weights` of shape \(7,\), but got \(6,\)"),
        ({"weights": [1.0] * 7}, InvalidTypeError, "`weights` to be a tensor, but got list"),
        ({"weights": -torch.ones(7)}, InvalidValueError, "`weights` to be finite and non-negative"),
        ({"weights": torch.full((7,), math.nan)}, InvalidValueError, "finite and non-negative"),
        ({"logit_scale": 2.6}, InvalidTypeError, "`logit_scale` to be a tensor, but got float"),
        ({"logit_scale": torch.ones(1)}, InvalidValueError, r"`logit_scale` of shape \(\), but got \(1,\)"),
        ({"logit_scale": torch.tensor(2)}, InvalidTypeError, "floating dtype, but got torch.int64"),
        ({"affinity": "cosine"}, InvalidTypeError, "`affinity` to be a callable or a tensor, but got str"),
        ({"affinity": torch.ones(7, 6)}, InvalidValueError, r"shape \(7, 7\), but got \(7, 6\)"),
        ({"affinity": -torch.eye(7)}, InvalidValueError, "`affinity` to be finite and non-negative"),
        (
            {"affinity": lambda a, b: torch.ones(2, 2)},
            InvalidValueError,
            r"`affinity` to return a matrix of shape \(7, 7\), but got \(2, 2\)",
        ),
        ({"affinity": lambda a, b: None}, InvalidTypeError, "to be a tensor, but got NoneType"),
        (
            {"ref_image_embeddings": torch.ones(3, 5)},
            InvalidValueError,
            "together, but got only `ref_image_embeddings`",
        ),
        ({"ref_positions": torch.ones(3, 4).bool()}, InvalidValueError, "but got only `ref_positions`"),
        (
            {**references(), "ref_image_embeddings": torch.ones(5, 6), "ref_text_embeddings": torch.ones(5, 6)},
            InvalidValueError,
            r"`ref_image_embeddings` of shape \(R, 5\), but got \(5, 6\)",
        ),
        (
            {**references(), "ref_positions": torch.ones(5, 2).bool()},
            InvalidValueError,
            r"`ref_positions` of shape \(R, 4\), but got \(5, 2\)",
        ),
        (
            {**references(), "ref_positions": torch.ones(4, 4).bool()},
            InvalidValueError,
            r"`ref_positions` of shape \(5, K\), but got \(4, 4\)",
        ),
    ],
)
def test_bad_input_is_named(changes, error, words):
    with pytest.raises(error, match=words):
        call(**changes)


def test_an_empty_batch_is_named():
    with pytest.raises(InvalidValueError, match="at least one row, but got 0"):
        itcl_loss(torch.ones(0, 5), torch.ones(0, 5), torch.ones(0, 4).bool())
