"""QaTa-COV19 v2 in the layout `{train,valid,test}/{images,masks}` with `annotation.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crossmodal_aug import LUNG_ZONES, Atlas, PositionParser
from crossmodal_aug.errors import InvalidValueError
from crossmodal_aug.functional import calibrate
from semimedref.data.images import read_image, read_mask, resize_image, resize_mask
from semimedref.data.samples import DataSet, Samples
from semimedref.data.splits import labelled_names

PARTS = ("train", "valid", "test")
ROWS = (0.3125, 0.384)
"""Row cuts of the lung zones, fitted on the training masks of QaTa-COV19."""

ENOUGH_TO_CALIBRATE = 50
"""Fewer labelled masks say too little about where the rows lie."""


@dataclass(frozen=True)
class Row:
    """One row of annotation.json.

    Attributes:
        where: Its place in the file, for messages.
        mask: Name of the mask file.
        caption: What the caption says.
    """

    where: str
    mask: str
    caption: str

    @property
    def image(self) -> str:
        """Name of the image file."""
        return self.mask.removeprefix("mask_")


def load_qata(root: Path, *, size: int, labels: float, split: str = "auto", total: int = 0) -> DataSet:
    """Read the data set into memory.

    Args:
        root: Folder that holds `annotation.json`.
        size: Side in pixels that images and training masks are resized to. Masks of the validation and the test set
            also stay in their own size, in which they are scored.
        labels: Share of the training images whose masks are used.
        split: As in `labelled_names`.
        total: As in `labelled_names`.

    Returns:
        The data set.

    Raises:
        InvalidValueError: A file is missing or unreadable, a mask has another size than its image, or a row of
            `annotation.json` is not as expected. The message names the file or the row.
    """
    rows = read_annotation(root / "annotation.json")
    names = [row.mask for row in rows["train"]]
    chosen = labelled_names(names, labels, split=split, total=total)
    by_name: dict[str, Row] = {}
    for row in rows["train"]:
        by_name.setdefault(row.mask, row)
    labelled_set = set(chosen)
    rest = [row for name, row in by_name.items() if name not in labelled_set]

    labelled = _read(root, "train", [by_name[name] for name in chosen], size)
    atlas, note = fit_atlas(labelled)
    return DataSet(
        labelled=labelled,
        unlabelled=_read(root, "train", rest, size, masks=False),
        valid=_read(root, "valid", rows["valid"], size, full=True),
        test=_read(root, "test", rows["test"], size, full=True),
        atlas=atlas,
        notes=(note,),
    )


def read_annotation(path: Path) -> dict[str, list[Row]]:
    """Read and check `annotation.json`.

    Args:
        path: The file.

    Returns:
        The rows of each part.

    Raises:
        InvalidValueError: The file is missing, is no JSON, lacks a part, or a row lacks its name or caption.
    """
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InvalidValueError(
            f"{path}: no such file; expected a folder with annotation.json, {{train,valid,test}}/images and "
            "{train,valid,test}/masks"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError(f"{path}: not a JSON file ({error})") from error
    rows: dict[str, list[Row]] = {}
    for part in PARTS:
        entries = stored.get(part) if isinstance(stored, dict) else None
        if not isinstance(entries, list) or not entries:
            raise InvalidValueError(f"{path}: expected a list of rows under {part!r}, but got {_short(entries)}")
        rows[part] = [_check_row(entry, f"{path}, {part} row {number}") for number, entry in enumerate(entries, 1)]
    return rows


def fit_atlas(labelled: Samples) -> tuple[Atlas, str]:
    """Fit the place of the lung zones to the labelled masks, where there are enough of them.

    Args:
        labelled: Samples with masks.

    Returns:
        The atlas, and a line that says how it was come by.

    Raises:
        InvalidValueError: The masks fit their captions only when rows and columns are exchanged.
    """
    default = LUNG_ZONES.with_geometry(rows=ROWS, laterality="viewer")
    if len(labelled) < ENOUGH_TO_CALIBRATE or labelled.masks is None:
        return default, f"lung zones: rows cut at {ROWS[0]:.3f} and {ROWS[1]:.3f}, as measured on QaTa-COV19"
    found = calibrate(default, labelled.masks, PositionParser(default).encode(labelled.texts))
    if found.orientation == "transposed":
        raise InvalidValueError(
            "The labelled masks fit their captions only with rows and columns exchanged: "
            f"macro F1 {found.after.macro_f1:.3f} transposed, {found.before.macro_f1:.3f} as they are"
        )
    cuts = " and ".join(f"{row:.3f}" for row in found.atlas.rows)
    return found.atlas, (
        f"lung zones: rows cut at {cuts}, left is the {found.atlas.laterality}'s, fitted to {len(labelled)} masks "
        f"(macro F1 {found.after.macro_f1:.3f})"
    )


def _read(root: Path, part: str, rows: list[Row], size: int, *, masks: bool = True, full: bool = False) -> Samples:
    images, small, large = [], [], []
    for row in rows:
        path = root / part / "images" / row.image
        if not path.is_file():
            raise InvalidValueError(f"{path}: no such file, but {row.where} names it")
        image = read_image(path)
        images.append(resize_image(image, size))
        if masks:
            mask_path = root / part / "masks" / row.mask
            mask = read_mask(mask_path)
            if mask.shape != image.shape:
                raise InvalidValueError(
                    f"{mask_path}: expected a mask of {_extent(image.shape)} pixels, like its image, but got "
                    f"{_extent(mask.shape)}"
                )
            small.append(resize_mask(mask, size))
            large.append(torch.from_numpy(mask))
    if small and not any(bool(mask.any()) for mask in small):
        raise InvalidValueError(f"{root / part / 'masks'}: expected masks with lesion, but all {len(small)} are empty")
    return Samples(
        images=torch.stack(images) if images else torch.zeros(0, 1, size, size, dtype=torch.uint8),
        texts=tuple(row.caption for row in rows),
        names=tuple(row.image for row in rows),
        masks=torch.stack(small) if masks else None,
        full_masks=tuple(large) if full else (),
    )


def _check_row(entry: object, where: str) -> Row:
    if not isinstance(entry, dict):
        raise InvalidValueError(f"{where}: expected an object with image_path and caption, but got {_short(entry)}")
    name, caption = entry.get("image_path"), entry.get("caption")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InvalidValueError(f"{where}: expected a file name as image_path, but got {_short(name)}")
    for text in (name, caption):
        if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise InvalidValueError(f"{where}: expected text, but got half a character in {_short(text)}")
    if not isinstance(caption, str):
        raise InvalidValueError(f"{where} ({name}): expected text as caption, but got {_short(caption)}")
    if not caption.strip():
        raise InvalidValueError(f"{where} ({name}): the caption is empty")
    return Row(where, name, caption)


def _extent(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
