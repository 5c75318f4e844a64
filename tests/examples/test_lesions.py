"""Connected parts and lesions found, against a flood fill written out."""

import numpy as np
import pytest
import torch
from semimedref.evaluation.lesions import FOUND_FROM, LEAST_SHARE, components, lesion_counts


def flooded(mask: np.ndarray) -> list[list[int]]:
    left = {(y, x) for y, x in np.argwhere(mask).tolist()}
    parts = []
    while left:
        edge, part = [min(left)], []
        left.remove(edge[0])
        while edge:
            y, x = edge.pop()
            part.append(y * mask.shape[1] + x)
            for place in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if place in left:
                    left.remove(place)
                    edge.append(place)
        parts.append(sorted(part))
    return sorted(parts)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_components_are_those_of_a_flood_fill(seed, share):
    mask = np.random.default_rng(seed).random((13, 17)) < share
    assert [part.tolist() for part in components(torch.from_numpy(mask))] == flooded(mask)


def test_a_part_may_wind_and_the_ends_of_rows_are_no_neighbours():
    mask = torch.zeros(5, 6, dtype=torch.bool)
    mask[0, 5] = mask[1, 0] = True
    assert len(components(mask)) == 2
    spiral = torch.ones(7, 7, dtype=torch.bool)
    spiral[1, :6] = spiral[3, 1:] = spiral[5, :6] = False
    assert len(components(spiral)) == 1
    assert components(torch.zeros(3, 4, dtype=torch.bool)) == []


@pytest.mark.parametrize("seed", range(4))
def test_lesions_are_counted_as_defined(seed):
    rng = np.random.default_rng(seed)
    mask, found = (np.kron(rng.random((16, 16)) < 0.25, np.ones((8, 8), bool)) for _ in range(2))
    found &= rng.random(found.shape) < 0.8
    mask[0, 0], mask[:2, 1:3], mask[1, 0] = True, False, False  # a speck in the corner, below the least share
    least = LEAST_SHARE * mask.size
    lesions = [part for part in flooded(mask) if len(part) >= least]
    hit = [part for part in lesions if found.ravel()[part].mean() >= FOUND_FROM]
    false = [part for part in flooded(found) if len(part) >= least and not mask.ravel()[part].any()]
    assert lesion_counts(torch.from_numpy(found), torch.from_numpy(mask)) == (len(lesions), len(hit), len(false))


def test_specks_do_not_count():
    mask = torch.zeros(200, 200, dtype=torch.bool)
    mask[0, :7] = mask[100, :8] = True  # 8 pixels are the least share
    assert lesion_counts(mask, mask) == (1, 1, 0)
    assert lesion_counts(mask, torch.zeros_like(mask)) == (0, 0, 1)
