"""How fast the position parser reads captions, beside medspaCy and a plain regular expression, in one run.

    python benchmarks/parser_speed.py [--medspacy PYTHON] [--texts N] [--out FILE.json]

medspaCy needs an older spaCy, so it runs in an environment of its own: `--medspacy` is the path of that
environment's Python. It gets one target rule per phrase that the captions can hold, and its own context
rules for negation. The texts are captions in the style of the two public data sets, generated, all distinct.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
LEVELS = ("upper", "middle", "lower")
STACKS = [" ".join(s) for size in (1, 2, 3) for s in itertools.combinations(LEVELS, size)] + ["all"]
PHRASES = [f"{stack} {side} lung" for side in ("left", "right") for stack in STACKS]
PLAIN = re.compile(r"((?:(?:upper|middle|lower|all) )+)(left|right) lung", re.IGNORECASE)
GOALS = {"distinct_per_second": 8_000, "times_medspacy": 20, "cached_per_second": 500_000}


def captions() -> list[str]:
    """Return every caption of the template, each once."""
    found = []
    for number, left, right, style in itertools.product(NUMBERS, [*STACKS, ""], [*STACKS, ""], (0, 1, 2)):
        if not (left or right):
            continue
        sides = "Bilateral" if left and right else "Unilateral"
        places = " and ".join(f"{stack} {side} lung" for stack, side in ((left, "left"), (right, "right")) if stack)
        text = f"{sides} pulmonary infection, {number} infected areas, {places}."
        found.append((text, text[0].lower() + text[1:], text + ".")[style])
    return found


def plain_bits(text: str) -> list[bool]:
    """Read the template with one regular expression, as most code for these data sets does."""
    bits = [False] * 6
    for stack, side in PLAIN.findall(text):
        for index, level in enumerate(LEVELS):
            bits[index + 3 * (side.lower() == "right")] |= level in stack.lower() or "all" in stack.lower()
    return bits


def per_second(read: Callable[[str], object], texts: list[str], rounds: int) -> float:
    """Return the best rate of several rounds, in texts per second of processor time; no result is kept."""
    best = 0.0
    for _ in range(rounds):
        begin = time.process_time()
        for text in texts:
            read(text)
        best = max(best, len(texts) / (time.process_time() - begin))
    return best


def cached_per_second(parse_many: Callable[[list[str]], object], texts: list[str], rounds: int) -> float:
    """Return the best rate of reading texts that were read before, in batches of 64."""
    batches = [texts[start : start + 64] for start in range(0, len(texts), 64)]
    best = 0.0
    for _ in range(rounds):
        begin = time.process_time()
        for batch in batches:
            parse_many(batch)
        best = max(best, len(texts) / (time.process_time() - begin))
    return best


def resident_megabytes() -> float:
    """Return the memory that the process holds now, or its peak where the system does not say."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def memory_over(count: int) -> list[float]:
    """Read `count` distinct texts and return the memory held after each tenth."""
    from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser

    parser = PositionParser(LUNG_ZONES)
    templates = captions()
    held = []

    def texts(start: int, stop: int) -> Iterator[str]:
        for number in range(start, stop):
            yield f"Case {number}x{number % 977}: {templates[number % len(templates)]}"

    for tenth in range(10):
        for first in range(count * tenth // 10, count * (tenth + 1) // 10, 1000):
            parser.parse_many(texts(first, first + 1000))
        held.append(round(resident_megabytes(), 1))
    return held


def medspacy_rate(texts: list[str]) -> dict[str, object]:
    """Measure medspaCy; called in its own environment."""
    import medspacy
    import spacy
    from medspacy.target_matcher import TargetRule

    nlp = medspacy.load(enable=["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context"])
    nlp.get_pipe("medspacy_target_matcher").add([TargetRule(phrase, "POSITION") for phrase in PHRASES])
    nlp(texts[0])

    def read(text: str) -> list[tuple[str, bool]]:
        return [(ent.text, ent._.is_negated) for ent in nlp(text).ents]

    rate = per_second(read, texts, rounds=3)
    return {"per_second": rate, "medspacy": medspacy.__version__, "spacy": spacy.__version__}


def spacy_rates(texts: list[str]) -> dict[str, float]:
    """Measure spaCy's tokenizer alone, and the parser as a component behind it."""
    import spacy

    nlp = spacy.blank("en")
    tokenizer = per_second(nlp.make_doc, texts, rounds=3)
    nlp.add_pipe("anatomical_positions")
    component = per_second(nlp, texts, rounds=3)
    return {"spacy_tokenizer_alone_per_second": tokenizer, "component_per_second": component}


def machine() -> dict[str, object]:
    """Describe where the figures were taken."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = re.findall(r"model name\s*:\s*(.+)", info.read_text())
        model = names[0] if names else model
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "load": load}


def start_up() -> dict[str, float]:
    """Measure what a first import and a first text cost, each in interpreters of their own; medians of five."""
    first = (
        "from time import perf_counter as now\nfrom crossmodal_aug import LUNG_ZONES, PositionParser\n{spacy}"
        "begin = now()\nPositionParser(LUNG_ZONES)('Upper left lung.')\nprint(now() - begin)"
    )

    def seconds(code: str) -> float:
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            taken.append(float(done.stdout) if done.stdout.strip() else time.perf_counter() - begin)
        return statistics.median(taken)

    return {
        "import_milliseconds_over_bare_python": round(1000 * (seconds("import crossmodal_aug") - seconds("pass")), 1),
        "first_parse_seconds_with_spacy_imported": round(seconds(first.format(spacy="import spacy\n")), 3),
        # spaCy imports torch where it is installed, which a training script has imported already.
        "first_parse_seconds_with_torch_imported": round(seconds(first.format(spacy="import torch\n")), 3),
        "first_parse_seconds_from_nothing": round(seconds(first.format(spacy="")), 3),
    }


def linear() -> dict[str, float]:
    """Measure how long the longest texts take, read and rewritten, in seconds."""
    from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser
    from crossmodal_aug.errors import CannotSay

    parser = PositionParser(LUNG_ZONES, cache_size=0)
    taken = {}
    for unit in ("(left lung ", "right base opacity. ", "no effusion, clear left lung and "):
        for size in (20_000, 200_000):
            text = unit * (size // len(unit))
            begin = time.perf_counter()
            parser(text)
            read = time.perf_counter()
            with contextlib.suppress(CannotSay):
                parser.rewrite(text, (True, False, False, False, False, True))
            taken[f"{unit!r} {size}"] = {
                "read": round(read - begin, 3),
                "rewritten": round(time.perf_counter() - read, 3),
            }
    return taken


def measure(medspacy_python: str | None, memory_texts: int) -> dict[str, object]:
    """Take all figures in one run."""
    from crossmodal_aug.anatomy import LUNG_ZONES, PositionParser

    texts = captions()
    parser = PositionParser(LUNG_ZONES)
    for text in texts:
        wanted = plain_bits(text)
        if list(parser(text).bits) != wanted:
            raise SystemExit(f"the parser and the regular expression disagree on {text!r}")
    cached = PositionParser(LUNG_ZONES)
    cached.parse_many(texts)
    result: dict[str, object] = {"machine": machine(), "distinct_texts": len(texts)}
    ours = per_second(parser, texts, rounds=20)
    result["distinct_per_second"] = ours
    result["cached_per_second"] = cached_per_second(cached.parse_many, texts * 10, rounds=7)
    result["plain_regular_expression_per_second"] = per_second(plain_bits, texts, rounds=7)
    result |= spacy_rates(texts[::5])
    result |= start_up()
    result["seconds_by_characters"] = linear()
    if medspacy_python is not None:
        command = [medspacy_python, str(Path(__file__).resolve()), "--as-medspacy"]
        # The other environment must not see this one's packages.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        other = json.loads(answer.stdout.splitlines()[-1])
        result["medspacy"] = other
        result["times_medspacy"] = ours / other["per_second"]
    if memory_texts:
        held = memory_over(memory_texts)
        result["memory"] = {"distinct_texts": memory_texts, "megabytes_after_each_tenth": held}
        # The cache fills during the first tenths; after that nothing may grow.
        result["memory_growth_megabytes"] = round(held[-1] - held[2], 1)
    return result


def main() -> int:
    """Measure, print, and return 1 where a goal that was measured is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--medspacy", metavar="PYTHON", help="Python of an environment with medspaCy")
    options.add_argument("--texts", type=int, default=1_000_000, help="distinct texts for the memory figure")
    options.add_argument("--out", type=Path, help="where to write the figures")
    options.add_argument("--as-medspacy", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.as_medspacy:
        print(json.dumps(medspacy_rate(captions()[::20])))
        return 0
    result = measure(chosen.medspacy, chosen.texts)
    text = json.dumps(result, indent=2)
    print(text)
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(text + "\n")
    missed = [name for name, goal in GOALS.items() if name in result and result[name] < goal]
    print("goals missed: " + (", ".join(missed) or "none"), file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
