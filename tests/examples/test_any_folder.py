"""Any folder of images, masks and captions under an atlas that is named: reading, training, scoring, predicting."""

import importlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref.atlas_checks import check_atlas
from semimedref.atlases import described, load_atlas, restored, written_words
from semimedref.checkpoints import load_trained
from semimedref.config import Config
from semimedref.data import load_data
from semimedref.data.drawn_parts import SHARES, draw_parts
from semimedref.data.rows import Row
from semimedref.evaluation.places import places
from semimedref.models import make_model
from semimedref.pictures import op_rows

from crossmodal_aug import LUNG_ZONES, QUADRANTS, Atlas
from crossmodal_aug.errors import AtlasError, InvalidValueError
from tests.examples.keeping import TINY
from tests.examples.writers import draw_chests, write_annotation, write_csv, write_frames, write_lvit, write_sets

BREAST = Path(__file__).parents[2] / "docs/anatomy/breast_quadrants.toml"
REAL = os.environ.get("CROSSMODAL_AUG_DATA")

DEPTHS = """
name = "depths"
laterality = "viewer"
bare = "locative"
frame = "image"
rows = [0.5]
columns = []
mirror_words = []
[[region]]
name = "near"
row = 0
column = 0
phrase = "near part"
[[region]]
name = "deep"
row = 1
column = 0
phrase = "deep part"
[phrases]
some = "{parts}"
coarse = "a part"
join = ", "
present = "Located in the {positions}."
absent = "No lesion."
absent_caption = "no lesion"
[[words]]
kind = "level"
forms = ["near"]
regions = ["near"]
[[words]]
kind = "level"
forms = ["deep"]
regions = ["deep"]
[[words]]
kind = "noun"
forms = ["part", "image"]
"""
TINY_RUN = [*TINY, "--labels", "0.5", "--steps", "1", "--validate-every", "1"]
CORNERS = ("top left", "top right", "bottom left", "bottom right")


