"""Parts of a data set that names none, drawn so that what belongs together stays together."""

import hashlib
from collections.abc import Sequence

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.duplicates import patient_in
from semimedref.data.entries import PARTS
from semimedref.data.reading import pixel_digests
from semimedref.data.rows import Parts, Row

SEED = 42
"""Of all draws of parts: what is tested shall not change from run to run."""

SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
HELD_OUT = {"train": 0.8, "valid": 0.2}

REMEDY = "name the part of each image in a column Split (train, val, test)"


def draw_parts(rows: Sequence[Row], shares: dict[str, float]) -> tuple[Parts, str]:
    """Draw the part of each row.

    Rows of one patient come into one part. Where no row tells its patient, rows of the same picture (its pixels) do.
    Where a row comes follows from its patient or its pixels and `SEED` alone, so that more rows move none.

    Args:
        rows: N of them.
        shares: About which share of the patients or pictures comes into each part.

    Returns:
        The rows of each part, in the order that they came in; and a line that says how they were drawn.

    Raises:
        InvalidValueError: Some rows tell their patient and others do not, or a part stays empty.
    """
    units, kind = _units(rows)
    parts: Parts = {part: [] for part in PARTS}
    for row, unit in zip(rows, units, strict=True):
        parts[_part_at(_place(unit), shares)].append(row)
    count = len(set(units))
    counts = ", ".join(f"{len(parts[part])} {part}" for part in shares)
    if not all(parts[part] for part in shares):
        raise InvalidValueError(
            f"Expected enough images to draw {' and '.join(shares)} parts from, but {len(rows)} images of {count} "
            f"{kind} give {counts}: {REMEDY}."
        )
    return parts, f"parts drawn by {kind}, {count} of them, seed {SEED}: {counts} images"


def _units(rows: Sequence[Row]) -> tuple[list[str], str]:
    """What of each row decides its part, and how a line calls several of it."""
    patients = [patient_in(row) for row in rows]
    if all(patients):
        return patients, "patients"
    if any(patients):
        first = rows[patients.index("")]
        raise InvalidValueError(
            f"{first.where} ({first.image.name}): expected a patient, as other rows have, but got none, so that no "
            f"parts can be drawn that share no patient: fill the column Patient, or {REMEDY}."
        )
    return pixel_digests(rows), "distinct pictures (no row tells its patient)"


def _place(unit: str) -> float:
    """A number in [0, 1) that looks random and follows from a unit."""
    drawn = hashlib.sha256(f"{SEED} {unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(drawn[:6], "big") / 2**48


def _part_at(place: float, shares: dict[str, float]) -> str:
    reached = 0.0
    for part, share in shares.items():
        reached += share
        if place < reached:
            return part
    # Shares of floating point may add up to a little less than 1.
    return list(shares)[-1]
