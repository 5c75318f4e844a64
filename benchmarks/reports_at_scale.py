"""How many reports a second each way of reading many of them takes, with one process and with two.

    python benchmarks/reports_at_scale.py [--texts N] [--rounds R] [--out FILE.json]

Each round reads texts that no round has read before, in every way in turn. Two figures are taken of each: texts a
second of the clock, the best of all rounds, and milliseconds of processor time a text in all processes together, their
median. On a machine that does other work too the clock wanders and the processor time does not. What two processes
gain on the clock is a ratio within a round, and its median. Workers are forked within the time that is taken, as
`nlp.pipe` and `datasets` do by themselves. `datasets` is measured where it is installed. Reports are made of the
sentences of `sentences_unseen.jsonl` and `sentences_tuned.jsonl`, captions are those of `parser_speed.py` behind a
number.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import itertools
import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import spacy
from parser_speed import captions, machine

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "docs" / "examples"))

from read_reports import read  # noqa: E402

BATCH = 500
SENTENCES_A_REPORT = 8


def reports(count: int, seed: int) -> list[str]:
    """Return distinct reports of some sentences each."""
    files = ("sentences_unseen.jsonl", "sentences_tuned.jsonl")
    sentences = [json.loads(line)["text"] for name in files for line in (HERE / name).read_text().splitlines()]
    rng = random.Random(seed)
    return [
        f"Report {seed}-{number}. " + " ".join(rng.sample(sentences, SENTENCES_A_REPORT)) for number in range(count)
    ]


def numbered_captions(count: int, seed: int) -> list[str]:
    """Return distinct captions."""
    templates = captions()
    return [f"Case {seed}-{number}: {templates[number % len(templates)]}" for number in range(count)]


def batches(texts: list[str]) -> list[dict[str, list[str]]]:
    """Return the texts as columns of batches."""
    return [{"text": texts[start : start + BATCH]} for start in range(0, len(texts), BATCH)]


def by_read(processes: int) -> Callable[[list[str]], int]:
    """Read by the worker function, here or in a pool."""

    def alone(texts: list[str]) -> int:
        return sum(len(read(batch)["placed"]) for batch in batches(texts))

    def together(texts: list[str]) -> int:
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            return sum(len(found["placed"]) for found in pool.map(read, batches(texts)))

    return alone if processes == 1 else together


def by_pipe(processes: int) -> Callable[[list[str]], int]:
    """Read by the spaCy component."""
    nlp = spacy.blank("en")
    nlp.add_pipe("anatomical_positions")

    def count(texts: list[str]) -> int:
        with nlp.memory_zone():
            docs = nlp.pipe(texts, batch_size=BATCH, n_process=processes)
            return sum(len(doc._.position_regions) >= 0 for doc in docs)

    return count


def by_datasets(processes: int) -> Callable[[list[str]], int]:
    """Read by Hugging Face `datasets`, without its cache on disk."""
    import datasets

    datasets.disable_caching()
    datasets.disable_progress_bars()

    def count(texts: list[str]) -> int:
        data = datasets.Dataset.from_dict({"text": texts})
        # The number alone asks for a process of its own.
        done = data.map(read, batched=True, batch_size=BATCH, num_proc=None if processes == 1 else processes)
        return len(done["placed"])

    return count


def ways() -> dict[str, dict[int, Callable[[list[str]], int]]]:
    """Return what is measured, by its name and number of processes."""
    makers = {"read": by_read, "nlp.pipe": by_pipe}
    if importlib.util.find_spec("datasets") is not None:
        makers["datasets.map"] = by_datasets
    return {name: {processes: maker(processes) for processes in (1, 2)} for name, maker in makers.items()}


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def taken(read_all: Callable[[list[str]], int], texts: list[str]) -> tuple[float, float]:
    """Return texts a second of the clock, and milliseconds of processor time a text."""
    begin, used = time.perf_counter(), processor_seconds()
    if read_all(texts) != len(texts):
        raise SystemExit("texts were lost")
    return len(texts) / (time.perf_counter() - begin), 1000 * (processor_seconds() - used) / len(texts)


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Take all figures in one run."""
    measured = ways()
    result: dict[str, Any] = {"machine": machine(), "rounds": rounds, "texts_a_round": count}
    result["versions"] = {name: importlib.metadata.version(name) for name in ("spacy", "torch")}
    if "datasets.map" in measured:
        result["versions"]["datasets"] = importlib.metadata.version("datasets")
    seeds = itertools.count(1)
    for kind, make in (("reports", reports), ("captions", numbered_captions)):
        for read_all in (read_all for both in measured.values() for read_all in both.values()):
            read_all(make(BATCH, next(seeds)))
        rows = {(name, processes): [] for name, both in measured.items() for processes in both}
        for _ in range(rounds):
            for (name, processes), row in rows.items():
                row.append(taken(measured[name][processes], make(count, next(seeds))))
        result[kind] = {"mean_characters": round(statistics.mean(map(len, make(1000, 0))))}
        for name, both in measured.items():
            one, two = (rows[name, processes] for processes in both)
            result[kind][name] = {
                "best_per_second": [round(max(rate for rate, _ in row)) for row in (one, two)],
                "processor_milliseconds": [round(statistics.median(cost for _, cost in row), 3) for row in (one, two)],
                "two_over_one": round(statistics.median(b / a for (a, _), (b, _) in zip(one, two, strict=True)), 2),
            }
    result["load_at_the_end"] = machine()["load"]
    return result


def main() -> None:
    """Measure, print, and write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--texts", type=int, default=1500, help="texts read in each way and round")
    options.add_argument("--rounds", type=int, default=5, help="rounds of all ways")
    options.add_argument("--out", type=Path, help="where to write the figures")
    chosen = options.parse_args()
    text = json.dumps(measure(chosen.texts, chosen.rounds), indent=2)
    print(text)
    if chosen.out is not None:
        chosen.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
