import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semimedref.data.annotation import read_annotation
from semimedref.data.cache import PictureCache
from semimedref.data.folder_data import load_folder
from semimedref.data.images import read_image, read_mask
from semimedref.data.layouts import ANNOTATION, read_layout
from semimedref.data.phantom import draw_phantom
from semimedref.data.reading import read_scored
from semimedref.data.samples import Samples
from semimedref.data.zones import QATA_ZONES, fit_atlas

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError


def load(root: Path, labels: float = 0.3):
    return load_folder("qata", root, size=16, labels=labels)


def test_parts_and_masks(tiny_qata):
    data = load(tiny_qata)
    assert [len(part) for part in (data.labelled, data.unlabelled, data.valid, data.test)] == [8, 20, 6, 6]
    assert data.labelled.images.shape == (8, 1, 16, 16)
    assert data.labelled.masks.shape == (8, 1, 16, 16)
    assert data.unlabelled.masks is None
    assert [mask.shape for mask in data.test.full_masks] == [(32, 32)] * 6
    assert not set(data.labelled.names) & set(data.unlabelled.names)


def test_images_stay_upright(tiny_qata):
    data, name = load_folder("qata", tiny_qata, size=32, labels=0.3), "test-2.png"
    stored = np.asarray(Image.open(tiny_qata / "test" / "images" / name))
    index = data.test.names.index(name)
    assert np.array_equal(data.test.images[index, 0].numpy(), stored)
    assert np.array_equal(
        data.test.full_masks[index].numpy(), np.asarray(Image.open(tiny_qata / "test/masks" / f"mask_{name}")) > 127
    )


def edit(root: Path, change) -> None:
    path = root / "annotation.json"
    stored = json.loads(path.read_text())
    change(stored)
    path.write_text(json.dumps(stored))


def no_image(root):
    (root / "train/images/train-3.png").unlink()


def other_size(root):
    Image.new("L", (30, 32)).save(root / "valid/masks/mask_valid-1.png")


def empty_caption(root):
    edit(root, lambda stored: stored["test"][4].update(caption="  "))


def no_caption(root):
    edit(root, lambda stored: stored["test"][4].pop("caption"))


def nan_image(root):
    values = np.full((32, 32), 0.5, dtype=np.float32)
    values[3, 4] = np.nan
    Image.fromarray(values).save(root / "train/images/train-3.png", format="TIFF")


def broken_image(root):
    path = root / "train/images/train-3.png"
    path.write_bytes(path.read_bytes()[:200])


def not_an_image(root):
    (root / "train/images/train-3.png").write_text("hello")


def no_mask(root):
    (root / "test/masks/mask_test-5.png").unlink()


def no_annotation(root):
    (root / "annotation.json").unlink()


def no_folder(root):
    shutil.rmtree(root / "valid/masks")


def one_image_twice(root):
    edit(root, lambda stored: stored["test"][2].update(image_path="mask_test-1.png", caption="nothing"))


def broken_annotation(root):
    (root / "annotation.json").write_text('{"train": [')


def no_part(root):
    edit(root, lambda stored: stored.pop("valid"))


def wandering_name(root):
    edit(root, lambda stored: stored["train"][0].update(image_path="../train/mask_train-0.png"))


def no_lesion(root):
    for path in (root / "train/masks").iterdir():
        Image.new("L", (32, 32)).save(path)


def half_a_character(root):
    edit(root, lambda stored: stored["test"][4].update(caption="left lung \ud800"))


def nested_annotation(root):
    (root / "annotation.json").write_text("[" * 100_000)


def endless_number(root):
    (root / "annotation.json").write_text('{"train": ' + "9" * 5000 + "}")


BAD_INPUT = {
    endless_number: r"annotation\.json: not a JSON file",
    no_lesion: r"train/masks: expected masks with lesion, but all \d+ are empty",
    half_a_character: r"test row 5: expected text, but got half a character",
    nested_annotation: r"annotation\.json: not a JSON file",
    no_image: r"train/images/train-3\.png: no such file, but .*annotation\.json, train row 4 names it",
    other_size: r"valid/masks/mask_valid-1\.png: expected a mask of 32x32 pixels, like its image, but got 30x32",
    empty_caption: r"annotation\.json, test row 5 \(mask_test-4\.png\): the caption is empty",
    no_caption: r"test row 5 \(mask_test-4\.png\): expected text as caption, but got None",
    nan_image: r"train/images/train-3\.png: expected finite pixel values, but got NaN or infinity",
    broken_image: r"train/images/train-3\.png: not a readable image",
    not_an_image: r"train/images/train-3\.png: not a readable image",
    no_mask: r"test/masks/mask_test-5\.png: no such file",
    no_annotation: r"no data set found here; expected one of\nannotation\.json: annotation\.json, \{train,valid,test\}",
    no_folder: r"valid/masks: no such folder; expected, since this looks like annotation\.json:",
    one_image_twice: r"test row 3: test-1\.png has the caption 'nothing' here, but .* in .*test row 2",
    broken_annotation: r"annotation\.json: not a JSON file",
    no_part: r"annotation\.json: expected a list of rows under 'valid', but got None",
    wandering_name: r"train row 1: expected a file name as image_path",
}


