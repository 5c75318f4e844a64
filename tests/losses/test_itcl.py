"""The module: settings, learnable temperature, and agreement with the function."""

import math

import pytest
import torch

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.contrastive import itcl_loss
from crossmodal_aug.losses import ITCLoss


def batch(count=6, width=5, labels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(count, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return images, texts, torch.rand(count, labels, generator=generator) < 0.4


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("chunk_size", [0, 4])
def test_module_and_function_agree(chunk_size, reduction):
    loss = ITCLoss(temperature=0.2, chunk_size=chunk_size, reduction=reduction)
    expected = itcl_loss(*batch(), temperature=0.2, reduction=reduction)
    torch.testing.assert_close(loss(*batch()), expected, rtol=0, atol=1e-12)


def test_fixed_temperature_has_no_parameter_and_a_learnable_one_starts_there():
    assert list(ITCLoss().parameters()) == []
    loss = ITCLoss(temperature=0.2, learnable=True)
    assert loss.logit_scale.item() == pytest.approx(math.log(1 / 0.2), abs=1e-6)
    torch.testing.assert_close(
        loss(*batch()), itcl_loss(*batch(), temperature=0.2), rtol=0, atol=1e-6, check_dtype=False
    )


def test_learnable_temperature_is_held_at_a_scale_of_100_and_comes_back():
    loss = ITCLoss(learnable=True)
    with torch.no_grad():
        loss.logit_scale.fill_(9.0)
    # The pairs do not match, so a smaller scale is better.
    images, _, positions = batch()
    value = loss(images, -images, positions)
    torch.testing.assert_close(value, itcl_loss(images, -images, positions, temperature=0.01), rtol=0, atol=1e-4)
    value.backward()
    assert loss.logit_scale.item() == pytest.approx(math.log(100), abs=1e-6)
    torch.optim.SGD(loss.parameters(), lr=0.01).step()
    assert loss.logit_scale.item() < math.log(100) - 0.1


def test_one_module_serves_two_batches_before_one_backward():
    # Labelled and unlabelled data share the temperature.
    loss = ITCLoss(learnable=True)
    (loss(*batch(seed=0)) + loss(*batch(seed=1))).backward()
    expected = 0
    for seed in (0, 1):
        single = ITCLoss(learnable=True)
        single(*batch(seed=seed)).backward()
        expected += single.logit_scale.grad
    torch.testing.assert_close(loss.logit_scale.grad, expected)


def test_state_dict_carries_the_temperature():
    loss = ITCLoss(learnable=True)
    with torch.no_grad():
        loss.logit_scale.fill_(1.5)
    other = ITCLoss(learnable=True)
    other.load_state_dict(loss.state_dict())
    assert other.logit_scale.item() == 1.5


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"temperature": "warm"}, InvalidTypeError, "`temperature` to be a float, but got str"),
        ({"temperature": 0.0}, InvalidValueError, "`temperature` in .*, but got 0.0"),
        ({"temperature": float("nan")}, InvalidValueError, "but got nan"),
        ({"temperature": 0.001, "learnable": True}, InvalidValueError, "at least 0.01 .* but got 0.001"),
        ({"chunk_size": -1}, InvalidValueError, "`chunk_size` of 0 .* but got -1"),
        ({"chunk_size": 1.5}, InvalidTypeError, "`chunk_size` to be an int, but got float"),
        ({"reduction": "median"}, InvalidValueError, "but got 'median'"),
        ({"normalize": "no"}, InvalidTypeError, "`normalize` to be a bool, but got str"),
        ({"gather_distributed": 1}, InvalidTypeError, "`gather_distributed` to be a bool, but got int"),
        ({"learnable": None}, InvalidTypeError, "`learnable` to be a bool, but got NoneType"),
    ],
)
def test_bad_settings_are_named_at_construction(settings, error, words):
    with pytest.raises(error, match=words):
        ITCLoss(**settings)


def test_repr_names_the_settings():
    assert "temperature=0.07, learnable=False, chunk_size=64" in repr(ITCLoss(chunk_size=64))


def test_temperature_and_repr_follow_what_is_learnt_up_to_the_limit():
    loss = ITCLoss(learnable=True)
    assert loss.temperature == pytest.approx(0.07, abs=1e-8)
    with torch.no_grad():
        loss.logit_scale.fill_(math.log(4))
    assert loss.temperature == pytest.approx(0.25, abs=1e-7)
    assert "temperature=0.25, learnable=True" in repr(loss)
    with torch.no_grad():
        loss.logit_scale.fill_(9.0)
    assert loss.temperature == pytest.approx(0.01)


@pytest.mark.parametrize("learnable", [False, True])
def test_temperature_can_be_set(learnable):
    loss = ITCLoss(learnable=learnable)
    loss.temperature = 0.2
    torch.testing.assert_close(
        loss(*batch()), itcl_loss(*batch(), temperature=0.2), rtol=0, atol=1e-6, check_dtype=False
    )
    with pytest.raises(InvalidValueError, match=r"`temperature` in .*, but got -1"):
        loss.temperature = -1
    if learnable:
        with pytest.raises(InvalidValueError, match=r"at least 0.01 .* but got 0.001"):
            loss.temperature = 0.001
    assert loss.temperature == pytest.approx(0.2, abs=1e-7)
