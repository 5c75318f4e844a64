"""Precision, degenerate batches, extreme temperatures, autocast and compilation."""

import math

import pytest
import torch

from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.losses import ITCLoss
from tests.functional import itcl_reference as reference

CHUNKS = pytest.mark.parametrize("chunk_size", [0, 3])


def batch(count=8, width=16, labels=4, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    images, texts = (torch.randn(count, width, generator=generator, dtype=dtype) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.4


def loss_and_gradients(images, texts, positions, **options):
    images, texts = images.clone().requires_grad_(), texts.clone().requires_grad_()
    loss = itcl_loss(images, texts, positions, **options)
    loss.backward()
    return loss.detach(), images.grad, texts.grad


def assert_finite(results):
    for result in results:
        assert result.isfinite().all()


@CHUNKS
@pytest.mark.parametrize("fill", [False, True])
def test_empty_and_full_position_sets_all_agree(fill, chunk_size):
    images, texts, _ = batch()
    positions = torch.full((8, 4), fill)
    results = loss_and_gradients(images, texts, positions, chunk_size=chunk_size)
    assert_finite(results)
    expected = reference.itcl(images.double().numpy(), texts.double().numpy(), positions)
    assert results[0].item() == pytest.approx(expected, abs=1e-5)


@CHUNKS
def test_one_sample_has_loss_and_gradient_zero(chunk_size):
    images, texts, positions = batch(count=1)
    loss, *gradients = loss_and_gradients(images, texts, positions, chunk_size=chunk_size)
    assert loss.item() == 0
    assert max(gradient.abs().max() for gradient in gradients) < 1e-6


@CHUNKS
def test_duplicate_texts_are_finite_and_pulled_alike(chunk_size):
    images, texts, positions = batch()
    texts[1], positions[1] = texts[0], positions[0]
    results = loss_and_gradients(images, texts, positions, chunk_size=chunk_size)
    assert_finite(results)
    expected = reference.itcl(images.double().numpy(), texts.double().numpy(), positions)
    assert results[0].item() == pytest.approx(expected, abs=1e-5)


@CHUNKS
def test_zero_vectors_are_equally_similar_to_everything(chunk_size):
    images, texts, positions = batch()
    images[2], texts[5] = 0, 0
    results = loss_and_gradients(images, texts, positions, chunk_size=chunk_size)
    assert_finite(results)
    expected = reference.itcl(images.double().numpy(), texts.double().numpy(), positions)
    assert results[0].item() == pytest.approx(expected, abs=1e-5)
    # Of ordinary size: the scale 1/0.07 times unit vectors, not 1e12 times them.
    assert results[1][2].norm() < 30


@CHUNKS
@pytest.mark.parametrize("odd", ["zero vectors", "no references", "both"])
def test_second_derivatives_are_finite_and_those_without_the_odd_case(odd, chunk_size):
    images, texts, positions = batch(dtype=torch.float64)
    options = {"chunk_size": chunk_size}
    if odd != "no references":
        images[2], texts[5] = 0, 0
    if odd != "zero vectors":
        empty = images[:0]
        options |= {"ref_image_embeddings": empty, "ref_text_embeddings": empty, "ref_positions": positions[:0]}
    leaves = images.requires_grad_(), texts.requires_grad_()
    first = torch.autograd.grad(itcl_loss(*leaves, positions, **options), leaves, create_graph=True)
    found = torch.autograd.grad(sum(gradient.square().sum() for gradient in first), leaves)
    first = torch.autograd.grad(itcl_loss(*leaves, positions), leaves, create_graph=True)
    expected = torch.autograd.grad(sum(gradient.square().sum() for gradient in first), leaves)
    assert_finite(found)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@CHUNKS
def test_embeddings_whose_square_leaves_float32_count_as_zero_vectors(chunk_size):
    images, texts, positions = batch()
    zero = images.clone()
    zero[1], zero[4] = 0, 0
    images[1] *= 1e25
    images[4] *= 1e-30
    assert torch.equal(
        itcl_loss(images, texts, positions, chunk_size=chunk_size),
        itcl_loss(zero, texts, positions, chunk_size=chunk_size),
    )


NORMS = {
    torch.float32: [1e-22, 1e-21, 1e-20, 1e-10, 1e10, 1e18, 1e19],
    torch.float64: [1e-161, 1e-150, 1e-22, 1e150, 1e154],
}


@CHUNKS
@pytest.mark.parametrize("width", [1, 16, 4096])
@pytest.mark.parametrize(("dtype", "norm"), [(dtype, norm) for dtype, norms in NORMS.items() for norm in norms])
def test_embeddings_of_any_usable_norm_give_the_loss_of_their_direction_and_a_finite_gradient(
    dtype, norm, width, chunk_size
):
    images, texts, positions = batch(width=width, dtype=torch.float64)
    units = images / images.norm(dim=1, keepdim=True)
    given = units.clone()
    given[1], given[4] = norm * units[1], -norm * units[4]
    units[4] = -units[4]
    expected = loss_and_gradients(units, texts, positions, chunk_size=chunk_size)
    found = loss_and_gradients(given.to(dtype), texts.to(dtype), positions, chunk_size=chunk_size)
    assert_finite(found)
    # The gradient of a direction grows as its vector shrinks.
    gradient = found[1].double()
    gradient[[1, 4]] *= norm
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-12}
    torch.testing.assert_close(found[0].double(), expected[0], **close)
    torch.testing.assert_close(gradient, expected[1], **close)
    torch.testing.assert_close(found[2].double(), expected[2], **close)


@CHUNKS
@pytest.mark.parametrize("norm", [1e-30, 1e-23, 1e20, 1e25])
def test_embeddings_beyond_the_usable_norms_give_a_gradient_of_ordinary_size(norm, chunk_size):
    images, texts, positions = batch()
    images[1] *= norm / images[1].norm()
    results = loss_and_gradients(images, texts, positions, chunk_size=chunk_size)
    assert_finite(results)
    assert results[1][1].norm() < 30


def test_float16_holds_the_gradient_of_a_norm_of_a_thousandth():
    images, texts, positions = batch()
    images *= 1e-3 / images.norm(dim=1, keepdim=True)
    assert_finite(loss_and_gradients(images.half(), texts.half(), positions))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_embedding_that_is_not_finite_is_not_hidden(value):
    images, texts, positions = batch()
    images[1, 3] = value
    assert itcl_loss(images, texts, positions).isnan()


def test_embeddings_without_any_column_are_all_alike():
    nothing = torch.zeros(6, 0)
    loss, *_ = loss_and_gradients(nothing, nothing, torch.eye(6).bool())
    assert loss.item() == pytest.approx(math.log(6), abs=1e-6)


def test_all_vectors_zero_give_the_log_of_the_batch():
    zeros = torch.zeros(6, 4)
    loss, *gradients = loss_and_gradients(zeros, zeros, torch.eye(6).bool())
    assert loss.item() == pytest.approx(math.log(6), abs=1e-6)
    assert all(torch.equal(gradient, zeros) for gradient in gradients)


@CHUNKS
@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 0.01, 1.0, 1e6])
def test_extreme_temperatures_stay_finite_and_right(temperature, chunk_size):
    images, texts, positions = batch()
    results = loss_and_gradients(images, texts, positions, temperature=temperature, chunk_size=chunk_size)
    assert_finite(results)
    expected = reference.itcl(images.double().numpy(), texts.double().numpy(), positions, temperature=temperature)
    assert results[0].item() == pytest.approx(expected, rel=1e-5)


