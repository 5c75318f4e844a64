"""Time and peak memory of ITCL, plain and chunked, beside CLIP's loss in open_clip, from N = 256 to 65,536.

    python benchmarks/itcl_scaling.py                  # every size; CUDA if there is one, else the CPU
    python benchmarks/itcl_scaling.py --sizes 256 4096 --forms plain chunked       # only these cells anew
    python benchmarks/itcl_scaling.py --fresh          # forget the stored cells first: another machine, torch, chunk
    python benchmarks/itcl_scaling.py --report         # table and plot again, from the stored results

Each cell (form, N) runs forward and backward, float32, D = 512, K = 6 position labels, in two processes of its own:
one for its time, with the allocator as it is, and one for its memory. Peak memory is what the loss adds to its
inputs: on the CPU the high-water mark of the resident set (VmHWM, put back just before the run) less the resident
set before it, with glibc told to return every freed tensor to the system (MALLOC_MMAP_THRESHOLD_), so that only live
tensors count; on CUDA `max_memory_allocated` less the memory allocated before it. Time is the median of the runs
after the first, or the first where only one is made. Results are stored after every cell, in place of the stored
cell of the same form and size; all others stay. Cells that would not fit into the free memory are left out and
listed. open_clip's loss needs `pip install open_clip_torch`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from itcl_results import FORMS, merged, started, write_whole

from crossmodal_aug.functional.contrastive import itcl_loss

SIZES = tuple(2**power for power in range(8, 17))
WIDTH, LABELS, TEMPERATURE = 512, 6, 0.07
# (N, N) float32 matrices that a form holds at its peak: a generous guess, used only to leave out what cannot fit.
MATRICES = {"plain": 7.5, "chunked": 0, "open_clip": 5}
RESULTS = Path(__file__).parent / "results"


def loss_function(form, chunk_size):
    """Return a function of (images, texts, positions)."""
    if form == "plain":
        return lambda images, texts, positions: itcl_loss(images, texts, positions, temperature=TEMPERATURE)
    if form == "chunked":
        return lambda images, texts, positions: itcl_loss(
            images, texts, positions, temperature=TEMPERATURE, chunk_size=chunk_size
        )
    try:
        from open_clip.loss import ClipLoss
    except ImportError as error:
        raise SystemExit("The form `open_clip` needs open_clip: pip install open_clip_torch") from error
    clip, unit = ClipLoss(), torch.nn.functional.normalize
    return lambda images, texts, positions: clip(unit(images), unit(texts), 1 / TEMPERATURE)


class PeakMemory:
    """Bytes added at the peak between `start` and `stop`; None where the platform does not tell."""

    def __init__(self, device):
        self.device = device

    def start(self):
        """Forget peaks so far."""
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        elif Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")
            self.before = _status("VmRSS")
        else:
            self.before = None

    def stop(self):
        """Return the bytes added at the peak since `start`."""
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated() - self.before
        return None if self.before is None else _status("VmHWM") - self.before


def _status(field):
    """A memory field of this process, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}")


def free_memory(device):
    """Bytes that a cell may take."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def run_cell(form, size, device, chunk_size, *, only_memory):
    """Measure time or peak memory of one cell in this process."""
    function = loss_function(form, chunk_size)

    def run(images, texts, positions):
        loss = function(images, texts, positions)
        torch.autograd.grad(loss, (images, texts))
        return loss.item()  # waits for the device

    def inputs(count):
        generator = torch.Generator().manual_seed(0)
        images, texts = (torch.randn(count, WIDTH, generator=generator).to(device).requires_grad_() for _ in range(2))
        return images, texts, (torch.rand(count, LABELS, generator=generator) < 0.4).to(device)

    run(*inputs(64))  # libraries and thread pools are loaded before anything is measured
    batch = inputs(size)
    if only_memory:
        memory = PeakMemory(device)
        memory.start()
        run(*batch)
        return {"peak_bytes": memory.stop()}
    times = []
    for _ in range(8 if size <= 4096 else 3 if size <= 16384 else 1):
        start = time.perf_counter()
        loss = run(*batch)
        times.append(time.perf_counter() - start)
    return {
        "form": form,
        "size": size,
        "seconds": statistics.median(times[1:] or times),
        "runs": len(times),
        "loss": loss,
    }


def measure(arguments, device, results, store):
    """Run all cells, each in a fresh process, and hand the results to `store` after each."""
    for size in arguments.sizes:
        for form in arguments.forms:
            need, free = MATRICES[form] * 4 * size**2, free_memory(device)
            if need > 0.8 * free:
                left_out = {"form": form, "size": size, "need_bytes": int(need), "free_bytes": free}
                print(f"{form:>9} N={size:<6} left out: about {need / 2**30:.0f} GiB of {free / 2**30:.0f} free")
                store(results := merged(results, left_out=left_out))
                continue
            command = [sys.executable, __file__, "--cell", form, str(size), "--device", device]
            command += ["--chunk-size", str(arguments.chunk_size)]
            frugal = {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
            cell = {}
            for extra, variables in (([], {}), (["--only-memory"], frugal)):
                output = subprocess.run(
                    command + extra, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | variables
                ).stdout
                cell |= json.loads(output)
            print(f"{form:>9} N={size:<6} {cell['seconds']:9.4f} s {mebibytes(cell['peak_bytes'])}")
            store(results := merged(results, cell=cell))
    return results


def setting(arguments, device):
    """What cells need to have in common to stand in one table."""
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "chunk_size": arguments.chunk_size,
        "width": WIDTH,
    }


def processor():
    """Name of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def mebibytes(count):
    """Bytes as text in MiB."""
    return "-" if count is None else f"{count / 2**20:,.1f} MiB"


