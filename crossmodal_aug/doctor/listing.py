"""Listing: which image, mask and caption belong together, and what is left over."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from crossmodal_aug.doctor.sheets import Entry

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2", ".pbm", ".pgm", ".ppm", ".pnm"),
)
"""Endings of the pictures that are read."""

UNREAD = (".dcm", ".dicom", ".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".npy", ".npz", ".mat")
"""Endings of pictures that have to be converted first."""

PART = re.compile(r"(train|valid|val|dev|test)(?:ing|ation)?(?![a-z])", re.IGNORECASE)
_OF_MASK = re.compile(r"^mask_|_(mask|segmentation|seg|gt|label)$")


@dataclass(frozen=True)
class Row:
    """One caption with its files.

    Attributes:
        name: Name of the image as the list has it, or else its place in the list, such as "line 3".
        part: "train", "valid", "test" or another name; empty where there are no parts.
        caption: The caption.
        where: Where the list says so.
        image: The image file; None where there is none.
        mask: The mask file; None where there is none.
        patient: The patient, where the list says so.
        names_image: Whether the list names an image for it.
    """

    name: str
    part: str
    caption: str
    where: str
    image: Path | None = None
    mask: Path | None = None
    patient: str = ""
    names_image: bool = True

    @property
    def place(self) -> str:
        """The image with the place in the list that names it, for messages."""
        return f"{self.name} ({self.where})" if self.names_image else self.where


@dataclass(frozen=True)
class Listing:
    """All rows of a data set.

    Attributes:
        rows: The rows.
        layout: How the data set is laid out, in words.
        has_images: Whether images were looked for.
        has_masks: Whether masks were looked for.
        images_left: Images that no row names.
        masks_left: Masks that no row names.
        converted: Files in a format that is not read.
    """

    rows: tuple[Row, ...]
    layout: str
    has_images: bool
    has_masks: bool
    images_left: tuple[Path, ...] = ()
    masks_left: tuple[Path, ...] = ()
    converted: tuple[Path, ...] = ()


@dataclass
class Folder:
    """The pictures of one folder, found by names as people write them.

    A name finds the file of exactly that name. Where there is none, case, ending and what marks a mask ("mask_",
    "_mask", "_segmentation") do not count.
    """

    path: Path
    names: set[str] = field(init=False)
    unread: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        files = [file for file in self.path.iterdir() if not file.name.startswith(".")]
        self.names = {file.name for file in files if file.name.lower().endswith(PICTURES)}
        self.unread = sorted(file for file in files if file.name.lower().endswith(UNREAD))
        self._alike: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(self.names):
            self._alike[core(name)].append(name)

    def find(self, *names: str, mask_of: Path | None = None) -> Path | None:
        """Return the file of the first of some names that there is; None where none is, or several could be meant.

        Args:
            *names: The names.
            mask_of: The image whose mask is meant, which may lie in the same folder; None where an image is.
        """
        for name in names:
            plain = Path(name).name
            file = self.path / (plain if plain in self.names else name)
            if name and file != mask_of and _is_file(file):
                return file
        alike = [self.path / name for name in self._alike.get(core(Path(names[0]).name), [])]
        alike = [file for file in alike if file != mask_of]
        if len(alike) > 1:
            alike = [file for file in alike if is_marked(file.name) == (mask_of is not None)]
        return alike[0] if len(alike) == 1 else None


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a zero byte: there is no such file
        return False


def core(name: str) -> str:
    """Return a name in small letters, without its ending if that is one of a picture, and without the mark of a mask.

    Examples:
        >>> core("mask_Case-1.PNG"), core("case-1_segmentation.png"), core("v1.2")
        ('case-1', 'case-1', 'v1.2')
    """
    plain = name.casefold()
    suffix = next((one for one in (*PICTURES, *UNREAD) if plain.endswith(one)), "")
    return _OF_MASK.sub("", plain.removesuffix(suffix))


def is_marked(name: str) -> bool:
    """Return whether a name says that it is a mask's."""
    return _OF_MASK.search(Path(name.casefold()).stem) is not None


def part_of(name: str) -> str:
    """Return the part that a name begins with; "" where it names none.

    Examples:
        >>> part_of("Val_Folder"), part_of("training"), part_of("trained")
        ('valid', 'train', '')
    """
    word = PART.match(name)
    return "" if word is None else {"val": "valid", "dev": "valid"}.get(word[1].lower(), word[1].lower())


@dataclass(frozen=True)
class Source:
    """The entries of one part, and where their files lie.

    Attributes:
        part: Name of the part; empty where the entries say it.
        entries: The entries.
        images: Folder of the images, or None.
        masks: Folder of the masks, or None.
    """

    part: str
    entries: tuple[Entry, ...]
    images: Folder | None
    masks: Folder | None


def match(sources: Iterable[Source], layout: str) -> Listing:
    """Find the files of all entries.

    Args:
        sources: The parts.
        layout: How they are laid out, in words.

    Returns:
        The rows, and what no row names.
    """
    rows: list[Row] = []
    folders: dict[Path, tuple[str, Folder]] = {}
    named: set[Path] = set()
    for source in sources:
        for kind, folder in (("image", source.images), ("mask", source.masks)):
            if folder is not None:
                folders[folder.path] = (kind, folder)
        for entry in source.entries:
            row = _row(entry, source)
            rows.append(row)
            named.update(file for file in (row.image, row.mask) if file is not None)
    left: dict[str, list[Path]] = {"image": [], "mask": []}
    for path, (kind, folder) in folders.items():
        left[kind] += [path / name for name in sorted(folder.names) if path / name not in named]
    kinds = {kind for kind, _ in folders.values()}
    converted = [file for _, folder in folders.values() for file in folder.unread]
    return Listing(
        tuple(rows), layout, "image" in kinds, "mask" in kinds, tuple(left["image"]), tuple(left["mask"]),
        tuple(converted),
    )  # fmt: skip


def _row(entry: Entry, source: Source) -> Row:
    image = mask = None
    if source.images is not None and entry.image:
        plain = Path(entry.image).name
        image = source.images.find(entry.image, plain.removeprefix("mask_"))
    if source.masks is not None and (entry.mask or entry.image):
        of = image.name if image is not None else Path(entry.image).name
        mask = source.masks.find(*([entry.mask] if entry.mask else [f"mask_{of}", of]), mask_of=image or Path(of))
    name = image.name if image is not None else entry.image or entry.place
    part = source.part or part_of(entry.part) or entry.part
    return Row(name, part, entry.caption, entry.where, image, mask, entry.patient, bool(entry.image))
