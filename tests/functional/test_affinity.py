import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.affinity import position_affinity
from tests.functional import itcl_reference as reference

multi_hot = st.integers(1, 7).flatmap(
    lambda width: st.tuples(
        npst.arrays(bool, st.tuples(st.integers(1, 8), st.just(width))),
        npst.arrays(bool, st.tuples(st.integers(1, 8), st.just(width))),
    )
)


@settings(max_examples=100, deadline=None)
@given(multi_hot)
def test_equals_jaccard_of_python_sets(pair):
    positions, others = (torch.from_numpy(array.copy()) for array in pair)
    found = position_affinity(positions, others, dtype=torch.float64)
    expected = torch.from_numpy(reference.jaccard(*pair))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(multi_hot)
def test_is_symmetric_with_ones_on_the_diagonal(pair):
    affinity = position_affinity(torch.from_numpy(pair[0].copy()))
    assert torch.equal(affinity, affinity.T)
    assert torch.equal(affinity.diagonal(), torch.ones(len(affinity)))
    assert affinity.min() >= 0
    assert affinity.max() <= 1


def test_two_empty_sets_agree_and_an_empty_one_agrees_with_nothing_else():
    positions = torch.tensor([[0, 0], [0, 0], [1, 1]])
    assert position_affinity(positions).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_bool_and_integers_agree(dtype):
    positions = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 0]])
    assert torch.equal(position_affinity(positions.to(dtype)), position_affinity(positions.bool()))


def test_counts_of_large_label_sets_stay_exact_under_autocast():
    # 301 and 300 of 301 labels: bfloat16 would round both counts to the same number.
    positions = torch.ones(2, 301, dtype=torch.bool)
    positions[1, 0] = False
    with torch.autocast("cpu", dtype=torch.bfloat16):
        affinity = position_affinity(positions)
    assert affinity[0, 1].item() == pytest.approx(300 / 301, abs=1e-7)


def test_result_has_the_dtype_asked_for():
    positions = torch.eye(3, dtype=torch.bool)
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        assert position_affinity(positions, dtype=dtype).dtype == dtype


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[1, 0]],), InvalidTypeError, "`positions` to be a tensor, but got list"),
        ((torch.ones(3),), InvalidValueError, r"`positions` of shape \(N, K\), but got \(3,\)"),
        (
            (torch.ones(3, 2),),
            InvalidTypeError,
            "`positions` to be bool or integer 0/1, but got torch.float32",
        ),
        ((torch.tensor([[1, -1]]),), InvalidValueError, "`positions` to hold 0 and 1 only, but got -1"),
        ((torch.tensor([[0, 2]]),), InvalidValueError, "but got 2"),
        (
            (torch.ones(3, 2, dtype=torch.bool), torch.ones(3, 5, dtype=torch.bool)),
            InvalidValueError,
            r"`others` of shape \(M, 2\), but got \(3, 5\)",
        ),
        (
            (torch.ones(3, 2, dtype=torch.bool), torch.ones(3, 2, dtype=torch.bool, device="meta")),
            InvalidValueError,
            "`others` on cpu, but it is on meta",
        ),
    ],
)
def test_bad_input_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        position_affinity(*arguments)


def test_dtype_must_be_floating():
    with pytest.raises(InvalidTypeError, match=r"`dtype` to be a floating torch dtype, but got torch\.int64"):
        position_affinity(torch.eye(2, dtype=torch.bool), dtype=torch.int64)