def corner(number: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Image, mask and caption of one or two bright spots, each in a corner of the image; every ninth has none."""
    rng = np.random.default_rng(number)
    image, mask = rng.integers(0, 90, (32, 32)), np.zeros((32, 32), dtype=np.uint8)
    named = [] if number % 9 == 8 else sorted({number % 4, (number // 4) % 4})
    for one in named:
        down, across = 2 + 16 * np.array([one // 2, one % 2]) + rng.integers(0, 5, 2)
        image[down : down + 9, across : across + 9] += 120
        mask[down : down + 9, across : across + 9] = 255
    words = ", ".join(CORNERS[one] for one in named)
    counted = "two round polyps" if len(named) == 2 else "one round polyp"
    caption = f"{counted}, located in {words} of the image" if named else "No polyp in the image."
    return image.astype(np.uint8), mask, caption


def write_pictures(root: Path, numbers, images="images", masks="masks") -> list[tuple[str, str]]:
    """Write them and return rows of name and caption."""
    for folder in (images, masks):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in numbers:
        image, mask, caption = corner(number)
        Image.fromarray(image).save(root / images / f"case-{number}.png")
        Image.fromarray(mask).save(root / masks / f"case-{number}.png")
        rows.append((f"case-{number}.png", caption))
    return rows


def with_parts(root: Path) -> Path:
    """The layout of a JSON list, whose rows name image and mask."""
    stored = {}
    for part, numbers in (("train", range(40)), ("valid", range(40, 49)), ("test", range(50, 62))):
        rows = write_pictures(root / part, numbers)
        for name, _ in rows:
            (root / part / "masks" / name).rename(root / part / "masks" / f"truth-of-{name}")
        stored[part] = [{"image": name, "mask": f"truth-of-{name}", "caption": text} for name, text in rows]
    (root / "annotation.json").write_text(json.dumps(stored))
    return root


@pytest.fixture
def corners(tmp_path) -> Path:
    return with_parts(tmp_path / "corners")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Path]:
    """The folder of a run on corners with an atlas of its own file, and its data."""
    base = tmp_path_factory.mktemp("any")
    root, atlas = with_parts(base / "corners"), base / "own.toml"
    source = (
        Path(importlib.import_module("crossmodal_aug.anatomy.atlas").__file__).parent / "quadrants.toml"
    ).read_text()
    atlas.write_text(source.replace('name = "quadrants"', 'name = "own corners"'))
    given = ["--data", "folder", "--root", root, "--atlas", atlas, "--runs", base / "runs", "--name", "own"]
    importlib.import_module("train").main([*map(str, given), *TINY_RUN, "--steps", "2"])
    return base / "runs/own", root


def settings(root, **given):
    return Config(**{"data": "folder", "root": str(root), "atlas": "quadrants", "size": 32, "labels": 0.5, **given})


def test_a_list_names_images_masks_and_the_three_parts(corners):
    data = load_data(settings(corners))
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [20, 20, 9, 12]
    assert data.atlas == QUADRANTS
    for name, caption, mask in zip(data.test.names, data.test.texts, data.test.full_masks, strict=True):
        _, drawn, said = corner(int(name.removeprefix("case-").removesuffix(".png")))
        assert (caption, torch.equal(mask, torch.from_numpy(drawn > 0))) == (said, True)
    assert any(
        "atlas quadrants: left is the viewer's, words speak of a place in the image" in one for one in data.notes
    )


@pytest.mark.parametrize("write", [write_annotation, write_sets, write_lvit, write_frames])
def test_the_layouts_of_the_known_data_sets_are_read_too(write, tmp_path):
    counts = {"train": 40, "valid": 4, "test": 4}
    root = write(tmp_path / "set", draw_chests(counts, {part: f"{part}-{{}}" for part in counts}))
    data = load_data(settings(root, atlas="lung_zones"))
    assert len(data.labelled) + len(data.unlabelled) + len(data.valid) == 44
    assert len(data.test) == 4


def test_row_cuts_are_fitted_for_lung_zones_alone(tmp_path):
    counts = {"train": 120, "valid": 4, "test": 4}
    root = write_annotation(tmp_path / "set", draw_chests(counts, {part: f"{part}-{{}}" for part in counts}))
    data = load_data(settings(root, atlas="lung_zones", labels=1.0))
    assert any("lung zones: rows cut at" in note for note in data.notes)
    few = load_data(settings(root, atlas="lung_zones", labels=0.1))
    assert few.atlas == LUNG_ZONES
    assert any("as in the atlas" in note for note in few.notes)
    far = "tall.toml"
    corners = with_parts(tmp_path / "corners")
    source = (
        Path(importlib.import_module("crossmodal_aug.anatomy.atlas").__file__).parent / "quadrants.toml"
    ).read_text()
    (tmp_path / far).write_text(source.replace("rows = [0.5]", "rows = [0.7]"))
    assert load_data(settings(corners, atlas=str(tmp_path / far), labels=1.0)).atlas.rows == (0.7,)


def test_masks_that_lie_across_their_images_are_refused_and_named(tmp_path):
    root = with_parts(tmp_path / "corners")
    for path in (root / "train/masks").iterdir():
        Image.fromarray(np.asarray(Image.open(path)).T.copy()).save(path)
    with pytest.raises(InvalidValueError, match="transposed"):
        load_data(settings(root, labels=1.0))


def one_folder(root: Path, heads, rows) -> Path:
    write_pictures(root, range(60))
    write_csv(root / "captions.csv", [heads, *rows])
    return root


def names_of(data):
    return {
        "train": {*data.labelled.names, *data.unlabelled.names},
        "valid": set(data.valid.names),
        "test": set(data.test.names),
    }


def listed(count=60):
    return [(f"case-{number}.png", corner(number)[2]) for number in range(count)]


def test_parts_that_are_not_named_are_drawn_by_patient(tmp_path):
    rows = [(name, text, f"P{number // 3}") for number, (name, text) in enumerate(listed())]
    root = one_folder(tmp_path / "one", ("Image", "Caption", "Patient"), rows)
    data = load_data(settings(root))
    parts = names_of(data)
    whose = {name: patient for name, _, patient in rows}
    patients = {part: {whose[name] for name in names} for part, names in parts.items()}
    assert sum(map(len, patients.values())) == 20 == len(set.union(*patients.values()))
    assert len(set.union(*parts.values())) == 60
    assert any("no part is named: parts drawn by patients, 20 of them, seed 42" in note for note in data.notes)
    # More rows move none, whatever their order.
    write_csv(root / "captions.csv", [("Image", "Caption", "Patient"), *rows[6:][::-1]])
    again = names_of(load_data(settings(root)))
    assert all(again[part] <= parts[part] for part in parts)


def test_without_patients_parts_are_drawn_by_the_pixels(tmp_path):
    root = one_folder(tmp_path / "one", ("Image", "Caption"), listed())
    for number in range(60, 70):
        shutil.copy(root / f"masks/case-{number - 60}.png", root / f"masks/case-{number}.png")
        # Another file of the same pixels.
        Image.open(root / f"images/case-{number - 60}.png").save(root / f"images/case-{number}.png", compress_level=0)
    copies = [(f"case-{number}.png", corner(number - 60)[2]) for number in range(60, 70)]
    write_csv(root / "captions.csv", [("Image", "Caption"), *listed(), *copies])
    data = load_data(settings(root))
    parts = names_of(data)
    for number in range(10):
        assert any({f"case-{number}.png", f"case-{number + 60}.png"} <= names for names in parts.values())
    assert any("by distinct pictures (no row tells its patient), 60 of them" in note for note in data.notes)
    for one, other in zip(
        names_of(load_data(settings(root, split_seed=5, seed=5))).values(), parts.values(), strict=True
    ):
        assert one == other


def test_only_validation_is_drawn_where_train_and_test_are_named(tmp_path):
    rows = [(name, text, "test" if number >= 45 else "train") for number, (name, text) in enumerate(listed())]
    data = load_data(settings(one_folder(tmp_path / "one", ("Image", "Caption", "Split"), rows)))
    assert names_of(data)["test"] == {f"case-{number}.png" for number in range(45, 60)}
    assert 0 < len(data.valid) < 20
    assert any("no validation part: parts drawn by distinct pictures" in note for note in data.notes)


def test_a_folder_for_each_part_needs_no_list_of_all(tmp_path):
    root = tmp_path / "plain"
    for part, numbers in (("train", range(40)), ("test", range(50, 60))):
        write_csv(tmp_path / "x.csv", [("Image", "Caption"), *write_pictures(root / part, numbers)])
        shutil.move(tmp_path / "x.csv", root / part / "captions.csv")
    data = load_data(settings(root))
    assert len(data.test) == 10
    assert len(data.labelled) + len(data.unlabelled) + len(data.valid) == 40
    assert len(data.valid) > 0


@pytest.mark.parametrize(
    ("heads", "last", "expected"),
    [
        (("Image", "Caption", "Patient"), "", r"case-59.png\): expected a patient, as other rows have"),
        (("Image", "Caption", "Split"), "", "expected train, val or test in a column Split, but got nothing"),
        (("Image", "Caption", "Split"), "fold 3", "expected train, val or test in a column Split, but got fold 3"),
    ],
)
def test_what_cannot_be_known_of_the_parts_is_refused(tmp_path, heads, last, expected):
    value = "train" if heads[2] == "Split" else "P{}"
    rows = [(name, text, value.format(number // 3)) for number, (name, text) in enumerate(listed())]
    rows[-1] = (*rows[-1][:2], last)
    with pytest.raises(InvalidValueError, match=expected):
        load_data(settings(one_folder(tmp_path / "one", heads, rows)))


def test_no_test_part_beside_a_training_part_is_refused(tmp_path):
    rows = [(*row, "train") for row in listed()]
    with pytest.raises(InvalidValueError, match="Expected test images"):
        load_data(settings(one_folder(tmp_path / "one", ("Image", "Caption", "Split"), rows)))


def test_too_few_patients_for_three_parts_are_refused():
    rows = [Row(Path(f"{number}.png"), Path("m"), "x", "list", f"P{number % 2}") for number in range(40)]
    with pytest.raises(InvalidValueError, match=r"40 images of 2 patients give .* name the part of each image"):
        draw_parts(rows, SHARES)


def test_about_the_shares_are_drawn():
    rows = [Row(Path(f"{number}.png"), Path("m"), "x", "list", f"P{number}") for number in range(2000)]
    parts, _ = draw_parts(rows, SHARES)
    assert [len(parts[part]) / 2000 for part in SHARES] == pytest.approx(list(SHARES.values()), abs=0.03)


def test_a_patient_of_the_list_in_two_named_parts_is_a_leak(tmp_path):
    rows = [
        (name, text, ("train", "val", "test")[number % 3], f"P{number // 2}")
        for number, (name, text) in enumerate(listed())
    ]
    root = one_folder(tmp_path / "one", ("Image", "Caption", "Split", "Patient"), rows)
    with pytest.raises(InvalidValueError, match="the same patient stands in two"):
        load_data(settings(root))


def test_a_name_with_two_patients_is_refused(tmp_path):
    rows = [(*row, "P1") for row in listed()]
    root = one_folder(tmp_path / "one", ("Image", "Caption", "Patient"), [*rows, (*rows[0][:2], "P2")])
    with pytest.raises(InvalidValueError, match=r"case-0.png has the mask .* the patient 'P2' here, but .* 'P1'"):
        load_data(settings(root))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"image": "a.png", "image_path": "a.png", "caption": "x"}, "either image_path or image, but got both"),
        ({"image": "a.png", "mask": "m/a.png", "caption": "x"}, "a file name as mask"),
        ({"image": "a.png", "patient": [1], "caption": "x"}, "text or an integer as patient"),
    ],
)
def test_rows_of_a_list_are_checked(tmp_path, row, expected):
    (tmp_path / "annotation.json").write_text(json.dumps({part: [row] for part in ("train", "valid", "test")}))
    with pytest.raises(InvalidValueError, match=expected):
        load_data(settings(tmp_path))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"data": "folder", "root": "DIR"}, "Expected --atlas beside --data folder"),
        (
            {"data": "qata", "root": "DIR", "atlas": "quadrants"},
            "Expected no --atlas, since that of --data qata is known",
        ),
        ({"atlas": "quadrants"}, "Expected no --atlas, since that of --data phantom is known"),
    ],
)
def test_the_atlas_is_given_where_it_has_an_effect_and_nowhere_else(given, expected):
    with pytest.raises(InvalidValueError, match=expected):
        Config(**given)


def test_an_atlas_that_is_none_is_named(tmp_path, corners):
    with pytest.raises(AtlasError, match="nonsense"):
        load_data(settings(corners, atlas="nonsense"))
    with pytest.raises(AtlasError, match=r"absent.toml"):
        load_data(settings(corners, atlas=str(tmp_path / "absent.toml")))


def test_recipes_leave_root_and_atlas_to_the_reader(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("data: folder\nmethod: cutmix\n")
    assert Config.read_yaml(path) == {"data": "folder", "method": "cutmix"}


@pytest.mark.parametrize(
    "atlas", [LUNG_ZONES.with_geometry(rows=(0.3, 0.4), laterality="patient"), QUADRANTS, Atlas.from_toml(BREAST)]
)
def test_an_atlas_comes_back_from_plain_types(atlas):
    stored = json.loads(json.dumps(described(atlas)))
    assert restored(stored) == atlas
    assert restored(stored).boxes == atlas.boxes
    other = atlas.with_phrases(absent="Nothing there at all, no lesion.")
    assert restored(json.loads(json.dumps(described(other)))) == other


@pytest.mark.parametrize("stored", [None, {}, {"name": "hips"}, {"words": 3}, {"name": "quadrants", "rows": 3}])
def test_what_describes_no_atlas_is_refused(stored):
    with pytest.raises(InvalidValueError, match="the description of an atlas"):
        restored(stored)


def test_a_model_knows_the_words_that_ops_write_in_its_atlas(corners):
    data = load_data(settings(corners))
    model = make_model(["no polyp"], settings(corners, width=4), data.atlas)
    assert model.unknown_words("two, three top right, bottom left of the image") == []
    assert "suspicious" in model.unknown_words("Suspicious tissue")
    assert (
        make_model(["x"], settings(corners, width=4, reword=0.5), data.atlas).unknown_words("Suspicious tissue") == []
    )
    assert "top left" in written_words(data.atlas, frames=False)


def test_a_run_keeps_its_atlas(run, tmp_path, shell):
    folder, root = run
    trained = load_trained(folder / "best.ckpt")
    assert trained.atlas.name == "own corners"
    assert trained.atlas == load_atlas(trained.config.atlas)
    assert [place.name for place in places(trained.atlas, ("side",))] == ["left", "right"]
    # Where the file is gone, the run still knows it.
    moved = Path(shutil.copytree(folder, tmp_path / "run"))
    gone = Path(trained.config.atlas)
    kept = gone.read_text()
    gone.unlink()
    try:
        code, printed, errors = shell("evaluate", moved, "--resamples", "5", "--json", tmp_path / "own.json")
        assert (code, errors) == (0, "")
        assert "own corners" in printed or "12 images" in printed
        code, printed, errors = shell(
            "predict", moved / "best.ckpt", root / "test/images/case-50.png", "a polyp, bottom right", "--out", tmp_path
        )
        assert (code, errors) == (0, "")
        assert "the caption names: bottom-right" in printed
        code, printed, _ = shell(
            "predict", moved / "best.ckpt", root / "test/images/case-51.png", "a polyp", "--out", tmp_path
        )
        assert "the caption names: no region" in printed
    finally:
        gone.write_text(kept)
    assert json.loads((tmp_path / "own.json").read_text()) == json.loads((folder / "metrics.json").read_text())["test"]


def test_captions_are_brought_into_a_template_by_the_atlas_of_the_run(run, tmp_path, shell):
    folder, root = run
    given = [folder / "best.ckpt", root / "test/images/case-50.png", "spot, top left", "--out", tmp_path / "out"]
    code, printed, errors = shell("predict", *given, "--in-style", "one round polyp, located in center of the image")
    assert (code, errors) == (0, "")
    assert "0 of 1 captions could not be read" in printed


def test_a_checkpoint_of_a_spoiled_atlas_is_refused(run, tmp_path):
    from semimedref.checkpoint_writer import AtomicCheckpointIO
    from semimedref.checkpoints import read_checkpoint

    stored = read_checkpoint(run[0] / "best.ckpt")
    stored["SamplesModule"]["atlas"]["names"] = ["top-left"]
    AtomicCheckpointIO().save_checkpoint(stored, tmp_path / "spoiled.ckpt")
    with pytest.raises(InvalidValueError, match=r"spoiled.ckpt: Expected the description of an atlas"):
        load_trained(tmp_path / "spoiled.ckpt")
    del stored["SamplesModule"]["atlas"]
    AtomicCheckpointIO().save_checkpoint(stored, tmp_path / "old.ckpt")
    assert load_trained(tmp_path / "old.ckpt").atlas == LUNG_ZONES


def test_a_run_whose_atlas_has_changed_does_not_go_on(run, tmp_path, shell):
    folder = Path(shutil.copytree(run[0], tmp_path / "runs/own"))
    (folder / "metrics.json").unlink()
    atlas = Path(json.loads((folder / "config.json").read_text())["atlas"])
    kept = atlas.read_text()
    given = ["--resume", "--runs", tmp_path / "runs", "--name", "own"]
    atlas.write_text(kept.replace("rows = [0.5]", "rows = [0.4]"))
    try:
        code, _, errors = shell("train", *given)
    finally:
        atlas.write_text(kept)
    assert code == 2
    assert "own.toml has changed since" in errors
    assert shell("train", *given)[0] == 0


def depths(tmp_path) -> tuple[Path, Path]:
    root = with_parts(tmp_path / "depths")
    stored = json.loads((root / "annotation.json").read_text())
    for rows in stored.values():
        for row in rows:
            named = [word for word, other in (("near", "top"), ("deep", "bottom")) if other in row["caption"]]
            row["caption"] = f"Located in the {', '.join(f'{one} part' for one in named)}." if named else "No lesion."
    (root / "annotation.json").write_text(json.dumps(stored))
    (tmp_path / "depths.toml").write_text(DEPTHS)
    return root, tmp_path / "depths.toml"


def test_an_atlas_without_sides_is_refused_before_a_run_begins(tmp_path, shell):
    root, atlas = depths(tmp_path)
    given = ["--data", "folder", "--root", root, "--atlas", atlas, "--runs", tmp_path / "runs", "--name", "deep"]
    code, _, errors = shell("train", *given, *TINY_RUN)
    assert code == 2
    assert "Expected an atlas whose regions have sides, by which obedience is measured, but depths has none" in errors
    assert not (tmp_path / "runs/deep").exists()


def test_captions_are_said_in_the_frames_of_the_atlas_or_not_at_all(corners):
    bare = QUADRANTS.with_phrases(frames=[])
    config = settings(corners, reword=0.2)
    check_atlas(config, QUADRANTS)
    check_atlas(settings(corners), bare)
    with pytest.raises(InvalidValueError, match="Expected --reword 0, since the atlas quadrants has no"):
        check_atlas(config, bare)
    titles = [row.title for row in op_rows(bare, 32)]
    assert titles == [row.title for row in op_rows(QUADRANTS, 32) if row.title != "Reword"]


def test_captions_that_name_no_region_are_scored_without_a_template(tmp_path, shell):
    root = with_parts(tmp_path / "corners")
    stored = json.loads((root / "annotation.json").read_text())
    for row in (row for rows in stored.values() for row in rows):
        row["caption"] = "a polyp"
    (root / "annotation.json").write_text(json.dumps(stored))
    given = ["--data", "folder", "--root", root, "--atlas", "quadrants", "--runs", tmp_path / "runs", "--name", "mute"]
    assert shell("train", *given, *TINY_RUN, "--method", "mean-teacher")[0] == 0
    code, printed, errors = shell("evaluate", tmp_path / "runs/mute", "--resamples", "5")
    assert (code, errors) == (0, "")
    assert "note: no training caption names regions" in printed
    code, _, errors = shell("evaluate", tmp_path / "runs/mute", "--resamples", "5", "--in-style")
    assert code == 2
    assert "Expected --in-style with a TEMPLATE, since no training caption names regions" in errors


@pytest.mark.skipif(REAL is None, reason="needs CROSSMODAL_AUG_DATA")
@pytest.mark.parametrize(("name", "counts"), [("kvasir", (26, 492, 72, 129)), ("busi", (22, 427, 63, 112))])
def test_real_data_sets_of_pictures_are_read(name, counts):
    data = load_data(settings(Path(REAL or "") / name, labels=0.05))
    assert tuple(map(len, (data.labelled, data.unlabelled, data.valid, data.test))) == counts
    assert data.atlas.frame == "image"