@CHUNKS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_lose_nothing_beyond_their_own_rounding(dtype, chunk_size):
    images, texts, positions = batch()
    images, texts = images.to(dtype), texts.to(dtype)
    loss, *gradients = loss_and_gradients(images, texts, positions, temperature=0.01, chunk_size=chunk_size)
    assert loss.dtype == torch.float32
    assert {gradient.dtype for gradient in gradients} == {dtype}
    expected = reference.itcl(images.double().numpy(), texts.double().numpy(), positions, temperature=0.01)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@CHUNKS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_changes_neither_value_nor_gradient(dtype, chunk_size):
    images, texts, positions = batch(count=32, width=64)
    expected = loss_and_gradients(images, texts, positions, temperature=0.01)
    images, texts = images.requires_grad_(), texts.requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        loss = itcl_loss(images, texts, positions, temperature=0.01, chunk_size=chunk_size)
    loss.backward()
    for found, value in zip((loss.detach(), images.grad, texts.grad), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-5)


def test_chunks_are_built_again_in_full_precision_even_if_backward_runs_under_autocast():
    images, texts, positions = batch(count=32, width=64)
    expected = loss_and_gradients(images, texts, positions, temperature=0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss_and_gradients(images, texts, positions, temperature=0.01, chunk_size=5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_mixed_dtypes_compute_in_the_wider():
    images, texts, positions = batch(dtype=torch.float64)
    assert itcl_loss(images.half(), texts.float(), positions).dtype == torch.float32
    assert itcl_loss(images.half(), texts, positions).dtype == torch.float64


@pytest.mark.parametrize("learnable", [False, True])
def test_the_plain_form_compiles_as_one_graph(learnable):
    images, texts, positions = batch()
    loss = ITCLoss(learnable=learnable)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    results = []
    for function in (loss, compiled):
        leaf = images.clone().requires_grad_()
        value = function(leaf, texts, positions)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def test_labels_that_are_neither_0_nor_1_are_not_looked_at_while_compiling():
    # Looking would break the graph; the eager call names them.
    images, texts, positions = batch()
    compiled = torch.compile(itcl_loss, fullgraph=True, backend="eager")
    weights = torch.rand(8)
    torch.testing.assert_close(
        compiled(images, texts, positions.long(), weights=weights, return_parts=True),
        itcl_loss(images, texts, positions, weights=weights, return_parts=True),
    )
