"""Atlas: named regions, the words that name them, and their place in the image."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from crossmodal_aug.errors import AtlasError, InvalidTypeError, InvalidValueError, UnknownRegionError

Laterality = Literal["viewer", "patient"]
Box = tuple[float, float, float, float]
Cell = tuple[int, int] | Box


@dataclass(frozen=True)
class WordEntry:
    """Words of one kind with one meaning: a `[[words]]` table of an atlas file.

    Args:
        kind: What part the words play in a phrase; the kinds are listed in `lexicon.KINDS`.
        forms: The words, lower case; a form may hold several words.
        axis: For kinds that name regions, the property they state. Values of one axis are alternatives
            and add up ("upper and lower"), values of different axes narrow each other ("upper left").
        regions: Indices of the regions that the words stand for.
        implied: The smaller set they stand for when no side is stated ("lingula" is left).
        plural: Whether the words speak of both sides unless one is stated ("bases").
    """

    kind: str
    forms: tuple[str, ...]
    axis: str = ""
    regions: tuple[int, ...] = ()
    implied: tuple[int, ...] = ()
    plural: bool = False


@dataclass(frozen=True)
class Phrasing:
    """How regions of an atlas are put into words: the `[phrases]` table of an atlas file.

    Args:
        regions: One phrase per region ("upper left lung").
        parts: One word per region that tells it from the others of its side ("upper"), or "".
        sides: One word per side, in the order of `Atlas.sides`.
        some: Pattern of several regions of one side: "{parts} {side} lung".
        whole: Pattern of a whole side: "all {side} lung".
        coarse: Pattern of a side without its parts: "{side} lung".
        join: What stands between two phrases in a list of them.
        present: Sentence that states positions, with "{positions}".
        absent: Sentence that states that there are none.
        absent_caption: The negative caption.
    """

    regions: tuple[str, ...]
    parts: tuple[str, ...]
    sides: tuple[str, ...]
    some: str
    whole: str
    coarse: str
    join: str
    present: str
    absent: str
    absent_caption: str


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
        bare: What a side or level word without a noun needs to count as a position: "finding" (a finding
            that it can belong to, as in radiology reports) or "locative" (a preposition before it, as in
            prompts on image positions).
        words: The vocabulary.
        phrasing: How regions are put into words.
        mirror_words: Pairs of words that a horizontal flip exchanges.

    Example:
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
    words: tuple[WordEntry, ...] = field(repr=False)
    phrasing: Phrasing = field(repr=False)
    mirror_words: tuple[tuple[str, str], ...] = field(repr=False)
    boxes: tuple[Box, ...] = field(init=False)

    def __post_init__(self) -> None:
        check_cuts("rows", self.rows)
        check_cuts("columns", self.columns)
        if self.laterality not in get_args(Laterality):
            raise InvalidValueError(f'Expected `laterality` to be "viewer" or "patient", but got {self.laterality!r}')
        object.__setattr__(self, "boxes", tuple(self._box(cell) for cell in self.cells))

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

        Example:
            >>> from crossmodal_aug import QUADRANTS
            >>> QUADRANTS.index("center")
            4
        """
        if name not in self.names:
            raise UnknownRegionError(
                f"Expected a region of atlas {self.name!r} ({', '.join(self.names)}), but got {name!r}"
            )
        return self.names.index(name)

    def with_geometry(
        self,
        rows: tuple[float, ...] | None = None,
        columns: tuple[float, ...] | None = None,
        laterality: Laterality | None = None,
    ) -> Atlas:
        """Return the same atlas with other cuts or another laterality.

        Args:
            rows: Inner row cuts, as many as the atlas has; None keeps them.
            columns: Inner column cuts, as many as the atlas has; None keeps them.
            laterality: "viewer" or "patient"; None keeps it.

        Returns:
            A new atlas.

        Raises:
            InvalidValueError: Wrong number of cuts, cuts that do not increase strictly inside (0, 1), or an
                unknown laterality.

        Example:
            >>> from crossmodal_aug import LUNG_ZONES
            >>> LUNG_ZONES.with_geometry(rows=(0.3125, 0.384)).boxes[1]
            (0.3125, 0.384, 0.0, 0.5)
        """
        changes: dict[str, object] = {}
        for name, cuts, own in (("rows", rows, self.rows), ("columns", columns, self.columns)):
            if cuts is None:
                continue
            checked = check_cuts(name, cuts)
            if len(checked) != len(own):
                raise InvalidValueError(
                    f"Expected `{name}` to hold {len(own)} cuts for atlas {self.name!r}, but got {cuts!r}"
                )
            changes[name] = checked
        if laterality is not None:
            changes["laterality"] = laterality
        return replace(self, **changes)  # type: ignore[arg-type]

    @staticmethod
    def from_toml(path: str | Path) -> Atlas:
        """Read an atlas from a TOML file; the schema is documented with the example in `docs/`.

        Args:
            path: The file.

        Returns:
            The atlas.

        Raises:
            AtlasError: The file is missing, is no TOML, or describes an inconsistent atlas. Among much else its
                words must be symmetric under a flip, and its phrases must read back as the regions they stand for.
            InvalidTypeError: `path` is no path.
        """
        from crossmodal_aug.anatomy.atlas_file import read_atlas  # noqa: PLC0415  (it builds on this module)

        if not isinstance(path, str | Path):
            raise InvalidTypeError(f"Expected `path` to be a string or a Path, but got {type(path).__name__}")
        return read_atlas(Path(path))

    def _box(self, cell: Cell) -> Box:
        flip = self.laterality == "patient"
        if len(cell) == 4:
            y0, y1, x0, x1 = cell
            return (y0, y1, 1.0 - x1, 1.0 - x0) if flip else cell
        rows = (0.0, *self.rows, 1.0)
        columns = (0.0, *self.columns, 1.0)
        row, column = cell
        if flip:
            column = len(self.columns) - column
        return (rows[row], rows[row + 1], columns[column], columns[column + 1])


