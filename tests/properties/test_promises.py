"""Promises 1 to 5 hold for every op in every setting, over shapes, dtypes, layouts, atlases, captions and seeds."""

import pytest
import torch
from hypothesis import given, settings

from tests import ops, promises
from tests.strategies import Case, cases


@pytest.mark.parametrize("build", ops.EVERY.values(), ids=ops.EVERY.keys())
@settings(max_examples=25)
@given(case=cases())
def test_promises(build: ops.Build, case: Case) -> None:
    op = case.suit(build(case.parser))
    copies = {
        "images": case.images.clone(),
        "target": case.target.clone(),
        "texts": list(case.texts),
        "maps": tuple(one.clone() for one in case.maps),
    }
    state = torch.get_rng_state()
    out = case.run(op)
    assert torch.equal(torch.get_rng_state(), state)  # promise 5: the global generator is neither read nor moved
    promises.inputs_unchanged(case, copies)
    for promise in promises.ALL:
        promise(op, case, out)


@pytest.mark.parametrize("name", [name for name in ops.EVERY if name not in ops.REPEATING])
@settings(max_examples=10)
@given(case=cases())
def test_same_seed_same_result(name: str, case: Case) -> None:
    op = case.suit(ops.EVERY[name](case.parser))
    first, second = case.run(op), case.run(op)
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.target, second.target)
    assert first.texts == second.texts
    assert torch.equal(first.positions, second.positions)


@pytest.mark.parametrize("name", [*ops.SYNC_FLIP, *ops.FOCUS, *ops.POS_AUG, *ops.REWORD, *ops.SYNC_GEOMETRY])
@settings(max_examples=10)
@given(case=cases(min_batch=2))
def test_per_sample_ops_do_not_care_how_a_batch_is_split(name: str, case: Case) -> None:
    op = case.suit(ops.SINGLE[name](case.parser))
    whole = case.run(op, donors=None)
    generator = torch.Generator().manual_seed(case.seed)
    for b in range(len(case.texts)):
        one = slice(b, b + 1)
        shown = None if case.evidence is None else case.evidence[one]
        part = op(case.images[one], case.texts[one], case.target[one], evidence=shown, generator=generator)
        assert torch.equal(part.images, whole.images[one])
        assert torch.equal(part.target, whole.target[one])
        assert part.texts == whole.texts[one]


@pytest.mark.parametrize("name", [n for n in ops.MIXING if n != "TPatchMix paper"])
def test_every_setting_does_alter_samples(name: str, lung_parser: object) -> None:
    """A promise kept by never doing anything is none: each setting must accept some samples of a plain batch.

    The published settings draw too rarely for this; their dose is measured in the benchmarks.
    """
    op = ops.SINGLE[name](lung_parser)
    masks = torch.ones(8, 1, 12, 12)
    texts = ["All left lung and all right lung."] * 8
    accepted = sum(
        int(op(masks, texts, masks, generator=torch.Generator().manual_seed(s)).params.accepted.sum()) for s in range(8)
    )
    if "0.2" in name:
        assert accepted == 0  # a lesion that fills the image is cut by every border
    else:
        assert 30 <= accepted <= 64
