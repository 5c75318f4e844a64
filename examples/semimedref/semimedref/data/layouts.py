"""The layouts in which QaTa-COV19 and MosMedData+ are handed round, and how each is read; others build on them."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.annotation import read_annotation
from semimedref.data.duplicates import check_names
from semimedref.data.entries import PARTS, Entry
from semimedref.data.folders import PictureFolder, child
from semimedref.data.rows import Parts, Row, check_parts, match, unnamed_images
from semimedref.data.sheets import is_sheet, read_sheet

PART_WORD = re.compile(r"(train|valid|val|test)(?:ing|ation)?(?![a-z])", re.IGNORECASE)

UNREAD_SHEETS = (".xls", ".xlsm", ".xlsb", ".ods", ".tsv")
"""Endings of sheets that have to be saved as another kind."""


class MissingPieceError(InvalidValueError):
    """A folder or a sheet of a layout is not there, or cannot be told from others."""


class Found(NamedTuple):
    """What a folder holds: rows, notes about them, and whether validation was cut from training here."""

    parts: Parts
    notes: list[str]
    own_cut: bool = False


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set.

    Attributes:
        name: What it is called in messages.
        tree: The files that it consists of.
        fits: Returns whether a folder is laid out like this, by what it holds at its top.
        read: Reads the rows of such a folder, in which the named parts must be there.
    """

    name: str
    tree: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, Collection[str]], Found]


def read_layout(
    root: Path, layouts: tuple[Layout, ...], *, needed: Collection[str] = PARTS, allow_duplicates: bool = False
) -> tuple[Parts, list[str]]:
    """Read the rows of a folder in the first layout that fits it.

    Args:
        root: The folder.
        layouts: The layouts that it may have.
        needed: Parts that must be there. Others are read where they are.
        allow_duplicates: Whether a file, a file name or a patient may stand in two parts.

    Returns:
        The rows of each part, and lines to print about them.

    Raises:
        InvalidValueError: No layout fits, a file of the one that does is missing, unreadable or not as expected, or
            something stands in two parts.
    """
    layout = next((one for one in layouts if one.fits(root)), None)
    if layout is None:
        raise InvalidValueError(f"{root}: {_what_is_there(root, layouts)}; expected one of\n{_trees(layouts)}")
    try:
        found = layout.read(root, needed)
    except MissingPieceError as error:
        raise InvalidValueError(f"{error}; expected, since this looks like {layout.name}:\n{layout.tree}") from error
    parts = {part: found.parts[part] for part in PARTS}
    check_parts(parts, needed)
    notes = [f"{root}: read as {layout.name}", *found.notes, *unnamed_images(parts)]
    if missing := [part for part, rows in parts.items() if not rows]:
        notes.append(f"{root}: read without {' and '.join(missing)} images, which are not needed here")
    return parts, [*notes, *check_names(parts, allow=allow_duplicates, own_cut=found.own_cut)]


