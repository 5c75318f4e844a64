"""Single cases at the edges of what the ops take: donors on replay, rare dtypes, order, negations, no sides."""

import pytest
import torch

from crossmodal_aug import (
    LUNG_ZONES,
    QUADRANTS,
    Augmented,
    CrossModalSequential,
    Focus,
    PosAug,
    PositionParser,
    Reword,
    SyncFlip,
    TPatchMix,
    ZoneMix,
)
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

PARSER = PositionParser(LUNG_ZONES)
TEXTS = ["Opacity in the lower left lung.", "Opacity in the upper left lung.", "Opacity in the lower right lung."]
MIXES = [ZoneMix(PARSER, p=1.0), TPatchMix(PARSER, patch_size=4, p=1.0, gate=None, where="anywhere", text="union")]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("op", MIXES, ids=["ZoneMix", "TPatchMix"])
def test_replay_asks_for_the_donors_of_the_call(op: torch.nn.Module) -> None:
    images = torch.zeros(3, 1, 12, 12)
    donors = Augmented(torch.ones(5, 1, 12, 12), TEXTS[:1] * 5)
    out = op(images, TEXTS, donors=donors, generator=seeded())
    assert torch.equal(op.replay(images, out.params, donors=donors.images), out.images)
    with pytest.raises(InvalidValueError, match="`donors` of 5 rows, as in the call that is replayed, but got none"):
        op.replay(images, out.params)
    with pytest.raises(InvalidValueError, match="`donors` of 5 rows, as in the call that is replayed, but got 3"):
        op.replay(images, out.params, donors=images)
    alone = op(images, TEXTS, generator=seeded())
    with pytest.raises(InvalidValueError, match="Expected no `donors`"):
        op.replay(images, alone.params, donors=images)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.complex64])
@pytest.mark.parametrize(
    "op", [*MIXES, SyncFlip(PARSER, p=1.0), Focus(PARSER, unit="region", p=1.0)], ids=lambda op: type(op).__name__
)
def test_dtypes_that_torch_can_hardly_compute_with(op: torch.nn.Module, dtype: torch.dtype) -> None:
    numbers = torch.randint(0, 100, (3, 1, 64, 64), generator=seeded())
    images, same = numbers.to(dtype), numbers.to(dtype).to(torch.float64 if not dtype.is_complex else dtype)
    texts = ["Opacity in the lower left lung and upper left lung."] * 3
    out, plain = op(images, texts, generator=seeded()), op(same, texts, generator=seeded())
    assert out.images.dtype == dtype
    assert torch.equal(out.images.to(same.dtype), plain.images)
    assert bool(out.params.accepted.all())
    assert torch.equal(op.replay(images, out.params).to(same.dtype), plain.images)


@pytest.mark.parametrize(
    ("mine", "theirs", "allowed"),
    [
        ("Lesion in the center.", "Lesion in the center.", True),
        ("Lesion in the center.", "Lesion located in top left.", True),
        ("Lesion located in top left.", "Lesion located in bottom right.", False),
        ("Lesion located in top left.", "Lesion located in bottom left.", True),
    ],
)
def test_only_opposite_sides_forbid_a_patch(mine: str, theirs: str, allowed: bool) -> None:
    op = TPatchMix(PositionParser(QUADRANTS), patch_size=2, p=1.0, where="anchor", gate=None, text="union")
    out = op(torch.zeros(2, 1, 12, 12), [mine, theirs], generator=seeded())
    assert out.params.accepted.tolist() == [allowed, allowed]


def test_a_region_without_a_pixel_takes_no_patch() -> None:
    op = TPatchMix(PARSER, patch_size=1, p=1.0, where="anchor", gate=None, text="union")
    out = op(torch.zeros(2, 1, 2, 2), ["Opacity in the left lung."] * 2, generator=seeded())
    empty = out.params.boxes.diff(dim=-1).flatten(1).prod(dim=1) == 0
    assert torch.equal(empty, ~out.params.accepted)
    for seed in range(20):
        out = op(torch.zeros(2, 1, 1, 2), TEXTS[:2], generator=torch.Generator().manual_seed(seed))
        assert torch.equal(out.params.mixed_share > 0, out.params.accepted)


@pytest.mark.parametrize("last", [SyncFlip, ZoneMix, Focus, Reword])
def test_a_masked_text_is_not_rewritten(last: type) -> None:
    with pytest.raises(InvalidValueError, match=r"PosAug\(mode='mask'\) to come last.*but got " + last.__name__):
        CrossModalSequential(SyncFlip(PARSER), PosAug(PARSER, mode="mask"), PosAug(PARSER, mode="fuzz"), last(PARSER))
    CrossModalSequential(last(PARSER), PosAug(PARSER, mode="mask"), PosAug(PARSER, mode="mask"))


def test_strict_mode_tells_a_wrong_input_from_a_wrong_op() -> None:
    positions = PARSER.encode(TEXTS)
    positions[1] = ~positions[1]
    with pytest.raises(InvalidValueError, match=r"`positions` to be those that `texts` state.*samples \[1\]"):
        SyncFlip(PARSER, strict=True)(torch.zeros(3, 1, 4, 4), TEXTS, positions=positions)


