"""Masks as people store them: read by what the file says, and refused by name where it does not say enough."""

import importlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from semimedref.config import Config
from semimedref.data.folder_data import load_folder
from semimedref.data.images import read_mask

from crossmodal_aug.errors import InvalidValueError

LESION = np.zeros((40, 48), dtype=bool)
LESION[6:18, 8:24] = True
LESION[25:33, 30:41] = True
OTHER = np.zeros_like(LESION)
OTHER[20:24, 4:28] = True


def stored(path: Path, picture: Image.Image, **options) -> Path:
    picture.save(path, **options)
    return path


def levels(background: int, lesion: int, other: int | None = None, dtype=np.uint8) -> Image.Image:
    values = np.where(LESION, lesion, background)
    return Image.fromarray((values if other is None else np.where(OTHER, other, values)).astype(dtype))


def coloured(background, lesion, other=None) -> Image.Image:
    values = np.where(LESION[..., None], lesion, background)
    return Image.fromarray((values if other is None else np.where(OTHER[..., None], other, values)).astype(np.uint8))


def palette(*colours: tuple[int, int, int]) -> Image.Image:
    """Places 0, 1 (lesion) and, of three colours, 2 (the other area)."""
    places = LESION.astype(np.uint8) + (2 * OTHER if len(colours) > 2 else 0)
    picture = Image.fromarray(places.astype(np.uint8), mode="P")
    picture.putpalette([channel for colour in colours for channel in colour])
    return picture


def transparent(picture: Image.Image) -> Image.Image:
    """The same with place 0 of its palette shown as transparent."""
    picture.info["transparency"] = 0
    return picture


def with_alpha(grey: Image.Image, mode: str = "RGBA") -> Image.Image:
    picture = grey.convert(mode)
    picture.putalpha(Image.fromarray(np.where(LESION, 255, 0).astype(np.uint8)))
    return picture


BLACK, RED, GREEN, WHITE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (255, 255, 255)

TELLING = {
    "0 and 1": levels(0, 1),
    "0 and 2": levels(0, 2),
    "16 bits, 0 and 1": levels(0, 1, dtype=np.uint16),
    "16 bits, 0 and 65535": levels(0, 65535, dtype=np.uint16),
    "one bit": levels(0, 255).convert("1"),
    "quantised": levels(0, 255).convert("RGB").quantize(2),
    "palette, white first": palette(WHITE, BLACK).point(lambda place: 1 - place),
    "palette of PASCAL VOC": palette(BLACK, (128, 0, 0)),
    "alpha over black": with_alpha(Image.new("RGB", (48, 40), BLACK)),
    "alpha over white": with_alpha(Image.new("RGB", (48, 40), WHITE)),
    "alpha of red shapes": with_alpha(coloured(BLACK, RED)),
    "alpha beside grey": with_alpha(Image.new("L", (48, 40)), "LA"),
    "grey with an alpha that hides nothing": levels(0, 255).convert("LA"),
    "colour with an alpha that hides nothing": coloured(BLACK, GREEN).convert("RGBA"),
    "red on black": coloured(BLACK, RED),
    "dark blue on black": coloured(BLACK, (0, 0, 90)),
    "a smoothed border": levels(0, 255).filter(ImageFilter.GaussianBlur(1)),
    "float": Image.fromarray(LESION.astype(np.float32)),
}


@pytest.mark.parametrize("name", TELLING)
def test_files_that_tell_their_lesion(tmp_path, name):
    path = stored(tmp_path / ("mask.tif" if name == "float" else "mask.png"), TELLING[name])
    found = read_mask(path)
    if name == "a smoothed border":
        assert (found != LESION).mean() < 0.01
    else:
        assert np.array_equal(found, LESION)


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("picture", [levels(0, 255), coloured(BLACK, RED), coloured(BLACK, (0, 120, 255))])
def test_noise_of_jpeg_is_no_lesion(tmp_path, picture, quality):
    path = stored(tmp_path / "mask.jpg", picture, quality=quality)
    assert len(np.unique(np.asarray(Image.open(path)))) > 5
    # Colours are stored at half the size.
    assert (read_mask(path) != LESION).mean() < (0.005 if picture.mode == "L" else 0.06)


