"""Compare two runs on the same images, score by score, with intervals and tests by patient.

python examples/semimedref/compare.py runs/A runs/B
python examples/semimedref/compare.py runs/A-seed0 runs/B-seed0 --and runs/A-seed1 runs/B-seed1
"""

import json
from collections.abc import Sequence
from pathlib import Path

from semimedref.cli import OneLineParser, run, say
from semimedref.evaluation.bootstrap import Bootstrap
from semimedref.evaluation.folder import check_new
from semimedref.evaluation.paired import Difference, paired
from semimedref.evaluation.tables import Table, shown
from semimedref.evaluation.tally_file import read_tally
from semimedref.files import write_text
from semimedref.runs import RunFolder

from crossmodal_aug.errors import InvalidValueError


def main(arguments: Sequence[str]) -> None:
    """Read the counts of both, print the table."""
    parser = OneLineParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("first", type=Path, metavar="A", help="folder of a run that evaluate.py has scored")
    parser.add_argument("second", type=Path, metavar="B", help="folder of the run that it is compared with")
    parser.add_argument(
        "--and",
        dest="more",
        type=Path,
        nargs=2,
        action="append",
        default=[],
        metavar=("A", "B"),
        help="another pair of runs of the same two, with another seed or other labelled images",
    )
    parser.add_argument("--json", type=Path, help="also write the table to this file, which must not exist")
    parser.add_argument("--resamples", type=int, default=2000, help="bootstrap samples (default: 2000)")
    parser.add_argument("--exchanges", type=int, default=9999, help="exchanges of the test (default: 9999)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (default: 0)")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        raise InvalidValueError(f"Expected --seed to be 0 or more, but got {options.seed}.")
    bootstrap = Bootstrap(options.resamples, options.seed)
    if options.json is not None:
        check_new({"--json": options.json})
    pairs = [(options.first, options.second), *((first, second) for first, second in options.more)]
    refuse_twice(pairs)
    first, second = ([read_tally(counts_of(pair[side])) for pair in pairs] for side in (0, 1))
    found = paired(first, second, bootstrap, exchanges=options.exchanges)
    for name, side in (("A", 0), ("B", 1)):
        say(f"{name}: {', '.join(str(pair[side]) for pair in pairs)}")
    say("", *table(found, len(first[0].images), options).to_text().split("\n"))
    if options.json is not None:
        stored = {"pairs": [[str(a), str(b)] for a, b in pairs], "scores": [one.to_dict() for one in found]}
        write_text(options.json, json.dumps(stored, indent=2) + "\n")
        say("", options.json)


def counts_of(run: Path) -> Path:
    """Return the file of counts of a run: in its folder, or the path itself."""
    return RunFolder(run).counts if run.is_dir() else run


def refuse_twice(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Raise where a run would be compared with itself, from which it differs by nothing, or a pair counts twice.

    Raises:
        InvalidValueError: It is so.
    """
    files = [(counts_of(first).resolve(), counts_of(second).resolve()) for first, second in pairs]
    for number, ((first, second), pair) in enumerate(zip(pairs, files, strict=True)):
        if pair[0] == pair[1]:
            raise InvalidValueError(f"Expected two runs to compare, but got {first} and {second}, which are one.")
        if pair in files[:number]:
            raise InvalidValueError(f"Expected each pair of runs once, but got {first} and {second} twice.")


def table(found: Sequence[Difference], images: int, options: object) -> Table:
    """Return the paired table.

    Args:
        found: A row for each score.
        images: Number of images.
        options: Those of the command line.
    """
    several = any(one.over_runs is not None for one in found)
    heads = ["score", "patients", "A", "B", "A - B"]
    heads += ["over runs too", "by run"] if several else []
    rows = []
    for one in found:
        cells = [one.name, str(one.patients), f"{one.first:.2f}", f"{one.second:.2f}", shown(one.difference)]
        if several:
            cells.append("" if one.over_runs is None else shown(one.over_runs))
            cells.append(" ".join(f"{gap:+.2f}" for gap in one.by_run))
        rows.append((*cells, f"{one.p:.4f}"))
    return Table(
        "A less B on the same images",
        (*heads, "p"),
        tuple(rows),
        f"Percent, {images} images. Intervals: 95 %, from {vars(options)['resamples']} bootstrap samples of the "
        "patients, each with all of its images. p: two-sided, by exchange of A and B patient by patient, "
        f"{vars(options)['exchanges']} times; not corrected for the number of scores."
        + (" Over runs too: pairs of runs are drawn anew as well." if several else ""),
    )


if __name__ == "__main__":
    run(main)
