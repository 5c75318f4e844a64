"""Value and gradient of ITCL: closed forms, an independent reference, chunked against plain."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal_aug.functional.contrastive import itcl_loss
from tests.functional import itcl_reference as reference


def batch(count, width=5, labels=4, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, width, generator=generator, dtype=dtype) for _ in range(2))
    positions = torch.rand(count, labels, generator=generator) < 0.4
    return images, texts, positions


def with_gradients(function, *tensors):
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    value = function(*leaves)
    return value.detach(), *torch.autograd.grad(value, leaves)


@pytest.mark.parametrize("chunk_size", [0, 1, 4])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_equals_the_written_out_reference(count, chunk_size):
    images, texts, positions = batch(count)
    found, *gradients = with_gradients(lambda u, v: itcl_loss(u, v, positions, chunk_size=chunk_size), images, texts)
    assert found.item() == pytest.approx(reference.itcl(images, texts, positions), abs=1e-12)
    for gradient, numeric in zip(
        gradients,
        (
            reference.numeric_gradient(lambda u: reference.itcl(u, texts, positions), images.numpy()),
            reference.numeric_gradient(lambda v: reference.itcl(images, v, positions), texts.numpy()),
        ),
        strict=True,
    ):
        torch.testing.assert_close(gradient, torch.from_numpy(numeric), rtol=0, atol=1e-7)


@pytest.mark.parametrize("temperature", [0.01, 0.07, 1.0])
def test_one_hot_positions_give_clips_symmetric_cross_entropy(temperature):
    images, texts, _ = batch(7)
    loss = itcl_loss(images, texts, torch.eye(7, dtype=torch.bool), temperature=temperature)
    unit = torch.nn.functional.normalize
    logits = unit(images) @ unit(texts).T / temperature
    labels = torch.arange(7)
    clip = torch.nn.functional.cross_entropy(logits, labels) / 2
    clip = clip + torch.nn.functional.cross_entropy(logits.T, labels) / 2
    torch.testing.assert_close(loss, clip, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunk_size", [0, 3])
def test_samples_all_alike_give_the_log_of_their_number(chunk_size):
    # Every similarity is 1/tau and every target 1/N, so each row's cross-entropy is log N and the gradient 0.
    images = torch.ones(11, 4, dtype=torch.float64)
    positions = torch.tensor([[True, False, True]]).expand(11, 3)
    loss, *gradients = with_gradients(lambda u, v: itcl_loss(u, v, positions, chunk_size=chunk_size), images, images)
    assert loss.item() == pytest.approx(math.log(11), abs=1e-13)
    for gradient in gradients:
        assert gradient.abs().max() < 1e-14


def test_two_samples_have_their_closed_form():
    # Orthonormal pairs: s = I / tau. Target of each row (1, a) / (1 + a), so its cross-entropy is
    # log(e^(1/tau) + 1) - 1 / (tau (1 + a)).
    tau, overlap = 0.5, 1 / 3
    embeddings = torch.eye(2, dtype=torch.float64)
    positions = torch.tensor([[1, 1, 0], [0, 1, 1]])
    expected = math.log(math.exp(1 / tau) + 1) - 1 / (tau * (1 + overlap))
    loss = itcl_loss(embeddings, embeddings, positions, temperature=tau)
    assert loss.item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("chunk_size", [1, 3, 8, 16, 17, 40])
def test_chunked_equals_plain(chunk_size):
    images, texts, positions = batch(17, width=8, labels=6)
    plain = with_gradients(lambda u, v: itcl_loss(u, v, positions), images, texts)
    chunked = with_gradients(lambda u, v: itcl_loss(u, v, positions, chunk_size=chunk_size), images, texts)
    for found, expected in zip(chunked, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 12), chunk_size=st.integers(0, 13), seed=st.integers(0, 9999), tau=st.floats(0.01, 5))
def test_any_size_chunk_and_temperature_equal_the_reference(count, chunk_size, seed, tau):
    images, texts, positions = batch(count, seed=seed)
    found = itcl_loss(images, texts, positions, temperature=tau, chunk_size=chunk_size)
    expected = reference.itcl(images, texts, positions, temperature=tau)
    assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("chunk_size", [0, 2, 5])
def test_gradcheck_and_gradgradcheck(chunk_size):
    images, texts, positions = batch(5, width=3)
    logit_scale = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    inputs = (images.requires_grad_(), texts.requires_grad_(), logit_scale)

    def loss(u, v, scale):
        return itcl_loss(u, v, positions, logit_scale=scale, chunk_size=chunk_size)

    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)