AMBIGUOUS = {
    "classes 0, 1 and 2": (levels(0, 1, 2), "0, 1 and 2"),
    "classes 0, 2 and 1": (levels(0, 2, 1), "0, 1 and 2"),
    "classes of 16 bits": (levels(0, 1, 2, dtype=np.uint16), "0, 1 and 2"),
    "classes of 16 bits, far apart": (levels(0, 1000, 60000, dtype=np.uint16), "0, 1000 and 60000"),
    "classes 1 and 2": (levels(1, 2), "1 and 2"),
    "classes 0, 127 and 255": (levels(0, 255, 127), "0, 127 and 255"),
    "a class and a value to ignore": (levels(0, 1, 255), "0, 1 and 255"),
    "float classes": (Image.fromarray(LESION + 2 * OTHER.astype(np.float32)), "0, 1 and 2"),
    "palette of three": (palette(BLACK, (128, 0, 0), (0, 128, 0)), "as bright as each other"),
    "palette of one colour twice": (palette(BLACK, BLACK), "places 0 and 1 fewer colours"),
    "two colours without black": (coloured(GREEN, RED), "as bright as each other"),
    "red on white": (coloured(WHITE, RED), "as bright as each other"),
    "red and green": (coloured(BLACK, RED, GREEN), "as bright as each other"),
    "alpha against colours": (with_alpha(coloured(GREEN, WHITE, RED).transpose(Image.Transpose.ROTATE_180)), "diff"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_files_that_do_not_tell_are_refused_by_name(tmp_path, name):
    picture, reason = AMBIGUOUS[name]
    path = stored(tmp_path / ("case-7.tif" if picture.mode == "F" else "case-7.png"), picture)
    with pytest.raises(
        InvalidValueError, match=rf"case-7\.\w+: .*which of its values are lesion.*{reason}.*--mask-val"
    ):
        read_mask(path)


@pytest.mark.parametrize("picture", [levels(0, 255, 127), levels(0, 255, 50), coloured(BLACK, RED, (0, 0, 255))])
def test_areas_of_a_third_level_are_told_from_noise(tmp_path, picture):
    with pytest.raises(InvalidValueError, match=r"case-7\.jpg: .*areas of more than two"):
        read_mask(stored(tmp_path / "case-7.jpg", picture, quality=75))


@pytest.mark.parametrize(
    ("picture", "values", "expected"),
    [
        (levels(0, 1, 2), "1", LESION),
        (levels(0, 1, 2), "1,2", LESION | OTHER),
        (levels(0, 1, 2), "2", OTHER),
        (levels(0, 1, 2, dtype=np.uint16), "1", LESION),
        (levels(0, 255), "0", ~LESION),
        (levels(0, 255, 127), "100-200", OTHER),
        (palette(BLACK, RED, GREEN), "1", LESION),
        (palette(BLACK, RED, GREEN), "#00ff00", OTHER),
        (transparent(palette(BLACK, RED, GREEN)), "2", OTHER),
        (coloured(BLACK, RED, GREEN), "#ff0000", LESION),
        (coloured(WHITE, RED), "#FF0000", LESION),
        (with_alpha(Image.new("RGB", (48, 40), WHITE)), "255", LESION),
        (Image.fromarray(LESION + 2 * OTHER.astype(np.float32)), "0.5-1.5", LESION),
    ],
)
def test_values_that_are_named_are_lesion(tmp_path, picture, values, expected):
    path = stored(tmp_path / ("mask.tif" if picture.mode == "F" else "mask.png"), picture)
    assert np.array_equal(read_mask(path, values), expected)


def test_a_coloured_mask_is_not_read_by_numbers(tmp_path):
    path = stored(tmp_path / "case-7.png", coloured(BLACK, RED, GREEN))
    with pytest.raises(InvalidValueError, match=r"case-7\.png: .*coloured, and 1,2 holds no colour"):
        read_mask(path, "1,2")


@pytest.mark.parametrize("text", ["one", "1,", "2-1", "#ff00", "-1", "1;2", " "])
def test_values_that_cannot_be_read_are_named(text):
    with pytest.raises(InvalidValueError, match="`mask_values` to be values, ranges or colours"):
        Config(data="qata", root="DIR", mask_values=text)


def test_phantoms_take_no_values():
    with pytest.raises(InvalidValueError, match="no --mask-values beside --data phantom"):
        Config(mask_values="1")


def load(root: Path, **given):
    return load_folder("qata", root, **{"size": 16, "labels": 0.3, **given})


def masks_of(root: Path) -> list[Path]:
    return sorted(root.glob("*/masks/*.png"))


def rewrite(path: Path, change) -> None:
    change(np.asarray(Image.open(path))).save(path)


def test_what_was_understood_is_said_once(tiny_qata):
    notes = [note for note in load(tiny_qata).notes if note.startswith("masks")]
    assert notes == ["masks: 0 and 255, 255 is lesion; 20 files"]


def test_soft_masks_are_counted(tiny_qata):
    for path in sorted((tiny_qata / "test/masks").iterdir())[:4]:
        rewrite(path, lambda mask: Image.fromarray(mask).filter(ImageFilter.BoxBlur(1)))
    [note] = [note for note in load(tiny_qata).notes if note.startswith("masks")]
    assert note.endswith("255 is lesion; 20 files, 4 of them with noise or soft borders")


def test_masks_that_contradict_each_other_are_named(tiny_qata):
    """Each file tells its lesion by itself; together they are of two classes."""
    for path in masks_of(tiny_qata):
        rewrite(path, lambda mask: Image.fromarray(mask // 255))
    load(tiny_qata)
    rewrite(tiny_qata / "test/masks/mask_test-4.png", lambda mask: Image.fromarray(2 * mask))
    message = r"mask_test-4\.png: expected masks that mean one thing, but here 2 is lesion, and in .*\.png 1 is lesion"
    with pytest.raises(InvalidValueError, match=message):
        load(tiny_qata)
    data = load(tiny_qata, mask_values="1,2")
    assert all(mask.any() for mask in data.test.full_masks)
    assert "masks: 1,2 is lesion, as --mask-values says; they hold 0, 1 and 2; 20 files" in data.notes


def test_a_file_without_transparent_places_among_masks_held_in_alpha(tiny_qata):
    def to_alpha(mask):
        picture = Image.new("RGBA", mask.shape[::-1])
        picture.putalpha(Image.fromarray(mask))
        return picture

    fresh = load(tiny_qata)
    for path in masks_of(tiny_qata):
        rewrite(path, to_alpha)
    data = load(tiny_qata)
    assert all(map(np.array_equal, data.test.full_masks, fresh.test.full_masks))
    assert "masks: held in alpha, what is opaque is lesion; 20 files" in data.notes
    Image.new("RGBA", (32, 32), (0, 0, 0, 255)).save(tiny_qata / "test/masks/mask_test-4.png")
    with pytest.raises(InvalidValueError, match=r"mask_test-4\.png: .*all is opaque and of one colour"):
        load(tiny_qata)


def test_masks_of_other_values_than_those_named_are_counted(tiny_qata):
    """A mask of 0 and 255 among masks of 0 and 1 would be empty, and nobody would know."""
    for path in masks_of(tiny_qata):
        if path.name != "mask_test-4.png":
            rewrite(path, lambda mask: Image.fromarray(mask // 255))
    [note] = [note for note in load(tiny_qata, mask_values="1").notes if note.startswith("masks")]
    assert "they hold 0, 1 and 255; 1 hold none of that, but other values than 0; 20 files" in note


def test_values_that_stand_in_no_mask_are_an_error(tiny_qata):
    with pytest.raises(
        InvalidValueError, match=r"masks that hold 7 \(--mask-values\), but none of \d+ does; they hold"
    ):
        load(tiny_qata, mask_values="7")


def test_masks_that_are_lesion_throughout_are_an_error(tiny_qata):
    for path in (tiny_qata / "train/masks").iterdir():
        Image.new("L", (32, 32), 255).save(path)
    with pytest.raises(InvalidValueError, match=r"train/masks: expected masks with something beside lesion, but all"):
        load(tiny_qata)


def test_masks_kept_for_other_values_are_not_taken(tiny_qata, tmp_path):
    for path in masks_of(tiny_qata):
        rewrite(path, lambda mask: Image.fromarray(np.where(mask > 0, 1, 0).astype(np.uint8)))
    kept = tmp_path / "kept"
    by_file = load(tiny_qata, cache=kept)
    turned_round = load(tiny_qata, cache=kept, mask_values="0")
    again = load(tiny_qata, cache=kept)
    for one, other, third in zip(
        by_file.test.full_masks, turned_round.test.full_masks, again.test.full_masks, strict=True
    ):
        assert np.array_equal(~one, other)
        assert np.array_equal(one, third)
    assert "0 added" in again.notes[-1]
    assert by_file.notes[:-1] == again.notes[:-1]


def test_training_and_evaluation_take_the_values(tiny_qata, tmp_path, capsys):
    for path in masks_of(tiny_qata):
        rewrite(path, lambda mask: Image.fromarray(np.where(mask > 0, 2, np.tri(*mask.shape)).astype(np.uint8)))
    given = ["--data", "qata", "--root", str(tiny_qata), "--runs", str(tmp_path / "runs"), "--name", "tiny"]
    tiny = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
    tiny += ["--steps", "1", "--validate-every", "1"]
    train, evaluate = (importlib.import_module(name).main for name in ("train", "evaluate"))
    with pytest.raises(InvalidValueError, match=r"mask_\w+-\d+\.png: .*0, 1 and 2"):
        train([*given, *tiny])
    train([*given, *tiny, "--mask-values", "2"])
    assert "masks: 2 is lesion, as --mask-values says; they hold 0, 1 and 2; 20 files" in capsys.readouterr().out
    scored = [str(tmp_path / "runs/tiny/best.ckpt"), "--root", str(tiny_qata), "--resamples", "5"]
    evaluate(scored)
    assert "masks: 2 is lesion" in capsys.readouterr().out
    evaluate([*scored, "--mask-values", "1,2"])
    assert "masks: 1,2 is lesion" in capsys.readouterr().out


def test_lossless_and_lossy_copies_agree(tiny_qata):
    """A set of masks of which some went through JPEG on their way."""
    fresh = load(tiny_qata)
    for path in masks_of(tiny_qata)[::2]:
        file = io.BytesIO()
        Image.open(path).save(file, format="JPEG", quality=90)
        path.write_bytes(file.getvalue())
    data = load(tiny_qata)
    assert all(map(np.array_equal, data.test.full_masks, fresh.test.full_masks))
