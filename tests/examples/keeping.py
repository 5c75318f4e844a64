"""What the tests of keeping share: tiny runs, damage, and a system that refuses long files."""

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TINY = ["--size", "32", "--width", "4", "--batch-size", "4", "--labels", "0.3", "--accelerator", "cpu"]
STEPS = ["--steps", "2", "--validate-every", "1", "--method", "supervised"]
CAPTION = "Unilateral pulmonary infection, one infected area, upper left lung."


Shell = Callable[..., tuple[int, str, str]]


def one_line(outcome: tuple[int, str, str]) -> str:
    """The only line of a script that ended with exit code 2."""
    code, _, errors = outcome
    assert code == 2
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    # Those that a library makes of the options end with a hint, and the system's own with what they are about.
    assert re.search(
        r"(?<!\.)\.$|\(see --help\)$|^error: \[Errno|expected(, since this looks like| one of )", errors
    ), errors
    return errors


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Let the system refuse what would make a file longer: it holds for root too, where permissions do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stopped(root: Path, shell: Shell, tmp_path: Path) -> list[object]:
    """Train on a folder, and let it look as if it had been stopped before it was scored; return what resumes it."""
    given = ["--data", "qata", "--root", root, "--runs", tmp_path / "runs", "--name", "tiny", *TINY, *STEPS]
    assert shell("train", *given)[0] == 0
    (tmp_path / "runs/tiny/metrics.json").unlink()
    return [*given, "--resume"]
