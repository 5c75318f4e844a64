"""Data sets from a folder: QaTa-COV19, MosMedData+, and any other one with captions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossmodal_aug import Atlas
from crossmodal_aug.errors import InvalidValueError
from semimedref.atlases import is_of_lungs
from semimedref.data.cache import PictureCache
from semimedref.data.duplicates import check_content
from semimedref.data.entries import PARTS
from semimedref.data.findings import Findings
from semimedref.data.folder_layouts import FOLDER_LAYOUTS
from semimedref.data.layouts import ANNOTATION, FRAMES, LVIT, SETS, Layout, read_layout
from semimedref.data.reading import read_scored, read_training
from semimedref.data.rows import Parts, Row
from semimedref.data.samples import DataSet
from semimedref.data.splits import Rule, labelled_names
from semimedref.data.zones import MOSMED_ZONES, QATA_ZONES, KnownZones, place_regions

LATERAL_VIEW = "vp-ll"
"""In the name of an X-ray taken from the side, where the captions' left and right cannot be seen."""


@dataclass(frozen=True)
class Source:
    """What is particular to a data set.

    Attributes:
        layouts: How it may be laid out; the first that fits is taken.
        rule: How its labelled samples are chosen.
        zones: What is known about its lung zones; None where the atlas is given.
    """

    layouts: tuple[Layout, ...]
    rule: Rule
    zones: KnownZones | None


SOURCES = {
    "qata": Source((ANNOTATION, SETS, LVIT), "qata", QATA_ZONES),
    "mosmed": Source((FRAMES, LVIT), "mosmed", MOSMED_ZONES),
    "folder": Source(FOLDER_LAYOUTS, "qata", None),
}


def load_folder(
    name: str,
    root: Path,
    *,
    size: int,
    labels: float,
    split: str = "auto",
    total: int = 0,
    draw: int = 0,
    cache: Path | None = None,
    to_train: bool = True,
    needed: Collection[str] = PARTS,
    mask_values: str = "",
    allow_duplicates: bool = False,
    atlas: Atlas | None = None,
) -> DataSet:
    """Read a data set into memory.

    Args:
        name: One of `SOURCES`.
        root: Its folder.
        size: Side in pixels that images and training masks are resized to. Masks of the validation and the test set
            also stay in their own size, in which they are scored.
        labels: Share of the training images whose masks are used.
        split: As in `labelled_names`.
        total: As in `labelled_names`.
        draw: As in `labelled_names`.
        cache: Folder that keeps the decoded pictures; None keeps nothing.
        to_train: Whether labelled masks that lie across their images, or hold no lesion, are an error. Where nothing is
            trained on them they only say where the lung zones lie.
        needed: Parts that must be there. Others are read where they are, and else are empty.
        mask_values: Values of the masks that are lesion, as `--mask-values` takes them; if empty, the files tell.
        allow_duplicates: Whether a picture, a file name or a patient may stand in two parts.
        atlas: Regions of the captions, for "folder" and for it alone.

    Returns:
        The data set.

    Raises:
        InvalidValueError: The atlas is missing or not asked for, the folder has no known layout, a file is missing or
            unreadable, a mask has another size than its image or does not tell its lesion, a row is not as expected,
            or something stands in two parts. The message names the file and the row.
    """
    source = SOURCES[name]
    known = source.zones or atlas
    if known is None or (source.zones and atlas):
        raise InvalidValueError(f"Expected `atlas` for data folder alone, but got {atlas and atlas.name} for {name}.")
    parts, notes = read_layout(root, source.layouts, needed=needed, allow_duplicates=allow_duplicates)
    train = parts["train"]
    chosen = labelled_places(train, source.rule, labels, split=split, total=total, draw=draw)
    pictures, findings = PictureCache(cache), Findings(mask_values)
    labelled, unlabelled = read_training(train, chosen, size, pictures, needs_lesion=to_train, findings=findings)
    valid, test = (read_scored(parts[part], size, pictures, findings=findings) for part in ("valid", "test"))
    notes += [*check_content(parts, findings.digests, allow=allow_duplicates), *findings.notes()]
    placed, note = place_regions(labelled, known, to_train=to_train)
    data = DataSet(
        labelled=labelled,
        unlabelled=unlabelled,
        valid=valid,
        test=test,
        atlas=placed,
        notes=(*notes, *(_lateral_views(parts) if is_of_lungs(placed) else ()), note),
    )
    if cache is not None:
        read = f"{cache}: {pictures.found} decoded pictures found, {pictures.decoded} added"
        return replace(data, notes=(*data.notes, read))
    return data


def labelled_places(
    train: Sequence[Row], rule: Rule, labels: float, *, split: str = "auto", total: int = 0, draw: int = 0
) -> list[int]:
    """Return the places of the labelled rows among those of the training part, in their order; none if it is empty.

    Args:
        train: The rows of the training part.
        rule: As in `labelled_names`.
        labels: Share of the training images whose masks are used.
        split: As in `labelled_names`.
        total: As in `labelled_names`.
        draw: As in `labelled_names`.

    Raises:
        ShareError: The share gives no sample, or more than there are.
    """
    place = {row.image.name: index for index, row in enumerate(train)}
    if not place:
        return []
    return [place[one] for one in labelled_names(list(place), labels, split=split, total=total, rule=rule, draw=draw)]


def _lateral_views(parts: Parts) -> list[str]:
    counts = {part: sum(LATERAL_VIEW in row.image.name for row in rows) for part, rows in parts.items()}
    if not any(counts.values()):
        return []
    told = ", ".join(f"{count} {part}" for part, count in counts.items())
    return [f"lateral views ({LATERAL_VIEW} in the name): {told}; they are kept, though no side can be seen in them"]
