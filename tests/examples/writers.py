"""Write drawn chests in every layout that the example reads."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from openpyxl import Workbook
from PIL import Image
from semimedref.data.phantom import draw_phantom

from crossmodal_aug import PositionParser

LVIT_WORDS = {"train": "Train", "valid": "Val", "test": "Test"}


class Chest(NamedTuple):
    """One drawn image of a data set."""

    part: str
    stem: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    caption: str


def draw_chests(counts: dict[str, int], stems: dict[str, str], size: int = 32) -> list[Chest]:
    """Draw as many chests for each part; ``stems`` says how each part names its files, with {} for the number."""
    return [
        Chest(part, stems[part].format(index), drawn.image, drawn.mask, drawn.caption)
        for number, (part, count) in enumerate(counts.items())
        for index in range(count)
        for drawn in [draw_phantom(size, (number, index))]
    ]


def draw_captioned(rows: Iterable[Sequence[str]], parser: PositionParser, size: int = 32) -> list[Chest]:
    """Draw what captions say: rows of part, file name and caption, with lesions in exactly the zones that are named."""
    chests = []
    for number, (part, name, caption) in enumerate(rows):
        drawn = draw_phantom(size, (number,), [zone for zone, bit in enumerate(parser(caption).bits) if bit])
        chests.append(Chest(part, Path(name).stem, drawn.image, drawn.mask, caption))
    return chests


def write_annotation(root: Path, chests: list[Chest]) -> Path:
    annotation: dict[str, list[dict[str, str]]] = {}
    for one in chests:
        _write_pictures(one, root / one.part / "images", root / one.part / "masks", "mask_")
        row = {"image_path": f"mask_{one.stem}.png", "caption": one.caption}
        annotation.setdefault(one.part, []).append(row)
    (root / "annotation.json").write_text(json.dumps(annotation))
    return root


def write_sets(root: Path, chests: list[Chest]) -> Path:
    """Validation images go to the training set, as in the original."""
    rows: dict[str, list[tuple[str, str]]] = {"Train": [], "Test": []}
    for one in chests:
        word = "Test" if one.part == "test" else "Train"
        _write_pictures(one, root / f"{word} Set" / "Images", root / f"{word} Set" / "Ground-truths", "mask_")
        rows[word].append((f"mask_{one.stem}.png", one.caption))
    for word, many in rows.items():
        write_xlsx(root / f"{word}_text_for_Covid19.xlsx", [("Image", "Description"), *many])
    return root


def write_lvit(root: Path, chests: list[Chest], prefix: str = "mask_") -> Path:
    for part, word in LVIT_WORDS.items():
        folder = root / f"{word}_Folder"
        many = [one for one in chests if one.part == part]
        for one in many:
            _write_pictures(one, folder / "img", folder / "labelcol", prefix)
        rows = [(f"{prefix}{one.stem}.png", one.caption) for one in many]
        write_xlsx(folder / f"{word}_text.xlsx", [("Image", "Description"), *rows])
    return root


def write_frames(root: Path, chests: list[Chest], *, one_sheet: bool = False) -> Path:
    for one in chests:
        _write_pictures(one, root / "frames", root / "masks", "")
    words = {"train": "train", "valid": "val", "test": "test"}
    if one_sheet:
        rows = [(words[one.part], f"{one.stem}.png", one.caption, "[0, 0, 0, 0, 0, 0]") for one in chests]
        write_csv(root / "captions.csv", [("split", "image", "text", "label"), *rows])
    else:
        for part, word in words.items():
            rows = [(f"{one.stem}.png", one.caption) for one in chests if one.part == part]
            write_csv(root / f"{word}.csv", [("Image", "text"), *rows])
    return root


def write_xlsx(path: Path, rows: Iterable[Sequence[object]]) -> None:
    workbook = Workbook()
    for row in rows:
        workbook.worksheets[0].append(list(row))
    workbook.save(path)


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _write_pictures(one: Chest, images: Path, masks: Path, prefix: str) -> None:
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(one.image).save(images / f"{one.stem}.png")
    Image.fromarray(255 * one.mask.astype(np.uint8)).save(masks / f"{prefix}{one.stem}.png")
