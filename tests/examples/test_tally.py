"""Counts under every kind of captions, against loops that ask for each image alone."""

import itertools
import json
import re

import pytest
import torch
from semimedref.data.samples import Samples
from semimedref.evaluation.answers import Answers, Reading, readings
from semimedref.evaluation.obedience import obedience, obedience_in
from semimedref.evaluation.paraphrases import WORDINGS, miscounted, paraphrased
from semimedref.evaluation.patients import name_digest, patients_of
from semimedref.evaluation.tally import CROP, FLOOR, tally
from semimedref.evaluation.tally_file import read_tally, write_tally
from semimedref.evaluation.totals import measures, scores
from semimedref.inference import predict_logits, score
from semimedref.metrics import scores_of
from semimedref.mirroring import averages_mirrored
from semimedref.styling import reads_in_style

from crossmodal_aug import LUNG_ZONES, QUADRANTS, PositionParser
from crossmodal_aug.errors import InvalidValueError
from tests.examples.readers import BrightPixels, BrightPixelsOfTheSide

PARSER = PositionParser(LUNG_ZONES)
TEXTS = (
    "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
    "Unilateral pulmonary infection, one infected area, upper left lung.",
    "Bilateral pulmonary infection, four infected areas, all left lung and middle right lung.",
    "No pulmonary infection, zero infected areas.",
    "Bilateral pulmonary infection, six infected areas, all left lung and all right lung.",
)
NAMES = ("sub-a_1.png", "sub-b.png", "sub-a_2.png", "c.png", "sub-d.png")
TEMPLATE = TEXTS[0]


@pytest.fixture
def samples() -> Samples:
    generator = torch.Generator().manual_seed(0)
    images = (255 * torch.rand(5, 1, 12, 12, generator=generator)).to(torch.uint8)
    masks = tuple(torch.rand(12, 12, generator=generator) < 0.5 for _ in images)
    return Samples(images, TEXTS, NAMES, full_masks=masks)


class ReadsOnlyTheTemplate(BrightPixelsOfTheSide):
    """Takes any other wording for a caption that names nothing; and leans to the image's left."""

    def tokenize(self, texts):
        known = [text if "pulmonary infection, " in text.casefold() else "Nothing." for text in texts]
        return super().tokenize(known)

    def segment(self, images, tokens):
        return super().segment(images, tokens) + torch.linspace(6.0, -6.0, images.shape[-1])


def counted(found, mask):
    return [int((found & mask).sum()), int((found & ~mask).sum()), int((~found & mask).sum())]


def score_of(model, samples, index, text):
    """What a model finds in one image, asked alone."""
    return predict_logits(model, samples.take([index]).images, [text])[0, 0].sigmoid() >= 0.5


def test_own_captions_and_sides_are_those_of_training(samples):
    model = BrightPixelsOfTheSide()
    found = tally(model, samples, PARSER, readings(TEMPLATE))
    assert torch.equal(found.row("raw", "own").counts, score(model, samples).counts)
    obeyed = obedience(model, samples, PARSER)
    for side, counts in obeyed.counts.items():
        assert torch.equal(found.row("raw", f"side {side}").counts, counts)
    assert scores(found)["obedience by side"] == pytest.approx(obeyed.to_dict()["obedience"])
    assert obedience_in(found).to_dict() == obeyed.to_dict()
    assert str(obedience_in(found)) == str(obeyed)
    plain = scores_of(score(model, samples).counts)
    assert scores(found)["global Dice"] == pytest.approx(plain.global_dice)
    assert scores(found)["per-image IoU"] == pytest.approx(plain.image_iou)


