"""Duplicates: the same picture twice, or nearly so, and patients who stand in two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from crossmodal_aug.doctor.findings import Finding, Level, several, verb
from crossmodal_aug.doctor.study import Study

_ALIKE = 0.998
"""Correlation of two small copies from which on pictures are nearly the same."""

_FLAT = 2.0
"""Standard deviation in grey levels below which a small copy shows too little to be compared."""

_MOST = 20_000
"""Images beyond which each is not compared with each other."""

_AT_ONCE = 2048

Pairs = list[tuple[int, int]]


def check_duplicates(study: Study) -> Iterator[Finding]:
    """Say which pictures stand there twice."""
    images = {
        index: one for index, one in enumerate(study.images) if one is not None and not one.error and not one.blank
    }
    if not images:
        return
    same = _pairs(study, lambda index: images[index].digest if index in images else "")
    near = _near(study)
    found = False
    for name, level, pairs, what in (
        ("duplicates-across-parts", Level.MEND, _across(study, same), "The same picture stands in two parts"),
        ("duplicates", Level.LOOK, _within(study, same), "The same picture stands twice in a part"),
        ("near-copies-across-parts", Level.LOOK, _across(study, near), "Nearly the same picture stands in two parts"),
        ("near-copies", Level.LOOK, _within(study, near), "Nearly the same picture stands twice in a part"),
    ):
        if pairs:
            found = True
            yield Finding("duplicates", level, name, _told(study, what, pairs), pairs=tuple(pairs))
    if not found:
        beyond = "" if len(images) <= _MOST else f"; near copies are not looked for beyond {_MOST:,} images"
        text = f"No picture stands there twice, over {several(len(images), 'image')}{beyond}."
        yield Finding("duplicates", Level.GOOD, "duplicates", text)


def check_patients(study: Study) -> Iterator[Finding]:
    """Say which patients stand in two parts."""
    patients = [study.patient_of(row) for row in study.rows]
    known = [one for one in patients if one]
    if not known:
        text = (
            "No name tells a patient, so nothing is known of patients in two parts. Give a column Patient, or a "
            f"pattern that finds one in names such as {study.rows[0].name} (--patient)."
        )
        yield Finding("patients", Level.UNKNOWN, "patients", text)
        return
    pairs = _across(study, _pairs(study, lambda index: patients[index]))
    if pairs:
        both = {patients[one] for one, _ in pairs}
        text = (
            f"{several(len(both), 'patient')} of {len(set(known)):,} {verb(len(both), 'stands', 'stand')} in two parts "
            f"(the first: {patients[pairs[0][0]]}, {_pair(study, pairs[0])}): what is tested was seen in training."
        )
        yield Finding(
            "patients",
            Level.MEND,
            "patients-across-parts",
            text,
            pairs=tuple(pairs),
            figures={"patients": sorted(both)},
        )
    else:
        text = f"{several(len(set(known)), 'patient')}, each in one part."
        yield Finding("patients", Level.GOOD, "patients", text)
    unknown = len(patients) - len(known)
    if unknown:
        first = next(row.name for row, patient in zip(study.rows, patients, strict=True) if not patient)
        text = f"{several(unknown, 'name')} {verb(unknown, 'tells', 'tell')} no patient, such as {first}."
        yield Finding("patients", Level.UNKNOWN, "patients-unknown", text)


def _pairs(study: Study, key: Callable[[int], str]) -> Pairs:
    """The first row of each thing with each later one in the same part, and one pair for each two parts."""
    first: dict[str, dict[str, int]] = {}
    pairs: Pairs = []
    for index, row in enumerate(study.rows):
        if not (thing := key(index)):
            continue
        there = first.setdefault(thing, {})
        if row.part in there:
            pairs.append((there[row.part], index))
        else:
            there[row.part] = index
    return pairs + [pair for there in first.values() for pair in combinations(there.values(), 2)]


def _across(study: Study, pairs: Pairs) -> Pairs:
    return [pair for pair in pairs if study.rows[pair[0]].part != study.rows[pair[1]].part]


def _within(study: Study, pairs: Pairs) -> Pairs:
    """Pairs of one part; a file that the list names twice is not a copy."""
    return [
        (one, other)
        for one, other in pairs
        if study.rows[one].part == study.rows[other].part and study.rows[one].image != study.rows[other].image
    ]


def _near(study: Study) -> Pairs:
    """Pairs whose small copies are nearly the same, though their pixels are not."""
    indices, copies = [], []
    for index, image in enumerate(study.images):
        if image is not None and image.tiny is not None and image.tiny.std() > _FLAT:
            indices.append(index)
            copies.append(image.tiny)
    if len(indices) < 2 or len(indices) > _MOST:
        return []
    flat = np.stack(copies).reshape(len(copies), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    pairs: Pairs = []
    for start in range(0, len(flat), _AT_ONCE):
        alike = flat[start : start + _AT_ONCE] @ flat[start:].T
        for one, other in np.argwhere(np.triu(alike > _ALIKE, k=1)).tolist():
            pair = (indices[start + one], indices[start + other])
            first, second = study.images[pair[0]], study.images[pair[1]]
            if first is not None and second is not None and first.digest != second.digest:
                pairs.append(pair)
    return pairs


def _told(study: Study, what: str, pairs: Pairs) -> str:
    times = f", {len(pairs):,} times" if len(pairs) > 1 else ""
    return f"{what}{times}: {_pair(study, pairs[0])}{' first' if len(pairs) > 1 else ''}."


def _pair(study: Study, pair: tuple[int, int]) -> str:
    return " and ".join(
        f"{study.rows[index].name}" + (f" ({study.rows[index].part})" if study.rows[index].part else "")
        for index in pair
    )
