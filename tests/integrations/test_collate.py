"""CrossModalCollate in a real DataLoader, with and without workers."""

import json
import pickle
import socket
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from crossmodal_aug import LUNG_ZONES, CrossModalSequential, PosAug, PositionParser, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.samples import SampleKeys
from tests.ranks import leave


class Samples(Dataset):
    """The phantoms as a data set; it draws from the global generator as data sets with transforms do."""

    def __init__(self, phantom, draws: int = 0) -> None:
        self.phantom, self.draws = phantom, draws

    def __len__(self) -> int:
        return len(self.phantom.texts)

    def __getitem__(self, index: int) -> dict:
        torch.rand(self.draws)
        one = self.phantom
        return {"image": one.images[index], "text": one.texts[index], "mask": one.masks[index], "name": str(index)}


def batches(dataset, op, *, workers: int = 0, loader_seed: int = 0, epochs: int = 1, **kwargs) -> list[dict]:
    loader = DataLoader(
        dataset,
        batch_size=8,
        num_workers=workers,
        collate_fn=CrossModalCollate(op, **kwargs),
        generator=torch.Generator().manual_seed(loader_seed),
    )
    return [batch for _ in range(epochs) for batch in loader]


def same(first: list[dict], second: list[dict]) -> bool:
    return all(
        a["text"] == b["text"] and torch.equal(a["image"], b["image"]) and torch.equal(a["mask"], b["mask"])
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("op", [ZoneMix, SyncFlip, TPatchMix])
def test_a_batch_is_the_op_on_the_collated_samples(op, phantoms, lung_parser) -> None:
    phantom = phantoms(batch=8)
    torch.manual_seed(3)
    (batch,) = batches(Samples(phantom), op(lung_parser))
    torch.manual_seed(3)
    out = op(lung_parser)(phantom.images, phantom.texts, phantom.masks)
    assert torch.equal(batch["image"], out.images)
    assert torch.equal(batch["mask"], out.target)
    assert batch["mask"].dtype == torch.int64
    assert batch["text"] == out.texts
    assert torch.equal(batch["positions"], out.positions)
    assert torch.equal(batch["accepted"], out.params.accepted)
    assert batch["name"] == [str(i) for i in range(8)]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seeds_give_the_same_batches_whatever_else_draws(workers, phantoms, lung_parser) -> None:
    phantom, op = phantoms(batch=32), ZoneMix(lung_parser, p=0.7)
    state = torch.get_rng_state()
    first = batches(Samples(phantom), op, workers=workers, seed=1)
    if workers == 0:
        assert torch.equal(torch.get_rng_state(), state)
    assert same(first, batches(Samples(phantom, draws=5), op, workers=workers, seed=1))
    assert not same(first, batches(Samples(phantom), op, workers=workers, seed=2))


def test_workers_and_epochs_draw_different_numbers(phantoms, lung_parser) -> None:
    # Four equal batches of equal samples: what differs between them is what was drawn.
    phantom = phantoms(batch=8)
    phantom.images, phantom.masks, phantom.texts = (
        phantom.images[:1].repeat(32, 1, 1, 1),
        phantom.masks[:1].repeat(32, 1, 1, 1),
        phantom.texts[:1] * 32,
    )
    drawn = batches(Samples(phantom), SyncFlip(lung_parser), workers=2, epochs=2, seed=0)
    rows = [tuple(batch["accepted"].tolist()) for batch in drawn]
    assert len(set(rows)) == len(rows) == 8


def drawn_on(rank: int, op, phantom, monkeypatch, **kwargs) -> list[tuple[bool, ...]]:
    """What a rank draws for equal samples, its loader seeded as that of every other rank."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
    torch.manual_seed(0)
    drawn = [tuple(batch["accepted"].tolist()) for batch in batches(Samples(phantom), op, epochs=2, **kwargs)]
    monkeypatch.undo()
    return drawn


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_draw_different_numbers_and_each_the_same_again(seed, workers, phantoms, lung_parser, monkeypatch):
    phantom, op, how = phantoms(batch=32), SyncFlip(lung_parser), {"workers": workers, "seed": seed}
    ranks = [drawn_on(rank, op, phantom, monkeypatch, **how) for rank in range(3)]
    for one, other in combinations(ranks, 2):  # 8 draws a batch: one pair in 256 is the same by chance
        assert sum(a == b for a, b in zip(one, other, strict=True)) < 2
    assert drawn_on(1, op, phantom, monkeypatch, **how) == ranks[1]
    torch.manual_seed(0)
    alone = [tuple(batch["accepted"].tolist()) for batch in batches(Samples(phantom), op, epochs=2, **how)]
    assert alone == ranks[0]


def test_the_rank_comes_along_to_a_worker_that_is_in_no_group(phantoms, lung_parser, monkeypatch) -> None:
    # As a spawned worker unpickles it.
    phantom = phantoms(batch=16)
    samples = [Samples(phantom)[i] for i in range(16)]
    rows = []
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        travelled = pickle.dumps(CrossModalCollate(SyncFlip(lung_parser), seed=3))
        here = CrossModalCollate(SyncFlip(lung_parser), seed=3)(samples)["accepted"].tolist()
        monkeypatch.undo()
        assert pickle.loads(travelled)(samples)["accepted"].tolist() == here
        rows.append(here)
    assert len(set(map(tuple, rows))) == 3


def group_member(rank: int, port: int, folder: str) -> None:
    """A real process of a group: what it draws is left in a file."""
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    collate = CrossModalCollate(SyncFlip(PositionParser(LUNG_ZONES)), seed=0, keys=SampleKeys(mask=None))
    samples = [{"image": torch.rand(1, 4, 4), "text": "Left base opacity."}] * 64
    loader = DataLoader(samples, batch_size=16, num_workers=2, collate_fn=collate, multiprocessing_context="spawn")
    torch.manual_seed(0)
    drawn = [batch["accepted"].tolist() for batch in loader]
    Path(folder, f"{rank}.json").write_text(json.dumps(drawn))
    leave()


@pytest.mark.slow
def test_in_a_real_group_with_spawned_workers(tmp_path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(group_member, (port, str(tmp_path)), nprocs=2)
    drawn = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    rows = [tuple(row) for rank in drawn for row in rank]
    assert len(set(rows)) == len(rows) == 8


def test_a_collate_that_was_used_before_the_workers_start_is_seeded_anew(phantoms, lung_parser) -> None:
    # A forked worker inherits the generator of the main process; two that went on with it would draw the same.
    phantom = phantoms(batch=16)
    phantom.texts = phantom.texts[:1] * 16
    collate = CrossModalCollate(SyncFlip(lung_parser), seed=0)
    collate([Samples(phantom)[0]])
    first, second = DataLoader(Samples(phantom), batch_size=8, num_workers=2, collate_fn=collate)
    assert first["accepted"].tolist() != second["accepted"].tolist()


def test_without_a_seed_it_draws_from_the_generator_of_the_process(phantoms, lung_parser) -> None:
    phantom, op = phantoms(batch=32), SyncFlip(lung_parser)
    assert same(batches(Samples(phantom), op, workers=2), batches(Samples(phantom), op, workers=2))
    assert not same(batches(Samples(phantom), op, workers=2), batches(Samples(phantom), op, workers=2, loader_seed=1))


def test_keys_maps_and_positions(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=4)
    samples = [
        {"pixels": image, "confidence": image * 2, "positions": bits, "kind": 3}
        for image, bits in zip(phantom.images, phantom.positions, strict=True)
    ]
    keys = SampleKeys(image="pixels", text=None, mask=None, maps=("confidence",), accepted="flipped")
    batch = CrossModalCollate(SyncFlip(lung_parser, p=1.0), keys=keys)(samples)
    assert torch.equal(batch["pixels"], phantom.images.flip(-1))
    assert torch.equal(batch["confidence"], phantom.images.flip(-1) * 2)
    assert torch.equal(batch["positions"], phantom.positions[:, [3, 4, 5, 0, 1, 2]])
    assert batch["flipped"].all()
    assert batch["kind"].tolist() == [3] * 4


def test_text_alone_and_a_collate_of_ones_own(lung_parser) -> None:
    def joined(samples: list[dict]) -> dict:
        return {"text": [sample["text"] for sample in samples], "count": len(samples)}

    collate = CrossModalCollate(
        PosAug(lung_parser, phrase_p=1.0, mode="mask"), keys=SampleKeys(image=None, mask=None), collate=joined
    )
    batch = collate([{"text": "Left base opacity."}, {"text": "Clear."}])
    assert batch["text"] == ["[MASK] opacity.", "Clear."]
    assert batch["count"] == 2
    assert batch["accepted"].tolist() == [True, False]


def test_a_sequence_counts_as_accepted_where_any_step_altered(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=8)
    op = CrossModalSequential(SyncFlip(lung_parser, p=0.5), PosAug(lung_parser, phrase_p=0.0))
    (batch,) = batches(Samples(phantom), op, seed=0)
    expected = [new != old for new, old in zip(batch["text"], phantom.texts, strict=True)]
    assert batch["accepted"].tolist() == expected
    assert any(expected)
    assert not all(expected)


def test_it_pickles_without_its_generator(phantoms, lung_parser) -> None:
    phantom = phantoms(batch=8)
    collate = CrossModalCollate(SyncFlip(lung_parser), seed=5)
    samples = [Samples(phantom)[i] for i in range(8)]
    first = collate(samples)
    fresh = pickle.loads(pickle.dumps(collate))
    assert same([first], [fresh(samples)])


def test_errors_name_what_is_missing(phantoms, lung_parser) -> None:
    op = SyncFlip(lung_parser)
    with pytest.raises(InvalidValueError, match=r"\['mask'\] are not among \['image', 'text'\]"):
        CrossModalCollate(op)([{"image": torch.rand(1, 4, 4), "text": "Clear."}])
    with pytest.raises(InvalidTypeError, match="dictionaries, but got tuple"):
        CrossModalCollate(op)([(torch.rand(1, 4, 4), "Clear.")])
    for change, words in (
        ({"op": PositionParser}, "`op`"),
        ({"seed": 1.5}, "`seed`"),
        ({"keys": {"image": "x"}}, "`keys`"),
        ({"collate": None}, "`collate`"),
    ):
        with pytest.raises(InvalidTypeError, match=words):
            CrossModalCollate(**{"op": op, **change})
    with pytest.raises(InvalidTypeError, match="`maps`"):
        SampleKeys(maps="confidence")
    with pytest.raises(InvalidTypeError, match="to be strings, integers, or tuples of them"):
        SampleKeys(image=1.5)
    with pytest.raises(InvalidValueError, match="differ from each other"):
        SampleKeys(image="text")
