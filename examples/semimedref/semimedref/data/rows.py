"""Rows: an entry with the files that it names."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.entries import Entry, short
from semimedref.data.folders import PictureFolder
from semimedref.data.formats import MASK_PREFIX, not_found


@dataclass(frozen=True)
class Row:
    """One image with its mask and its caption.

    Attributes:
        image: The image file.
        mask: Its mask, or the path it should have: only masks that are used must be there.
        caption: What the caption says.
        where: Where it says so, for messages.
        patient: Whose image it is, where a list says it.
    """

    image: Path
    mask: Path
    caption: str
    where: str
    patient: str = ""


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
        InvalidValueError: An image is missing, several could be meant, or two entries give one different captions,
            masks or patients.
    """
    rows: dict[Path, Row] = {}
    for entry in entries:
        try:
            image = images.image(entry.name)
            named = masks.named_mask(entry.mask) if entry.mask else None
            mask = None if image is None else named or masks.mask(image)
        except InvalidValueError as error:
            raise InvalidValueError(f"{entry.where}: {error}") from error
        if image is None or mask is None:
            raise InvalidValueError(not_found(images.path / entry.name.removeprefix(MASK_PREFIX), entry.where))
        earlier = rows.setdefault(image, Row(image, mask, entry.caption, entry.where, entry.patient))
        if earlier.caption != entry.caption:
            raise InvalidValueError(
                f"{entry.where}: {image.name} has the caption {short(entry.caption)} here, but "
                f"{short(earlier.caption)} in {earlier.where}."
            )
        if (earlier.mask, earlier.patient) != (mask, entry.patient):
            raise InvalidValueError(
                f"{entry.where}: {image.name} has the mask {mask.name} and the patient {short(entry.patient)} here, "
                f"but {earlier.mask.name} and {short(earlier.patient)} in {earlier.where}."
            )
    return list(rows.values())


def check_parts(parts: Parts, needed: Collection[str]) -> None:
    """Check that each part that is needed has rows.

    Raises:
        InvalidValueError: One is empty.
    """
    for part in needed:
        if not parts[part]:
            raise InvalidValueError(f"Expected {part} images, but no row is one.")


def unnamed_images(parts: Parts) -> list[str]:
    """Return a note for each folder with images that no row names."""
    named = {row.image for rows in parts.values() for row in rows}
    counts = {
        folder: len({folder / name for name in PictureFolder(folder).names} - named)
        for folder in sorted({image.parent for image in named})
    }
    return [f"{folder}: {count} images without a caption are left out" for folder, count in counts.items() if count]
