"""The folder of a run. Every file in it is written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from crossmodal_aug.errors import InvalidValueError
from semimedref.files import naming, sweep, write_text, written_whole

RUN_FOLDER = "SEMIMEDREF_RUN"
"""Environment variable by which the first process tells those that it starts where the run is written."""


@dataclass(frozen=True)
class RunFolder:
    """`runs/<name>/` and the files in it."""

    path: Path

    @property
    def config(self) -> Path:
        """Settings of the run."""
        return self.path / "config.json"

    @property
    def last(self) -> Path:
        """The newest checkpoint: where `--resume` continues."""
        return self.path / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint with the best Dice on the validation set."""
        return self.path / "best.ckpt"

    @property
    def counts(self) -> Path:
        """What the model hit, added and missed in each test image, under its captions and under others."""
        return self.path / "per_image_counts.jsonl"

    @property
    def lock(self) -> Path:
        """Locked as long as a process trains in the folder."""
        return self.path / "training.lock"

    @property
    def metrics(self) -> Path:
        """Scores on the test set; written last, so its presence says that the run is complete."""
        return self.path / "metrics.json"


def new_run(runs: Path, name: str, default_name: str, settings: str) -> RunFolder:
    """Make the folder of a new run, with its settings in it; never one that holds anything.

    Both come in one step: a folder without settings could be neither taken nor resumed.

    Args:
        runs: Folder of all runs.
        name: The name that the user asked for, or "".
        default_name: The name otherwise; "-2", "-3", ... is added where it is taken.
        settings: What its config.json holds.

    Raises:
        InvalidValueError: A run of the name asked for exists.
        CannotWriteError: It cannot be made there.
    """
    with naming(runs):
        runs.mkdir(parents=True, exist_ok=True)
    sweep(runs)
    number = 1
    while True:
        folder = RunFolder(runs / (name or (default_name if number == 1 else f"{default_name}-{number}")))
        if not _is_taken(folder.path):
            try:
                with written_whole(folder.path) as made:
                    write_text(RunFolder(made).config, settings)
            except FileExistsError:
                pass  # another process has made it meanwhile
            else:
                return folder
        if name:
            raise _taken(folder.path)
        number += 1


def refuse_taken(folder: Path) -> None:
    """Raise where a new run would have to share a folder.

    Raises:
        InvalidValueError: The folder holds something, or is none.
    """
    if _is_taken(folder):
        raise _taken(folder)


def _taken(folder: Path) -> InvalidValueError:
    return InvalidValueError(f"{folder} exists: continue it with --resume, or choose another --name.")


def _is_taken(folder: Path) -> bool:
    if not folder.is_dir():
        return os.path.lexists(folder)
    return any(folder.iterdir())


@contextmanager
def training_in(folder: RunFolder) -> Iterator[None]:
    """Keep other processes from training in a folder meanwhile, and sweep what killed ones left in it.

    The lock is the process's own: it ends with the process, however that ends, and only its file stays.

    Raises:
        InvalidValueError: Another process is training there.
    """
    try:
        held = FileLock(folder.lock).acquire(timeout=0)
    except Timeout as error:
        raise InvalidValueError(
            f"{folder.path}: expected a run that no process works on, but another process is training in this folder."
        ) from error
    with held:
        sweep(folder.path)
        yield


def joined_run(runs: Path, name: str) -> RunFolder:
    """Return the folder of the run that this process takes part in, which the first process makes.

    Args:
        runs: Folder of all runs.
        name: Name of the run, or "".

    Raises:
        InvalidValueError: Nothing says which it is.
    """
    told = os.environ.get(RUN_FOLDER)
    if told:
        return RunFolder(Path(told))
    if not name:
        raise InvalidValueError(
            "Expected --name, by which the processes of several nodes know their run, but got none."
        )
    return RunFolder(runs / name)


def find_run(runs: Path, name: str, default_name: str) -> RunFolder:
    """Find the run to resume: the one of that name, or else the newest with the default name.

    Raises:
        InvalidValueError: There is none.
    """
    if name:
        candidates = [runs / name]
    else:
        candidates = [path for path in runs.glob(f"{default_name}*") if _is_numbered(path.name, default_name)]
    candidates = [path for path in candidates if (path / "config.json").is_file()]
    if not candidates:
        raise InvalidValueError(f"Expected a run to resume at {runs / (name or default_name)}, but there is none.")
    return RunFolder(max(candidates, key=lambda path: _number(path.name, default_name)))


def _is_numbered(name: str, stem: str) -> bool:
    rest = name.removeprefix(stem)
    return rest == "" or (rest.startswith("-") and rest[1:].isdigit())


def _number(name: str, stem: str) -> int:
    rest = name.removeprefix(stem)
    return int(rest[1:]) if rest.startswith("-") and rest[1:].isdigit() else 1
