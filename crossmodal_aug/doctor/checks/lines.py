"""Lines: whether the lines to paste can be trusted, as far as masks and captions tell."""

from __future__ import annotations

from collections.abc import Iterator

from crossmodal_aug.doctor.checks.atlas import FEW, placed_in
from crossmodal_aug.doctor.findings import Finding, Level, several, share
from crossmodal_aug.doctor.geometry import ENOUGH, Geometry
from crossmodal_aug.doctor.study import Study

_AGREE = 0.6
"""Share of rows in which captions must name exactly the regions that the lesion touches."""


def check_lines(study: Study, geometry: Geometry) -> Iterator[Finding]:
    """Say plainly whether to trust the lines to paste; nothing where there are no masks."""
    if study.listing.has_masks:
        level, text = trust_of(study, geometry)
        yield Finding("lines", level, "trust", text)


def trust_of(study: Study, geometry: Geometry) -> tuple[Level, str]:
    """Return whether the lines to paste can be trusted, as a level and in a sentence or two."""
    unknown = _not_told(study, geometry)
    if unknown is not None:
        return unknown
    if geometry.after is None or geometry.count < ENOUGH:
        few = f"{several(geometry.count, 'row')} with a lesion and a place"
        return Level.UNKNOWN, f"Whether the lines to paste fit is not known: {few} are too few to tell."
    exact = f"in {share(geometry.after.exact, 1)} of the rows captions name exactly the regions that the lesion touches"
    if geometry.after.exact < _AGREE:
        sided = geometry.upright or geometry.mended_by_laterality
        trust = (
            "Trust the lines to paste for sides, not for regions:"
            if sided
            else "Do not trust the lines to paste without a look: the rows do not tell which side is left, and"
        )
        return Level.LOOK, (
            f"{trust} {exact}. Ops that read regions off a mask (TPatchMix, ZoneMix, Focus, SyncGeometry) then write "
            "captions by another rule than yours. Look at some with `crossmodal-aug preview` first, or use SyncFlip, "
            "PosAug and Reword alone."
        )
    if geometry.mended_by_laterality:
        return Level.UNKNOWN, (
            f"The lines to paste fit if captions speak of the {geometry.atlas.laterality}'s sides: {exact}."
        )
    if not geometry.upright:
        return Level.UNKNOWN, f"The lines to paste fit the regions: {exact}. Which side is left, the rows do not tell."
    return Level.GOOD, f"The lines to paste can be trusted: {exact}."


def _not_told(study: Study, geometry: Geometry) -> tuple[Level, str] | None:
    """What keeps masks and captions from telling; None where they tell."""
    placed = placed_in(study.reports)
    if placed < FEW:
        return Level.LOOK, (
            f"Do not trust the lines to paste yet: the atlas finds a place in no more than {share(placed, 1)} of the "
            "captions (captions, words)."
        )
    if geometry.parts or (geometry.wrong and not geometry.mended_by_laterality):
        return Level.UNKNOWN, "Do not use the lines to paste yet: masks do not lie where captions say (orientation)."
    return None
