"""Rows: an entry with the files that it names."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.entries import Entry, short
from semimedref.data.folders import PictureFolder


@dataclass(frozen=True)
class Row:
    """One image with its mask and its caption.

    Attributes:
        image: The image file.
        mask: Its mask, or the path it should have: only masks that are used must be there.
        caption: What the caption says.
        where: Where it says so, for messages.
    """

    image: Path
    mask: Path
    caption: str
    where: str


Parts = dict[str, list[Row]]
"""The rows of "train", "valid" and "test"."""


def match(entries: Iterable[Entry], images: PictureFolder, masks: PictureFolder) -> list[Row]:
    """Find the files of some entries.

    Args:
        entries: The entries of one part. One that says the same of an image again counts once.
        images: Where their images lie.
        masks: Where the masks lie.

    Returns:
        One row an image, in the order of the entries.

    Raises:
        InvalidValueError: An image is missing, several could be meant, or two entries give one different captions.
    """
    rows: dict[Path, Row] = {}
    for entry in entries:
        try:
            image = images.image(entry.name)
            mask = None if image is None else masks.mask(image)
        except InvalidValueError as error:
            raise InvalidValueError(f"{entry.where}: {error}") from error
        if image is None or mask is None:
            raise InvalidValueError(
                f"{images.path / entry.name.removeprefix('mask_')}: no such file, but {entry.where} names it"
            )
        earlier = rows.setdefault(image, Row(image, mask, entry.caption, entry.where))
        if earlier.caption != entry.caption:
            raise InvalidValueError(
                f"{entry.where}: {image.name} has the caption {short(entry.caption)} here, but "
                f"{short(earlier.caption)} in {earlier.where}"
            )
    return list(rows.values())


def check_parts(parts: Parts) -> None:
    """Check that each part has rows, and that no image stands in two of them.

    Raises:
        InvalidValueError: A part is empty, or an image stands in two.
    """
    for part, rows in parts.items():
        if not rows:
            raise InvalidValueError(f"Expected {part} images, but no row is one")
    seen: dict[Path, tuple[str, str]] = {}
    for part, rows in parts.items():
        for row in rows:
            earlier, where = seen.setdefault(row.image, (part, row.where))
            if earlier != part:
                raise InvalidValueError(
                    f"{row.where}: {row.image.name} is a {part} image here, but a {earlier} image in {where}"
                )


def unnamed_images(parts: Parts) -> list[str]:
    """Return a note for each folder with images that no row names."""
    named = {row.image for rows in parts.values() for row in rows}
    counts = {
        folder: len({folder / name for name in PictureFolder(folder).names} - named)
        for folder in sorted({image.parent for image in named})
    }
    return [f"{folder}: {count} images without a caption are left out" for folder, count in counts.items() if count]
