"""Reword: which texts it says in other words, which it leaves alone, and what it records."""

from collections import Counter

import pytest
import torch

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser, Reword, describe
from crossmodal_aug.augment import Reason
from crossmodal_aug.errors import InvalidValueError

PARSER = PositionParser(LUNG_ZONES)
CAPTIONS = [
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "unilateral pulmonary infection, one infected area, lower left lung.",
]
LEFT_ALONE = [
    "",
    "COVID-19 pneumonia.",
    "The left lung is clear.",
    "The left lung is clear. Right basilar atelectasis.",
    "Opacity in the upper right lung. Left glurb.",
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_caption_is_said_in_a_frame_of_its_own() -> None:
    op = Reword(PARSER, p=1.0)
    out = op(None, CAPTIONS * 8, generator=seeded())
    names = [op.frames[index] for index in out.params.frames.tolist()]
    assert out.texts == [PARSER.reword(text, name) for text, name in zip(CAPTIONS * 8, names, strict=True)]
    assert len(set(names)) > 4
    assert bool(out.params.accepted.all())
    assert torch.equal(out.positions, PARSER.encode(CAPTIONS * 8))
    assert torch.equal(PARSER.encode(out.texts), out.positions)
    assert not bool(out.params.added.any() or out.params.removed.any())


def test_frames_are_drawn_alike_and_as_often_as_p_says() -> None:
    op = Reword(PARSER, p=0.4)
    out = op(None, CAPTIONS[:1] * 8000, generator=seeded())
    drawn = Counter(out.params.frames.tolist())
    assert drawn.pop(-1) == pytest.approx(4800, abs=200)
    assert sorted(drawn) == list(range(8))
    assert all(count == pytest.approx(400, abs=80) for count in drawn.values())


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_cannot_be_said_without_loss_is_left_alone(text: str) -> None:
    out = Reword(PARSER, p=1.0)(None, [text, CAPTIONS[0]], generator=seeded())
    assert out.texts[0] is text
    assert out.params.accepted.tolist() == [False, True]
    assert int(out.params.frames[0]) == -1


def test_a_text_in_the_words_of_the_frame_is_not_altered() -> None:
    text = "There is consolidation in the lower left lung."
    out = Reword(PARSER, p=1.0, frames=["sentence"])(None, [text])
    assert out.texts[0] is text
    assert not bool(out.params.accepted.any())


def test_some_frames_alone() -> None:
    op = Reword(PARSER, p=1.0, frames=("short", "first"))
    assert op.frames == ("short", "first")
    texts = {op(None, CAPTIONS[1:], generator=seeded(seed)).texts[0] for seed in range(20)}
    assert texts == {"Lower left lung.", "Lower left lung: infiltrates."}
    assert "frames=('short', 'first')" in repr(op)
    assert Reword(PARSER, frames=iter(["short"])).frames == ("short",)


def test_denials_are_said_as_the_atlas_says_them() -> None:
    out = Reword(PARSER, p=1.0)(None, ["No pulmonary infection, zero infected areas."])
    assert out.texts == ["No pulmonary infection."]
    image = Reword(PositionParser(QUADRANTS), p=1.0)(None, ["No tumor in the breast ultrasound image."])
    assert image.texts == ["No lesion."]


def test_images_and_maps_are_handed_on_and_strict_mode_holds() -> None:
    images, target, extra = torch.rand(2, 1, 6, 6), torch.ones(2, 1, 6, 6), torch.rand(2, 6, 6)
    op = Reword(PARSER, p=1.0, strict=True)
    out = op(images, CAPTIONS, target, maps=[extra], generator=seeded())
    assert out.images is images
    assert out.target is target
    assert out.maps[0] is extra
    assert op.replay(extra, out.params) is extra
    with pytest.raises(InvalidValueError, match="no `target` where `images` is None"):
        op(None, CAPTIONS, target)


def test_other_texts_of_the_batch_are_said_in_the_same_frames() -> None:
    op = Reword(PARSER, p=0.5)
    others = ["Left base opacity.", "Pneumonia."]
    for seed in range(20):
        out = op(None, CAPTIONS, generator=seeded(seed))
        again = op.rewrite(others, out.params)
        assert op.rewrite(CAPTIONS, out.params) == out.texts
        assert again[1] is others[1]
        frame = int(out.params.frames[0])
        assert again[0] == (PARSER.reword(others[0], op.frames[frame]) if frame >= 0 else others[0])


def test_texts_over_the_budget_are_left_alone() -> None:
    op = Reword(PARSER, p=1.0, frames=["report"], max_tokens=8, tokenizer=str.split)
    texts = ["Left lung.", "One infected area, all of the left lung, as was seen before."]
    out = op(None, texts)
    assert out.texts[0] is texts[0]
    assert out.texts[1] == "The image shows airspace disease in the left lung."
    assert out.params.accepted.tolist() == [False, True]
    assert out.params.frames.tolist() == [-1, 0]


def test_refusing_samples_undoes_them() -> None:
    op = Reword(PARSER, p=1.0)
    params = op(None, CAPTIONS, generator=seeded()).params.undone(torch.tensor([True, False]), Reason.TOO_LONG)
    assert params.accepted.tolist() == [False, True]
    assert op.rewrite(CAPTIONS, params)[0] is CAPTIONS[0]


def test_describe_says_what_was_done() -> None:
    lines = describe(Reword(PARSER, p=1.0, frames=["short"])(None, [*CAPTIONS, ""]), LUNG_ZONES).splitlines()
    assert lines[0] == "RewordParams: 2 of 3 samples altered"
    assert "Lower left lung." in lines[2]
    assert "as it was" in lines[3]


def test_an_atlas_without_frames_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"`parser` of an atlas with \[\[frames\]\], but 'lung_zones'"):
        Reword(PositionParser(LUNG_ZONES.with_phrases(frames=[])))


def test_frames_of_ones_own_are_taken_where_they_can_be_read() -> None:
    frames = [("spot", "A spot is in the {positions}."), ("mark", "{Positions}: a mark.")]
    parser = PositionParser(LUNG_ZONES.with_phrases(frames=frames))
    assert Reword(parser, p=1.0, frames=["spot"])(None, CAPTIONS[1:]).texts == ["A spot is in the lower left lung."]
    assert set(Reword(parser, p=1.0)(None, CAPTIONS[1:] * 20).texts) > {"A spot is in the lower left lung."}
