"""CrossModalCollate in a real DataLoader, with and without workers."""

import pickle

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from crossmodal_aug import CrossModalSequential, PosAug, PositionParser, SyncFlip, TPatchMix, ZoneMix
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError
from crossmodal_aug.integrations.collate import CrossModalCollate
from crossmodal_aug.integrations.samples import SampleKeys


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
