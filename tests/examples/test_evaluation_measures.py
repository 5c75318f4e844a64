"""Each measure and the bootstrap against loops of their own."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from semimedref.data.samples import Samples
from semimedref.evaluation.bootstrap import Bootstrap
from semimedref.evaluation.calibration import bin_totals, expected_calibration_error, reliability
from semimedref.evaluation.measures import Measured, measure, weighted_scores
from semimedref.evaluation.surface import hd95
from semimedref.metrics import overlaps

from crossmodal_aug.errors import InvalidValueError
from tests.examples.readers import BrightPixels


def is_edge(mask: np.ndarray, y: int, x: int) -> bool:
    if not mask[y, x]:
        return False
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        inside = 0 <= y + dy < mask.shape[0] and 0 <= x + dx < mask.shape[1]
        if not inside or not mask[y + dy, x + dx]:
            return True
    return False


def reference_hd95(found: np.ndarray, mask: np.ndarray) -> float:
    edges = [
        [(y, x) for y in range(one.shape[0]) for x in range(one.shape[1]) if is_edge(one, y, x)]
        for one in (found, mask)
    ]
    if not all(edges):
        return math.nan
    percentiles = [
        np.percentile([min(math.dist(place, other) for other in others) for place in places], 95)
        for places, others in (edges, edges[::-1])
    ]
    return max(percentiles)


@pytest.mark.parametrize("seed", range(6))
def test_hd95_is_that_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    found, mask = (rng.random((9, 13)) < share for share in (0.2, 0.6))
    found[2:7, 3:9] = True
    mine = hd95(torch.from_numpy(found), torch.from_numpy(mask))
    assert mine == pytest.approx(reference_hd95(found, mask), rel=1e-5)
    assert mine == hd95(torch.from_numpy(mask), torch.from_numpy(found))
    assert hd95(torch.from_numpy(mask), torch.from_numpy(mask)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_hd95_is_that_of_monai(seed):
    pytest.importorskip("scipy", reason="MONAI computes distances by scipy")
    from monai.metrics import compute_hausdorff_distance

    rng = np.random.default_rng(seed)
    found, mask = (np.kron(rng.random((6, 7)) < share, np.ones((5, 4), bool)) for share in (0.3, 0.5))
    found ^= rng.random(found.shape) < 0.03
    pair = (torch.from_numpy(one.astype(np.float32))[None, None] for one in (found, mask))
    wanted = compute_hausdorff_distance(*pair, include_background=True, percentile=95).item()
    assert wanted > 0
    assert hd95(torch.from_numpy(found), torch.from_numpy(mask)) == pytest.approx(wanted, rel=1e-5)


def test_hd95_of_long_outlines_is_the_same_in_parts():
    """Every second pixel is an outline of its own, more than are compared at a time."""
    found = torch.zeros(80, 80, dtype=torch.bool)
    found[::1, ::2] = True
    mask = torch.zeros(80, 80, dtype=torch.bool)
    mask[40, 40] = True
    distances = [math.dist((y, x), (40, 40)) for y in range(80) for x in range(0, 80, 2)]
    assert hd95(found, mask) == pytest.approx(np.percentile(distances, 95), rel=1e-5)


def test_an_empty_mask_has_no_hd95():
    empty, full = torch.zeros(4, 4, dtype=torch.bool), torch.ones(4, 4, dtype=torch.bool)
    assert all(math.isnan(hd95(*pair)) for pair in ((empty, full), (full, empty), (empty, empty)))


@pytest.mark.parametrize("counts", [(3, 1, 2), (0, 0, 0), (0, 5, 0), (0, 0, 5), (4, 0, 0)])
def test_precision_and_recall(counts):
    hit, extra, missed = counts
    found = {name: value.item() for name, value in overlaps(torch.tensor(counts)).items()}
    if hit + extra + missed == 0:
        assert set(found.values()) == {100.0}
        return
    assert found["precision"] == pytest.approx(100 * hit / (hit + extra) if hit + extra else 0)
    assert found["recall"] == pytest.approx(100 * hit / (hit + missed) if hit + missed else 0)
    assert found["dice"] == pytest.approx(100 * 2 * hit / (2 * hit + extra + missed))
    assert found["iou"] == pytest.approx(100 * hit / (hit + extra + missed))


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_is_that_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    probabilities, mask = rng.random((12, 11)), rng.random((12, 11)) < 0.4
    probabilities[0, :2] = 0, 1
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
    for p, lesion in zip(probabilities.ravel(), mask.ravel(), strict=True):
        bins[min(14, int(p * 15))].append((p, lesion))
    error = sum(abs(sum(p for p, _ in one) - sum(lesion for _, lesion in one)) for one in bins) / mask.size
    totals = bin_totals(torch.from_numpy(probabilities), torch.from_numpy(mask))
    assert expected_calibration_error(totals).item() == pytest.approx(100 * error)
    curve = reliability(totals)
    assert [one["pixels"] for one in curve] == [len(one) for one in bins if one]
    assert [one["lesion"] for one in curve] == pytest.approx([np.mean([b for _, b in one]) for one in bins if one])
    assert [one["probability"] for one in curve] == pytest.approx([np.mean([p for p, _ in one]) for one in bins if one])


def test_what_is_never_wrong_is_calibrated():
    mask = torch.tensor([[True, False, True]])
    assert expected_calibration_error(bin_totals(mask.float(), mask)).item() == 0
    assert expected_calibration_error(bin_totals(1 - mask.float(), mask)).item() == 100


def drawn_measurements(images: int, seed: int) -> Measured:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 30, (images, 3))
    distances = rng.random(images) * 9
    distances[::4] = math.nan
    bins = rng.integers(1, 9, (images, 15, 3)).astype(float)
    lesions = rng.integers(1, 4, (images, 3))
    lesions[:, 1] = np.minimum(lesions[:, 0], lesions[:, 1])
    return Measured(
        torch.from_numpy(counts),
        torch.full((images,), 100),
        torch.from_numpy(distances),
        torch.from_numpy(bins),
        torch.from_numpy(lesions),
        torch.arange(images) // 2,
    )


def test_weighted_scores_are_those_of_the_repeated_images():
    """A weight of 2 is the image twice: the vectorised scores against loops over a list with repeats."""
    measured = drawn_measurements(7, seed=0)
    weights = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [2, 0, 0, 3, 1, 1, 0], [1, 0, 0, 0, 1, 0, 0]]).double()
    scores = weighted_scores(measured, weights)
    for row, weight in enumerate(weights.long().tolist()):
        repeated = [i for i, times in enumerate(weight) for _ in range(times)]
        hit, extra, missed = (sum(int(measured.counts[i, k]) for i in repeated) for k in range(3))
        assert scores["global_dice"][row] == pytest.approx(100 * 2 * hit / (2 * hit + extra + missed))
        assert scores["global_iou"][row] == pytest.approx(100 * hit / (hit + extra + missed))
        assert scores["precision"][row] == pytest.approx(100 * hit / (hit + extra))
        assert scores["recall"][row] == pytest.approx(100 * hit / (hit + missed))
        dice = [100 * 2 * h / (2 * h + e + m) for h, e, m in (measured.counts[i].tolist() for i in repeated)]
        assert scores["image_dice"][row] == pytest.approx(np.mean(dice))
        distances = [d for d in (measured.hd95[i].item() for i in repeated) if not math.isnan(d)]
        assert scores["hd95"][row].item() == pytest.approx(np.mean(distances) if distances else math.nan, nan_ok=True)
        totals = sum(measured.bins[i].numpy() for i in repeated)
        gaps = sum(abs(stated - lesion) for _, stated, lesion in totals)
        assert scores["ece"][row] == pytest.approx(100 * gaps / totals[:, 0].sum())
        lesions, hit, false = (sum(int(measured.lesions[i, k]) for i in repeated) for k in range(3))
        assert scores["lesions"][row] == pytest.approx(100 * hit / lesions)
        assert scores["false_lesions"][row] == pytest.approx(false / len(repeated))


def test_a_bootstrap_draws_as_many_images_as_there_are():
    bootstrap = Bootstrap(500, seed=3)
    weights = bootstrap.weights(20)
    assert weights.shape == (500, 20)
    assert (weights.sum(dim=1) == 20).all()
    assert torch.equal(weights, Bootstrap(500, seed=3).weights(20))
    assert not torch.equal(weights, Bootstrap(500, seed=4).weights(20))
    # An image stays out of a set with probability (1 - 1/20)^20.
    assert (weights == 0).double().mean().item() == pytest.approx(0.95**20, abs=0.02)


def test_a_bootstrap_draws_patients_with_all_of_their_images():
    patients = torch.tensor([4, 4, 9, 4, 2])
    weights = Bootstrap(200, seed=1).weights(patients)
    assert weights.shape == (200, 5)
    assert torch.equal(weights[:, 0], weights[:, 1])
    assert torch.equal(weights[:, 0], weights[:, 3])
    # Three patients are drawn each time, whatever the number of their images.
    assert (weights[:, 0] + weights[:, 2] + weights[:, 4] == 3).all()
    assert len(weights.sum(dim=1).unique()) > 1
    alone = Bootstrap(200, seed=1)(torch.arange(5), lambda one: one @ torch.arange(5.0).double() / one.sum(dim=1))
    assert alone == Bootstrap(200, seed=1)(5, lambda one: one @ torch.arange(5.0).double() / one.sum(dim=1))


def test_the_interval_of_alike_images_is_that_of_their_patients():
    """Ten images a patient that are all the same tell no more than one does."""
    values = torch.from_numpy(np.random.default_rng(2).normal(0.0, 1.0, 50))
    patients = torch.arange(50).repeat_interleave(10)
    repeated = values.repeat_interleave(10)

    def mean(weights, each):
        return weights @ each / weights.sum(dim=1)

    by_patient = Bootstrap(500, seed=0)(patients, lambda weights: mean(weights, repeated))
    single = Bootstrap(500, seed=0)(50, lambda weights: mean(weights, values))
    assert by_patient == pytest.approx(single)
    by_image = Bootstrap(500, seed=0)(500, lambda weights: mean(weights, repeated))
    assert by_image.high - by_image.low < 0.5 * (by_patient.high - by_patient.low)


def test_intervals_cover_what_they_should():
    """Of many data sets drawn from one source, some 95 % have an interval that holds the source's own mean."""
    rng = np.random.default_rng(0)
    held = 0
    for number in range(300):
        values = torch.from_numpy(rng.normal(5.0, 2.0, 60))
        one = Bootstrap(300, seed=number)(60, lambda weights, values=values: weights @ values / 60)
        assert one.value == pytest.approx(values.mean().item())
        held += one.low <= 5.0 <= one.high
    assert 0.90 <= held / 300 <= 0.985


