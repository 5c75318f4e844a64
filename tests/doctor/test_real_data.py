"""The real data sets: what the doctor says of each, and what it cannot know."""

from pathlib import Path

import pytest

from crossmodal_aug.doctor import Examination, Finding, examine


@pytest.fixture(scope="module")
def qata(data_root: Path) -> Examination:
    return examine(data_root / "qata")


def one(found: Examination, name: str) -> Finding:
    return next(finding for finding in found.findings if finding.name == name)


def test_qata_is_upright_and_in_the_viewers_sides(qata: Examination) -> None:
    assert one(qata, "upright").figures["laterality"] == "viewer"
    assert qata.atlas.laterality == "viewer"


def test_the_cuts_of_qata_are_fitted_and_gain_much(qata: Examination) -> None:
    assert qata.atlas.rows == pytest.approx((0.31, 0.38), abs=0.02)
    before, after = one(qata, "fitted-cuts").figures["exact"]
    assert before < 0.25
    assert after > 0.6
    assert "rows=(0.31" in qata.code


def test_captions_of_qata_that_contradict_their_masks_are_listed(qata: Examination) -> None:
    wrong = one(qata, "contradicted-captions")
    assert 20 < len(wrong.rows) < 400  # of 4000, and what is listed does contradict
    masks = qata._study.lesions(wrong.rows)
    boxes = qata.atlas.boxes
    for place, index in enumerate(wrong.rows):
        lesion = masks[place]
        height, width = lesion.shape
        for region, named in enumerate(qata._study.named[index].tolist()):
            y0, y1, x0, x1 = boxes[region]
            inside = lesion[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
            assert not named or inside.sum() < 0.03 * lesion.sum()
    assert len(qata.rows(wrong)) == len(wrong.rows)


def test_patients_of_qata_are_told_where_names_tell_them(qata: Examination) -> None:
    assert qata.names("good").count("patients") == 1
    assert "no patient" in one(qata, "patients-unknown").text


@pytest.mark.parametrize("name", ["kvasir", "busi"])
def test_pictures_with_places_fit_and_what_cannot_be_known_is_said(data_root: Path, name: str) -> None:
    found = examine(data_root / name, atlas="quadrants")
    assert "upright" in found.names("good")
    assert {"patients", "tokens", "cuts"} <= set(found.names("unknown"))
    assert "overlap" in one(found, "cuts").text
    assert one(found, "unread-words").figures["words"]
    assert found.code.startswith("from crossmodal_aug import QUADRANTS")
    if name == "busi":
        assert one(found, "near-copies-across-parts").pairs  # copies that are known of
        assert one(found, "captions").figures["nothing-there"] > 100


def test_captions_without_pixels_are_read(data_root: Path) -> None:
    found = examine(captions=data_root / "mosmed" / "captions.csv")
    assert {"no-images", "no-masks"} <= set(found.names("unknown"))
    assert found.as_record()["parts"].keys() == {"train", "valid", "test"}
