"""Borders of regions give what their masks give, on any atlas and with lengths of one byte and of two."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas
from crossmodal_aug.functional.border import border_runs

unit = st.floats(0, 1)
box = st.tuples(unit, unit, unit, unit).map(lambda c: (min(c[:2]), max(c[:2]), min(c[2:]), max(c[2:])))
narrow = LUNG_ZONES.with_geometry(rows=(0.2, 0.22), columns=(3 / 7,))
overlapping = st.lists(box, min_size=6, max_size=6).map(lambda cells: replace(LUNG_ZONES, cells=tuple(cells)))
atlases = st.one_of(st.sampled_from([LUNG_ZONES, QUADRANTS, narrow]), overlapping)


def draw(seed: int, atlas: Atlas, size: tuple[int, ...], gaps: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    evidence = (torch.rand(3, *size, generator=generator) >= gaps).float()
    return evidence, torch.rand(3, len(atlas), generator=generator) < 0.5


@given(st.integers(0, 2**31), atlases, st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.02, 0.2, 0.5]))
def test_any_atlas(seed: int, atlas: Atlas, height: int, width: int, gaps: float) -> None:
    evidence, zones = draw(seed, atlas, (2, height, width), gaps)
    expected = CF.cut_share(evidence.bool(), CF.union_mask(zones, atlas, (2, height, width)))
    for one in (evidence, evidence.bool(), evidence.half(), evidence.long()):
        assert torch.equal(border_runs(one, atlas).cut_share(zones, atlas), expected)


@pytest.mark.parametrize("size", [(3, 600), (900, 3), (300, 256)], ids=str)
@pytest.mark.parametrize("atlas", [LUNG_ZONES, narrow], ids=["even", "narrow"])
@pytest.mark.parametrize("gaps", [0.0, 0.002, 0.1])
def test_long_bands(size: tuple[int, int], atlas: Atlas, gaps: float) -> None:
    evidence, zones = draw(0, atlas, size, gaps)
    expected = CF.cut_share(evidence.bool(), CF.union_mask(zones, atlas, size))
    assert torch.equal(border_runs(evidence, atlas).cut_share(zones, atlas), expected)


@pytest.mark.parametrize("atlas", [LUNG_ZONES, QUADRANTS, narrow], ids=["zones", "quadrants", "narrow"])
def test_only_the_sets_that_are_asked_about(atlas: Atlas) -> None:
    evidence, _ = draw(0, atlas, (20, 30), 0.1)
    for side in atlas.sides:
        zones = torch.tensor([[region in side for region in range(len(atlas))]]).expand(3, -1)
        expected = CF.cut_share(evidence.bool(), CF.union_mask(zones, atlas, (20, 30)))
        assert torch.equal(border_runs(evidence, atlas, among=atlas.sides).cut_share(zones, atlas), expected)
    nothing = border_runs(evidence, atlas, among=[range(len(atlas))])
    assert torch.equal(nothing.cut_share(torch.ones(3, len(atlas), dtype=torch.bool), atlas), torch.zeros(3))