def test_floor_and_crop_are_those_of_the_definition(samples):
    """In loops: the mask in the place, what is found under the whole caption, and that cut to the place."""
    model = BrightPixelsOfTheSide()
    found = tally(model, samples, PARSER, readings(None))
    inside = torch.zeros(12, 12, dtype=torch.bool)
    for key, rows, columns, texts in (
        ("side left", slice(0, 12), slice(0, 6), {0: "upper left lung.", 2: "all left lung.", 4: "all left lung."}),
        (
            "zone upper",
            slice(0, 4),
            slice(0, 12),
            {0: "upper left lung.", 2: "upper left lung.", 4: "upper left lung and upper right lung."},
        ),
        ("region right middle", slice(4, 8), slice(6, 12), {2: "middle right lung.", 4: "middle right lung."}),
    ):
        place = inside.clone()
        place[rows, columns] = True
        row = found.row("raw", key)
        assert row.images.tolist() == list(texts)
        for number, (index, text) in enumerate(texts.items()):
            mask = samples.full_masks[index] & place
            obeyed, whole = (score_of(model, samples, index, one) for one in (text, samples.texts[index]))
            assert row.counts[number].tolist() == counted(obeyed, mask)
            assert found.row("raw", key + FLOOR).counts[number].tolist() == counted(whole, mask)
            assert found.row("raw", key + CROP).counts[number].tolist() == counted(whole & place, mask)


def test_other_words_and_a_false_count_are_asked_raw_and_in_style(samples):
    model = ReadsOnlyTheTemplate()
    found = tally(model, samples, PARSER, readings(TEMPLATE))
    asked = {f"words {name}": paraphrased(TEXTS, PARSER, frame) for name, frame in WORDINGS["lung_zones"].items()}
    asked["count two"] = miscounted(TEXTS, PARSER)
    assert len(asked) == 5
    for captions, texts in asked.items():
        assert torch.equal(found.row("raw", captions).counts, score(model, samples, texts).counts)
        assert torch.equal(found.row("in-style", captions).counts, found.row("in-style", "own").counts)
    for name in WORDINGS["lung_zones"]:
        assert not torch.equal(found.row("raw", f"words {name}").counts, found.row("raw", "own").counts)


def test_mirrored_counts_are_those_of_the_mean(samples):
    plain = tally(ReadsOnlyTheTemplate(), samples, PARSER, readings(TEMPLATE))
    for reading in ("mirrored", "in-style, mirrored"):
        model = ReadsOnlyTheTemplate()
        if reading != "mirrored":
            reads_in_style(model, PARSER, TEMPLATE)
        averages_mirrored(model, PARSER)
        assert torch.equal(plain.row(reading, "own").counts, score(model, samples).counts)
        assert torch.equal(plain.row(reading, "side left").counts, obedience(model, samples, PARSER).counts["left"])
    assert not torch.equal(plain.row("mirrored", "own").counts, plain.row("raw", "own").counts)


def test_nothing_is_asked_twice(samples):
    model = BrightPixelsOfTheSide()
    answers = Answers(model, samples, PARSER, batch=2)
    first = answers.found(Reading("raw"), [0, 1, 0], [TEXTS[0], TEXTS[1], TEXTS[0]])
    assert torch.equal(first[0], first[2])
    assert sorted(model.read) == sorted(TEXTS[:2])
    answers.found(Reading("in-style", TEXTS[0]), [0], [TEXTS[0]])
    answers.found(Reading("raw"), [1], [TEXTS[1]])
    assert sorted(model.read) == sorted(TEXTS[:2])
    # The same caption with its mirror image is another question, and so is another image.
    answers.found(Reading("mirrored", mirrored=True), [0], [TEXTS[0]])
    answers.found(Reading("raw"), [2], [TEXTS[0]])
    assert len(model.read) == 2 + 2 + 1


def test_a_file_gives_back_what_was_counted(samples, tmp_path):
    found = tally(BrightPixelsOfTheSide(), samples, PARSER, readings(TEMPLATE), about={"step": 3})
    path = tmp_path / "counts.jsonl"
    write_tally(path, found)
    back = read_tally(path)
    assert back.images == found.images == tuple(map(name_digest, NAMES))
    assert back.patients.tolist() == [0, 1, 0, 2, 3]
    assert back.about == {"step": 3}
    assert list(back.rows) == list(found.rows)
    for key, row in found.rows.items():
        assert torch.equal(back.rows[key].counts, row.counts)
        assert torch.equal(back.rows[key].images, row.images)
    assert scores(back) == scores(found)
    assert not [name for name in NAMES if name in path.read_text()]
    assert [one.name for one in tmp_path.iterdir()] == ["counts.jsonl"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: ["{}", *lines[1:]],
        lambda lines: [lines[0], lines[1][:-9]],
        lambda lines: [lines[0].replace('"patients":[0', '"patients":[0,0'), *lines[1:]],
        lambda lines: [lines[0], lines[1].replace('"of":"all"', '"of":[0]')],
        lambda lines: [lines[0].replace('"format":1', '"format":99'), *lines[1:]],
        lambda lines: [],
    ],
)
def test_a_damaged_file_is_refused(samples, tmp_path, spoil):
    path = tmp_path / "counts.jsonl"
    write_tally(path, tally(BrightPixels(), samples, PARSER, readings(None)))
    path.write_text("\n".join(spoil(path.read_text().splitlines())))
    with pytest.raises(InvalidValueError, match=r"counts\.jsonl: "):
        read_tally(path)