def summary(results):
    """Return the claims as lines of text, computed from the cells."""
    table = {(cell["form"], cell["size"]): cell for cell in results["cells"]}
    lines = []
    for size in sorted({size for _, size in table}):
        pair = [table.get((form, size)) for form in ("plain", "chunked")]
        if all(pair):
            plain, chunked = pair
            if abs(plain["loss"] - chunked["loss"]) > 1e-5 * abs(plain["loss"]):
                raise SystemExit(f"At N = {size} the losses differ: {plain['loss']} and {chunked['loss']}")
    chunked = {size: cell for (form, size), cell in table.items() if form == "chunked" and cell["peak_bytes"]}
    plain = {size: cell for (form, size), cell in table.items() if form == "plain" and cell["peak_bytes"]}
    if plain and chunked:
        largest = max(plain)
        for size in (size for size in sorted(chunked) if size >= 4096):
            peak, note = (
                (plain[size]["peak_bytes"], "measured")
                if size in plain
                else (plain[largest]["peak_bytes"] * (size / largest) ** 2, f"from N = {largest:,} by N²")
            )
            lines.append(
                f"N = {size:,}: chunked takes 1/{peak / chunked[size]['peak_bytes']:.0f} of the plain form's "
                f"{mebibytes(peak)} ({note})"
            )
        if 4096 in plain and 4096 in chunked:
            ratio = chunked[4096]["seconds"] / plain[4096]["seconds"]
            lines.append(f"N = 4,096: chunked takes {ratio:.2f} of the plain form's time")
    sizes = sorted(chunked)[-2:]
    if len(sizes) == 2:
        growth = chunked[sizes[1]]["peak_bytes"] / chunked[sizes[0]]["peak_bytes"]
        lines.append(f"From N = {sizes[0]:,} to {sizes[1]:,} the chunked form's peak grows {growth:.2f} times")
    return lines


def write_report(results, stem):
    """Write table and plot beside the stored results."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    table = {(cell["form"], cell["size"]): cell for cell in results["cells"]}
    left_out = {(cell["form"], cell["size"]) for cell in results["left_out"]}
    sizes = sorted({size for _, size in [*table, *left_out]})
    forms = [form for form in FORMS if any(key[0] == form for key in table)]
    rows = [
        f"{results['device']}, {results['threads']} threads, torch {results['torch']}; float32, D = "
        f"{results['width']}, forward and backward, chunks of {results['chunk_size']} rows.",
        "",
        "| N | " + " | ".join(f"{form}, s | {form}, MiB" for form in forms) + " |",
        "|---:" * (1 + 2 * len(forms)) + "|",
    ]
    for size in sizes:
        cells = [table.get((form, size)) for form in forms]
        rows.append(
            f"| {size:,} | "
            + " | ".join(
                f"{cell['seconds']:.4f} | {mebibytes(cell['peak_bytes']).removesuffix(' MiB')}"
                if cell
                else "does not fit | "
                if (form, size) in left_out
                else "- | -"
                for form, cell in zip(forms, cells, strict=True)
            )
            + " |"
        )
    rows += ["", *(f"- {line}" for line in summary(results))]
    stem.with_suffix(".md").write_text("\n".join(rows) + "\n")

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for form in forms:
        cells = [table[form, size] for size in sizes if (form, size) in table]
        for axis, field, unit in ((axes[0], "seconds", 1), (axes[1], "peak_bytes", 2**20)):
            points = [(cell["size"], cell[field] / unit) for cell in cells if cell[field]]
            axis.loglog(*zip(*points, strict=True), marker="o", label=form)
    for axis, title in zip(axes, ("time, s", "peak memory beside the inputs, MiB"), strict=True):
        axis.set(title=title, xlabel="batch N")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(stem.with_suffix(".png"), dpi=110)
    print("\n".join(summary(results)))
    print(f"Written: {stem}.json, .md and .png")


def main():
    """Measure and report, or run one cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    parser.add_argument("--chunk-size", type=int, default=256)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--fresh", action="store_true", help="forget the stored cells first")
    parser.add_argument("--report", action="store_true", help="only write table and plot from the stored results")
    parser.add_argument("--cell", nargs=2, metavar=("FORM", "N"), help=argparse.SUPPRESS)
    parser.add_argument("--only-memory", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    device = arguments.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.cell:
        form, size = arguments.cell
        cell = run_cell(form, int(size), device, arguments.chunk_size, only_memory=arguments.only_memory)
        print(json.dumps(cell))
        return
    stem = RESULTS / f"itcl_scaling_{device}"
    path = stem.with_suffix(".json")
    if not arguments.report:
        RESULTS.mkdir(exist_ok=True)
        keep = path.exists() and not arguments.fresh
        results = started(json.loads(path.read_text()) if keep else None, setting(arguments, device))
        measure(arguments, device, results, lambda results: write_whole(path, json.dumps(results, indent=1) + "\n"))
    write_report(json.loads(path.read_text()), stem)


if __name__ == "__main__":
    main()
