"""A text that does not say where does not say "nothing there"; one that cannot be rewritten moves nothing."""

from dataclasses import replace

import pytest
import torch

import crossmodal_aug.functional as CF
from crossmodal_aug import (
    LUNG_ZONES,
    Augmented,
    CrossModalSequential,
    PosAug,
    PositionParser,
    SyncFlip,
    TPatchMix,
    ZoneMix,
)
from crossmodal_aug.augment.params import Reason

PARSER = PositionParser(LUNG_ZONES)
SILENT = "COVID-19 pneumonia."
LEFT, RIGHT = "Opacity in the lower left lung.", "Opacity in the upper right lung."
# One lesion cannot be in two places, so no mix of it with another place can be written.
SINGLE = "A solitary 5 mm nodule is seen in the left upper lobe."


def batch(texts):
    images = torch.rand(len(texts), 1, 12, 12, generator=torch.Generator().manual_seed(3))
    target = torch.zeros(len(texts), 1, 12, 12)
    target[:, :, 8:, :5] = 1.0
    return images, texts, target


def is_untouched(out, images, texts, target, index):
    return (
        torch.equal(out.images[index], images[index])
        and torch.equal(out.target[index], target[index])
        and out.texts[index] is texts[index]
        and not bool(out.params.accepted[index])
    )


OPS = [
    ZoneMix(PARSER, unit="side", p=1.0),
    ZoneMix(PARSER, unit="subset", p=1.0),
    TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None),
    TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None, text="union"),
]


@pytest.mark.parametrize("op", OPS, ids=repr)
@pytest.mark.parametrize("seed", range(8))
def test_neither_a_silent_anchor_nor_a_silent_donor_is_mixed(op, seed):
    images, texts, target = batch([LEFT, SILENT])
    out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
    assert all(is_untouched(out, images, texts, target, index) for index in (0, 1))


@pytest.mark.parametrize("op", OPS, ids=repr)
def test_a_silent_second_batch_gives_nothing(op):
    images, texts, target = batch([LEFT, RIGHT])
    donors = Augmented(*batch([SILENT, SILENT]))
    for seed in range(8):
        out = op(images, texts, target, donors=donors, generator=torch.Generator().manual_seed(seed))
        assert not out.params.accepted.any()


HALF_SILENT = "Consolidation is present. The right lung is clear."


@pytest.mark.parametrize("op", OPS, ids=repr)
@pytest.mark.parametrize("seed", range(8))
def test_a_denial_of_one_place_does_not_place_a_finding(op, seed):
    """Where the consolidation is, nobody says: it is no empty region that could change hands."""
    images, texts, target = batch([LEFT, HALF_SILENT])
    out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
    assert all(is_untouched(out, images, texts, target, index) for index in (0, 1))
    assert op(images, texts, None if isinstance(op, ZoneMix) else target).params.accepted.tolist() == [False, False]


def test_a_place_that_was_made_vague_is_not_taken_for_empty():
    """Words that no longer say where leave the lesion where it is."""
    vague = PosAug(PARSER, phrase_p=0.5, mode="fuzz")
    ops = CrossModalSequential(vague, ZoneMix(PARSER, p=1.0))
    images, texts, target = batch(["Opacity in the lower left lung. The right lung is clear.", RIGHT])
    seen = 0
    for seed in range(40):
        out = ops(images, texts, target, generator=torch.Generator().manual_seed(seed))
        between = vague(None, texts, generator=torch.Generator().manual_seed(seed)).texts[0]
        if between == "Opacity in the region of the lung. The right lung is clear.":
            seen += 1
            assert out.texts[0] == between
            assert out.params[1].reason[0] == Reason.SILENT
            assert not out.params[1].accepted.any()
    assert seen


def test_positions_that_are_given_speak_for_a_silent_text():
    images, texts, target = batch([LEFT, RIGHT])
    positions = PARSER.encode(texts)
    mixed = [
        OPS[0](images, None, target, positions=positions, generator=torch.Generator().manual_seed(seed))
        for seed in range(8)
    ]
    assert any(out.params.accepted.all() for out in mixed)


def test_patches_that_leave_the_text_alone_may_come_from_anywhere():
    op = TPatchMix(PARSER, patch_size=8, p=1.0, where="anywhere", gate=None, text="keep")
    images, texts, target = batch([LEFT, SILENT])
    assert op(images, texts, target, generator=torch.Generator().manual_seed(0)).params.accepted.all()


