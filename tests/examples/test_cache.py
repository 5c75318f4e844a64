"""The cache of decoded pictures: used when it fits, made anew when it does not, never trusted otherwise."""

import os
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from semimedref.data import reading
from semimedref.data.folder_data import load_folder
from semimedref.data.samples import DataSet

from crossmodal_aug.errors import InvalidValueError
from tests.examples.test_layouts import assert_same_data

PICTURES = 28 + 8 + 4 * 6
"""Training images, masks of the labelled ones, images and masks of validation and test."""


@pytest.fixture
def load(tiny_qata, tmp_path):
    def load(size: int = 16, labels: float = 0.3, cache: str | None = "kept") -> DataSet:
        kept = None if cache is None else tmp_path / cache
        return load_folder("qata", tiny_qata, size=size, labels=labels, cache=kept)

    return load


@pytest.fixture
def decoded(monkeypatch) -> list[Path]:
    """The pictures that were decoded so far."""
    paths: list[Path] = []
    for name in ("decode_image", "decode_mask"):
        original = getattr(reading, name)

        def counted(path, *settings, original=original):
            paths.append(path)
            return original(path, *settings)

        monkeypatch.setattr(reading, name, counted)
    return paths


def test_pictures_are_decoded_once(load, decoded):
    fresh = load(cache=None)
    assert len(decoded) == PICTURES
    first = load()
    assert len(decoded) == 2 * PICTURES
    second = load()
    assert len(decoded) == 2 * PICTURES
    assert_same_data(first, fresh)
    assert_same_data(second, fresh)
    assert f"0 decoded pictures found, {PICTURES} added" in first.notes[-1]
    assert f"{PICTURES} decoded pictures found, 0 added" in second.notes[-1]


def test_another_size_is_another_matter(load, decoded):
    load()
    decoded.clear()
    assert_same_data(load(size=24), load(size=24, cache=None))
    assert len(decoded) == 2 * PICTURES


def test_other_labels_decode_their_masks_alone(load, decoded):
    load(labels=0.3)
    decoded.clear()
    data = load(labels=0.5)
    assert len(decoded) == len(data.labelled) == 14
    assert_same_data(data, load(labels=0.5, cache=None))


@pytest.mark.parametrize("folder", ["train/images", "test/masks"])
def test_a_picture_that_changed_is_decoded_again(load, tiny_qata, folder):
    load()
    path = sorted((tiny_qata / folder).iterdir())[2]
    Image.fromarray(np.asarray(Image.open(path)).T).save(path)
    assert_same_data(load(), load(cache=None))
    assert "0 added" in load().notes[-1]


def test_a_time_of_change_is_enough(load, tiny_qata, decoded):
    load()
    decoded.clear()
    os.utime(tiny_qata / "valid/images/valid-2.png", ns=(1, 1))
    load()
    assert len(decoded) == 6


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def empty(data: bytes) -> bytes:
    return b""


def no_archive(data: bytes) -> bytes:
    return b"something else" * 40


def one_bit(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("spoil", [cut, empty, no_archive, one_bit], ids=lambda spoil: spoil.__name__)
def test_a_damaged_cache_is_made_anew(load, tmp_path, spoil):
    fresh = load()
    stored = sorted((tmp_path / "kept").iterdir())
    assert len(stored) == 6
    for path in stored:
        path.write_bytes(spoil(path.read_bytes()))
    mended = load()
    assert_same_data(mended, fresh)
    assert f"{PICTURES} added" in mended.notes[-1]
    assert "0 added" in load().notes[-1]
    assert sorted((tmp_path / "kept").iterdir()) == stored


def test_a_cache_that_asks_for_more_memory_than_there_is_is_made_anew(load, tmp_path):
    fresh = load()
    path = sorted((tmp_path / "kept").glob("images-*"))[0]
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2 * 10**15,)})
    members["pixels.npy"] = header.getvalue() + b"few"
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert_same_data(load(), fresh)


def test_a_cache_of_another_kind_is_not_taken(load, tmp_path):
    """What is stored under a name says itself which pictures it holds."""
    fresh = load()
    images = sorted((tmp_path / "kept").glob("images-*"))
    images[0].write_bytes(images[1].read_bytes())
    assert_same_data(load(), fresh)


def test_nothing_is_kept_of_a_folder_with_a_fault(load, tiny_qata, tmp_path):
    (tiny_qata / "train/images/train-3.png").write_text("hello")
    with pytest.raises(InvalidValueError, match=r"train-3\.png: not a readable image"):
        load()
    assert not (tmp_path / "kept").exists()


def test_masks_of_another_size_are_refused_from_the_cache_too(load, tiny_qata):
    Image.new("L", (30, 32)).save(tiny_qata / "valid/masks/mask_valid-1.png")
    for _ in range(2):
        with pytest.raises(InvalidValueError, match="expected a mask of 32x32 pixels"):
            load()


def test_masks_of_any_extent_come_back_whole(load, tiny_qata):
    """Sides that fill no byte, in their own size, packed and unpacked."""
    rng = np.random.default_rng(0)
    for index, (height, width) in enumerate([(7, 9), (1, 3), (30, 11)]):
        Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8)).save(
            tiny_qata / f"test/images/test-{index}.png"
        )
        mask = rng.random((height, width)) < 0.5
        Image.fromarray(255 * mask.astype(np.uint8)).save(tiny_qata / f"test/masks/mask_test-{index}.png")
        for _ in range(2):
            assert np.array_equal(load().test.full_masks[index].numpy(), mask)
