"""What was found in the files of a data set while they were read: how masks were understood, what was turned.

One file may tell its lesion and still mean another thing than its neighbours: a mask of 0 and 1 beside one of 0 and 2.
So what the files say is compared across all parts, and said once.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.levels import SHOWN, AmbiguousMaskError
from semimedref.data.masks import ALPHA, COLOURS, EMPTY, LEVELS, LISTED, NEAR, OPAQUE, Understood
from semimedref.mask_values import MaskValues

TURNED = "turned"


class Findings:
    """Collects what was found in files.

    Args:
        values: Values of masks that are lesion; if empty, the files are to tell.

    Attributes:
        digests: What tells the pixels of each image.
    """

    def __init__(self, values: str = "") -> None:
        self.values = MaskValues.parse(values)
        self.digests: dict[Path, str] = {}
        self._masks: dict[Path, Understood] = {}
        self._turned: dict[str, set[Path]] = {"images": set(), "masks": set()}

    @property
    def key(self) -> str:
        """What tells masks read with these values from others, in the name of a file of the cache."""
        return f"-{sha256(self.values.text.encode()).hexdigest()[:8]}" if self.values.text else ""

    @staticmethod
    def of_image(turned: bool) -> str:
        """Return what the cache keeps of what was found in an image."""
        return TURNED if turned else ""

    @staticmethod
    def of_mask(turned: bool, understood: Understood) -> str:
        """Return what the cache keeps of what was found in a mask."""
        return json.dumps([TURNED if turned else "", understood.to_text()])

    def add_images(self, files: Sequence[Path], digests: Iterable[str], found: Iterable[str]) -> None:
        """Learn what was found in images."""
        self.digests.update(zip(files, digests, strict=True))
        self._turned["images"].update(file for file, one in zip(files, found, strict=True) if one == TURNED)

    def add_masks(self, files: Sequence[Path], found: Iterable[str]) -> None:
        """Learn what was found in masks."""
        for file, one in zip(files, found, strict=True):
            turned, understood = json.loads(one)
            self._masks[file] = Understood.from_text(understood)
            if turned:
                self._turned["masks"].add(file)

    def turns(self, image: Path) -> bool:
        """Return whether the EXIF orientation of an image turned it."""
        return image in self._turned["images"]

    def notes(self) -> list[str]:
        """Return lines to print: what was turned, and how the masks were understood.

        Raises:
            AmbiguousMaskError: Masks contradict each other.
            InvalidValueError: As for `check_values`, of all masks.
        """
        images, masks = (len(self._turned[kind]) for kind in ("images", "masks"))
        notes = []
        if images or masks:
            notes.append(
                f"EXIF orientation: {images:,} images and {masks:,} masks are turned or mirrored as it says; files "
                "without it are read as they are stored"
            )
        return [*notes, *self._about_masks()]

    def check_values(self, files: Sequence[Path]) -> None:
        """Raise where none of some masks holds a value that is said to be lesion.

        Raises:
            InvalidValueError: None does.
        """
        if self.values.text and files and not any(self._masks[file].lesion for file in files):
            raise InvalidValueError(
                f"{files[0].parent}: expected masks that hold {self.values.text} (--mask-values), but none of "
                f"{len(files):,} does{self._values_there()}."
            )

    def _about_masks(self) -> list[str]:
        if not self._masks:
            return []
        self.check_values(list(self._masks))
        self._check_agreement()
        kinds = {one.kind for one in self._masks.values()} - {EMPTY, OPAQUE}
        soft = sum(one.soft for one in self._masks.values())
        noise = f", {soft:,} of them with noise or soft borders" if soft else ""
        return [f"masks: {self._told(kinds)}; {len(self._masks):,} files{noise}"]

    def _told(self, kinds: set[str]) -> str:
        if self.values.text:
            others = sum(not one.lesion and set(one.values) not in ({"0"}, {"#000000"}) for one in self._masks.values())
            without = f"; {others:,} hold none of that, but other values than 0" if others else ""
            return f"{self.values.text} is lesion, as --mask-values says{self._values_there()}{without}"
        if kinds == {ALPHA}:
            return "held in alpha, what is opaque is lesion"
        lesions = sorted({_shown(one) for one in self._masks.values() if one.lesion}, key=_by_value)
        if len(lesions) > 1:
            # Noise makes the levels of the files differ a little.
            return f"{lesions[0]} to {lesions[-1]} is lesion"
        values = _listed(self._all_values())
        return f"{values}, {lesions[0]} is lesion" if lesions else f"{values}, no lesion"

    def _values_there(self) -> str:
        values = self._all_values()
        return f"; they hold {_listed(values)}" if values else ""

    def _all_values(self) -> list[str]:
        return sorted({value for one in self._masks.values() for value in one.values}, key=_by_value)

    def _check_agreement(self) -> None:
        """Raise where two masks mean different things."""
        met: dict[Understood, Path] = {}
        for file, one in self._masks.items():
            if one.kind in (EMPTY, LISTED) or one in met:
                continue
            for other, earlier in met.items():
                if not _agree(other, one):
                    raise AmbiguousMaskError(
                        f"{file}: expected masks that mean one thing, but here {_means(one)}, and in {earlier} "
                        f"{_means(other)}; name the values that are lesion with --mask-values"
                    )
            met[one] = file


def _agree(one: Understood, other: Understood) -> bool:
    if OPAQUE in (one.kind, other.kind):
        # An alpha that hides nothing, over one colour, in a set held in alpha: lesion throughout, or no mask at all.
        return ALPHA not in (one.kind, other.kind) and (one.lesion == other.lesion or not (one.lesion and other.lesion))
    if one.kind != other.kind:
        return False
    if one.kind == COLOURS:
        near = NEAR if one.soft or other.soft else 0
        return all(abs(a - b) <= near for a, b in zip(one.lesion, other.lesion, strict=True))
    if one.soft or other.soft:
        return min(one.lesion[0], other.lesion[0]) >= max(one.lesion[0], other.lesion[0]) / 2
    return one.lesion == other.lesion


def _means(one: Understood) -> str:
    if one.kind == ALPHA:
        return "what is opaque is lesion"
    if one.kind == OPAQUE:
        return "all is opaque and of one colour"
    return f"{_shown(one)} is lesion"


def _shown(one: Understood) -> str:
    return one.values[-1] if one.kind in (LEVELS, COLOURS, OPAQUE) else ""


def _by_value(value: str) -> tuple[bool, float, str]:
    return (True, 0.0, value) if value.startswith("#") else (False, float(value), "")


def _listed(values: list[str]) -> str:
    if len(values) > SHOWN:
        return f"{len(values)} values from {values[0]} to {values[-1]}"
    *others, last = values or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last
