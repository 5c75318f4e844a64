import torch
from semimedref.data.module import Parts, SamplesModule, StepBatches, StepSampler
from semimedref.data.phantom import draw_phantom
from semimedref.data.samples import DataSet, Samples

from crossmodal_aug import LUNG_ZONES


def samples(count: int, *, masks: bool = True) -> Samples:
    drawn = [draw_phantom(16, (0, index)) for index in range(count)]
    stacked = torch.stack([torch.from_numpy(one.mask) for one in drawn]).unsqueeze(1) if masks else None
    return Samples(
        torch.stack([torch.from_numpy(one.image) for one in drawn]).unsqueeze(1),
        tuple(one.caption for one in drawn),
        tuple(str(index) for index in range(count)),
        stacked,
        tuple(stacked[:, 0]) if masks else (),
    )


DATA = DataSet(samples(5), samples(12, masks=False), samples(3), samples(3), LUNG_ZONES)


def test_a_step_follows_from_its_number_and_the_seed():
    batches, again, other = StepBatches(DATA, 4, 0), StepBatches(DATA, 4, 0), StepBatches(DATA, 4, 1)
    for step in (7, 0, 3):
        assert batches[step].labelled.names == again[step].labelled.names
        assert batches[step].unlabelled.names == again[step].unlabelled.names
    assert [batches[step].labelled.names for step in range(5)] != [other[step].labelled.names for step in range(5)]


def test_each_pass_sees_every_unlabelled_sample_once():
    batches = StepBatches(DATA, 4, 0)
    passes = [
        [name for step in range(3 * turn, 3 * turn + 3) for name in batches[step].unlabelled.names] for turn in (0, 1)
    ]
    assert all(sorted(one, key=int) == [str(index) for index in range(12)] for one in passes)
    assert passes[0] != passes[1]


def test_unlabelled_samples_have_no_masks():
    assert StepBatches(DATA, 4, 0)[0].unlabelled.masks is None


def test_the_sampler_goes_on_from_the_steps_that_were_made():
    made = 0
    sampler = StepSampler(4, lambda: made)
    assert list(sampler) == [0, 1, 2, 3]
    made = 8
    assert list(sampler) == [8, 9, 10, 11]


def test_parts_cover_the_samples_in_order():
    assert [name for part in Parts(DATA.unlabelled, 5) for name in part.names] == [str(index) for index in range(12)]


def test_loaders_hand_out_whole_batches():
    module = SamplesModule(DATA, batch_size=4, steps_an_epoch=2, seed=0)
    train = list(module.train_dataloader())
    assert [len(batch.labelled) for batch in train] == [4, 4]
    assert train[1].unlabelled.images.shape == (4, 1, 16, 16)
    assert sum(len(batch) for batch in module.val_dataloader()) == 3
