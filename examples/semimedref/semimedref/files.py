"""Files and folders that are written whole or not at all, and what killed processes left of them.

What is written lies under a temporary name beside its place until it is complete, and its process holds a lock on it.
The lock ends with the process, however that ends: so `sweep` knows what nobody is going to finish.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from crossmodal_aug.errors import CrossModalError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY = re.compile(r"\.semimedref-[0-9a-f]{16}(\..*)?", re.DOTALL)
ABANDONED_AFTER = 24 * 3600
"""Seconds after which a temporary file is nobody's, where the file system has no locks."""

LONGEST_ENDING = 16
TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


class CannotWriteError(CrossModalError, OSError):
    """A file or a folder could not be written; what stood there before is as it was.

    Args:
        path: The file or folder.
        why: What the system says, such as "No space left on device".
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: cannot be written ({why}); what stood there before is as it was.")
        self.path, self.why = path, why


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what the system says of a failed write, which may name no file, into an error that names one.

    Args:
        path: The file or folder that is written.

    Raises:
        CannotWriteError: The block raised an `OSError` of any other kind.
    """
    try:
        yield
    except CannotWriteError:
        raise
    except OSError as error:
        raise CannotWriteError(path, error.strerror or str(error)) from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside its place, then put it there in one step.

    Args:
        path: Where the file goes. An older file stays untouched until the new one is complete on disk.
        write: Writes the file at the path it is called with, which has the same ending.

    Raises:
        CannotWriteError: It could not be written.
    """
    with naming(path):
        # Without the name of the file, which may be as long as the disk allows.
        ending = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_ENDING else ""
        temporary, lock = _reserve(path.parent, ending)
        try:
            write(temporary)
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            _release(lock)


def write_text(path: Path, text: str) -> None:
    r"""Write a text file atomically, in UTF-8.

    Names of files may hold bytes that are no text: they are written as `\udce9` and the like.
    """
    data = text.encode("utf-8", "backslashreplace")
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Make a folder under a temporary name, and put it in its place in one step when the block ends.

    Folders above it are made, and stay.

    Args:
        folder: The folder to make; an empty one may stand there.

    Yields:
        Where to write its files.

    Raises:
        FileExistsError: Something else stands there.
        CannotWriteError: It could not be written. Nothing of it is left then.
    """
    with naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _reserve(folder.parent, None)
    try:
        with naming(folder):
            yield temporary
        _put_in_place(temporary, folder)
    except CannotWriteError as error:
        if not error.path.is_relative_to(temporary):
            raise
        raise CannotWriteError(folder / error.path.relative_to(temporary), error.why) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _release(lock)


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    Args:
        folder: The folder; it need not exist. What a living process writes there stays, and so does what cannot be
            removed.
    """
    # A folder that cannot be read or written to is named by whoever writes there next.
    with suppress(OSError):
        for path in [one for one in folder.iterdir() if TEMPORARY.fullmatch(one.name)]:
            with suppress(OSError):
                _remove_abandoned(path)


def _put_in_place(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno in TAKEN:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from error
        raise CannotWriteError(folder, error.strerror or str(error)) from error


def _reserve(folder: Path, ending: str | None) -> tuple[Path, int | None]:
    """Make an empty file, or a folder where there is no ending, with a lock on it that ends with this process."""
    while True:
        path = folder / f".semimedref-{uuid4().hex[:16]}{ending or ''}"
        if ending is None:
            path.mkdir()
        else:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        if fcntl is None:
            return path, None
        # Between the two steps a sweep may have taken it for abandoned.
        with suppress(FileNotFoundError):
            lock = _opened(path)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(path, lock):
                return path, lock
            os.close(lock)


def _opened(path: Path) -> int:
    # Some network file systems lock only what is open for writing; folders cannot be.
    return os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | os.O_NOFOLLOW)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _remove_abandoned(path: Path) -> None:
    old = time.time() - path.lstat().st_mtime > ABANDONED_AFTER
    if fcntl is None:
        if old:
            _remove(path)
        return
    lock = _opened(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except OSError:  # a file system without locks
        if old:
            _remove(path)
    else:
        _remove(path)
    finally:
        os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
