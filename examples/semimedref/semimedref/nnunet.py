"""The labelled part of a data set as nnU-Net (version 2) reads it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.data.cache import PictureCache
from semimedref.data.findings import Findings
from semimedref.data.folder_data import SOURCES, labelled_places
from semimedref.data.images import read_image
from semimedref.data.layouts import read_layout
from semimedref.data.reading import read_scored
from semimedref.data.rows import Row
from semimedref.data.samples import Samples
from semimedref.files import written_whole

FOLDER = re.compile(r"Dataset\d{3}_[A-Za-z0-9_-]+")
"""nnU-Net finds a data set by this number."""
ENDING, CHANNEL = ".png", "_0000"
SMALLEST = 32
"""Side that pictures are resized to where nobody looks at what was resized."""


def export(
    name: str,
    root: Path,
    folder: Path,
    *,
    labels: float,
    split: str = "auto",
    total: int = 0,
    draw: int = 0,
    mask_values: str = "",
    allow_duplicates: bool = False,
) -> list[str]:
    """Write the labelled training images and the test images of a data set, each with its mask.

    Pictures keep their size; images become grey levels of 8 bits, as the networks of this example see them.

    Args:
        name: One of `SOURCES`.
        root: Its folder.
        folder: The folder to make, such as `nnUNet_raw/Dataset101_QaTa`.
        labels: As in `load_folder`, and so are the rest.
        split: How the labelled samples are chosen.
        total: Training samples that the share is of.
        draw: Another draw of them.
        mask_values: Values of the masks that are lesion.
        allow_duplicates: Whether a picture may stand in two parts.

    Returns:
        Lines to print about what was found.

    Raises:
        InvalidValueError: As for `load_folder`, the folder has another name or exists, or two images of different
            files would have the same name.
        CannotWriteError: It could not be written. Nothing of it is left then.
    """
    if not FOLDER.fullmatch(folder.name):
        raise InvalidValueError(
            f"Expected a folder named Dataset, three digits, _ and a name, as in Dataset101_QaTa, by which nnU-Net "
            f"finds it, but got {shown(folder.name)}."
        )
    if folder.exists():
        raise InvalidValueError(f"{folder} exists: choose another folder.")
    source, needed = SOURCES[name], ("train", "test")
    parts, notes = read_layout(root, source.layouts, needed=needed, allow_duplicates=allow_duplicates)
    train = parts["train"]
    chosen = [train[at] for at in labelled_places(train, source.rule, labels, split=split, total=total, draw=draw)]
    names = case_names([*chosen, *parts["test"]])
    findings = Findings(mask_values)
    try:
        with written_whole(folder) as made:
            for rows, ending in ((chosen, "Tr"), (parts["test"], "Ts")):
                samples = read_scored(rows, SMALLEST, PictureCache(None), findings=findings)
                _write(made, ending, samples, names)
            about = {
                "channel_names": {"0": "image"},
                "labels": {"background": 0, "lesion": 1},
                "numTraining": len(chosen),
                "file_ending": ENDING,
                "name": folder.name.partition("_")[2],
                "description": f"{100 * labels:g} % of the training images of {name}, draw {draw}",
            }
            (made / "dataset.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    except FileExistsError as error:
        raise InvalidValueError(f"{folder} exists: choose another folder.") from error
    written = (
        f"{len(chosen)} training and {len(parts['test'])} test images; {len(train) - len(chosen)} have no label here"
    )
    return [*notes, *findings.notes(), written]


def case_names(rows: Sequence[Row]) -> dict[Path, str]:
    """Return the name of each image without its ending, by its file.

    Raises:
        InvalidValueError: Two of them are the same, or would be on a disk that does not tell A from a.
    """
    names: dict[Path, str] = {}
    seen: dict[str, Path] = {}
    for row in rows:
        stem = row.image.stem
        other = seen.setdefault(stem.casefold(), row.image)
        if other != row.image:
            raise InvalidValueError(
                f"Expected images whose names differ in more than their ending, but got {other} and {row.image}"
            )
        names[row.image] = stem
    return names


def _write(made: Path, ending: str, samples: Samples, names: dict[Path, str]) -> None:
    images, masks = made / f"images{ending}", made / f"labels{ending}"
    images.mkdir()
    masks.mkdir()
    for file, mask in zip(samples.files, samples.full_masks, strict=True):
        Image.fromarray(read_image(file)).save(images / f"{names[file]}{CHANNEL}{ENDING}")
        Image.fromarray(mask.numpy().astype(np.uint8)).save(masks / f"{names[file]}{ENDING}")
