"""The same picture, file name or patient in two parts of a data set: what is tested has then been seen in training."""

import re
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.formats import core
from semimedref.data.rows import Parts, Row

SHOWN_PAIRS = 5

PATIENT = re.compile(r"(?<![a-z0-9])sub-([a-z0-9]+)", re.IGNORECASE)
"""The subject in a file name of the Brain Imaging Data Structure (BIDS), as in QaTa-COV19."""


class DuplicateError(InvalidValueError):
    """Something stands in two parts."""


def patient_of(name: str) -> str:
    """Return the patient that the name of a file tells; "" where it tells none.

    Example:
        >>> patient_of("mask_sub-S0807_ses-e1_vp-ap_cr.png"), patient_of("covid_1.png")
        ('s0807', '')
    """
    found = PATIENT.search(name)
    return found[1].casefold() if found else ""


def patient_in(row: Row) -> str:
    """Return the patient of a row, from its list or else from the name of its image; "" where neither tells one."""
    return row.patient.casefold() or patient_of(row.image.name)


def check_names(parts: Parts, *, allow: bool, own_cut: bool = False) -> list[str]:
    """Check that no file, file name and patient stands in two parts.

    Args:
        parts: The rows of each part.
        allow: Whether that is said instead of raised.
        own_cut: Whether validation was cut from training here: a patient at that cut is said alone.

    Returns:
        Lines to print about what is allowed.

    Raises:
        DuplicateError: Something stands in two parts; the message names the pairs.
    """
    files = _pairs(parts, lambda row: str(row.image))
    if files and not allow:
        (one, part), (other, earlier) = files[0][1], files[0][0]
        raise DuplicateError(
            f"{one.where}: {one.image.name} is a {part} image here, but a {earlier} image in {other.where}."
        )
    # Ending and prefix do not count: a copy in another format keeps the rest of its name.
    notes = _said("the same file", files, allow=allow)
    notes += _said("the same name", _pairs(parts, lambda row: core(row.image.name)), allow=allow)
    patients = _pairs(parts, patient_in)
    if own_cut:
        cut = [pair for pair in patients if {part for _, part in pair} == {"train", "valid"}]
        patients = [pair for pair in patients if pair not in cut]
        notes += [f"patients on both sides of the cut between train and valid: {_told(cut)}"] if cut else []
    return notes + _said("the same patient", patients, allow=allow)


def check_content(parts: Parts, digests: Mapping[Path, str], *, allow: bool) -> list[str]:
    """Check that no two parts hold a picture of the same pixels.

    Args:
        parts: The rows of each part.
        digests: What tells the pixels of each image.
        allow: As for `check_names`.

    Returns:
        Lines to print about what is allowed.

    Raises:
        DuplicateError: Two parts do; the message names the pairs.
    """
    return _said("the same picture", _pairs(parts, lambda row: digests[row.image]), allow=allow)


Pair = tuple[tuple[Row, str], tuple[Row, str]]
"""Two rows, each with its part."""


def _pairs(parts: Parts, key: Callable[[Row], str]) -> list[Pair]:
    """One pair for each two parts and each thing that stands in both; an empty key is no thing."""
    first: dict[str, dict[str, Row]] = {}
    for part, rows in parts.items():
        for row in rows:
            if found := key(row):
                first.setdefault(found, {}).setdefault(part, row)
    return [
        ((there[one], one), (there[other], other)) for there in first.values() for one, other in combinations(there, 2)
    ]


def _said(what: str, pairs: list[Pair], *, allow: bool) -> list[str]:
    if not pairs:
        return []
    if not allow:
        raise DuplicateError(
            f"Expected parts that share nothing, but {what} stands in two: {_told(pairs)}; take one of each out, or "
            "give --allow-duplicates if that is meant."
        )
    return [f"{what} stands in two parts, as --allow-duplicates allows: {_told(pairs)}"]


def _told(pairs: list[Pair]) -> str:
    shown = [" and ".join(f"{row.image} ({part})" for row, part in pair) for pair in pairs[:SHOWN_PAIRS]]
    more = f"; and {len(pairs) - SHOWN_PAIRS:,} pairs more" if len(pairs) > SHOWN_PAIRS else ""
    return "; ".join(shown) + more
