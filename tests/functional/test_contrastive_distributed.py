"""ITCL over 2 and 3 processes with uneven batches against one process that holds all samples."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from crossmodal_aug.functional.contrastive import itcl_loss
from tests.functional import itcl_ranks

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo backend"
)


# Samples on each rank, without and with an empty rank.
SPLITS = {2: [(5, 3), (0, 8)], 3: [(2, 4, 3), (4, 0, 1)]}


@pytest.fixture(scope="module", params=SPLITS)
def world(request, tmp_path_factory):
    """Number of ranks, and the results of each for each split."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(itcl_ranks.run_rank, args=(SPLITS[request.param], folder), nprocs=request.param)
    return request.param, [torch.load(folder / f"{rank}.pt") for rank in range(request.param)]


@pytest.fixture(params=[0, 1], ids=["uneven", "one rank empty"])
def ranks(world, request):
    """Samples on each rank, and the results of the ranks."""
    size, results = world
    return SPLITS[size][request.param], [result[request.param] for result in results]


@pytest.mark.parametrize("name", itcl_ranks.CASES)
def test_value_and_gradients_equal_one_process(ranks, name):
    counts, results = ranks
    case = itcl_ranks.CASES[name]
    everything, references = itcl_ranks.samples(sum(counts))
    model = itcl_ranks.Projections("learnable" in case)
    parts, gradients = itcl_ranks.run_case(model, everything, references, case, gather=False)
    for result in results:
        rank_parts, rank_gradients = result[name]
        torch.testing.assert_close(rank_parts, parts, rtol=0, atol=1e-10)
        torch.testing.assert_close(rank_gradients, gradients, rtol=0, atol=1e-10)


def test_without_reduction_each_rank_has_its_own_samples(ranks):
    counts, results = ranks
    images, texts, positions, _ = itcl_ranks.samples(sum(counts))[0]
    expected = itcl_loss(images, texts, positions, reduction="none")
    found = torch.cat([result["none"] for result in results])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_second_derivatives_equal_one_process(ranks):
    counts, results = ranks
    expected = itcl_ranks.penalty_gradients(itcl_ranks.samples(sum(counts))[0], gather=False)
    for modality in (0, 1):
        found = torch.cat([result["penalty"][modality] for result in results])
        torch.testing.assert_close(found, expected[modality], rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", itcl_ranks.MISMATCHES)
def test_what_does_not_fit_another_rank_is_an_error_on_every_rank(ranks, name):
    for result in ranks[1]:
        assert itcl_ranks.MISMATCHES[name] in result[name]


def test_positions_of_any_dtype_give_the_loss_of_bool_ones(ranks):
    counts, results = ranks
    images, texts, positions, _ = itcl_ranks.samples(sum(counts))[0]
    expected = itcl_loss(images, texts, positions)
    for result in results:
        for found in (*result["dtypes"], result["one rank's positions int64"]):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_own_labels_may_have_a_dtype_that_gloo_does_not_know(ranks):
    counts, results = ranks
    images, texts, positions, _ = itcl_ranks.samples(sum(counts))[0]
    expected = itcl_loss(images, texts, positions, affinity=itcl_ranks.containment)
    for result in results:
        torch.testing.assert_close(result["own labels"], expected, rtol=0, atol=1e-10)
