"""The parts of the mixing ops against references written out as loops."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, QUADRANTS
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.functional import mixing, pasting, regions, windows

seeds = st.integers(0, 2**31)


@given(seeds, st.integers(0, 9))
def test_cyclic_donors_make_one_ring(seed: int, batch: int) -> None:
    donors = mixing.cyclic_donors(CF.uniforms(batch, 1, generator=torch.Generator().manual_seed(seed))[:, 0]).tolist()
    assert sorted(donors) == list(range(batch))
    if batch > 1:
        assert all(donor != sample for sample, donor in enumerate(donors))
    sample, met = 0, set()
    while batch and sample not in met:
        met.add(sample)
        sample = donors[sample]
    assert len(met) == batch


def test_cyclic_donors_are_uniform_over_rings() -> None:
    generator = torch.Generator().manual_seed(0)
    rings = [tuple(mixing.cyclic_donors(CF.uniforms(4, 1, generator=generator)[:, 0]).tolist()) for _ in range(3000)]
    counts = [rings.count(ring) for ring in set(rings)]
    assert len(counts) == 6  # (4 - 1)! rings of four
    assert min(counts) > 400
    assert max(counts) < 600


@given(seeds, st.integers(1, 40), st.booleans())
def test_pick_true_takes_a_true_entry(seed: int, width: int, dense: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    options = torch.rand(16, width, generator=generator) < (0.9 if dense else 0.1)
    chosen = CF.pick_true(torch.rand(16, generator=generator), options)
    for row, index in zip(options, chosen.tolist(), strict=True):
        assert 0 <= index < width
        assert bool(row[index]) or not bool(row.any())


@pytest.mark.parametrize("spatial", [(4, 5), (3, 4, 5)])
def test_random_pixel_is_uniform_over_true_pixels(spatial: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    options = torch.rand(spatial, generator=generator) < 0.4
    n = 20_000
    pixels = CF.random_pixel(torch.rand(n, 2, generator=generator), options.expand(n, *spatial))
    counts = torch.zeros(spatial)
    for pixel in pixels.tolist():
        counts[tuple(pixel)] += 1
    assert not bool((counts[~options] > 0).any())
    expected = n / int(options.sum())
    assert float((counts[options] - expected).abs().max()) < 5 * expected**0.5


def test_first_and_last_draw_stay_in_range() -> None:
    nearly_one = torch.tensor(1.0).nextafter(torch.tensor(0.0))
    assert int(CF.pick(nearly_one, 7)) == 6
    assert int(CF.pick(nearly_one, 2**20)) < 2**20
    assert int(CF.pick(torch.tensor(0.5), 0)) == 0


@given(seeds, st.lists(st.integers(1, 9), min_size=2, max_size=3), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_boxes_lie_in_their_bounds(seed: int, spatial: list[int], size: list[int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    wanted = size[: len(spatial)]
    ends = torch.stack([torch.randint(0, n + 1, (20, 2), generator=generator).sort(dim=1).values for n in spatial], 1)
    for boxes in (
        CF.boxes_inside(torch.rand(20, len(spatial), generator=generator), ends, wanted),
        CF.boxes_around(ends[..., 0].minimum(torch.tensor(spatial) - 1), spatial, wanted),
    ):
        mask = CF.box_mask(boxes, spatial)
        for b, box in enumerate(boxes.tolist()):
            reference = np.zeros(spatial, dtype=bool)
            reference[tuple(slice(start, stop) for start, stop in box)] = True
            assert (mask[b].numpy() == reference).all()
    inside = CF.boxes_inside(torch.rand(20, len(spatial), generator=generator), ends, wanted)
    assert bool((inside[..., 0] >= ends[..., 0]).all())
    assert bool((inside[..., 1] <= ends[..., 1]).all())
    assert torch.equal(
        inside[..., 1] - inside[..., 0], torch.minimum(ends[..., 1] - ends[..., 0], torch.tensor(wanted))
    )


@given(seeds, st.lists(st.integers(1, 20), min_size=2, max_size=3), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_windows_hold_their_boxes(seed: int, spatial: list[int], size: list[int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = size[: len(spatial)]
    everywhere = torch.tensor([[0, n] for n in spatial]).expand(6, -1, 2)
    boxes = CF.boxes_inside(torch.rand(6, len(spatial), generator=generator), everywhere, size)
    boxes[0] = 0
    mask = CF.box_mask(boxes, spatial)
    pieces = windows.windows_of_boxes(boxes, spatial, size)
    rows = torch.arange(6)
    assert pieces.size == tuple(min(pair) for pair in zip(spatial, size, strict=True))
    assert torch.equal(pieces.of(mask, rows), pieces.inside)
    assert torch.equal(pieces.inside.flatten(1).sum(dim=1), mask.flatten(1).sum(dim=1))
    values = torch.randint(0, 9, (6, *spatial), generator=generator).float()
    copied = torch.zeros_like(values)
    stretches, first = pieces.stretches(copied, rows)
    stretches[first] = pieces.of(values, rows).view(-1, pieces.size[-1])
    assert torch.equal(torch.where(mask, copied, 0.0), torch.where(mask, values, 0.0))
    for atlas in (LUNG_ZONES, QUADRANTS):
        some = torch.where(pieces.inside, pieces.of(values, rows), 0.0)
        sums = regions.window_per_region(some, pieces.start[:, -2:], atlas, (spatial[-2], spatial[-1]))
        assert torch.equal(sums, CF.region_evidence(((values * mask) / 9), atlas, reduce="count").mul(9).round())


@given(seeds, st.lists(st.integers(1, 20), min_size=2, max_size=3))
def test_band_maxima_tell_which_regions_reach_a_value(seed: int, spatial: list[int]) -> None:
    values = torch.rand(4, *spatial, generator=torch.Generator().manual_seed(seed))
    for atlas in (LUNG_ZONES, QUADRANTS):
        found = regions.bands_per_region(regions.band_maxima(values, atlas) >= 0.9, atlas, spatial[-2]) > 0
        masks = CF.region_masks(atlas, (spatial[-2], spatial[-1]))
        expected = [[bool((one[..., mask] >= 0.9).any()) for mask in masks] for one in values]
        assert found.tolist() == expected


@given(
    seeds,
    st.lists(st.integers(1, 24), min_size=2, max_size=3),
    st.integers(1, 9),
    st.sampled_from(["contiguous", "strided"]),
    st.booleans(),
)
def test_fast_pastes_equal_the_plain_one(
    seed: int, spatial: list[int], size: int, layout: str, second_batch: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(3, 2, *spatial, dtype=torch.float64, generator=generator)
    if layout == "strided":
        images = torch.rand(3, 2, *spatial[:-1], 2 * spatial[-1], generator=generator)[..., ::2]
    donors = torch.rand(4, 2, *spatial, generator=generator).to(images.dtype) if second_batch else images
    index = torch.randint(0, 3, (3,), generator=generator)
    everywhere = torch.tensor([[0, n] for n in spatial]).expand(3, -1, 2)
    window = [size] * len(spatial)
    boxes = CF.boxes_inside(torch.rand(3, len(spatial), generator=generator), everywhere, window)
    boxes[0] = 0
    before = images.clone()
    expected = CF.paste(images, donors, index, CF.box_mask(boxes, spatial))
    assert torch.equal(pasting.paste_boxes(images, donors, index, boxes, window), expected)
    for atlas in (LUNG_ZONES, QUADRANTS):
        zones = torch.rand(3, len(atlas), generator=generator) < 0.5
        expected = CF.paste(images, donors, index, CF.union_mask(zones, atlas, spatial))
        given_donors = donors if second_batch else None
        assert torch.equal(CF.paste_regions(images, given_donors, index, zones, atlas, spatial), expected)
    assert torch.equal(images, before)


@pytest.mark.parametrize("width", [32, 64])
def test_fast_pastes_are_taken_and_pass_gradients(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(3, 2, 24, width, dtype=torch.float64, requires_grad=True)
    index, boxes = torch.tensor([1, 2, 0]), torch.tensor([[[2, 6], [3, 9]], [[0, 0], [0, 0]], [[20, 24], [25, 32]]])
    zones = torch.tensor(
        [[True, False, True, False, False, False], [False] * 6, [False, True, False, True, False, True]]
    )
    weight = torch.rand(images.shape, dtype=torch.float64)
    by_boxes = pasting.paste_boxes(images, images, index, boxes, (4, 7))
    by_regions = CF.paste_regions(images, None, index, zones, LUNG_ZONES, (24, width))
    assert "WhereBackward0" not in _graph(by_regions)
    with monkeypatch.context() as patch:
        patch.setattr(pasting, "paste", None)
        assert torch.equal(pasting.paste_boxes(images.detach(), images.detach(), index, boxes, (4, 7)), by_boxes)
    for fast, mask in (
        (by_boxes, CF.box_mask(boxes, (24, width))),
        (by_regions, CF.union_mask(zones, LUNG_ZONES, (24, width))),
    ):
        plain = CF.paste(images, images, index, mask)
        (got,) = torch.autograd.grad((fast * weight).sum(), images)
        (wanted,) = torch.autograd.grad((plain * weight).sum(), images)
        assert torch.equal(got, wanted)


def _graph(tensor: torch.Tensor) -> set[str]:
    """Names of the operations that made a tensor."""
    names, nodes = set(), [tensor.grad_fn]
    while nodes:
        node = nodes.pop()
        names.add(type(node).__name__)
        nodes += [parent for parent, _ in node.next_functions if parent is not None]
    return names


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
@pytest.mark.parametrize("spatial", [(5, 4), (2, 3, 4)])
def test_paste_is_a_loop_over_pixels(dtype: torch.dtype, spatial: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    tensor = torch.randint(0, 90, (3, 2, *spatial), generator=generator).to(dtype)
    donors = torch.randint(0, 90, (4, 2, *spatial), generator=generator).to(dtype)
    mask = torch.rand(3, *spatial, generator=generator) < 0.5
    index = torch.tensor([3, 0, 0])
    pasted = CF.paste(tensor, donors, index, mask)
    assert pasted.dtype == dtype
    for b in range(3):
        for pixel in np.ndindex(*spatial):
            source = donors[index[b]] if mask[(b, *pixel)] else tensor[b]
            assert torch.equal(pasted[(b, slice(None), *pixel)], source[(slice(None), *pixel)])


def test_gradients_flow_to_the_source_of_each_pixel() -> None:
    tensor = torch.zeros(2, 1, 2, 2, requires_grad=True)
    donors = torch.zeros(2, 1, 2, 2, requires_grad=True)
    mask = torch.tensor([[[True, False], [False, False]], [[False, False], [True, True]]])
    weight = torch.arange(1.0, 9.0).view(2, 1, 2, 2)
    (CF.paste(tensor, donors, torch.tensor([1, 1]), mask) * weight).sum().backward()
    assert tensor.grad.flatten().tolist() == [0, 2, 3, 4, 5, 6, 0, 0]
    assert donors.grad.flatten().tolist() == [0, 0, 0, 0, 1, 0, 7, 8]


@pytest.mark.parametrize(
    ("donors", "mask", "error"),
    [
        (torch.zeros(2, 1, 4, 4), torch.ones(2, 4, 4), None),
        (torch.zeros(2, 2, 4, 4), torch.ones(2, 4, 4), InvalidValueError),
        (torch.zeros(2, 1, 4, 4, dtype=torch.float64), torch.ones(2, 4, 4), InvalidValueError),
        (torch.zeros(2, 1, 4, 4), torch.ones(2, 4, 5), InvalidValueError),
        ("donors", torch.ones(2, 4, 4), InvalidTypeError),
    ],
)
def test_paste_checks_what_it_is_given(donors: object, mask: torch.Tensor, error: type | None) -> None:
    call = (torch.zeros(2, 1, 4, 4), donors, torch.tensor([1, 0]), mask.bool())
    if error is None:
        assert CF.paste(*call).shape == (2, 1, 4, 4)
    else:
        with pytest.raises(error, match=r"Expected `.*but got"):
            CF.paste(*call)


def _cut_share_by_runs(evidence: np.ndarray, mask: np.ndarray) -> float:
    cut = np.zeros_like(evidence)
    height, width = evidence.shape
    lines = [[(y, x) for x in range(width)] for y in range(height)] + [
        [(y, x) for y in range(height)] for x in range(width)
    ]
    for line in lines:
        run: list[tuple[int, int]] = []
        for pixel in [*line, None]:
            if pixel is not None and evidence[pixel]:
                run.append(pixel)
                continue
            if len({bool(mask[p]) for p in run}) == 2:
                for p in run:
                    cut[p] = True
            run = []
    return float(cut.sum() / max(1, evidence.sum()))


@given(seeds, st.integers(1, 8), st.integers(1, 8))
def test_cut_share_counts_runs_across_the_border(seed: int, height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    evidence = torch.rand(3, height, width, generator=generator) < 0.6
    mask = torch.rand(3, height, width, generator=generator) < 0.5
    shares = CF.cut_share(evidence, mask)
    for b in range(3):
        assert float(shares[b]) == pytest.approx(_cut_share_by_runs(evidence[b].numpy(), mask[b].numpy()))
