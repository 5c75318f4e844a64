"""Pictures and atlases that a data set may bring along: many bits, colours, soft borders, an atlas without sides."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossmodal_aug.doctor import examine
from crossmodal_aug.doctor.findings import listed
from crossmodal_aug.doctor.pictures import read_pixels, to_grey
from crossmodal_aug.errors import InvalidValueError
from tests.augment.odd_atlases import NO_SIDES_FILE
from tests.doctor.phantoms import Drawn, draw_set, load, save


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    return draw_set(tmp_path / "set")


def test_ops_that_an_atlas_does_not_do_for_are_told_apart_from_idle_ones(drawn: Drawn, tmp_path: Path) -> None:
    (tmp_path / "halves.toml").write_text(NO_SIDES_FILE)
    for rows in drawn.rows.values():
        for row in rows:
            row["caption"] = "Lesion in the upper half." if "upper" in row["caption"] else "Lesion in the lower half."
    drawn.save()
    found = examine(drawn.root, atlas=str(tmp_path / "halves.toml"), size=48)
    refused = {dose.op.partition("(")[0]: dose.refused for dose in found.doses if dose.refused}
    assert refused.keys() == {"ZoneMix", "Focus", "Reword"}
    assert "whose regions have no `side`" in refused["ZoneMix"]
    assert [one.text.partition("(")[0] for one in found.findings if one.name == "refused-op"] == [*refused]
    assert "not with this atlas: " in found.as_table()
    assert "the atlas has no sides" in found.as_table()
    with pytest.raises(InvalidValueError, match="whose regions have no `side`"):
        examine(drawn.root, atlas=str(tmp_path / "halves.toml"), size=48, ops=["zone-mix:p=1.0"])


def test_colours_and_soft_borders_of_masks_are_named(drawn: Drawn) -> None:
    coloured, soft = drawn.mask("train", 0), drawn.mask("train", 1)
    Image.fromarray(np.stack([load(coloured)] * 2 + [load(coloured) * 0], axis=-1)).save(coloured)
    pixels = load(soft)
    small = Image.fromarray(pixels).resize((12, 12), Image.Resampling.BILINEAR)
    save(soft, np.asarray(small.resize((48, 48), Image.Resampling.BILINEAR)))
    found = examine(drawn.root, ops=["SyncFlip"], size=48)
    named = {one.name: found.rows(one) for one in found.findings}
    assert named["coloured-masks"] == [drawn.rows["train"][0]["image"]]
    assert drawn.rows["train"][1]["image"] in {*named.get("soft-masks", ()), *named.get("grey-masks", ())}


def test_images_that_viewers_turn_and_those_of_one_value_are_named(drawn: Drawn) -> None:
    turned, blank = drawn.image("train", 0), drawn.image("train", 1)
    with Image.open(turned) as opened:
        exif = opened.getexif()
        exif[0x0112] = 3
        opened.copy().save(turned, exif=exif)
    save(blank, np.full((48, 48), 7, dtype=np.uint8))
    found = examine(drawn.root, ops=["SyncFlip"], size=48)
    named = {one.name: found.rows(one) for one in found.findings}
    assert named["exif-orientation"] == [drawn.rows["train"][0]["image"]]
    assert named["blank-images"] == [drawn.rows["train"][1]["image"]]


def test_values_that_no_mask_holds_are_named(drawn: Drawn) -> None:
    found = examine(drawn.root, ops=["SyncFlip"], size=48, mask_values="7")
    assert [one.text for one in found.findings if one.name == "mask-values-absent"] == [
        "No mask holds 7; they hold 0 and 255."
    ]


def test_pictures_of_other_kinds_are_read_as_what_they_show(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.eye(4, dtype=bool)).save(path)
    pixels, kind, *_ = read_pixels(path)
    assert (pixels == np.eye(4)).all()
    assert kind == "1, 8 bit"
    palette = Image.fromarray(np.zeros((4, 4), dtype=np.uint8), mode="P")
    palette.putpalette([10, 20, 30])
    palette.save(path)
    assert read_pixels(path)[0][0, 0].tolist() == [10, 20, 30]
    deep = np.array([[1000, 2000], [3000, 1500]], dtype=np.uint16)
    assert to_grey(deep).tolist() == [[0, 128], [255, 64]]
    broken = tmp_path / "a.tif"
    Image.fromarray(np.array([[0.0, np.nan]], dtype=np.float32)).save(broken)
    with pytest.raises(InvalidValueError, match="Expected finite pixel values, but got NaN or infinity"):
        read_pixels(broken)


def test_no_names_are_none() -> None:
    assert listed([]) == "none"
