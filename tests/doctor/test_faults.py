"""Each fault that is planted is named, and a clean set is passed over in silence."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crossmodal_aug.doctor import Examination, examine
from tests.doctor.phantoms import Drawn, draw_set, load, save

FEW_OPS = ["SyncFlip(p=0.5)"]


def seen(drawn: Drawn, **settings: object) -> Examination:
    return examine(drawn.root, ops=FEW_OPS, size=48, **settings)  # type: ignore[arg-type]


def rows_of(found: Examination, name: str) -> list[str]:
    return [row for finding in found.findings if finding.name == name for row in found.rows(finding)]


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return draw_set(tmp_path / "set")


def test_a_clean_set_is_passed_over_in_silence(drawn: Drawn) -> None:
    found = examine(drawn.root)
    assert found.names("mend", "look") == []
    assert not found.must_mend
    assert found.names("unknown") == ["tokens"]  # no tokenizer was given, and that is said
    checks = {finding.check for finding in found.findings}
    assert checks == {
        "files", "sizes", "masks", "captions", "words", "tokens", "orientation", "cuts", "wrong captions", "duplicates",
        "patients", "ops", "lines",
    }  # fmt: skip


def test_a_mirrored_set_is_named_and_mended_by_its_laterality(drawn: Drawn) -> None:
    drawn.alter(np.fliplr)
    found = seen(drawn)
    assert found.names("mend", "look") == ["mirrored"]
    assert found.must_mend
    assert found.atlas.laterality == "patient"
    assert 'laterality="patient"' in found.code
    assert seen(drawn, laterality="patient").names("mend", "look") == []


def test_a_transposed_set_is_named_and_its_rows_are_not_judged(drawn: Drawn) -> None:
    drawn.alter(np.transpose)
    found = seen(drawn)
    assert found.names("mend", "look") == ["transposed"]
    assert "wrong-captions" in found.names("unknown")


def test_a_set_upside_down_is_named(drawn: Drawn) -> None:
    drawn.alter(np.flipud)
    assert seen(drawn).names("mend") == ["upside-down"]


def test_places_in_the_picture_have_no_other_laterality(tmp_path: Path) -> None:
    corners = {(0,): "top left", (2,): "bottom left", (3,): "top right", (5,): "bottom right"}
    drawn = draw_set(tmp_path / "set", kinds=list(corners))
    for part, rows in drawn.rows.items():
        for index, row in enumerate(rows):
            zones = list(corners)[int(row["image"][4:8]) % 4]
            drawn.recaption(part, index, f"one small polyp, located in {corners[zones]} of the image")
    assert seen(drawn, atlas="quadrants").names("mend", "look") == []
    drawn.alter(np.fliplr)
    found = seen(drawn, atlas="quadrants")
    assert found.names("mend", "look") == ["mirrored"]
    assert found.atlas.laterality == "viewer"
    assert "wrong-captions" in found.names("unknown")


def test_a_part_that_is_turned_is_named(drawn: Drawn) -> None:
    drawn.alter(np.fliplr, parts=["test"])
    found = seen(drawn)
    turned = [finding for finding in found.findings if finding.name == "mirrored-part"]
    assert len(turned) == 1
    assert set(found.rows(turned[0])) == {row["image"] for row in drawn.rows["test"]}


def test_a_random_flip_that_captions_did_not_follow_is_named_with_its_rows(drawn: Drawn) -> None:
    drawn.alter(np.fliplr, every=4)
    found = seen(drawn)
    (flip,) = (finding for finding in found.findings if finding.name == "mirrored-in-part")
    planted = {rows[index]["image"] for rows in drawn.rows.values() for index in range(0, len(rows), 4)}
    named = found.rows(flip)
    assert set(named) <= planted
    assert len(named) > 0.7 * len(planted)  # some lesions lie on both sides alike
    assert f"the lesion of {len(named)} lies nearer" in flip.text
    assert not re.search("`|positions", flip.text)
    # Captions that contradict a mask because it is mirrored are one fault with it.
    (wrong,) = (finding for finding in found.findings if finding.name == "contradicted-captions")
    assert set(wrong.rows) <= set(flip.rows)
    assert "All of them are rows whose mask looks turned" in wrong.text
    assert found.names("mend") == ["mirrored-in-part"]


def test_a_wrong_caption_beside_masks_that_are_mirrored_is_to_be_mended_too(drawn: Drawn) -> None:
    rows = drawn.rows["train"]
    index = next(
        i for i, row in enumerate(rows) if i % 4 and row["caption"].endswith("one infected area, upper left lung.")
    )
    name = drawn.recaption("train", index, "unilateral pulmonary infection, one infected area, lower left lung.")
    drawn.alter(np.fliplr, every=4)
    found = seen(drawn)
    (wrong,) = (finding for finding in found.findings if finding.name == "contradicted-captions")
    assert "contradicted-captions" in found.names("mend")
    assert name in found.rows(wrong)
    assert f"{len(wrong.rows) - 1} of them are rows whose mask looks turned" in wrong.text


def test_captions_of_other_images_throughout_are_named(drawn: Drawn) -> None:
    for part, rows in drawn.rows.items():
        captions = [row["caption"] for row in rows]
        for index, caption in enumerate(np.random.default_rng(0).permutation(captions).tolist()):
            drawn.recaption(part, index, caption)
    assert "unrelated" in seen(drawn).names("mend")


def test_swapped_captions_are_named(drawn: Drawn) -> None:
    left, right = "upper left lung", "lower right lung"
    one = "unilateral pulmonary infection, one infected area, {}."
    rows = drawn.rows["train"]
    pair = [next(i for i, row in enumerate(rows) if row["caption"] == one.format(place)) for place in (left, right)]
    names = {drawn.recaption("train", pair[0], one.format(right)), drawn.recaption("train", pair[1], one.format(left))}
    found = seen(drawn)
    assert found.names("mend", "look") == ["contradicted-captions"]
    assert set(rows_of(found, "contradicted-captions")) == names


def test_a_caption_that_leaves_most_of_the_lesion_out_is_named(drawn: Drawn) -> None:
    rows = drawn.rows["train"]
    index = next(
        i for i, row in enumerate(rows) if "three infected areas" in row["caption"] and "upper left" in row["caption"]
    )
    name = drawn.recaption("train", index, "unilateral pulmonary infection, one infected area, upper left lung.")
    assert rows_of(seen(drawn), "partial-captions") == [name]


def test_a_caption_that_fits_other_masks_is_doubtful(tmp_path: Path) -> None:
    # It names what is there, and two regions more: nothing contradicts it for sure.
    drawn = draw_set(tmp_path / "set", kinds=[(0,), (0, 1, 2), (3,), (3, 4, 5), (1, 4)])
    name = drawn.recaption("train", 0, drawn.rows["train"][1]["caption"])
    found = seen(drawn)
    assert rows_of(found, "doubtful-captions") == [name]
    assert found.names("mend") == []


def test_a_caption_that_names_a_side_without_lesion_is_named(drawn: Drawn) -> None:
    rows = drawn.rows["train"]
    index = next(i for i, row in enumerate(rows) if row["caption"].endswith("one infected area, upper left lung."))
    text = "bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."
    name = drawn.recaption("train", index, text)
    found = seen(drawn)
    assert found.names("mend", "look") == ["clear-side"]
    assert rows_of(found, "clear-side") == [name]


def test_captions_against_empty_masks_and_the_reverse_are_named(drawn: Drawn) -> None:
    save(drawn.mask("train", 0), np.zeros((48, 48), np.uint8))
    name = drawn.recaption("train", 1, "no pulmonary infection, zero infected areas.")
    found = seen(drawn)
    assert rows_of(found, "empty-mask") == [drawn.rows["train"][0]["image"]]
    assert rows_of(found, "denied-lesion") == [name]


def test_silent_captions_are_named(drawn: Drawn) -> None:
    names = [drawn.recaption("train", index, "COVID-19 pneumonia.") for index in range(3)]
    found = seen(drawn)
    assert found.names("mend", "look") == ["silent-captions"]
    assert rows_of(found, "silent-captions") == names


def test_mostly_silent_captions_must_be_mended(drawn: Drawn) -> None:
    for index in range(70):
        drawn.recaption("train", index, "COVID-19 pneumonia.")
    assert "silent-captions" in seen(drawn).names("mend")


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("", "empty-captions"),
        ("Unilateral pulmonary infection, upper left lung and lower right lung.", "contradictory-captions"),
        ("One infected area, upper left lung and lower right lung.", "contradictory-captions"),
        ("Unilateral pulmonary infection, one infected area, left lung and middle right lung.", "filler"),
        ("Left glurb.", "unread-places"),
    ],
)
def test_captions_that_cannot_be_used_are_named(drawn: Drawn, caption: str, name: str) -> None:
    image = drawn.recaption("train", 0, caption)
    assert rows_of(seen(drawn), name) == [image]


def test_words_are_counted(drawn: Drawn) -> None:
    for index in range(3):
        drawn.recaption("train", index, drawn.rows["train"][index]["caption"] + " Wispy.")
    words = next(finding for finding in seen(drawn).findings if finding.check == "words")
    assert words.figures["words"] == {"wispy": 3}


def test_missing_masks_are_named(drawn: Drawn) -> None:
    for index in (2, 5):
        drawn.mask("train", index).unlink()
    found = seen(drawn)
    assert found.names("mend", "look") == ["missing-masks"]
    assert rows_of(found, "missing-masks") == [drawn.rows["train"][index]["image"] for index in (2, 5)]


def test_a_part_without_masks_may_be_unlabelled(drawn: Drawn) -> None:
    for index in range(len(drawn.rows["test"])):
        drawn.mask("test", index).unlink()
    found = seen(drawn)
    assert found.names("look") == ["part-without-masks"]
    assert not found.must_mend


def test_files_that_belong_to_nothing_are_named(drawn: Drawn) -> None:
    drawn.image("train", 0).unlink()
    drawn.rows["test"].pop()
    drawn.save()
    (drawn.root / "train" / "images" / "scan.dcm").write_bytes(b"DICM")
    found = seen(drawn)
    assert set(found.names("mend", "look")) == {
        "missing-images", "images-without-caption", "masks-without-image", "unread-formats",
    }  # fmt: skip


def test_files_that_cannot_be_read_are_named(drawn: Drawn) -> None:
    for file in (drawn.image("train", 0), drawn.mask("train", 1)):
        file.write_bytes(file.read_bytes()[:60])
    found = seen(drawn)
    assert set(found.names("mend")) == {"unreadable-images", "unreadable-masks"}


def test_sizes_that_do_not_fit_are_named(drawn: Drawn) -> None:
    save(drawn.mask("train", 0), load(drawn.mask("train", 0))[:40])
    save(drawn.image("train", 1), np.full((48, 48), 7, np.uint8))
    save(drawn.image("train", 2), np.stack([load(drawn.image("train", 2))] * 3, axis=2))
    found = seen(drawn)
    assert rows_of(found, "mask-sizes") == [drawn.rows["train"][0]["image"]]
    assert rows_of(found, "blank-images") == [drawn.rows["train"][1]["image"]]
    assert rows_of(found, "image-kinds") == [drawn.rows["train"][2]["image"]]


def classes(mask: np.ndarray) -> np.ndarray:
    third = mask.copy()
    third[:24] //= 2
    return third


@pytest.mark.parametrize(
    ("alter", "name"),
    [
        (lambda mask: mask // 255, "mask-values-differ"),
        (classes, "mask-classes"),
        (lambda mask: np.where(mask > 0, 255, 128).astype(np.uint8), "mask-background"),
        (lambda mask: np.arange(48 * 48).reshape(48, 48).astype(np.uint8), "grey-masks"),
    ],
)
def test_odd_mask_values_are_named(drawn: Drawn, alter: Callable[[np.ndarray], np.ndarray], name: str) -> None:
    # A row with lesion in both halves, so that the half that is altered holds some.
    index = next(
        i for i, row in enumerate(drawn.rows["train"]) if "upper" in row["caption"] and "lower" in row["caption"]
    )
    save(drawn.mask("train", index), alter(load(drawn.mask("train", index))))
    found = seen(drawn)
    assert name in found.names("mend")
    assert rows_of(found, name) == [drawn.rows["train"][index]["image"]]


def test_classes_are_no_fault_where_their_lesion_is_said(drawn: Drawn) -> None:
    for part, rows in drawn.rows.items():
        for index in range(len(rows)):
            save(drawn.mask(part, index), load(drawn.mask(part, index)) // 255 * 2)
    mask = drawn.mask("train", 0)
    labels = load(mask)
    labels[0, 0] = 1
    save(mask, labels)
    assert "mask-classes" in seen(drawn).names("mend")
    assert seen(drawn, mask_values="2").names("mend", "look") == []
    assert "mask-values-absent" in seen(drawn, mask_values="7").names("mend")


def test_masks_that_call_the_background_lesion_are_named(drawn: Drawn) -> None:
    for part, rows in drawn.rows.items():
        for index in range(len(rows)):
            save(drawn.mask(part, index), 255 - load(drawn.mask(part, index)))
    assert "inverted-masks" in seen(drawn).names("look")


def test_duplicates_across_parts_are_named(drawn: Drawn) -> None:
    drawn.image("test", 3).write_bytes(drawn.image("train", 5).read_bytes())
    drawn.mask("test", 3).write_bytes(drawn.mask("train", 5).read_bytes())
    name = drawn.recaption("test", 3, drawn.rows["train"][5]["caption"])
    found = seen(drawn)
    assert found.names("mend", "look") == ["duplicates-across-parts"]
    assert rows_of(found, "duplicates-across-parts") == [drawn.rows["train"][5]["image"], name]


def test_duplicates_and_near_copies_are_told_apart(drawn: Drawn) -> None:
    save(drawn.image("train", 1), load(drawn.image("train", 0)))
    noise = np.random.default_rng(0).integers(0, 2, (48, 48), dtype=np.uint8)
    save(drawn.image("test", 0), np.minimum(load(drawn.image("train", 7)), 254) + noise)
    found = seen(drawn)
    assert rows_of(found, "duplicates") == [drawn.rows["train"][index]["image"] for index in (0, 1)]
    assert rows_of(found, "near-copies-across-parts") == [
        drawn.rows[p][i]["image"] for p, i in (("train", 7), ("test", 0))
    ]


def test_a_leaked_patient_is_named(drawn: Drawn) -> None:
    old = [drawn.image("test", 0), drawn.mask("test", 0)]
    drawn.rows["test"][0]["image"] = "sub-0003_chest-again.png"
    for before, after in zip(old, [drawn.image("test", 0), drawn.mask("test", 0)], strict=True):
        before.rename(after)
    drawn.save()
    found = seen(drawn)
    assert found.names("mend", "look") == ["patients-across-parts"]
    leak = next(finding for finding in found.findings if finding.name == "patients-across-parts")
    assert leak.figures["patients"] == ["0003"]


def test_patients_come_from_a_pattern_or_a_column(drawn: Drawn) -> None:
    assert "patients-across-parts" in seen(drawn, patient=r"_(chest)").names("mend")
    for part in drawn.rows:
        for row in drawn.rows[part]:
            row["patient"] = "one"
    drawn.save()
    assert "patients-across-parts" in seen(drawn).names("mend")
    assert "patients" in seen(drawn_without_patients(drawn), patient="nobody").names("unknown")


def drawn_without_patients(drawn: Drawn) -> Drawn:
    for part in drawn.rows:
        for row in drawn.rows[part]:
            del row["patient"]
    drawn.save()
    return drawn


def test_long_captions_are_named(drawn: Drawn) -> None:
    assert "tokens" in seen(drawn, max_tokens=20).names("good")
    name = drawn.recaption("train", 0, drawn.rows["train"][0]["caption"] + " Again." * 20)
    found = seen(drawn, max_tokens=20)
    assert rows_of(found, "long-captions") == [name]
    assert "long-captions" in seen(drawn, max_tokens=30, tokenizer=list).names("mend")


def test_fitted_cuts_are_advised(tmp_path: Path) -> None:
    drawn = draw_set(tmp_path / "set")

    def squeeze(pixels: np.ndarray) -> np.ndarray:
        return np.pad(pixels[::2], ((0, 24), (0, 0)))

    drawn.alter(squeeze)
    found = seen(drawn)
    assert "fitted-cuts" in found.names("look")
    assert found.atlas.rows == pytest.approx((1 / 6, 1 / 3), abs=0.04)
    assert f"rows=({found.atlas.rows[0]:.4g}" in found.code


def test_an_op_that_does_nothing_is_named(drawn: Drawn) -> None:
    found = examine(drawn.root, ops=["SyncFlip(p=0.0)", "SyncFlip(p=1.0)"], size=48)
    assert found.names("look") == ["idle-op"]
    idle, busy = found.doses
    assert (idle.altered, dict(idle.reasons)) == (0, {"not drawn (`p`)": 80})
    assert (busy.altered, busy.captions, dict(busy.reasons)) == (80, 80, {})
    assert "p=0.0" not in found.code


@pytest.mark.parametrize(("given", "level"), [(None, "mend"), ("lung_zones", "look")])
def test_an_atlas_that_reads_far_more_is_named(drawn: Drawn, given: str | None, level: str) -> None:
    places = ("top left", "bottom right", "center", "left", "right")
    for part, rows in drawn.rows.items():
        for index in range(len(rows)):
            drawn.recaption(part, index, f"one small polyp, in the {places[index % 5]} of the image")
    found = seen(drawn, atlas=given)
    (other,) = (finding for finding in found.findings if finding.name == "other-atlas")
    assert other.level == level
    assert "`--atlas quadrants` finds a place in 100%" in other.text
    assert other.figures["quadrants"] == 1
    assert f"lung_zones in {100 * other.figures['lung_zones']:.0f}%" in other.text
    again = seen(drawn, atlas="quadrants")
    assert "other-atlas" not in again.names("mend", "look")
    assert "the atlas finds a place in no more than" in found.code


@pytest.mark.parametrize(
    ("values", "advice"),
    [((0, 7, 255), "--mask-values 7,255, if both"), ((0, 1, 2, 4), "--mask-values 1,2,4, if all"), ((90, 255), "255")],
)
def test_the_advice_on_mask_values_fits_those_found(drawn: Drawn, values: tuple[int, ...], advice: str) -> None:
    pixels = load(drawn.mask("train", 0)) // 255 * values[-1]
    pixels[pixels == 0] = values[0]
    pixels[0, : len(values)] = values
    save(drawn.mask("train", 0), pixels)
    (told,) = (one.text for one in seen(drawn).findings if one.name in ("mask-classes", "mask-background"))
    assert f"({advice if len(values) > 2 else '--mask-values ' + advice}" in told


def test_the_lines_to_paste_are_for_the_size_of_the_data_and_say_so(drawn: Drawn) -> None:
    code = examine(drawn.root).code
    assert "patch_size=14" in code  # 2/7 of 48
    assert "# patch_size is 2/7 of the side of images, here 48 pixels" in code
    assert "patch_size=27" in examine(drawn.root, size=96).code


def test_the_lines_to_paste_say_whether_to_trust_them(drawn: Drawn) -> None:
    def told() -> tuple[str, str]:
        found = seen(drawn)
        (trust,) = (finding for finding in found.findings if finding.name == "trust")
        commented = " ".join(line[2:] for line in found.code.split("\n") if line.startswith("# "))
        assert trust.text in commented
        return str(trust.level), trust.text

    level, text = told()
    assert (level, "can be trusted" in text) == ("good", True)

    def name_whole_sides(which: Callable[[int], bool]) -> None:
        for part, rows in drawn.rows.items():
            for index in filter(which, range(len(rows))):
                sides = [f"{side} lung" for side in ("left", "right") if side in rows[index]["caption"]]
                drawn.recaption(part, index, f"pulmonary infection, {' and '.join(sides)}.")

    name_whole_sides(lambda index: index % 5 < 3)
    level, text = told()
    assert (level, "Trust the lines to paste for sides, not for regions" in text) == ("look", True)
    name_whole_sides(lambda index: True)
    level, text = told()
    assert (level, "the rows do not tell which side is left" in text) == ("look", True)
    drawn.alter(np.transpose)
    level, text = told()
    assert (level, "Do not use the lines to paste yet" in text) == ("unknown", True)


def test_what_moves_regions_comes_after_what_pastes(tmp_path: Path) -> None:
    drawn = draw_set(tmp_path / "set", train=12, test=0)
    code = examine(drawn.root, atlas="quadrants").code
    assert code.index("    TPatchMix(") < code.index("    SyncGeometry(")
