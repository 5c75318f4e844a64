"""Layouts: how a data set lies in its folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crossmodal_aug.doctor.listing import Folder, Listing, Source, match, part_of
from crossmodal_aug.doctor.sheets import SUFFIXES, Entry, is_sheet, read_sheet
from crossmodal_aug.errors import InvalidValueError, shown

IMAGES = ("images", "image", "img", "imgs", "frames")
MASKS = ("masks", "mask", "labelcol", "ground-truths", "ground-truth", "gt", "labels", "segmentations")
LAYOUTS = ("annotation", "part-folders", "one-folder")

TREES = (
    "annotation: annotation.json, {train,valid,test}/images/, {train,valid,test}/masks/",
    "part-folders: {train,valid,test}.../images/, {train,valid,test}.../masks/ and a list of captions for each part, "
    "in its folder or named after it (.csv, .xlsx, .json, .jsonl)",
    "one-folder: images/, masks/ and one list of captions, or one for each part (columns Image, Caption and perhaps "
    "Mask, Split, Patient)",
)


def read_listing(
    root: Path | None,
    *,
    layout: str | None = None,
    images: Path | None = None,
    masks: Path | None = None,
    captions: Path | None = None,
) -> Listing:
    """Read which image, mask and caption belong together.

    Args:
        root: The folder of the data set; None where `captions` is given.
        layout: One of `LAYOUTS`; None takes the first that fits.
        images: Folder of the images, where no layout fits.
        masks: Folder of the masks, likewise.
        captions: List of the captions, likewise.

    Returns:
        The listing.

    Raises:
        InvalidValueError: Nothing fits, a list of captions cannot be read or belongs to no part, or `captions` is given
            beside `root` or `layout`.
    """
    for name, folder in (("data", root), ("images", images), ("masks", masks)):
        if folder is not None and not folder.is_dir():
            found = f"{folder} is a file" if folder.exists() else f"there is none at {folder}"
            raise InvalidValueError(f"Expected `{name}` to be a folder, but {found}.")
    if captions is not None:
        for name, given in (("data", root), ("layout", layout)):
            if given is not None:
                raise InvalidValueError(
                    f"Expected either `data` or `captions` (with `images` and `masks`), but got `{name}` beside "
                    "`captions`."
                )
        source = Source(
            "", tuple(read_sheet(captions)), *(None if one is None else Folder(one) for one in (images, masks))
        )
        return _filled(match([source], "files given one by one"), captions)
    if images is not None or masks is not None:
        raise InvalidValueError("Expected `captions` beside `images` and `masks`, but it is missing.")
    if root is None:
        raise InvalidValueError("Expected `data` (a folder) or `captions` (a list of captions), but got neither.")
    if layout is not None and layout not in LAYOUTS:
        raise InvalidValueError(f"Expected `layout` to be one of {', '.join(LAYOUTS)}, but got {shown(layout)}.")
    for name, read in zip(LAYOUTS, (_annotation, _part_folders, _one_folder), strict=True):
        if layout in (None, name):
            sources = read(root)
            if sources:
                return _filled(match(sources, f"layout {name}"), root)
    raise InvalidValueError(
        f"{root}: Expected a data set in {'a layout that is known' if layout is None else f'the layout {layout}'}, "
        f"but it holds {shown(sorted(path.name for path in root.iterdir())[:8])}. Known are: {'; '.join(TREES)}. For "
        "any other, name `images`, `masks` and `captions`."
    )


def _filled(listing: Listing, where: Path) -> Listing:
    if not listing.rows:
        raise InvalidValueError(f"{where}: Expected rows with captions, but there are none.")
    return listing


def _annotation(root: Path) -> list[Source]:
    path = root / "annotation.json"
    if not path.is_file():
        return []
    parts: dict[str, list[Entry]] = {}
    for entry in read_sheet(path):
        parts.setdefault(entry.part, []).append(entry)
    sources = []
    for part, entries in parts.items():
        folder = next((one for one in _folders(root) if part and part_of(one.name) == part_of(part)), root / part)
        sources.append(Source(part_of(part) or part, tuple(entries), _inside(folder, IMAGES), _inside(folder, MASKS)))
    return sources


def _part_folders(root: Path) -> list[Source]:
    sources = []
    for folder in _folders(root):
        part, images = part_of(folder.name), _inside(folder, IMAGES)
        if not part or images is None:
            continue
        sheets = [path for path in _sheets([folder, root]) if part_of(path.name) == part or path.parent == folder]
        sources.append(Source(part, _one(sheets, folder, part), images, _inside(folder, MASKS)))
    return sources


def _one_folder(root: Path) -> list[Source]:
    images, masks, sheets = _inside(root, IMAGES), _inside(root, MASKS), _sheets([root])
    if images is None or not sheets:
        return []
    by_part: dict[str, list[Path]] = {}
    for path in sheets:
        by_part.setdefault(part_of(path.name), []).append(path)
    without = by_part.get("", [])
    if without and len(by_part) > 1:
        others, parts = (
            " and ".join(path.name for path in sheets if (path in without) is one) for one in (True, False)
        )
        raise InvalidValueError(
            f"{root}: Expected a part (train, valid, test) in the name of each list, but got {others} beside {parts}; "
            "name the list by `captions`."
        )
    return [Source(part, _one(some, root, part), images, masks) for part, some in by_part.items()]


def _one(sheets: list[Path], folder: Path, part: str = "") -> tuple[Entry, ...]:
    if len(sheets) != 1:
        found = " and ".join(path.name for path in sheets) or f"none ({', '.join(SUFFIXES)})"
        wanted = f"one list of captions{f' for {part}' if part else ''}"
        raise InvalidValueError(f"{folder}: Expected {wanted}, but got {found}; name it by `captions`.")
    return tuple(read_sheet(sheets[0]))


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _sheets(folders: Iterable[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.iterdir() if is_sheet(path))


def _inside(folder: Path, names: tuple[str, ...]) -> Folder | None:
    if not folder.is_dir():
        return None
    found = {path.name.casefold(): path for path in _folders(folder)}
    return next((Folder(found[name]) for name in names if name in found), None)
