"""Decoded pictures on disk, so that a large folder is decoded once."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from semimedref.data.archives import DAMAGED_ZIP
from semimedref.files import naming, sweep, write_atomically

VERSION = 2
"""Of what the files hold. Goes up when pictures are read or resized in another way."""


@dataclass(frozen=True)
class Decoded:
    """N decoded pictures.

    Attributes:
        pixels: (N, S, S) uint8 images or bool masks.
        extents: (N, 2) int64: height and width of each file.
        whole: The pixels of all files in their own size, one after the other, eight bool pixels a byte; may be empty.
        digests: (N,) texts: what tells pictures of the same pixels, in the size of their files; empty for masks.
        found: (N,) texts: what was found in reading each file, as `semimedref.data.findings` writes it.
    """

    pixels: NDArray[np.uint8] | NDArray[np.bool_]
    extents: NDArray[np.int64]
    whole: NDArray[np.uint8]
    digests: NDArray[np.str_]
    found: NDArray[np.str_]


class PictureCache:
    """Keeps decoded pictures in a folder.

    A file of it belongs to a list of pictures and an image size. It is used only as long as each of them has the size
    and the time of change that it had then; otherwise, or where the file is damaged, the pictures are decoded again.

    Args:
        folder: The folder, which is made when it is needed; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.found, self.decoded = folder, 0, 0

    def get(self, kind: str, files: Sequence[Path], decode: Callable[[], Decoded]) -> Decoded:
        """Return decoded pictures.

        Args:
            kind: What is kept of them, and in which size.
            files: The pictures.
            decode: Decodes them.

        Returns:
            What ``decode`` returned now, or an earlier time.
        """
        if self.folder is None or not files:
            return decode()
        # Taken before decoding: a picture that changes meanwhile makes what is stored out of date, as it is.
        state = _digest(f"{file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
        paths = _digest([kind, *(str(file.resolve()) for file in files)])
        stored = self.folder / f"{kind}-{paths[:24]}.npz"
        known = _load(stored, state)
        if known is not None:
            self.found += len(files)
            return known
        pictures = decode()
        self.decoded += len(files)
        with naming(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        write_atomically(stored, partial(_save, pictures, state))
        return pictures


def _digest(lines: Iterable[str]) -> str:
    # The name of a folder may hold bytes that are no text.
    return hashlib.sha256("\n".join((str(VERSION), *lines)).encode("utf-8", "surrogatepass")).hexdigest()


def _save(pictures: Decoded, state: str, path: Path) -> None:
    arrays = {one.name: getattr(pictures, one.name) for one in fields(Decoded)}
    np.savez(path, state=np.array(state), **arrays)


def _load(path: Path, state: str) -> Decoded | None:
    try:
        with ZipFile(path) as archive:
            if str(_read(archive, "state")) != state:
                return None
            return Decoded(*(_read(archive, one.name) for one in fields(Decoded)))
    # MemoryError: of an array that says that it is larger than memory, nothing has been allocated yet.
    except (OSError, EOFError, KeyError, ValueError, MemoryError, *DAMAGED_ZIP):
        return None


def _read(archive: ZipFile, name: str) -> NDArray[Any]:
    # Reading a member whole checks its checksum, before anything in it is believed.
    array: NDArray[Any] = np.load(BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    return array
