"""Does a run keep what it has? Processes killed, files damaged, disks full or read-only: repeated by script.

    python benchmarks/keeping_trials.py                    # all trials, some 10 minutes on two cores
    python benchmarks/keeping_trials.py --only damage      # one of them
    python benchmarks/keeping_trials.py --kills 5

Each trial works in a temporary folder, on drawn chests. A full disk and a read-only one are file systems in memory,
mounted for the trial: where this machine does not allow that, the trial says so and counts as left out. What was found
is printed and written to `results/keeping_trials.json`; the exit code is 1 where a trial failed.
"""

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "semimedref"))

from semimedref.checkpoints import load_trained
from semimedref.data.digest import changed_parts, data_digests
from semimedref.data.folder_data import load_folder
from semimedref.data.phantom import draw_phantom

from crossmodal_aug.errors import InvalidValueError

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "semimedref"
TINY = ["--size", "32", "--width", "4", "--batch-size", "4", "--accelerator", "cpu", "--validate-every", "5"]
Found = dict[str, Any]


class CannotMountError(Exception):
    """This machine lets the trial mount nothing."""


def train(runs: Path, *given: str) -> list[str]:
    """Return the command of a training of 60 steps."""
    return [sys.executable, str(EXAMPLE / "train.py"), *TINY, "--steps", "60", "--runs", str(runs), *given]


def started(command: list[str]) -> subprocess.Popen[str]:
    """Start a script, on one thread: how many share a sum decides its last bit."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def ended(command: list[str]) -> tuple[int, str]:
    """Run a script; return its exit code, and what it wrote to stderr."""
    process = started(command)
    errors = process.communicate()[1]
    return process.returncode, errors


def is_named(outcome: tuple[int, str], path: Path) -> bool:
    """Return whether a script ended with exit code 2, and with one line that names a path."""
    code, errors = outcome
    return code == 2 and errors.count("\n") == 1 and str(path) in errors


def same_weights(one: Path, other: Path) -> bool:
    """Return whether two checkpoints hold the same weights, bit for bit."""
    first, second = (torch.load(path, weights_only=True)["state_dict"] for path in (one, other))
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def kills(folder: Path, count: int, rng: random.Random) -> Found:
    """SIGKILL at random moments, from the start of the process on; each time the run goes on, in the end to its end."""
    began = time.monotonic()
    assert ended(train(folder / "whole", "--name", "a"))[0] == 0
    seconds = time.monotonic() - began
    reached, done, starts = [], 0, 0
    while done < count:
        for name in (f"a{number}" for number in range(count)):
            run = folder / "killed" / name
            if done == count:
                break
            while not (run / "metrics.json").exists() and done < count:
                more = ["--resume"] if (run / "config.json").exists() else []
                process = started(train(run.parent, "--name", name, *more))
                starts += 1
                try:
                    # Most of the time goes by before the first step; some moments lie beyond the end.
                    process.wait(rng.uniform(0.2, 1.1) * seconds)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    done += 1
                assert process.wait() in (0, -signal.SIGKILL), process.stderr.read()
                last = run / "last.ckpt"
                reached.append(load_trained(last).step if last.exists() else 0)
    runs = sorted(path.parent for path in folder.glob("killed/*/config.json"))
    same = 0
    for run in runs:
        code, errors = ended(train(run.parent, "--name", run.name, "--resume"))
        assert code == 0, errors
        same += same_weights(run / "last.ckpt", folder / "whole/a/last.ckpt")
    left = [str(path.relative_to(folder)) for path in folder.rglob(".semimedref-*")]
    return {
        "kills": done,
        "steps_reached": reached,
        "runs": len(runs),
        "bit_identical": same,
        "temporary_files_left": left,
        "passed": same == len(runs) and not left,
    }


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return a file with a flipped bit, a zeroed or foreign block, or cut off."""
    place = rng.randrange(len(data))
    kind = rng.choice(("bit", "bit", "zeros", "noise", "cut"))
    if kind == "bit":
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
    if kind == "cut":
        return data[:place]
    block = bytes(512) if kind == "zeros" else rng.randbytes(512)
    return data[:place] + block[: len(data) - place] + data[place + 512 :]


def write_set(root: Path) -> None:
    """Draw a small data set in the layout of `annotation.json`."""
    annotation: dict[str, list[dict[str, str]]] = {}
    for number, (part, count) in enumerate({"train": 28, "valid": 6, "test": 6}.items()):
        for folder in ("images", "masks"):
            (root / part / folder).mkdir(parents=True)
        for index in range(count):
            drawn = draw_phantom(32, (number, index))
            Image.fromarray(drawn.image).save(root / part / "images" / f"{part}-{index}.png")
            mask = Image.fromarray(255 * drawn.mask.astype(np.uint8))
            mask.save(root / part / "masks" / f"mask_{part}-{index}.png")
            row = {"image_path": f"mask_{part}-{index}.png", "caption": drawn.caption}
            annotation.setdefault(part, []).append(row)
    (root / "annotation.json").write_text(json.dumps(annotation))


