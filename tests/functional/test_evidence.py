"""Evidence read in the dtype of the target, against its float32 copy."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional.border import border_runs
from crossmodal_aug.functional.evidence import check_evidence, evidence_values, is_mask, reaches
from crossmodal_aug.functional.mixing import _count_true


@given(st.floats(0.0, 1.0), st.sampled_from([torch.float16, torch.bfloat16]))
def test_half_precision_reaches_exactly_what_its_values_reach(threshold: float, dtype: torch.dtype) -> None:
    every = torch.arange(2**15 - 1, dtype=torch.int16).view(dtype)
    every = every[(every >= 0) & (every <= 1)]
    assert torch.equal(reaches(every, threshold), every.double() >= threshold)


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int64, torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn]
)
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_masks_of_every_dtype(dtype: torch.dtype, threshold: float) -> None:
    mask = torch.tensor([[[0, 1], [1, 0]]])
    read = check_evidence("mask", mask.to(dtype))
    assert torch.equal(evidence_values(read), mask.float())
    assert torch.equal(reaches(read, threshold), mask.float() >= threshold)


INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]


@given(st.data(), st.sampled_from(INTEGERS))
def test_a_mask_holds_one_value_above_0(data: st.DataObject, dtype: torch.dtype) -> None:
    about = torch.iinfo(dtype)
    some = st.one_of(st.integers(max(about.min, -2), 3), st.sampled_from([100, about.max - 1, about.max, about.min]))
    values = data.draw(st.lists(some, max_size=5))
    mask = torch.tensor(values, dtype=dtype)
    held = len(set(values) - {0}) < 2 and min(values, default=0) >= 0
    assert is_mask(mask) == held
    if held:
        assert reaches(check_evidence("mask", mask), 0.5).tolist() == [value > 0 for value in values]
        return
    with pytest.raises(InvalidValueError, match="`mask` to be a mask of 0 and one value above 0") as caught:
        check_evidence("mask", mask)
    assert f"the values {sorted(set(values))}" in str(caught.value)


def test_what_cannot_be_evidence() -> None:
    with pytest.raises(InvalidTypeError, match=r"`mask` to be real.*complex64"):
        check_evidence("mask", torch.zeros(1, 2, 2, dtype=torch.complex64))
    with pytest.raises(InvalidValueError, match="Expected `size`"):
        CF.region_evidence(torch.zeros(1, 0, 4), LUNG_ZONES)


@given(st.integers(0, 2**31), st.integers(0, 20), st.integers(1, 40), st.integers(1, 5))
def test_true_entries_are_counted_in_parts(seed: int, batch: int, lines: int, width: int) -> None:
    some = torch.rand(batch, lines, width, generator=torch.Generator().manual_seed(seed)) < 0.5
    assert torch.equal(_count_true(some), some.sum(dim=2))


@given(st.integers(0, 2**31), st.integers(1, 34), st.integers(1, 40), st.integers(1, 9))
def test_cuts_by_zones_equal_cuts_by_their_mask(seed: int, batch: int, height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    evidence = torch.rand(batch, 2, height, width, generator=generator)
    zones = torch.rand(batch, 6, generator=generator) < 0.5
    index = torch.randint(0, batch, (batch,), generator=generator)
    mask = CF.union_mask(zones, LUNG_ZONES, (2, height, width))
    expected = CF.cut_share(evidence.index_select(0, index) >= 0.5, mask)
    assert torch.equal(border_runs(evidence, LUNG_ZONES).cut_share(zones, LUNG_ZONES, index), expected)
    assert torch.equal(border_runs(evidence, LUNG_ZONES, index).cut_share(zones, LUNG_ZONES), expected)