@pytest.mark.parametrize("seed", range(12))
def test_a_text_that_cannot_be_written_leaves_its_sample_alone(seed):
    images, texts, target = batch([SINGLE, RIGHT])
    out = ZoneMix(PARSER, unit="subset", p=1.0)(images, texts, target, generator=torch.Generator().manual_seed(seed))
    for index, text in enumerate(out.texts):
        if len(PARSER(text).regions) > 1 and index == 0:
            pytest.fail(f"one nodule in several places: {text}")
        if not out.params.accepted[index]:
            assert is_untouched(out, images, texts, target, index)
    assert torch.equal(PARSER.encode(out.texts), out.positions)


def test_a_sequence_does_not_take_a_silent_text_for_an_empty_one():
    ops = CrossModalSequential(SyncFlip(PARSER, p=1.0), ZoneMix(PARSER, p=1.0))
    images, texts, target = batch([SILENT, SILENT])
    out = ops(images, texts, target, generator=torch.Generator().manual_seed(0))
    assert out.texts == texts
    assert torch.equal(out.target, target.flip(-1))


NOTHING = "No pulmonary infection."


def over_evidence(out, parser=PARSER):
    """Samples whose words were changed to say that nothing is there, over evidence."""
    lesion = (out.target >= 0.5).flatten(1).any(dim=1)
    return (out.params.accepted & parser.placed(out.texts) & ~out.positions.any(dim=1) & lesion).tolist()


@pytest.mark.parametrize(
    "op",
    [
        ZoneMix(PARSER, unit="side", p=1.0),
        ZoneMix(PARSER, unit="subset", p=1.0),
        ZoneMix(PARSER, unit="region", p=1.0, max_cut=1.0),
        TPatchMix(PARSER, patch_size=8, p=1.0, gate=None, where="anywhere"),
        TPatchMix(PARSER, patch_size=8, p=1.0, gate="confident", where="anchor"),
    ],
    ids=repr,
)
def test_nothing_is_denied_over_evidence_that_no_text_names(op):
    """A mask that goes beyond what the caption names: the caption may not come to say that nothing is there."""
    reasons = set()
    for owner, place in ((0, (slice(0, 3), slice(8, 12))), (1, (slice(0, 12), slice(0, 2)))):
        images, texts, target = batch([LEFT, NOTHING])
        target[1] = 0.0
        target[owner, 0][place] = 1.0
        for seed in range(60):
            out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
            assert over_evidence(out) == [False, False]
            reasons |= set(out.params.reason.tolist())
    assert Reason.EVIDENCE in reasons


@pytest.mark.parametrize("of_donor", [False, True], ids=["its own", "the donor's"])
def test_lesion_outside_every_region_counts_too(of_donor):
    cells = tuple((y, y + 0.2, x, x + 0.4) for x in (0.0, 0.6) for y in (0.0, 0.4, 0.8))
    parser = PositionParser(replace(LUNG_ZONES, cells=cells))
    images = torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(3))
    target = torch.zeros(2, 1, 20, 20)
    target[0, :, 16:, :8] = 1.0
    target[int(of_donor), :, 0:20, 9:11] = 1.0
    reasons = set()
    for op in (
        ZoneMix(parser, unit="side", p=1.0),
        TPatchMix(parser, patch_size=16, p=1.0, gate=None, where="anywhere"),
    ):
        for seed in range(30):
            out = op(images, [LEFT, NOTHING], target, generator=torch.Generator().manual_seed(seed))
            assert over_evidence(out, parser) == [False, False]
            reasons |= set(out.params.reason.tolist())
    assert Reason.EVIDENCE in reasons


@pytest.mark.parametrize("spread", [1, 3], ids=["volume of one slice", "volume of three slices"])
def test_nothing_is_denied_over_the_evidence_of_a_volume(spread):
    images, texts, target = (
        x if isinstance(x, list) else x.unsqueeze(2).repeat(1, 1, spread, 1, 1) for x in batch([LEFT, NOTHING])
    )
    target[1] = 0.0
    target[0, :, -1, 0:3, 8:12] = 1.0
    for op in (ZoneMix(PARSER, p=1.0), TPatchMix(PARSER, patch_size=(1, 12, 12), p=1.0, gate=None, where="anywhere")):
        for seed in range(20):
            out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
            assert over_evidence(out) == [False, False]


