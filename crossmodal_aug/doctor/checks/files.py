"""Files: rows without an image or a mask, the reverse, and files that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crossmodal_aug.doctor.findings import Finding, Level, listed, several
from crossmodal_aug.doctor.study import Study


def check_files(study: Study) -> Iterator[Finding]:
    """Say which rows lack a file, and which files lack a row."""
    listing, found = study.listing, False
    for finding in (*_images(study), *_masks(study), *_unreadable(study)):
        found = True
        yield finding
    for name, files, what in (
        ("images-without-caption", listing.images_left, "image"),
        ("masks-without-image", listing.masks_left, "mask"),
        ("unread-formats", listing.converted, "file"),
    ):
        if files:
            found = True
            yield _left(name, files, what)
    if not listing.has_images:
        yield Finding(
            "files", Level.UNKNOWN, "no-images", "No folder of images, so nothing that needs them is looked at."
        )
    if not listing.has_masks:
        yield Finding("files", Level.UNKNOWN, "no-masks", "No folder of masks, so captions are held against nothing.")
    if not found and listing.has_images:
        whole = "its image and its mask" if listing.has_masks else "its image"
        yield Finding(
            "files",
            Level.GOOD,
            "files",
            f"Each of {several(len(study.rows), 'row')} has {whole}, and none is left over.",
        )


def _images(study: Study) -> Iterator[Finding]:
    # A row that is empty throughout is named once, by the captions.
    named = [index for index, row in enumerate(study.rows) if row.names_image or row.caption.strip()]
    missing = [index for index in named if study.rows[index].image is None]
    if study.listing.has_images and missing:
        names = listed([study.rows[index].place for index in missing])
        yield Finding(
            "files",
            Level.MEND,
            "missing-images",
            f"{several(len(missing), 'caption')} without an image: {names}.",
            tuple(missing),
        )


def _masks(study: Study) -> Iterator[Finding]:
    if not study.listing.has_masks:
        return
    for part, indices in study.parts.items():
        missing = [index for index in indices if study.rows[index].mask is None and study.rows[index].image is not None]
        if not missing:
            continue
        of = f"{part} " if part else ""
        if len(missing) == len(indices):
            text = f"None of the {several(len(indices), f'{of}image')} has a mask; unlabelled, if that is meant."
            yield Finding("files", Level.LOOK, "part-without-masks", text, tuple(missing))
            continue
        names = listed([study.rows[index].name for index in missing])
        text = f"{len(missing):,} of {several(len(indices), f'{of}image')} without a mask: {names}."
        yield Finding("files", Level.MEND, "missing-masks", text, tuple(missing))


def _unreadable(study: Study) -> Iterator[Finding]:
    for name, facts in (("unreadable-images", study.images), ("unreadable-masks", study.masks)):
        errors = {index: one.error for index, one in enumerate(facts) if one is not None and one.error}
        if errors:
            first = next(iter(errors.values()))
            what = name.split("-")[1]
            text = f"{several(len(errors), what[:-1])} cannot be read. The first: {first}"
            yield Finding("files", Level.MEND, name, text, tuple(errors))


def _left(name: str, files: Sequence[Path], what: str) -> Finding:
    names = listed([file.name for file in files])
    told = {
        "images-without-caption": f"{several(len(files), what)} that no caption names: {names}.",
        "masks-without-image": f"{several(len(files), what)} that belong to no image of the list: {names}.",
        "unread-formats": f"{several(len(files), what)} in a format that is not read: {names}. Convert them to PNG.",
    }
    return Finding("files", Level.LOOK, name, told[name], files=tuple(str(file) for file in files))