def test_a_missing_file_says_who_writes_it(tmp_path):
    with pytest.raises(InvalidValueError, match=r"no such file of counts; `evaluate.py RUN` writes it"):
        read_tally(tmp_path / "counts.jsonl")


def test_a_row_that_was_not_counted_is_named(samples):
    found = tally(BrightPixels(), samples, PARSER, readings(None), other_words=False)
    with pytest.raises(InvalidValueError, match="but got 'raw: words a verb'"):
        found.row("raw", "words a verb")


def test_without_a_caption_that_can_be_narrowed_there_is_no_obedience(samples):
    found = tally(BrightPixels(), samples.take([1, 3]), PARSER, readings(None))
    assert not [one.name for one in measures(found) if "obedience" in one.name]


def test_images_without_a_patient_are_patients_of_their_own():
    assert patients_of(["a.png", "sub-1_x.png", "a.png", "sub-1_y.png"]).tolist() == [0, 1, 2, 1]


def frame_words(text: str) -> set[str]:
    """The words of a sentence that are not its position."""
    return {word for word in re.findall(r"[a-z]{3,}", text.casefold()) if word not in POSITIONS}


POSITIONS = {"left", "right", "upper", "middle", "lower", "lung", "zone", "positions", "top", "bottom", "the"}


@pytest.mark.parametrize("atlas", [LUNG_ZONES, QUADRANTS], ids=lambda atlas: atlas.name)
def test_no_wording_is_one_that_training_has(atlas):
    """Neither its words nor most of them stand in a frame of `Reword`."""
    assert len(WORDINGS[atlas.name]) == 4
    for wording in WORDINGS[atlas.name].values():
        mine = frame_words(wording)
        assert mine
        for _, frame in atlas.phrasing.frames:
            theirs = frame_words(frame)
            assert len(mine & theirs) <= 0.34 * len(mine | theirs), (wording, frame)


@pytest.mark.parametrize("name", WORDINGS["quadrants"])
def test_wordings_of_pictures_name_the_same_places(name):
    parser = PositionParser(QUADRANTS)
    for count in (1, 2, 3, 5):
        for names in itertools.combinations(QUADRANTS.names, count):
            text = parser("One polyp, located in top left of the image").with_regions(names)
            (other,) = paraphrased([text], parser, WORDINGS["quadrants"][name])
            assert other != text
            assert parser(other).regions == parser(text).regions == names


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "bilateral pulmonary infection, six infected areas, upper left lung.",
            "bilateral pulmonary infection, two infected areas, upper left lung.",
        ),
        (
            "Unilateral infection, One infected area, upper left lung.",
            "Unilateral infection, Two infected areas, upper left lung.",
        ),
        ("3 infected areas, upper left lung.", "two infected areas, upper left lung."),
        ("No pulmonary infection, zero infected areas.", "No pulmonary infection, zero infected areas."),
        ("Opacity in the upper left lung.", "Opacity in the upper left lung."),
        (
            "Two infected areas, upper left lung and one in the lower left lung.",
            "Two infected areas, upper left lung and one in the lower left lung.",
        ),
    ],
)
def test_a_false_count_is_always_two(text, wanted):
    assert miscounted([text], PARSER) == [wanted]


def test_the_head_of_a_file_says_what_was_counted(samples, tmp_path):
    path = tmp_path / "counts.jsonl"
    write_tally(path, tally(BrightPixels(), samples, PARSER, readings(None), about={"part": "test"}))
    head, *lines = map(json.loads, path.read_text().splitlines())
    assert head["about"] == {"part": "test"}
    assert {line["reading"] for line in lines} == {"raw", "mirrored"}