@pytest.mark.parametrize(
    "text",
    [
        "Infiltrate in the right lower lobe. Left lower lobe is clear. Left upper lobe nodule.",
        "Consolidation in the left lower lobe, left upper lobe is clear.",
        "No opacity in the left lower lobe.",
    ],
)
@pytest.mark.parametrize("mode", ["coarsen", "mix"])
def test_what_is_clear_is_never_widened(text: str, mode: str) -> None:
    op = PosAug(PARSER, phrase_p=1.0, mode=mode)
    clear = set(PARSER(text).negated)
    for seed in range(10):
        altered = op(None, [text], generator=torch.Generator().manual_seed(seed)).texts[0]
        assert set(PARSER(altered).negated) <= clear


def test_words_alone_replay_on_tensors() -> None:
    op = PosAug(PARSER, phrase_p=1.0)
    out = op(None, TEXTS, generator=seeded())
    images = torch.rand(3, 1, 4, 4)
    assert op.replay(images, out.params) is images


def test_other_texts_of_unaltered_samples_stay() -> None:
    op = PosAug(PARSER, phrase_p=0.5)
    for seed in range(10):
        out = op(None, TEXTS, generator=torch.Generator().manual_seed(seed))
        again = op.rewrite([f"{text} {text}" for text in TEXTS], out.params)
        for text, new, accepted in zip(TEXTS, again, out.params.accepted.tolist(), strict=True):
            assert accepted or new == f"{text} {text}"


def test_a_region_stays_named_where_the_patch_covers_its_lesion_by_a_spill_of_the_donors() -> None:
    """The donor's text leaves the spill out, so it cannot be added; the anchor's words still hold for it."""
    parser = PositionParser(LUNG_ZONES)
    op = TPatchMix(parser, patch_size=4, p=1.0, where="anchor", gate=None)
    texts = ["Opacity in the upper left lung.", "Opacity in the middle left lung."]
    target = torch.zeros(2, 1, 12, 8)
    target[0, 0, :2, :2] = 1.0
    target[1, 0, 2:6, :4] = 1.0
    out = op(torch.zeros(2, 1, 12, 8), texts, target, generator=torch.Generator().manual_seed(0))
    assert out.params.boxes[0].tolist() == [[0, 4], [0, 4]]
    assert not bool((out.target[0, 0, :4, :4] * target[0, 0, :4, :4]).any())
    assert out.texts[0] == texts[0]
    covered = target.clone()
    covered[1] = 0.0
    assert (
        op(torch.zeros(2, 1, 12, 8), texts, covered, generator=torch.Generator().manual_seed(0)).positions[0].sum() == 0
    )


@pytest.mark.parametrize("phrase", ["left lung", "the right lower lobe"])
@pytest.mark.parametrize("name", ["fuzzy_phrase", "mask_token"])
def test_a_vague_phrase_names_no_region(name: str, phrase: str) -> None:
    with pytest.raises(InvalidValueError, match=f"`{name}` to name no region"):
        PosAug(PARSER, **{name: phrase})


def test_a_vague_phrase_fits_the_sentence() -> None:
    fuzzy = [PosAug(PARSER, phrase_p=1.0, mode="fuzz"), PosAug(PositionParser(QUADRANTS), phrase_p=1.0, mode="fuzz")]
    assert fuzzy[0](None, ["Opacity in the lower left lung."]).texts == ["Opacity in the region of the lung."]
    assert fuzzy[0](None, ["lower left lung."]).texts == ["a region of the lung."]
    assert fuzzy[1](None, ["One polyp in the top left of the image."]).texts == [
        "One polyp in the region of the image."
    ]


@pytest.mark.parametrize("value", [-1, 2])
def test_positions_beyond_a_bit(value: int) -> None:
    with pytest.raises(InvalidValueError, match="`positions` to hold 0 and 1"):
        SyncFlip(PARSER)(torch.zeros(1, 1, 4, 4), None, positions=torch.full((1, 6), value))


def test_images_without_pixels_and_words_without_images() -> None:
    with pytest.raises(InvalidValueError, match="`images` with pixels"):
        MIXES[1](torch.zeros(2, 1, 0, 5), TEXTS[:2])
    with pytest.raises(InvalidValueError, match="no `target` where `images` is None"):
        PosAug(PARSER)(None, TEXTS, torch.zeros(3, 1, 4, 4))


@pytest.mark.parametrize("tokenizer", [lambda text: {"input_ids": text.split()}, lambda text: len(text.split())])
def test_a_tokenizer_whose_answer_cannot_be_counted_is_refused(tokenizer) -> None:
    op = SyncFlip(PositionParser(LUNG_ZONES), p=1.0, max_tokens=4, tokenizer=tokenizer)
    with pytest.raises(InvalidTypeError, match="one entry per token, but got"):
        op(torch.zeros(1, 1, 4, 4), ["Opacity in the left lung."])
