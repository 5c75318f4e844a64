"""Orientation and row cuts: whether masks lie where captions say, and which atlas says it best."""

from __future__ import annotations

from collections.abc import Iterator

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.doctor.findings import Finding, Level, several, share
from crossmodal_aug.doctor.geometry import ENOUGH, Geometry
from crossmodal_aug.doctor.study import Study

_WORTH = 0.01
"""Gain of exact agreement from which on fitted cuts are worth a line."""


def check_orientation(study: Study, geometry: Geometry) -> Iterator[Finding]:
    """Say which way round the images are, which side is left, and where the cuts lie."""
    if not geometry.count:
        if study.listing.has_masks:
            text = "No row has both a mask with lesion and a caption that names a place: nothing tells the orientation."
            yield Finding("orientation", Level.UNKNOWN, "orientation", text)
        return
    atlas = study.atlas
    for part, wrong, message, rows in geometry.parts:
        text = f"In the part {part or 'without a name'}, {message[:1].lower()}{message[1:]}"
        yield Finding("orientation", Level.MEND, f"{_name(wrong)}-part", text, rows)
    if geometry.wrong:
        yield _turned(atlas, geometry)
    elif geometry.upright:
        text = (
            f"Upright, over {several(geometry.count, 'row')} that tell; {_left(geometry.atlas)}. That is what masks "
            "and captions tell: an image that is turned without its mask is not seen."
        )
        yield Finding("orientation", Level.GOOD, "upright", text, figures={"laterality": geometry.atlas.laterality})
    else:
        few = f"{several(geometry.count, 'row')} are too few to tell" if geometry.count < ENOUGH else "rows do not tell"
        text = f"Nothing is said against the orientation, but {few} whether images are upright and which side is left."
        yield Finding("orientation", Level.UNKNOWN, "orientation", text)
    yield from _cuts(atlas, geometry)


def _name(wrong: str) -> str:
    return wrong.replace(", ", " and ").replace(" ", "-")


def _turned(atlas: Atlas, geometry: Geometry) -> Finding:
    name = _name(geometry.wrong) + ("-in-part" if geometry.in_part else "")
    text = geometry.message
    if geometry.mended_by_laterality:
        side = "right" if atlas.laterality == "viewer" else "left"
        text = (
            f"Mirrored: what captions call left lies at the {side} of the image, while the "
            f"atlas says {atlas.laterality}. If captions speak of the patient's sides, say so "
            f"(--laterality {geometry.atlas.laterality}, and as in the lines to paste); if images were flipped, mend "
            "where they are read."
        )
    return Finding(
        "orientation", Level.MEND, name, text, geometry.turned, figures={"laterality": geometry.atlas.laterality}
    )


def _cuts(atlas: Atlas, geometry: Geometry) -> Iterator[Finding]:
    before, after = geometry.before, geometry.after
    if before is None or after is None or geometry.wrong == "unrelated":
        return
    if geometry.count < ENOUGH:
        text = f"{several(geometry.count, 'row')} with lesion are too few to fit the cuts ({ENOUGH} and more tell)."
        yield Finding("cuts", Level.UNKNOWN, "cuts", text)
        return
    fitted = geometry.refused or geometry.atlas
    cuts = cuts_of(fitted)
    gain = (
        f"exact agreement {share(before.exact, 1)} with {cuts_of(atlas)}, {share(after.exact, 1)} fitted; macro F1 "
        f"{before.macro_f1:.2f} and {after.macro_f1:.2f}"
    )
    figures = {
        "rows": list(fitted.rows), "columns": list(fitted.columns), "exact": [before.exact, after.exact],
        "macro_f1": [before.macro_f1, after.macro_f1],
    }  # fmt: skip
    if geometry.refused is not None:
        text = (
            f"{_capital(cuts)} fit best, but too little better to be taken: {gain}. The regions of {atlas.name} "
            "overlap, and captions may name where the middle of a lesion lies rather than all that it touches; masks "
            "cannot tell which."
        )
        yield Finding("cuts", Level.UNKNOWN, "cuts", text, figures=figures)
    elif after.exact - before.exact >= _WORTH and cuts_of(atlas) != cuts:
        yield Finding(
            "cuts", Level.LOOK, "fitted-cuts", f"Take {cuts} (in the lines to paste): {gain}.", figures=figures
        )
    else:
        text = f"{_capital(cuts_of(atlas))} fit: exact agreement {share(before.exact, 1)}, nothing to gain."
        yield Finding("cuts", Level.GOOD, "cuts", text, figures=figures)


def cuts_of(atlas: Atlas) -> str:
    """Return the cuts of an atlas in words."""
    columns = f", columns at {_numbers(atlas.columns)}" if atlas.columns not in ((), (0.5,)) else ""
    return f"rows at {_numbers(atlas.rows)}{columns}" if atlas.rows else columns.removeprefix(", ") or "no cuts"


def _numbers(cuts: tuple[float, ...]) -> str:
    return " / ".join(f"{cut:.2f}" for cut in cuts)


def _left(atlas: Atlas) -> str:
    if not atlas.sides:
        return "the atlas has no sides"
    if atlas.frame == "image":
        return "left is the image's left"
    seen = "the image's left (viewer)" if atlas.laterality == "viewer" else "the patient's, at the right of the image"
    return f"left is {seen}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
