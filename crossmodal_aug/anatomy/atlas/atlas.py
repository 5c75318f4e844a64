"""Atlas: named regions, the words that name them, and their place in the image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from crossmodal_aug.anatomy.atlas.file import parse_fields, read_fields
from crossmodal_aug.anatomy.atlas.geometry import (
    Box,
    Cell,
    Frame,
    Laterality,
    boxes_of,
    check_cuts,
    check_frame,
    check_laterality,
)
from crossmodal_aug.anatomy.atlas.words import Phrasing, WordEntry, check_frames, check_pattern
from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError, UnknownRegionError, shown


@dataclass(frozen=True)
class Atlas:
    """A set of named regions, the same for words and for pixels.

    Region order is the order of the bits everywhere in the library. Boxes may overlap: a later region is
    painted over an earlier one.

    Args:
        name: Name of the atlas.
        names: The K region names.
        mirror: For each region the index of the region that it becomes under a horizontal flip.
        cells: For each region its (row band, column band) seen by a viewer, or a fixed box.
        sides: Region indices by side, the image's left side first in viewer laterality.
        rows: Inner row cuts, fractions of the height.
        columns: Inner column cuts, fractions of the width, always in image coordinates.
        laterality: "viewer" (left is the image's left) or "patient" (left is the image's right).
        bare: What a side or level word without a noun needs to count as a position. "finding": a finding that it can
            belong to, as in radiology reports. "locative": nothing, as in captions of pictures. There "left" is a
            place unless it counts, belongs to a body or lies beside a thing.
        frame: What the words speak of. "body": anatomy. The words travel with the tissue, so that a crop changes none,
            and a mirror exchanges the sides. "image": a place in the picture, so that any geometry changes them.
        words: The vocabulary.
        phrasing: How regions are put into words.
        mirror_words: Pairs of words that a horizontal flip exchanges.

    Examples:
        >>> from crossmodal_aug import LUNG_ZONES
        >>> LUNG_ZONES.names[0], len(LUNG_ZONES), LUNG_ZONES.mirror
        ('left upper', 6, (3, 4, 5, 0, 1, 2))
        >>> LUNG_ZONES.with_geometry(laterality="patient").boxes[0][2:]
        (0.5, 1.0)
    """

    name: str
    names: tuple[str, ...]
    mirror: tuple[int, ...]
    cells: tuple[Cell, ...]
    sides: tuple[tuple[int, ...], ...]
    rows: tuple[float, ...]
    columns: tuple[float, ...]
    laterality: Laterality
    bare: Literal["finding", "locative"]
    frame: Frame
    words: tuple[WordEntry, ...] = field(repr=False)
    phrasing: Phrasing = field(repr=False)
    mirror_words: tuple[tuple[str, str], ...] = field(repr=False)
    boxes: tuple[Box, ...] = field(init=False)

    def __post_init__(self) -> None:
        check_cuts("rows", self.rows)
        check_cuts("columns", self.columns)
        check_laterality(self.laterality)
        check_frame(self.frame)
        object.__setattr__(self, "boxes", boxes_of(self.cells, self.rows, self.columns, self.laterality))

    def __hash__(self) -> int:
        # The vocabulary is long; equality compares it, the hash need not.
        return hash((self.name, self.names, self.rows, self.columns, self.laterality))

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the position of a region in the atlas.

        Args:
            name: Name of the region.

        Returns:
            Its index in `names`.

        Raises:
            UnknownRegionError: There is no such region; the message lists those there are.

        Examples:
            >>> from crossmodal_aug import QUADRANTS
            >>> QUADRANTS.index("center")
            4
        """
        if name not in self.names:
            raise UnknownRegionError(
                f"Expected a region of atlas {shown(self.name)} ({', '.join(self.names)}), but got {shown(name)}."
            )
        return self.names.index(name)

    def with_geometry(
        self,
        rows: tuple[float, ...] | None = None,
        columns: tuple[float, ...] | None = None,
        laterality: Laterality | None = None,
        frame: Frame | None = None,
    ) -> Atlas:
        """Return the same atlas with other cuts, another laterality or another frame.

        Args:
            rows: Inner row cuts, as many as the atlas has; None keeps them.
            columns: Inner column cuts, as many as the atlas has; None keeps them.
            laterality: "viewer" or "patient"; None keeps it.
            frame: "body" or "image"; None keeps it.

        Returns:
            A new atlas.

        Raises:
            InvalidValueError: Wrong number of cuts, cuts that do not increase strictly inside (0, 1), or an
                unknown laterality or frame.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES
            >>> LUNG_ZONES.with_geometry(rows=(0.3125, 0.384)).boxes[1]
            (0.3125, 0.384, 0.0, 0.5)
        """
        changes: dict[str, Any] = {}
        for name, cuts, own in (("rows", rows, self.rows), ("columns", columns, self.columns)):
            if cuts is None:
                continue
            checked = check_cuts(name, cuts)
            if len(checked) != len(own):
                raise InvalidValueError(
                    f"Expected `{name}` to hold {len(own)} cuts for atlas {shown(self.name)}, but got {shown(cuts)}."
                )
            changes[name] = checked
        if laterality is not None:
            changes["laterality"] = laterality
        if frame is not None:
            changes["frame"] = frame
        return replace(self, **changes)

    def with_phrases(
        self,
        *,
        present: str | None = None,
        absent: str | None = None,
        absent_caption: str | None = None,
        join: str | None = None,
        frames: Iterable[tuple[str, str]] | None = None,
    ) -> Atlas:
        """Return the same atlas with other sentences to write in.

        Whether they read back as the regions that they state is checked by the `PositionParser` that is made for it.

        Args:
            present: Sentence that states positions, with "{positions}"; None keeps it.
            absent: Sentence that states that there are none; None keeps it.
            absent_caption: The negative caption; None keeps it.
            join: What stands between two phrases in a list of them; None keeps it.
            frames: Sentences to choose from, in the place of those that the atlas has: pairs of a unique name and a
                pattern with "{positions}" or "{Positions}" exactly once; None keeps them.

        Returns:
            A new atlas.

        Raises:
            InvalidTypeError: One of them is not a string, or `frames` are not pairs of strings.
            InvalidValueError: One of them is empty or has other slots than its own, or two frames have one name.

        Examples:
            >>> from crossmodal_aug import LUNG_ZONES
            >>> LUNG_ZONES.with_phrases(absent="No pneumonia.").phrasing.absent
            'No pneumonia.'
            >>> LUNG_ZONES.with_phrases(present="Pneumonia.")  # doctest: +ELLIPSIS
            Traceback (most recent call last):
                ...
            crossmodal_aug.errors.InvalidValueError: Expected `present` to be a text with {positions}, ...
        """
        given = {"present": present, "absent": absent, "absent_caption": absent_caption, "join": join}
        changes: dict[str, Any] = {key: check_pattern(key, text) for key, text in given.items() if text is not None}
        if frames is not None:
            changes["frames"] = check_frames(frames)
        return replace(self, phrasing=replace(self.phrasing, **changes))

    @staticmethod
    def from_toml(path: str | Path) -> Atlas:
        """Read an atlas from a TOML file; the schema is documented with the example in `docs/`.

        Args:
            path: The file, in UTF-8 with or without a byte order mark.

        Returns:
            The atlas.

        Raises:
            AtlasError: The file is missing, is not TOML, or describes an inconsistent atlas. Whether it can be read
                and written with its own words is checked by the `PositionParser` that is made for it.
            InvalidTypeError: `path` is not a path.
        """
        if not isinstance(path, str | Path):
            raise InvalidTypeError(f"Expected `path` to be a string or a Path, but got {type(path).__name__}.")
        return Atlas(**read_fields(Path(path)))