def test_the_interval_of_the_mean_is_that_of_the_normal_law():
    rng = np.random.default_rng(1)
    values = torch.from_numpy(rng.normal(0.0, 1.0, 400))
    one = Bootstrap(4000, seed=0)(400, lambda weights: weights @ values / 400)
    half = 1.96 * values.std(correction=0).item() / math.sqrt(400)
    assert one.low == pytest.approx(one.value - half, abs=0.01)
    assert one.high == pytest.approx(one.value + half, abs=0.01)


def test_undefined_scores_have_no_interval():
    measured = drawn_measurements(3, seed=0)
    empty = replace(measured, hd95=torch.full((3,), math.nan).double())
    assert Bootstrap(20, seed=0).scores(empty)["hd95"].to_dict() == {"value": None, "low": None, "high": None}
    with pytest.raises(InvalidValueError, match="at least one image"):
        Bootstrap(20, seed=0).weights(0)
    with pytest.raises(InvalidValueError, match="at least 1 resample"):
        Bootstrap(0, seed=0)


def test_measurements_are_in_the_size_of_the_full_masks():
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    images[:, :, 1:3, 1:3] = 255
    full = torch.zeros(8, 8, dtype=torch.bool)
    full[2:6, 2:6] = True
    samples = Samples(images, ("a", "b"), ("a", "b"), full_masks=(full, torch.zeros(8, 8, dtype=torch.bool)))
    measured = measure(BrightPixels(), samples)
    assert measured.pixels.tolist() == [64, 64]
    assert measured.area.tolist() == [25.0, 0.0]
    assert measured.without_hd95 == 1
    assert measured.counts[0, 0] + measured.counts[0, 2] == 16
    assert measured.bins[:, :, 0].sum(dim=1).tolist() == [64, 64]