@pytest.mark.parametrize("target", ["none", "one-hot", "apart"])
def test_evidence_is_looked_at_where_it_can_be_read(target):
    """Without evidence the texts are all there is; a target that is none is not read as one."""
    images, texts, lesion = batch([LEFT, NOTHING])
    lesion[1] = 0.0
    lesion[0, :, 0:3, 8:12] = 1.0
    given = {"none": None, "one-hot": torch.cat((1 - lesion, lesion), dim=1), "apart": lesion.long() * 3}[target]
    evidence = lesion if target == "apart" else None
    denied = 0
    for seed in range(20):
        out = ZoneMix(PARSER, p=1.0)(
            images, texts, given, evidence=evidence, generator=torch.Generator().manual_seed(seed)
        )
        denied += int((out.params.accepted & ~out.positions.any(dim=1))[0])
    assert (denied == 0) == (target == "apart")


def test_both_deny_all_and_the_patch_brings_lesion():
    """The union of nothing and nothing is nothing, which no evidence supports."""
    op = TPatchMix(PARSER, patch_size=4, p=1.0, where="anywhere", gate="lesion", text="union")
    images, texts, target = batch(["No opacity.", "No opacity."])
    target[0] = 0.0
    reasons = set()
    for seed in range(60):
        out = op(images, texts, target, generator=torch.Generator().manual_seed(seed))
        assert over_evidence(out) == [False, False]
        reasons.add(int(out.params.reason[0]))
    assert reasons == {Reason.EVIDENCE}


@pytest.mark.parametrize("second", [False, True], ids=["own batch", "second batch"])
def test_few_empty_mixes_of_a_large_batch_are_each_looked_at(second):
    """Where one mix in four would name nothing, exactly those over whose left lesion it would say so are refused."""
    parser = PositionParser(LUNG_ZONES)
    size = 24
    texts = [
        ("Opacity in the left lung and the right lung.", "Opacity in the left lung.", "Opacity in the right lung.")[one]
        for one in [0, 0, 1, 0, 0, 2, 0, 0] * (size // 8)
    ]
    images = torch.rand(size, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    masks = CF.region_masks(LUNG_ZONES, (12, 12))
    target = ((parser.encode(texts).float() @ masks.flatten(1).float()) > 0).view(size, 1, 12, 12)
    beyond = torch.rand(size, generator=torch.Generator().manual_seed(1)) < 0.5
    target |= beyond.view(-1, 1, 1, 1) & masks[LUNG_ZONES.index("left upper")]
    donors = Augmented(images.flip(0), texts[::-1], target.flip(0)) if second else None
    source = target.flip(0) if second else target
    seen = {True: 0, False: 0}
    for seed in range(60):
        out = ZoneMix(parser, unit="side", p=1.0)(
            images, texts, target, donors=donors, generator=torch.Generator().manual_seed(seed)
        )
        for index in range(size):
            here = (out.params.regions[index].view(-1, 1, 1) & masks).any(dim=0)
            left = torch.where(here, source[out.params.donors[index], 0], target[index, 0])
            if out.params.accepted[index] and not out.positions[index].any():
                assert not bool(left.any())
                seen[True] += 1
            elif out.params.reason[index] == Reason.EVIDENCE:
                seen[False] += 1
    assert min(seen.values()) > 5


def test_a_sentence_of_nothing_that_names_places_is_no_denial_of_lesion():
    """What is acceptable does not hang on whether the other captions of a batch deny something."""
    parser = PositionParser(LUNG_ZONES.with_phrases(absent="Both lungs are clear."))
    texts = ["Opacity in the left lung.", "Opacity in the right lung."] * 4
    masks = CF.region_masks(LUNG_ZONES, (12, 12)).flatten(1).float()
    target = (parser.encode(texts).float() @ masks > 0).view(8, 1, 12, 12)
    images, said = torch.rand(8, 1, 12, 12), 0
    for seed in range(10):
        out = ZoneMix(parser, unit="side", p=1.0)(images, texts, target, generator=torch.Generator().manual_seed(seed))
        assert bool(out.params.accepted.all())
        said += sum("clear" in text for text in out.texts)
    assert said