def check_cuts(name: str, cuts: object) -> tuple[float, ...]:
    """Check cuts of rows or columns.

    Args:
        name: What to call them in errors.
        cuts: What was given.

    Returns:
        The cuts.

    Raises:
        InvalidTypeError: They are no numbers in a row.
        InvalidValueError: They do not increase strictly inside (0, 1).
    """
    if not isinstance(cuts, tuple | list):
        raise InvalidTypeError(f"Expected `{name}` to be a tuple of numbers, but got {cuts!r}")
    for cut in cuts:
        if isinstance(cut, bool) or not isinstance(cut, int | float):
            raise InvalidTypeError(f"Expected `{name}` to be a tuple of numbers, but got {cuts!r}")
    bounded = (0.0, *cuts, 1.0)
    rising = all(a < b for a, b in itertools.pairwise(bounded))
    if not rising or not all(math.isfinite(cut) for cut in cuts):
        raise InvalidValueError(f"Expected `{name}` to increase strictly inside (0, 1), but got {cuts!r}")
    return tuple(float(cut) for cut in cuts)


def __getattr__(name: str) -> Atlas:
    # The two atlases of the package are files like a user's own; they are read when first asked for.
    if name not in ("LUNG_ZONES", "QUADRANTS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crossmodal_aug.anatomy.atlas_file import read_atlas  # noqa: PLC0415  (it builds on this module)

    # Their phrases are read back by the tests, not at every import.
    atlas = read_atlas(Path(__file__).parent / "atlases" / f"{name.lower()}.toml", check_words=False)
    globals()[name] = atlas
    return atlas


def named_atlas(atlas: Atlas | str) -> Atlas:
    """Return an atlas by its name in the package, by the path of its file, or as it is.

    Args:
        atlas: An `Atlas`, "lung_zones", "quadrants", or a path that ends in ".toml".

    Returns:
        The atlas.

    Raises:
        AtlasError: The name is neither one of the package's nor a TOML file.
        InvalidTypeError: `atlas` is of another type.

    Example:
        >>> named_atlas("quadrants").names[-1]
        'center'
    """
    if isinstance(atlas, Atlas):
        return atlas
    if not isinstance(atlas, str):
        raise InvalidTypeError(f"Expected an Atlas or its name, but got {type(atlas).__name__}")
    if atlas in ("lung_zones", "quadrants"):
        # Through the module, so that everybody shares one object.
        return globals().get(atlas.upper()) or __getattr__(atlas.upper())
    if atlas.endswith(".toml"):
        return Atlas.from_toml(atlas)
    raise AtlasError(f'Expected "lung_zones", "quadrants" or the path of a .toml file, but got {atlas!r}')
