"""Where the regions of the captions lie in the images: lung zones are fitted to masks, others checked."""

from dataclasses import dataclass

import crossmodal_aug.functional as CF
from crossmodal_aug import LUNG_ZONES, Atlas
from crossmodal_aug.errors import AlignmentError, InvalidValueError
from crossmodal_aug.functional import calibrate
from semimedref.atlases import is_of_lungs, parser_for
from semimedref.data.samples import Samples

ENOUGH_TO_CALIBRATE = 50
"""Fewer labelled masks say too little about where the rows lie."""


class TransposedError(InvalidValueError):
    """Masks lie across their images: rows and columns are exchanged."""


VIEWED = LUNG_ZONES.with_geometry(laterality="viewer")


@dataclass(frozen=True)
class KnownZones:
    """What is known of a data set's zones beforehand.

    Attributes:
        rows: Row cuts, as shares of the image height.
        source: Where they come from.
        margin: What a fit to the labelled masks must add to the macro F1 to be preferred.
        lungs: Lung zones, with whose left is meant.
    """

    rows: tuple[float, float]
    source: str
    margin: float
    lungs: Atlas = VIEWED

    @property
    def atlas(self) -> Atlas:
        """The zones."""
        return self.lungs.with_geometry(rows=self.rows)


QATA_ZONES = KnownZones((0.3125, 0.384), "as measured on QaTa-COV19", margin=0.0)

# A zone of MosMedData+ says where a lesion begins, not how far down it reaches. A fit asks which zones hold lesion, so
# it bends the rows to make up for that: only a gain too large for it is believed.
MOSMED_ZONES = KnownZones((1 / 3, 2 / 3), "thirds", margin=0.05)


def place_regions(labelled: Samples, known: KnownZones | Atlas, *, to_train: bool = True) -> tuple[Atlas, str]:
    """Find out where regions lie: lung zones are fitted, those of another atlas checked against the labelled masks.

    Args:
        labelled: Samples with masks.
        known: What is known of the zones of a data set, or the atlas that was given.
        to_train: Whether masks that lie elsewhere than their captions say are an error.

    Returns:
        The atlas, and a line that says how its geometry was come by.

    Raises:
        AlignmentError: Masks lie elsewhere than their captions say.
        TransposedError: As for `fit_atlas`.
    """
    if isinstance(known, Atlas) and is_of_lungs(known):
        # How a given data set means its zones is not known, so only a clear gain is believed.
        known = KnownZones((known.rows[0], known.rows[1]), "as in the atlas", 0.05, known)
    try:
        if isinstance(known, KnownZones):
            return fit_atlas(labelled, known)
        return known, as_given(known) + agreement_of(labelled, known)
    except (TransposedError, AlignmentError) as error:
        if to_train:
            raise
        if isinstance(known, KnownZones):
            return known.atlas, f"lung zones: {known.source}. {error}"
        return known, f"{as_given(known)}. {error}"


def as_given(atlas: Atlas) -> str:
    """Return a line about an atlas that stays as it was given."""
    speaks = "a place in the image" if atlas.frame == "image" else "anatomy"
    return f"atlas {atlas.name}: left is the {atlas.laterality}'s, words speak of {speaks}; its regions lie as given"


def agreement_of(labelled: Samples, atlas: Atlas) -> str:
    """Return how well masks and captions agree, to end a line with.

    Raises:
        AlignmentError: Masks lie elsewhere than their captions say.
    """
    if labelled.masks is None or not len(labelled):
        return ""
    agreed = CF.check_alignment(atlas, labelled.masks, parser_for(atlas).encode(labelled.texts))
    return f" (Jaccard index of the regions that captions name and {len(labelled)} masks hold: {agreed:.3f})"


def fit_atlas(labelled: Samples, known: KnownZones) -> tuple[Atlas, str]:
    """Fit the place of the lung zones to the labelled masks, where there are enough of them.

    Args:
        labelled: Samples with masks.
        known: What is used where they are too few, or fit little better.

    Returns:
        The atlas, and a line that says how it was come by.

    Raises:
        TransposedError: The masks fit their captions only when rows and columns are exchanged.
    """
    default = f"lung zones: rows cut at {_cuts(known.atlas)}, {known.source}; left is the {known.atlas.laterality}'s"
    if len(labelled) < ENOUGH_TO_CALIBRATE or labelled.masks is None:
        return known.atlas, default
    found = calibrate(known.atlas, labelled.masks, parser_for(known.atlas).encode(labelled.texts))
    before, after = found.before.macro_f1, found.after.macro_f1
    if found.orientation == "unknown":
        return known.atlas, f"{default}: kept, since {len(labelled)} masks do not tell which side is which"
    if after - before < known.margin:
        return known.atlas, (
            f"{default}: kept, since a fit to {len(labelled)} masks would only raise macro F1 from {before:.3f} to "
            f"{after:.3f}"
        )
    if found.orientation == "transposed":
        raise TransposedError(
            "The labelled masks fit their captions only with rows and columns exchanged: "
            f"macro F1 {after:.3f} transposed, {before:.3f} as they are."
        )
    return found.atlas, (
        f"lung zones: rows cut at {_cuts(found.atlas)}, left is the {found.atlas.laterality}'s, fitted to "
        f"{len(labelled)} masks (macro F1 {after:.3f}; {before:.3f} with rows cut at {_cuts(known.atlas)})"
    )


def _cuts(atlas: Atlas) -> str:
    return " and ".join(f"{row:.3f}" for row in atlas.rows)