def parse_atlas(source: str, where: str) -> Atlas:
    """Read an atlas from the text of its file.

    Args:
        source: TOML.
        where: What to call it in errors.

    Returns:
        The atlas.

    Raises:
        AtlasError: The text is not TOML, or describes an inconsistent atlas.
    """
    return Atlas(**parse_fields(source, where))


def named_atlas(atlas: Atlas | str) -> Atlas:
    """Return an atlas by its name in the package, by the path of its file, or as it is.

    Args:
        atlas: An `Atlas`, "lung_zones", "quadrants", or a path that ends in ".toml".

    Returns:
        The atlas.

    Raises:
        AtlasError: The name is neither one of the package's nor a TOML file.
        InvalidTypeError: `atlas` is of another type.

    Examples:
        >>> named_atlas("quadrants").names[-1]
        'center'
    """
    if isinstance(atlas, Atlas):
        return atlas
    if not isinstance(atlas, str):
        raise InvalidTypeError(f"Expected an Atlas or its name, but got {type(atlas).__name__}.")
    if atlas in ("lung_zones", "quadrants"):
        return _package_atlas(atlas)
    if atlas.endswith(".toml"):
        return Atlas.from_toml(atlas)
    raise AtlasError(f'Expected "lung_zones", "quadrants" or the path of a .toml file, but got {shown(atlas)}.')


@lru_cache(maxsize=2)
def _package_atlas(name: str) -> Atlas:
    # The two atlases of the package are files like a user's own; each is read when first asked for, and shared.
    return Atlas.from_toml(Path(__file__).parent / f"{name}.toml")
