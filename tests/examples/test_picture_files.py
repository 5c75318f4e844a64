"""Files of pictures: set upright as their EXIF orientation says, and those that are not read are named, not missing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from semimedref import predictions
from semimedref.data.folder_data import load_folder
from semimedref.data.images import read_image, read_mask
from semimedref.data.phantom import draw_phantom

from crossmodal_aug.errors import InvalidValueError
from tests.examples.writers import draw_chests, write_frames, write_lvit, write_xlsx

STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera did to a picture that it stored with an orientation."""


def load(root: Path, **given):
    return load_folder("qata", root, **{"size": 32, "labels": 0.3, **given})


def turn(path: Path, orientation: int, format: str = "PNG") -> None:
    """Store a picture as a camera would that was held in another way."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = Image.fromarray(np.asarray(Image.open(path))).transpose(STORED[orientation])
    picture.save(path, format=format, exif=exif)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_turned_picture_is_set_upright(tmp_path, orientation, format):
    drawn = draw_phantom(40, (3,))
    image, mask = drawn.image[:30], drawn.mask[:30]
    for name, pixels in (("image", image), ("mask", 255 * mask.astype(np.uint8))):
        Image.fromarray(pixels).save(tmp_path / name, format="PNG")
        turn(tmp_path / name, orientation, format)
    assert np.array_equal(read_image(tmp_path / "image"), image)
    assert np.array_equal(read_mask(tmp_path / "mask"), mask)


@pytest.mark.parametrize("orientation", [1, 0, 9])
def test_orientations_that_turn_nothing(tmp_path, orientation):
    image = draw_phantom(32, (3,)).image
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(image).save(tmp_path / "image.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "image.png"), image)


def test_data_that_are_no_exif_turn_nothing(tmp_path):
    image = draw_phantom(32, (3,)).image
    Image.fromarray(image).save(tmp_path / "image.png", exif=b"no such data")
    assert np.array_equal(read_image(tmp_path / "image.png"), image)


def test_turned_pictures_are_said_and_change_nothing(tiny_qata, tmp_path):
    fresh = load(tiny_qata)
    assert not any("EXIF" in note for note in fresh.notes)
    for name in ("images/test-1", "masks/mask_test-1", "images/test-2", "masks/mask_test-2"):
        turn(tiny_qata / "test" / f"{name}.png", 2)
    for cache in (None, tmp_path / "kept", tmp_path / "kept"):
        data = load(tiny_qata, cache=cache)
        assert np.array_equal(data.test.images, fresh.test.images)
        assert all(map(np.array_equal, data.test.full_masks, fresh.test.full_masks))
        [note] = [note for note in data.notes if "EXIF" in note]
        assert note.startswith("EXIF orientation: 2 images and 2 masks are turned or mirrored")


def test_a_mask_that_was_not_turned_with_its_image_is_named(tiny_qata):
    for folder, name in (("images", "test-1.png"), ("masks", "mask_test-1.png")):
        path = tiny_qata / "test" / folder / name
        Image.fromarray(np.asarray(Image.open(path))[:20]).save(path)
    turn(tiny_qata / "test/images/test-1.png", 6)
    load(tiny_qata)
    shutil.copy(tiny_qata / "test/masks/mask_test-1.png", tiny_qata / "spare.png")
    picture = Image.open(tiny_qata / "spare.png").transpose(STORED[6])
    picture.save(tiny_qata / "test/masks/mask_test-1.png")
    with pytest.raises(
        InvalidValueError, match=r"mask_test-1\.png: .*like its image, which its EXIF orientation turns"
    ):
        load(tiny_qata)


def several(path: Path, format: str) -> None:
    # Pillow 11.0 and older write no more than two into an MPO.
    frames = [Image.fromarray(draw_phantom(32, (number,)).image) for number in range(2)]
    frames[0].save(path, format=format, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize("format", ["TIFF", "GIF", "PNG", "WEBP", "MPO"])
def test_files_of_several_pictures_are_refused(tmp_path, format):
    several(tmp_path / "case-7.png", format)
    for read in (read_image, read_mask):
        with pytest.raises(InvalidValueError, match=r"case-7\.png: expected one picture, but the file holds 2 "):
            read(tmp_path / "case-7.png")


@pytest.mark.parametrize(
    ("format", "kind"),
    [("EPS", "a PostScript file"), ("PDF", "a PDF file"), ("ICO", "something"), ("TGA", "something")],
)
def test_formats_that_are_not_meant_are_refused(tmp_path, monkeypatch, format, kind):
    Image.new("RGB", (32, 32), (90, 90, 90)).save(tmp_path / "case-7.png", format=format)
    # Pillow would call another program for EPS.
    monkeypatch.setattr("subprocess.check_call", lambda *given, **settings: pytest.fail("a program was called"))
    for read in (read_image, read_mask):
        with pytest.raises(InvalidValueError, match=rf"case-7\.png: not a readable image \(expected PNG.* got {kind}"):
            read(tmp_path / "case-7.png")


def test_a_dicom_file_is_called_so(tmp_path):
    (tmp_path / "case-7.png").write_bytes(bytes(128) + b"DICM" + bytes(64))
    with pytest.raises(InvalidValueError, match=r"case-7\.png: not a readable image .* a DICOM file: convert it"):
        read_image(tmp_path / "case-7.png")


def test_an_image_that_is_held_in_alpha_is_named(tmp_path):
    picture = Image.new("RGBA", (32, 32))
    picture.putalpha(Image.fromarray(draw_phantom(32, (3,)).image))
    picture.save(tmp_path / "case-7.png")
    with pytest.raises(InvalidValueError, match=r"case-7\.png: .*held in alpha"):
        read_image(tmp_path / "case-7.png")


@pytest.fixture
def lvit(tmp_path) -> Path:
    counts = {"train": 12, "valid": 4, "test": 4}
    return write_lvit(tmp_path / "lvit", draw_chests(counts, {part: f"{part}-{{}}" for part in counts}))


@pytest.mark.parametrize("ending", [".dcm", ".nii", ".nii.gz", ".NRRD"])
@pytest.mark.parametrize(("folder", "stem"), [("img", "test-2"), ("labelcol", "mask_test-2")])
def test_a_listed_file_that_is_there_is_not_called_missing(lvit, folder, stem, ending):
    path = lvit / "Test_Folder" / folder / f"{stem}.png"
    path.rename(path.with_name(stem + ending))
    message = rf"{folder}/{stem}{ending}: not read, but .*Test_text\.xlsx, row 4 names it: convert it to PNG"
    with pytest.raises(InvalidValueError, match=message):
        load(lvit)


def test_a_name_in_the_list_finds_what_was_converted(lvit):
    fresh = load(lvit)
    rows = [(name.replace(".png", ".dcm"), text) for name, text in zip(fresh.test.names, fresh.test.texts, strict=True)]
    write_xlsx(lvit / "Test_Folder/Test_text.xlsx", [("Image", "Description"), *rows])
    with pytest.raises(InvalidValueError, match=r"img/test-0\.dcm: not read, but .*Test_text\.xlsx, row 2"):
        (lvit / "Test_Folder/img/test-0.png").rename(lvit / "Test_Folder/img/test-0.dcm")
        load(lvit)
    (lvit / "Test_Folder/img/test-0.dcm").rename(lvit / "Test_Folder/img/test-0.png")
    assert load(lvit).test.names == fresh.test.names


def test_other_files_of_that_name_are_not_taken_for_the_picture(lvit):
    (lvit / "Test_Folder/img/test-2.png").rename(lvit / "Test_Folder/img/test-2.txt")
    with pytest.raises(InvalidValueError, match=r"img/test-2\.png: no such file, but .*row 4 names it"):
        load(lvit)


@pytest.mark.parametrize("ending", [".gif", ".webp", ".pgm"])
def test_training_reads_what_prediction_reads(lvit, ending):
    path = lvit / "Test_Folder/img/test-2.png"
    picture = Image.open(path)
    picture.save(path.with_suffix(ending), **({"lossless": True} if ending == ".webp" else {}))
    fresh = load(lvit)
    path.unlink()
    assert np.array_equal(load(lvit).test.images, fresh.test.images)
    pictures, _ = predictions.images_in(path.parent)
    assert path.with_suffix(ending) in pictures


def test_predictions_leave_out_what_is_not_read(tmp_path):
    for name in ("a.png", "b.eps", "c.dcm", "d.ico"):
        (tmp_path / name).write_bytes(b"")
    assert predictions.images_in(tmp_path) == ([tmp_path / "a.png"], ["b.eps", "c.dcm", "d.ico"])


def test_a_prediction_of_a_listed_file_that_is_there(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"")
    (tmp_path / "list.csv").write_text("image,caption\na.png,left lung\n")
    [job] = predictions.jobs_from_csv(tmp_path / "list.csv", tmp_path)
    assert "a.nii.gz: not read, but" in job.fault
    assert "no such file" not in job.fault


@pytest.mark.parametrize("ending", [".xls", ".ods", ".tsv"])
def test_a_sheet_that_is_there_is_not_called_missing(lvit, tmp_path, ending):
    path = lvit / "Test_Folder/Test_text.xlsx"
    path.rename(path.with_suffix(ending))
    with pytest.raises(InvalidValueError, match=rf"Test_text\{ending}: not read, save as \.xlsx or \.csv"):
        load(lvit)
    frames = write_frames(tmp_path / "frames", draw_chests({"train": 3}, {"train": "a-{}"}), one_sheet=True)
    (frames / "captions.csv").rename(frames / f"captions{ending}")
    with pytest.raises(InvalidValueError, match=rf"captions\{ending}: not read, save as \.xlsx or \.csv"):
        load_folder("mosmed", frames, size=16, labels=0.3)