def hold_out(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into training and validation, where a data set has no validation part.

    By name, the first four fifths (rounded down) train. Of the 7145 images of QaTa-COV19 that gives the 5716 and 1429
    of the published parts. Images of one patient, who stands in the name, stay together, save at the cut.

    Args:
        rows: All rows for training.

    Returns:
        Training and validation rows, each in the order that they came in.
    """
    ordered = sorted(row.image.name for row in rows)
    train = set(ordered[: len(ordered) * 4 // 5])
    return [row for row in rows if row.image.name in train], [row for row in rows if row.image.name not in train]


def _read_annotation_layout(root: Path, needed: Collection[str]) -> Found:
    entries = read_annotation(child(root, "annotation.json"), needed)
    folders = {part: child(root, part) for part in PARTS}
    # The list may be that of the whole data set, beside the pictures of one part.
    there = [part for part, many in entries.items() if part in needed or (many and folders[part].is_dir())]
    parts = {part: match_in(entries[part], folders[part], "images", "masks") for part in there}
    return Found({part: parts.get(part, []) for part in PARTS}, [])


class Held(NamedTuple):
    """Training and validation rows of one list; a note on how they were parted; whether patients may be at the cut."""

    train: list[Row]
    valid: list[Row]
    note: str
    own_cut: bool


def _last_fifth(rows: list[Row]) -> Held:
    train, valid = hold_out(rows)
    note = f"no validation part: of the training images, the last {len(valid)} by name are held out for it"
    return Held(train, valid, note, own_cut=True)


def read_sets(
    root: Path,
    needed: Collection[str],
    *,
    kind: str = "[ _-]set",
    masks: str = "ground-truths",
    held: Callable[[list[Row]], Held] = _last_fifth,
) -> Found:
    """Read a folder of images and one of masks for each part, with a sheet; validation may be held out of training.

    Args:
        root: The folder of the data set.
        needed: Parts that must be there.
        kind: Pattern of what follows the word for the part in the name of its folder.
        masks: Name of the folders of masks.
        held: Parts the training rows where there is no validation part.
    """
    folders, sheets = part_folders(root, kind), part_sheets(root)
    held_out = "valid" not in folders and "valid" not in sheets
    # A list of validation images may come as a sheet alone, while its images lie with the training ones.
    if "valid" in sheets and "valid" not in folders:
        folders["valid"] = needed_piece("the folder", folders, "train", root)
    # What is held out comes from the training images.
    wanted = {"train" if held_out and part == "valid" else part for part in needed}
    parts: Parts = {part: [] for part in PARTS}
    for part in parts_there(folders, sheets, wanted):
        entries = read_sheet(needed_piece("the sheet", sheets, part, root))
        parts[part] = match_in(entries, needed_piece("the folder", folders, part, root), "images", masks)
    if held_out and parts["train"]:
        train, rest, note, own_cut = held(parts["train"])
        return Found({**parts, "train": train, "valid": rest}, [note], own_cut=own_cut)
    valid = {row.image for row in parts["valid"]}
    parts["train"] = [row for row in parts["train"] if row.image not in valid]
    return Found(parts, [])


def _read_lvit(root: Path, needed: Collection[str]) -> Found:
    folders, sheets = part_folders(root, "[ _-]folder"), part_sheets(root)
    parts: Parts = {part: [] for part in PARTS}
    for part in parts_there(folders, sheets, needed):
        folder = needed_piece("the folder", folders, part, root)
        parts[part] = match_in(read_sheet(needed_piece("the sheet", sheets, part, root)), folder, "img", "labelcol")
    return Found(parts, [])


def _read_frames(root: Path, needed: Collection[str]) -> Found:
    sheets = part_sheets(root)
    if sheets:
        there = [part for part in PARTS if part in needed or part in sheets]
        entries = {part: read_sheet(needed_piece("the sheet", sheets, part, root)) for part in there}
    else:
        entries = by_split(
            read_sheet(
                only_sheet(sheets_in(root), f"{root}: expected one sheet with a column Split{unread_sheets(root)}")
            )
        )
    images, masks = pictures_in(root, "frames"), pictures_in(root, "masks")
    # As above: pictures of all parts lie together, so a part is there if one of its pictures is.
    there = [part for part, many in entries.items() if part in needed or any(images.image(one.name) for one in many)]
    return Found({part: match(entries[part], images, masks) if part in there else [] for part in PARTS}, [])


def parts_there(folders: Collection[str], sheets: Collection[str], needed: Collection[str]) -> list[str]:
    """The parts to read: those that are needed, and others of which both folder and sheet are there."""
    return [part for part in PARTS if part in needed or (part in folders and part in sheets)]


def match_in(entries: Iterable[Entry], folder: Path, images: str, masks: str) -> list[Row]:
    """Return the rows of some entries, whose images and masks lie in folders of these names in a folder."""
    return match(entries, pictures_in(folder, images), pictures_in(folder, masks))


def by_split(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each part, as their column Split says."""
    parts: dict[str, list[Entry]] = {part: [] for part in PARTS}
    for entry in entries:
        part = part_of(entry.split)
        if part is None:
            raise InvalidValueError(
                f"{entry.where} ({entry.name}): expected train, val or test in a column Split, but got "
                f"{entry.split or 'nothing'}."
            )
        parts[part].append(entry)
    return parts


def part_of(name: str) -> str | None:
    """The part that a name begins with, if any."""
    word = PART_WORD.match(name)
    return None if word is None else {"val": "valid"}.get(word[1].lower(), word[1].lower())


def part_folders(root: Path, kind: str) -> dict[str, Path]:
    """Return the folder of each part: its name is a word for the part, and then `kind`, a pattern."""
    folders = {}
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        part = part_of(path.name)
        if part and re.fullmatch(rf"[a-z]+{kind}", path.name.lower()) and path.is_dir():
            folders[part] = path
    return folders


def sheets_in(root: Path) -> list[Path]:
    """The sheets of a folder and of those right below it."""
    return sorted(path for pattern in ("*", "*/*") for path in root.glob(pattern) if is_sheet(path))


def part_sheets(root: Path) -> dict[str, Path]:
    """The sheet of each part: it is named after it, or lies in its folder."""
    found: dict[str, list[Path]] = {}
    for path in sheets_in(root):
        part = part_of(path.name) or (part_of(path.parent.name) if path.parent != root else None)
        if part:
            found.setdefault(part, []).append(path)
    return {
        part: only_sheet(paths, f"{root}: expected one sheet for the {part} images") for part, paths in found.items()
    }


def only_sheet(paths: list[Path], expected: str) -> Path:
    """Return the only one of some sheets."""
    if len(paths) != 1:
        raise MissingPieceError(f"{expected}, but got {' and '.join(map(str, paths)) or 'none'}")
    return paths[0]


def unread_sheets(root: Path) -> str:
    """What to say of sheets that are there in a format that is not read."""
    found = sorted(path for pattern in ("*", "*/*") for path in root.glob(pattern) if path.suffix in UNREAD_SHEETS)
    return f" ({' and '.join(map(str, found))}: not read, save as .xlsx or .csv)" if found else ""


def needed_piece(kind: str, found: dict[str, Path], part: str, root: Path) -> Path:
    """Return what was found for a part."""
    if part not in found:
        others = " and ".join(sorted(str(path.relative_to(root)) for path in found.values())) or "nothing"
        raise MissingPieceError(
            f"{root}: {kind} for the {part} images is missing, beside {others}{unread_sheets(root)}"
        )
    return found[part]


def _trees(layouts: tuple[Layout, ...]) -> str:
    return ";\n".join(f"{one.name}: {one.tree}" for one in layouts)


def pictures_in(folder: Path, name: str) -> PictureFolder:
    """Return the pictures in the folder of that name in a folder."""
    path = child(folder, name)
    if not path.is_dir():
        raise MissingPieceError(f"{path}: no such folder")
    return PictureFolder(path)


def _what_is_there(root: Path, layouts: tuple[Layout, ...]) -> str:
    if not root.is_dir():
        return "no such folder"
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if any(one.fits(folder) for one in layouts):
            return f"no data set here, but there is one in {folder}"
    return "no data set found here"


ANNOTATION = Layout(
    "annotation.json",
    "annotation.json, {train,valid,test}/images/NAME.png, {train,valid,test}/masks/mask_NAME.png",
    lambda root: child(root, "annotation.json").is_file(),
    _read_annotation_layout,
)
SETS = Layout(
    "sets",
    "{Train,Test} Set/Images/NAME.png, {Train,Test} Set/Ground-truths/mask_NAME.png and, beside or in these folders, "
    "the sheets Train*.xlsx and Test*.xlsx (or .csv; columns Image, Description)",
    lambda root: bool(part_folders(root, "[ _-]set")),
    read_sets,
)
LVIT = Layout(
    "LViT folders",
    "{Train,Val,Test}_Folder/img/NAME.png, {Train,Val,Test}_Folder/labelcol/mask_NAME.png, "
    "{Train,Val,Test}_Folder/*_text.xlsx (or .csv; columns Image, Description)",
    lambda root: bool(part_folders(root, "[ _-]folder")),
    _read_lvit,
)
FRAMES = Layout(
    "frames and masks",
    "frames/NAME.png, masks/NAME.png and either one sheet (.csv or .xlsx; columns Split, Image, Text) or three, "
    "train*, val* and test* (columns Image, Text)",
    lambda root: child(root, "frames").is_dir(),
    _read_frames,
)
