"""Segmenting a user's own images: which ones under which caption, and the files written for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from crossmodal_aug import PositionParser
from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.checkpoints import Trained
from semimedref.data.formats import SUFFIXES, not_found
from semimedref.data.images import decode_image, resize_image
from semimedref.data.sheets import csv_rows, named
from semimedref.files import write_atomically
from semimedref.inference import predict_logits, resize_probabilities
from semimedref.mirroring import mirror_average
from semimedref.pictures import draw_overlay

LONGEST_RATIO = 10
"""Sides of an image that can be drawn differ by this factor at most."""


@dataclass(frozen=True)
class Job:
    """One image to segment.

    Attributes:
        image: Its file.
        caption: What to segment.
        fault: Why it cannot be done, or "".
    """

    image: Path
    caption: str
    fault: str = ""


@dataclass(frozen=True)
class Prediction:
    """What was found in one image.

    Attributes:
        regions: Regions that the caption names.
        unknown: Words of the caption that the model never met.
        share: Share of the image that was found, in percent.
        files: The mask and the overlay.
        turned: Whether the EXIF orientation turned the image, and the files with it.
        raw_share: The share without the mirrored pair; None where there is none.
    """

    regions: tuple[str, ...]
    unknown: list[str]
    share: float
    files: tuple[Path, Path]
    turned: bool = False
    raw_share: float | None = None


def output_files(image: Path, out: Path) -> tuple[Path, Path]:
    """Return where the mask and the overlay of an image go."""
    return out / f"{image.stem}_mask.png", out / f"{image.stem}_overlay.png"


def images_in(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the pictures of a folder, by the endings of what is read, and the names of what else is in it."""
    pictures, others = [], []
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() in SUFFIXES:
            pictures.append(path)
        else:
            others.append(path.name)
    return pictures, others


def jobs_with_one_caption(images: Sequence[Path], caption: str) -> list[Job]:
    """Return a job an image, all with the same caption."""
    return _distinct([Job(image, caption) for image in images])


def jobs_from_csv(path: Path, folder: Path) -> list[Job]:
    """Return a job a row of a CSV file.

    Args:
        path: The file, as `semimedref.data.sheets` reads it, with columns `image` (the name of a file in the folder)
            and `caption`.
        folder: Where the images lie.

    Returns:
        The jobs; a row that cannot be used is one with a fault.

    Raises:
        InvalidValueError: The file is missing, is no such CSV file, or has no row.
    """
    rows = [(number, row) for number, row in enumerate(csv_rows(path), 1) if any(row)]
    heads = [head.casefold() for head in rows[0][1]] if rows else []
    if not {"image", "caption"} <= set(heads):
        raise InvalidValueError(f"{path}: expected columns image and caption, but got {named(heads) or 'none'}.")
    places = heads.index("image"), heads.index("caption")
    jobs = [_job_of_row(row, len(heads), places, folder, f"{path}, line {number}") for number, row in rows[1:]]
    if not jobs:
        raise InvalidValueError(f"{path}: expected at least one image, but got none.")
    return _distinct(jobs)


def predict(
    trained: Trained,
    parser: PositionParser,
    job: Job,
    out: Path,
    *,
    overwrite: bool,
    mirrored: bool = False,
    template: str | None = None,
) -> Prediction:
    """Segment one image, and write its mask and overlay.

    Args:
        trained: The model.
        parser: Reads the caption, and exchanges left and right in it.
        job: What to segment.
        out: Folder to write to.
        overwrite: Whether files of an earlier prediction are replaced.
        mirrored: Whether to average over the image and its mirror image, the caption mirrored too.
        template: In whose words the job's caption is, and a mirrored one is brought too.

    Raises:
        InvalidValueError: The job has a fault, a file is there already, the image cannot be read or drawn, or the
            model gives no probabilities.
    """
    files = output_files(job.image, out)
    if job.fault:
        raise InvalidValueError(job.fault)
    for path in files:
        if path.exists() and not overwrite:
            raise InvalidValueError(f"{path} exists: give --overwrite, or another --out.")
    image, turned = decode_image(job.image)
    short, long = sorted(image.shape)
    if short < 2 or long > LONGEST_RATIO * short:
        raise InvalidValueError(
            f"{job.image}: expected at least 2 x 2 pixels and sides that differ by a factor of {LONGEST_RATIO} at "
            f"most, but got {image.shape[1]} x {image.shape[0]}."
        )
    images = resize_image(image, trained.config.size)[None]
    texts = [job.caption]
    if mirrored:
        images, texts = torch.cat((images, images.flip(-1))), [*texts, parser.mirror(job.caption)]
        texts = texts if template is None else parser.in_style_many(texts, template)[0]
    logits = predict_logits(trained.model, images, texts)
    raw = resize_probabilities(logits[0], image.shape).cpu()
    probabilities = resize_probabilities(mirror_average(logits)[0], image.shape).cpu() if mirrored else raw
    if not probabilities.isfinite().all():
        raise InvalidValueError(
            f"{job.image}: expected finite probabilities, but got NaN: the weights of the checkpoint are spoilt."
        )
    mask = (probabilities >= 0.5).numpy()
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(files[0], Image.fromarray(255 * mask.astype(np.uint8)).save)
    draw_overlay(files[1], image, probabilities, job.caption)
    return Prediction(
        parser(job.caption).regions,
        trained.model.unknown_words(job.caption),
        100 * float(mask.mean()),
        files,
        turned,
        100 * float((raw >= 0.5).float().mean()) if mirrored else None,
    )


def _job_of_row(row: list[str], columns: int, places: tuple[int, int], folder: Path, where: str) -> Job:
    if len(row) != columns:
        return Job(
            folder,
            "",
            f"{where}: expected {columns} fields, but got {len(row)}; a caption that holds the "
            "sign between columns needs quotes.",
        )
    name, caption = (row[place] for place in places)
    path = folder / name
    if not name or Path(name).name != name:
        return Job(path, caption, f"{where}: expected the name of a file in {folder}, but got {shown(name)}.")
    if not path.is_file():
        return Job(path, caption, not_found(path, where))
    if not caption:
        return Job(path, caption, f"{where} ({name}): the caption is empty.")
    return Job(path, caption)


def _distinct(jobs: Sequence[Job]) -> list[Job]:
    """Mark jobs whose files an earlier one writes already; upper and lower case are one on some disks."""
    first: dict[str, Path] = {}
    marked = []
    for job in jobs:
        other = job.image if job.fault else first.setdefault(job.image.stem.casefold(), job.image)
        if job.fault or other is job.image:
            marked.append(job)
        else:
            marked.append(replace(job, fault=f"{job.image}: its files would be those of {other.name}, which is done."))
    return marked
