"""Files that `torch.save` wrote: sealed with a digest, and read without running any code in them.

torch checks nothing that it reads: a weight with a flipped bit is a weight like any other. So what is written here
ends with a digest of all bytes before it, as the comment of the zip archive that such a file is. Of files that others
wrote, the archive's own checksums are compared. torch compresses nothing, so neither may hold a compressed record.
"""

import hashlib
import os
import pickle
import struct
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch

from crossmodal_aug.errors import InvalidValueError
from semimedref.data.archives import DAMAGED_ZIP

MARK = b"semimedref sha256 "
SEAL = len(MARK) + 64
"""Bytes of the comment: the mark, and the digest in hexadecimal."""


def write_stored(content: object, path: Path) -> None:
    """Write a file as `torch.save` does, with a digest at its end; `torch.load` reads it like any other.

    Args:
        content: What to save.
        path: The file.

    Raises:
        OSError: It could not be written.
    """
    with path.open("wb") as file:
        target = _Noting(file)
        try:
            torch.save(content, target)
        except RuntimeError as error:
            # By it torch says that fewer bytes were written than it gave; why, the file has said.
            if target.fault is None:
                raise
            raise target.fault from error
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(struct.pack("<H", SEAL) + MARK)
        file.flush()
        digest = _digest(file, file.tell())
        file.seek(0, os.SEEK_END)
        file.write(digest)


def read_stored(path: Path, what: str, remedy: str) -> object:
    """Read a file to the CPU.

    Args:
        path: The file, which must exist.
        what: What the file should be, for the message.
        remedy: What to do where it is damaged, for the message.

    Returns:
        What was saved, of plain types and tensors only.

    Raises:
        InvalidValueError: The file is damaged, or holds anything else.
    """
    check_whole(path, what, remedy)
    try:
        with path.open("rb") as file:
            stored: object = torch.load(file, map_location="cpu", weights_only=True)
    # What torch raises depends on where the file is damaged, and on what stands there instead.
    except (
        *(OSError, RuntimeError, EOFError, LookupError, ValueError),
        *(TypeError, AttributeError, pickle.UnpicklingError),
    ) as error:
        # torch's own message goes on to advise loading code from the file.
        raise InvalidValueError(f"{path}: not a readable {what} ({type(error).__name__}); {remedy}.") from error
    return stored


def check_whole(path: Path, what: str, remedy: str) -> None:
    """Raise where a file is not as it was written.

    Args:
        path: A file that `write_stored` wrote, or another zip archive; of anything else nothing is known.
        what: What the file should be, for the message.
        remedy: What to do where it is damaged, for the message.

    Raises:
        InvalidValueError: It is damaged, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            fault = _damage(file)
    except OSError as error:
        raise InvalidValueError(f"{path}: not a readable {what} ({error.strerror or error}); {remedy}.") from error
    if fault:
        raise InvalidValueError(f"{path}: not a readable {what} (damaged: {fault}); {remedy}.")


def _damage(file: BinaryIO) -> str:
    """Return what is wrong with a file, or "" where nothing is known to be."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SEAL))
    seal = file.read()
    sealed = seal.startswith(MARK)
    if sealed and _digest(file, size - SEAL + len(MARK)) != seal[len(MARK) :]:
        return "its digest is another"
    if not is_zipfile(file):
        return ""
    try:
        with ZipFile(file) as archive:
            records = archive.infolist()
            # torch compresses nothing; a small file of other records could fill the memory.
            loose = all(one.compress_type == ZIP_STORED for one in records)
            if not loose or sum(one.file_size for one in records) > size:
                return "its records are compressed or overlap"
            if sealed:
                return ""
            # torch writes no comment: what stands there was the digest.
            fault = "its digest is no longer one" if archive.comment else archive.testzip()
    # Which it is depends on the place of the damage; by OSError zipfile says that it points before the file.
    except (*(OSError, EOFError, ValueError, LookupError, OverflowError), *DAMAGED_ZIP) as error:
        return str(error) or type(error).__name__
    return fault or ""


def _digest(file: BinaryIO, size: int) -> bytes:
    """Return the digest of the first bytes of a file, in hexadecimal."""
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0:
        data = file.read(min(size, 2**20))
        if not data:
            break
        digest.update(data)
        size -= len(data)
    return digest.hexdigest().encode()


class _Noting:
    """A file for torch to write to, which remembers why a write failed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.fault: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.fault = error
            raise

    def flush(self) -> None:
        try:
            self.file.flush()
        except OSError as error:
            self.fault = error
            raise