def damage(folder: Path, count: int, rng: random.Random) -> Found:
    """Damage a checkpoint, and the files of a cache: a damaged checkpoint is refused, a damaged cache made anew."""
    assert ended(train(folder / "runs", "--name", "a"))[0] == 0
    whole = (folder / "runs/a/best.ckpt").read_bytes()
    silent = {"checkpoint": 0, "cache": 0}
    path = folder / "best.ckpt"
    for _ in range(count):
        spoilt = damaged(whole, rng)
        path.write_bytes(spoilt)
        try:
            load_trained(path)
        except InvalidValueError:
            continue
        # A block of zeros may have stood there before.
        silent["checkpoint"] += spoilt != whole
    write_set(folder / "data")
    cache = folder / "cache"

    def digests() -> dict[str, str]:
        return data_digests(load_folder("qata", folder / "data", size=32, labels=0.3, cache=cache))

    wanted = digests()
    files = {path: path.read_bytes() for path in cache.iterdir()}
    for _ in range(count):
        path = rng.choice(sorted(files))
        path.write_bytes(damaged(files[path], rng))
        silent["cache"] += bool(changed_parts(wanted, digests()))
    return {"damages_each": count, "silent_loads": silent, "passed": not any(silent.values())}


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        outcome = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMountError(str(error)) from error
    if outcome.returncode:
        raise CannotMountError(outcome.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full(folder: Path, count: int, rng: random.Random) -> Found:
    """Disks that become full at the settings, the logs, the first checkpoint, the second, the pictures."""
    sizes = ("4k", "12k", "16k", "1m", "3m", "5m", "6m")
    named, goes_on = 0, 0
    for size in sizes:
        with mounted(folder / size, f"size={size}") as disk:
            named += is_named(ended(train(disk / "runs", "--name", "a")), disk)
            last = disk / "runs/a/last.ckpt"
            load_trained(last) if last.exists() else None
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            more = ["--resume"] if (disk / "runs/a/config.json").exists() else []
            goes_on += ended(train(disk / "runs", "--name", "a", *more))[0] == 0
    return {
        "sizes": sizes,
        "named_in_one_line": named,
        "goes_on_with_more_room": goes_on,
        "passed": named == goes_on == len(sizes),
    }


def read_only(folder: Path, count: int, rng: random.Random) -> Found:
    """A run, predictions and an evaluation on a disk that has become read-only."""
    image = folder / "chest.png"
    Image.fromarray(draw_phantom(64, (9, 1)).image).save(image)
    with mounted(folder / "disk", "size=64m") as disk:
        assert ended(train(disk / "runs", "--name", "a"))[0] == 0
        (disk / "runs/a/metrics.json").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        best = str(disk / "runs/a/best.ckpt")
        before = {path: path.stat().st_mtime_ns for path in disk.rglob("*")}
        commands = {
            "new run": train(disk / "runs", "--name", "b"),
            "resumed run": train(disk / "runs", "--name", "a", "--resume"),
            "predictions": [sys.executable, str(EXAMPLE / "predict.py"), best, str(image), "left lung"],
            "evaluation": [sys.executable, str(EXAMPLE / "evaluate.py"), best, "--resamples", "5"],
        }
        for what in ("predictions", "evaluation"):
            commands[what] += ["--out", str(disk / "out")]
        named = {what: is_named(ended(command), disk) for what, command in commands.items()}
        unchanged = before == {path: path.stat().st_mtime_ns for path in disk.rglob("*")}
    return {"named_in_one_line": named, "unchanged": unchanged, "passed": all(named.values()) and unchanged}


def two_at_once(folder: Path, count: int, rng: random.Random) -> Found:
    """Two processes that begin a run of one name, two that begin one without a name, and two that resume one."""
    outcomes = {}
    for what, given in {"one name": ["--name", "a"], "no name": []}.items():
        pair = [started(train(folder / "runs", *given)) for _ in range(2)]
        said = [(process.communicate()[1], process.returncode) for process in pair]
        outcomes[what] = sorted(code for _, code in said)
        assert "Traceback" not in "".join(errors for errors, _ in said)
    complete = len(list((folder / "runs").glob("*/metrics.json")))
    (folder / "runs/a/metrics.json").unlink()
    pair = [started(train(folder / "runs", "--name", "a", "--resume")) for _ in range(2)]
    for process in pair:
        process.communicate()
    outcomes["resumed"] = sorted(process.returncode for process in pair)
    passed = outcomes["one name"] == [0, 2] and outcomes["no name"] == [0, 0] and complete == 3
    # The second may come after the first has ended: then the run is complete.
    return {"exit_codes": outcomes, "complete_runs": complete, "passed": passed and outcomes["resumed"][0] == 0}


TRIALS: dict[str, Callable[[Path, int, random.Random], Found]] = {
    "kills": kills,
    "damage": damage,
    "full": full,
    "read_only": read_only,
    "two_at_once": two_at_once,
}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--damages", type=int, default=200, help="of the checkpoint, and as many of the cache")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "keeping_trials.json")
    options = parser.parse_args()
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            counts = {"kills": options.kills, "damage": options.damages}
            try:
                results[name] = TRIALS[name](Path(folder), counts.get(name, 0), random.Random(options.seed))
            except CannotMountError as error:
                results[name] = {"left_out": f"this machine mounts no file system for the trial: {error}"}
        print(f"{name}: {json.dumps(results[name])}", flush=True)
    results["machine"] = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    part = options.out.with_suffix(".part")
    part.write_text(json.dumps(results, indent=2) + "\n")
    part.replace(options.out)
    return int(any(not results[name].get("passed", True) for name in options.only))


if __name__ == "__main__":
    raise SystemExit(main())
