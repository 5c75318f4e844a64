"""Counts of each image in few bytes, so that the paired intervals of `label_scores.py` follow from committed files.

Of a run a line keeps, for each kind of captions, the pixels that were hit, added and missed in each test image. Images
and patients stand once for each set of them, as digests of their names.
"""

import base64
import lzma
from typing import Any

import numpy as np
import torch
from json_lines import Line
from numpy.typing import NDArray
from semimedref.evaluation.places import UNITS
from semimedref.evaluation.tally import CROP, FLOOR, OWN, Row, Tally

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


def kept(reading: str, captions: str) -> bool:
    """Return whether counts are worth their bytes: of narrowed captions the raw ones, and the crop of a side."""
    if not captions.startswith(UNITS):
        return captions == OWN or "mirrored" not in reading
    if reading != "raw" or captions.startswith("region ") or captions.endswith(FLOOR):
        return False
    return captions.startswith("side ") or not captions.endswith(CROP)


def images_line(counted: Tally, data: str) -> Line:
    """Return the images of a tally and their patients, by the digest of the test set."""
    return {"data": data, "images": list(counted.images), "patients": counted.patients.tolist()}


def packed(counted: Tally) -> dict[str, Any]:
    """Return the counts of a tally that are kept.

    Returns:
        "rows", the names of the counts, each with the place of an earlier one that has the same, or -1; and "packed",
        the others in columns: whether each image is counted; what is hit and missed together, where it is not that of
        an earlier row; what is added; and what is missed.
    """
    rows, blobs = [], []
    known: dict[bytes, int] = {}
    masks: dict[bytes, int] = {}
    for (reading, captions), row in counted.rows.items():
        if not kept(reading, captions):
            continue
        inside = np.zeros(len(counted.images), dtype=bool)
        inside[row.images.numpy()] = True
        hit, extra, missed = row.counts.numpy().T
        whole = inside.tobytes() + row.counts.numpy().tobytes()
        mask = inside.tobytes() + (hit + missed).tobytes()
        same, of = known.get(whole, -1), masks.get(mask, -1)
        if same < 0:
            known[whole] = len(rows)
            if of < 0:
                masks[mask] = len(rows)
                blobs += [np.packbits(inside).tobytes(), _planes(hit + missed)]
            blobs += [_planes(extra), _planes(missed)]
        rows.append([reading, captions, len(row.images), same, of])
    stored = lzma.compress(b"".join(blobs), format=lzma.FORMAT_RAW, filters=FILTERS)
    return {"rows": rows, "packed": base64.b85encode(stored).decode("ascii")}


def unpacked(line: Line, images: Line) -> Tally:
    """Return the tally of a line, given that of its images."""
    names, patients = tuple(images["images"]), torch.tensor(images["patients"])
    raw = lzma.decompress(base64.b85decode(line["packed"]), format=lzma.FORMAT_RAW, filters=FILTERS)
    place, rows, sizes = 0, [], {}

    def take(count: int) -> bytes:
        nonlocal place
        place += count
        return raw[place - count : place]

    for number, (reading, captions, count, same, of) in enumerate(line["rows"]):
        if same >= 0:
            rows.append(Row(reading, captions, rows[same].images, rows[same].counts))
            continue
        if of < 0:
            bits = np.frombuffer(take(-(-len(names) // 8)), dtype=np.uint8)
            inside = torch.from_numpy(np.unpackbits(bits, count=len(names)).nonzero()[0].astype(np.int64))
            sizes[number] = inside, _counted(take(4 * count))
        inside, size = sizes[number if of < 0 else of]
        extra, missed = _counted(take(4 * count)), _counted(take(4 * count))
        rows.append(Row(reading, captions, inside, torch.from_numpy(np.stack([size - missed, extra, missed], axis=1))))
    return Tally(names, patients, {row.key: row for row in rows})


def _planes(values: NDArray[np.int64]) -> bytes:
    """All low bytes first: the higher ones are mostly 0, and pack to nothing."""
    return values.astype("<u4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _counted(raw: bytes) -> NDArray[np.int64]:
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<u4")[:, 0].astype(np.int64)
