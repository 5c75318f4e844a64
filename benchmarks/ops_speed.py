"""Time of each op beside what a user would take instead: all forms in one run, in turns, medians.

    python benchmarks/ops_speed.py                     # B = 8, 32, 128 at 224 and 512 px; CPU, and CUDA if any
    python benchmarks/ops_speed.py --batches 32 --sizes 224
    python benchmarks/ops_speed.py --against ../other  # beside another checkout, in turns with it
    python benchmarks/ops_speed.py --table             # only the table, from the stored results

Every form of ours alters images (B, 3, S, S) float32, a float target (B, 1, S, S) and B captions at once, with p = 1.
The captions of a data set come again in every epoch, and the parser remembers what it made of them; two rows say what
an op takes with a parser that remembers nothing.
The per-sample loop does the same, written after the description of the method; `torch.where` chooses between two ready
batches of images and targets, or gathers the donors first; `clone` copies both. kornia's and MONAI's forms know nothing
of captions: they are given what they take. Ratios compare within a run; times say what the machine did that day.

On the CPU a new batch costs page faults wherever the allocator has given the last one back to the system, and those can
outweigh all else. `--memory kept` (the default) lets the process keep what it frees, the same for all forms; `--memory
fresh` takes every large tensor from the system anew; `--memory plain` leaves the choice to malloc, whose answer depends
on what ran before, so the forms take turns in an order that changes.

`--against` runs this very file on the library of another checkout, in a process of its own that takes every other turn;
each library is set against the `torch.where` of its own process. Where other programs share the machine's cores, a form
on several threads waits for the slowest of them: `--threads 1` is the steadier measure then.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import kornia.augmentation as K
import torch
from json_lines import append_line, read_lines
from published import patch_mix_loop
from torch import Tensor

from crossmodal_aug import LUNG_ZONES, Focus, PosAug, PositionParser, SyncFlip, SyncGeometry, TPatchMix, ZoneMix

RESULTS = Path(__file__).parent / "results" / "ops_speed.jsonl"
# Settings of glibc's malloc; elsewhere they change nothing.
MEMORY = {
    "kept": {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31)},
    "fresh": {"MALLOC_MMAP_THRESHOLD_": str(2**20)},
    "plain": {},
}
ZONES = ("upper", "middle", "lower", "upper middle", "middle lower", "upper middle lower")


def batch(count: int, size: int, device: str) -> tuple[Tensor, list[str], Tensor]:
    """Images, captions as varied as a data set's, and blobs as masks."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, size, size, generator=generator)
    coarse = torch.rand(count, 1, 14, 14, generator=generator)
    target = (torch.nn.functional.interpolate(coarse, size=(size, size)) > 0.6).float()
    texts = [
        f"bilateral pulmonary infection, two infected areas, {left} left lung and {right} right lung."
        for left, right in ((ZONES[i % 6], ZONES[i // 6 % 6]) for i in range(count))
    ]
    return images.to(device), texts, target.to(device)


def knowing(texts: list[str]) -> PositionParser:
    """A parser as it is after some epochs, when it has rewritten every caption to every set of regions."""
    parser = PositionParser(LUNG_ZONES)
    for text in dict.fromkeys(texts):
        parser.mirror(text)
        parser.encode([parser.rewrite(text, bits) for bits in product((False, True), repeat=len(parser.atlas))])
    return parser


def forms(images: Tensor, texts: list[str], target: Tensor) -> dict[str, Callable[[], Any]]:
    """Everything that is timed, by name."""
    parser, forgetful = knowing(texts), PositionParser(LUNG_ZONES, cache_size=0)
    generator = torch.Generator(device=images.device).manual_seed(0)
    positions = parser.encode(texts).to(images.device)
    ours = {
        "TPatchMix": TPatchMix(parser, p=1.0),
        "TPatchMix, a parser that remembers nothing": TPatchMix(forgetful, p=1.0),
        "TPatchMix text=union, as the loop does": TPatchMix(parser, p=1.0, text="union"),
        "TPatchMix where=probability": TPatchMix(parser, p=1.0, where="probability"),
        "TPatchMix.paper, drawn always": TPatchMix(
            parser, patch_size=16, p=1.0, where="anchor", gate="lesion", text="union"
        ),
        "ZoneMix": ZoneMix(parser, p=1.0),
        "ZoneMix, a parser that remembers nothing": ZoneMix(forgetful, p=1.0),
        "ZoneMix max_cut=0.2": ZoneMix(parser, p=1.0, max_cut=0.2),
        "ZoneMix unit=subset, max_cut=0.2": ZoneMix(parser, unit="subset", p=1.0, max_cut=0.2),
        "SyncFlip": SyncFlip(parser, p=1.0),
        "SyncGeometry crop=0.8": SyncGeometry(parser, p=1.0, crop=0.8),
        "Focus": Focus(parser, p=1.0),
        "Focus max_cut=0.2": Focus(parser, p=1.0, max_cut=0.2),
        "PosAug": PosAug(parser, phrase_p=1.0),
    }
    named: dict[str, Callable[[], Any]] = {}
    for name, op in ours.items():
        named[name] = lambda op=op: op(images, texts, target, generator=generator)
        if name != "PosAug" and op.parser is parser:
            named[f"{name}, without texts"] = lambda op=op: op(
                images, None, target, positions=positions, generator=generator
            )
    donors = torch.randperm(len(texts)).to(images.device)
    mask = torch.zeros_like(target, dtype=torch.bool)
    mask[..., : images.shape[-1] // 2] = True
    other_images, other_target = images[donors], target[donors]
    labels = torch.arange(len(texts), device=images.device)
    cutmix, transplant = K.RandomCutMixV2(p=1.0), K.RandomTransplantation(p=1.0)
    named["per-sample loop"] = lambda: patch_mix_loop(images, texts, target, parser, patch_size=64)
    named["torch.where"] = lambda: (torch.where(mask, other_images, images), torch.where(mask, other_target, target))
    named["torch.where, donors gathered"] = lambda: (
        torch.where(mask, images[donors], images),
        torch.where(mask, target[donors], target),
    )
    named["clone"] = lambda: (images.clone(), target.clone())
    named["kornia RandomCutMixV2, images alone"] = lambda: cutmix(images, labels)
    named["kornia RandomTransplantation"] = lambda: transplant(images, target[:, 0].long())
    try:
        from monai.transforms import CutMix
    except ImportError:
        print("MONAI is not installed (pip install monai): its CutMix is left out")
    else:
        monai = CutMix(len(texts))
        named["MONAI CutMix"] = lambda: monai(images, target)
    return named


Forms = dict[str, Callable[[], Any]]
Seconds = dict[str, float]


def turn(named: Forms, device: str, shuffle: random.Random) -> Seconds:
    """Seconds of each form, called once; in a random order, so that all see the same weather."""
    seconds: Seconds = {}
    order = list(named.items())
    shuffle.shuffle(order)
    for name, call in order:
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds[name] = time.perf_counter() - start
    return seconds


class Other:
    """The library of another checkout, timed by this file in a process of its own."""

    def __init__(self, checkout: Path, threads: int | None) -> None:
        command = [sys.executable, "-W", "ignore", __file__, "--serve"]
        command += [] if threads is None else ["--threads", str(threads)]
        environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
        self._process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, **question: Any) -> Any:
        """Send a line and wait for the answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def serve() -> None:
    """Answer what `Other` asks: make the forms of a cell, or time one turn of them."""
    answers, sys.stdout = sys.stdout, sys.stderr
    shuffle, named, device = random.Random(1), {}, "cpu"
    for line in sys.stdin:
        question = json.loads(line)
        if "size" in question:
            device = question["device"]
            named = forms(*batch(question["count"], question["size"], device))
        print(json.dumps(turn(named, device, shuffle)), file=answers, flush=True)


def timed(named: Forms, device: str, rounds: int, other: Other | None) -> tuple[Seconds, Seconds]:
    """Median seconds of each form, and of each of the other library."""
    ours: dict[str, list[float]] = {name: [] for name in named}
    theirs: dict[str, list[float]] = {name: [] for name in named if other is not None}
    shuffle = random.Random(0)
    for number in range(rounds + 2):
        for kept, once in (
            (ours, turn(named, device, shuffle)),
            (theirs, {} if other is None else other.ask()),
        ):
            for name, seconds in once.items() if number >= 2 else ():
                kept[name].append(seconds)
    medians = [{name: statistics.median(taken) for name, taken in kept.items()} for kept in (ours, theirs)]
    return medians[0], medians[1]


def multiples(seconds: Seconds) -> Seconds:
    """Each form in multiples of `torch.where`."""
    return {name: value / seconds["torch.where"] for name, value in seconds.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 512])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory", choices=MEMORY, default="kept", help="what the allocator does with freed memory")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--against", type=Path, help="another checkout, to be timed in turns with this one")
    parser.add_argument("--threads", type=int, help="threads of torch; all cores by default")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.serve:
        serve()
        return
    if not args.table and MEMORY[args.memory].items() - os.environ.items():
        # Malloc reads its settings when a process starts.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MEMORY[args.memory])
    other = None if args.against is None or args.table else Other(args.against, args.threads)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device, size, count in [(d, s, b) for d in devices for s in args.sizes for b in args.batches]:
        if args.table:
            break
        if other is not None:
            other.ask(device=device, size=size, count=count)
        taken, before = timed(forms(*batch(count, size, device)), device, args.rounds, other)
        chip = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
        where = f"{chip}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
        row = {
            "device": device,
            "batch": count,
            "size": size,
            "memory": args.memory,
            "seconds": taken,
            "before": before,
            "machine": where,
        }
        args.results.parent.mkdir(exist_ok=True)
        append_line(args.results, row)
        print(f"{device}, B = {count}, {size} px")
        was = multiples(before) if before else {}
        for name, ratio in sorted(multiples(taken).items(), key=lambda item: item[1]):
            old = f", was {was[name]:6.2f}" if name in was else ""
            print(f"  {1e3 * taken[name]:9.2f} ms  {ratio:6.2f} x torch.where{old}  {name}")
    write_table(args.results)


def threads(machine: str) -> str:
    """What a row's machine says of its threads."""
    return next(part.strip() for part in machine.split(",") if "threads" in part)


def cell(name: str, seconds: Seconds, before: Seconds) -> str:
    """One cell of the table."""
    now = f"{multiples(seconds)[name]:.2f}" if name in seconds else "-"
    return f"{now} ({multiples(before)[name]:.2f})" if name in before else now


def write_table(results: Path) -> None:
    """Write the latest run of each cell as a Markdown table, in multiples of `torch.where`."""
    rows = read_lines(results)
    # A machine is told apart by its threads too: with fewer, what a call costs beside its pixels weighs less.
    cells = {(row["device"], row["size"], row["batch"], row["memory"], threads(row["machine"])): row for row in rows}
    cells = dict(sorted(cells.items()))
    heads = [
        f"{device}, {size} px, B = {count}, {memory} memory, {some}" for device, size, count, memory, some in cells
    ]
    about = "In multiples of `torch.where` over images and targets, in the same run; in brackets what it was before,"
    lines = ["# Speed of the ops", "", f"{about} in turns with the commit that the run was set against.", ""]
    lines += ["| | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    names = dict.fromkeys(name for row in cells.values() for name in row["seconds"])
    for name in names:
        ratios = [cell(name, row["seconds"], row.get("before", {})) for row in cells.values()]
        lines.append(f"| {name} | " + " | ".join(ratios) + " |")
    absolute = [f"{1e3 * row['seconds']['torch.where']:.2f} ms" for row in cells.values()]
    lines += ["| *torch.where itself* | " + " | ".join(absolute) + " |", ""]
    lines += [*sorted({f"Machine: {row['machine']}." for row in cells.values()}), ""]
    results.with_suffix(".md").write_text("\n".join(lines))
    print(f"table: {results.with_suffix('.md')}")


if __name__ == "__main__":
    main()
