"""The layouts of any data set with captions: those of the two known ones, and two that are as plain as can be."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

from semimedref.data.drawn_parts import HELD_OUT, SHARES, draw_parts
from semimedref.data.entries import PARTS, Entry
from semimedref.data.folders import child
from semimedref.data.layouts import (
    ANNOTATION,
    FRAMES,
    LVIT,
    SETS,
    Found,
    Held,
    Layout,
    by_split,
    only_sheet,
    part_folders,
    part_sheets,
    pictures_in,
    read_sets,
    sheets_in,
    unread_sheets,
)
from semimedref.data.rows import Row, match
from semimedref.data.sheets import read_sheet


def _drawn(rows: list[Row]) -> Held:
    parts, note = draw_parts(rows, HELD_OUT)
    return Held(parts["train"], parts["valid"], f"no validation part: {note}", own_cut=False)


def _has_part_folders(root: Path) -> bool:
    return any(child(folder, "images").is_dir() for folder in part_folders(root, "").values())


def _read_one_folder(root: Path, needed: Collection[str], *, images: str = "images") -> Found:
    sheets = part_sheets(root)
    if sheets:
        entries: dict[str, list[Entry]] = {part: read_sheet(sheet) for part, sheet in sheets.items()}
    else:
        sheet = only_sheet(sheets_in(root), f"{root}: expected one sheet of captions{unread_sheets(root)}")
        listed = read_sheet(sheet)
        entries = by_split(listed) if any(entry.split for entry in listed) else {"": listed}
    pictures, masks = pictures_in(root, images), pictures_in(root, "masks")
    # Pictures of all parts lie together, so a part is there if one of its pictures is.
    there = {part: many for part, many in entries.items() if many}
    there = {
        part: many
        for part, many in there.items()
        if part in ("", *needed) or any(pictures.image(entry.name) for entry in many)
    }
    parts = {part: match(many, pictures, masks) for part, many in there.items()}
    if "" in parts:
        drawn, note = draw_parts(parts[""], SHARES)
        return Found(drawn, [f"no part is named: {note}"])
    whole = {part: parts.get(part, []) for part in PARTS}
    if whole["train"] and not entries.get("valid"):
        train, valid, note, own_cut = _drawn(whole["train"])
        return Found({**whole, "train": train, "valid": valid}, [note], own_cut=own_cut)
    return Found(whole, [])


FOLDER_LAYOUTS = (
    ANNOTATION,
    replace(SETS, read=partial(read_sets, held=_drawn)),
    LVIT,
    Layout(
        "a folder for each part",
        "{train,valid,test}/images/NAME.png, {train,valid,test}/masks/NAME.png and, beside or in these folders, a "
        "sheet for each part (.csv or .xlsx; columns Image, Caption and perhaps Mask, Patient)",
        _has_part_folders,
        partial(read_sets, kind="", masks="masks", held=_drawn),
    ),
    replace(FRAMES, read=partial(_read_one_folder, images="frames")),
    Layout(
        "one folder",
        "images/NAME.png, masks/NAME.png and either one sheet (.csv or .xlsx; columns Image, Caption and perhaps Mask, "
        "Split, Patient) or three, train*, val* and test*",
        lambda root: child(root, "images").is_dir(),
        _read_one_folder,
    ),
)
"""What `--data folder` reads, the first that fits."""