@pytest.mark.parametrize("spoil", BAD_INPUT, ids=lambda spoil: spoil.__name__)
def test_bad_input_is_named(tiny_qata, spoil):
    spoil(tiny_qata)
    with pytest.raises(InvalidValueError, match=BAD_INPUT[spoil]):
        load(tiny_qata)


def of_no_known_format(path):
    Image.new("RGB", (8, 8)).save(path, format="DDS")
    content = bytearray(path.read_bytes())
    content[80:84] = b"\x00\x00\xe5\x00"  # flags of the pixel format
    path.write_bytes(content)


def of_other_colours(path):
    Image.new("LAB", (8, 8)).save(path, format="TIFF")


@pytest.mark.parametrize(
    ("write", "message"),
    [(of_no_known_format, "not a readable image"), (of_other_colours, "grey levels or colours, but got mode LAB")],
)
def test_pictures_that_pillow_cannot_turn_into_grey_are_named(tmp_path, write, message):
    path = tmp_path / "picture"
    write(path)
    for read in (read_image, read_mask):
        with pytest.raises(InvalidValueError, match=f"picture: .*{message}"):
            read(path)


def test_deep_images_are_stretched(tmp_path):
    values = np.linspace(-3, 5, 16, dtype=np.float32).reshape(4, 4)
    Image.fromarray(values).save(tmp_path / "float.tif")
    Image.fromarray((1000 * (values + 3)).astype(np.uint16)).save(tmp_path / "deep.png")
    expected = np.linspace(0, 255, 16).reshape(4, 4)
    for name in ("float.tif", "deep.png"):
        assert np.abs(read_image(tmp_path / name) - expected).max() <= 1


def test_masks_of_ones_and_of_255_are_masks(tmp_path):
    mask = np.eye(4, dtype=np.uint8)
    for high in (1, 255):
        Image.fromarray(high * mask).save(tmp_path / "mask.png")
        assert np.array_equal(read_mask(tmp_path / "mask.png"), mask > 0)
    Image.fromarray(0 * mask).save(tmp_path / "mask.png")
    assert not read_mask(tmp_path / "mask.png").any()


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "many", "grey background"])
def test_masks_in_the_ways_that_people_store_them(tmp_path, mode):
    lesion = np.zeros((6, 5), dtype=bool)
    lesion[1:3, 2:4] = True
    if mode == "P":
        picture = Image.fromarray(lesion.astype(np.uint8), mode="P")
        picture.putpalette([0, 0, 0, 128, 0, 0])  # as in PASCAL VOC
    elif mode == "I;16":
        picture = Image.fromarray(np.where(lesion, 65535, 0).astype(np.uint16))
    elif mode == "many":  # a smoothed border
        values = np.where(lesion, 255, 3).astype(np.uint8)
        values[0, 0] = 100
        picture = Image.fromarray(values)
    elif mode == "grey background":
        picture = Image.fromarray(np.where(lesion, 255, 3).astype(np.uint8))
    else:
        picture = Image.fromarray(np.where(lesion, 100, 0).astype(np.uint8))
    picture.save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), lesion)


def test_a_transposed_data_set_is_refused():
    drawn = [draw_phantom(32, (9, index)) for index in range(60)]
    upright = torch.stack([torch.from_numpy(one.mask) for one in drawn]).unsqueeze(1)
    texts, names = tuple(one.caption for one in drawn), tuple(map(str, range(60)))
    fit_atlas(Samples(torch.zeros(60, 1, 32, 32, dtype=torch.uint8), texts, names, upright), QATA_ZONES)
    with pytest.raises(InvalidValueError, match="rows and columns exchanged"):
        fit_atlas(Samples(torch.zeros(60, 1, 32, 32, dtype=torch.uint8), texts, names, upright.mT), QATA_ZONES)


def test_masks_that_do_not_tell_the_sides_change_nothing():
    texts = ("Bilateral pulmonary infection, two infected areas, lower left lung and lower right lung.",) * 60
    masks = torch.zeros(60, 1, 32, 32, dtype=torch.uint8)
    masks[:, :, 24:30, 4:28] = 1
    names = tuple(map(str, range(60)))
    atlas, note = fit_atlas(Samples(torch.zeros_like(masks), texts, names, masks), QATA_ZONES)
    assert atlas == QATA_ZONES.atlas
    assert "kept, since 60 masks do not tell which side is which" in note


def test_real_annotation(data_root):
    rows = read_annotation(data_root / "qata" / "annotation.json")
    assert {part: len(many) for part, many in rows.items()} == {"train": 3000, "valid": 400, "test": 600}


def test_real_labelled_masks_fit_their_captions(data_root):
    """The sides and rows of the zones, read from the 57 masks of the 1 % split."""
    parts, _ = read_layout(data_root / "qata", (ANNOTATION,))
    samples = read_scored(parts["train"][:57], 64, PictureCache(None))
    atlas, note = fit_atlas(samples, QATA_ZONES)
    assert atlas.laterality == "viewer"
    assert 0.2 < atlas.rows[0] < atlas.rows[1] < 0.6
    assert "fitted to 57 masks" in note
    positions = PositionParser(atlas).encode(samples.texts)
    assert torch.equal(positions.any(dim=1), torch.ones(57, dtype=torch.bool))
