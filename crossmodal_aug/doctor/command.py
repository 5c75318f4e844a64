"""The command `crossmodal-aug doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path

from crossmodal_aug.doctor.options import add_atlas, add_data, add_mask_values, add_ops, check_folder

EPILOG = """exit code: 0 where nothing must be mended, 1 where something must, 2 where the data cannot be read"""


def add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "doctor", help="look at a data set before training on it, and say what to mend", epilog=EPILOG
    )
    data = parser.add_argument_group("what to look at")
    add_data(data)
    told = parser.add_argument_group("what you know of it")
    add_atlas(told)
    add_mask_values(told)
    told.add_argument("--patient", metavar="REGEX", help="finds the patient in an image's name, in its last group")
    told.add_argument(
        "--tokenizer", metavar="NAME", help="folder or name of your text encoder's tokenizer; default: words"
    )
    told.add_argument("--max-tokens", type=int, metavar="N", help="tokens that your text encoder reads")
    add_ops(told, required=False, default="all")
    told.add_argument(
        "--size", type=int, metavar="PX",
        help="side of your images in training; default: that of the images here, at most 224",
    )  # fmt: skip
    out = parser.add_argument_group("what to write")
    out.add_argument("--json", type=Path, metavar="FILE", help="everything that was found, for machines")
    out.add_argument("--html", type=Path, metavar="FILE", help="one page with pictures, which opens from disk")
    out.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Examine a data set as the command line says, print the table and write the files.

    Returns:
        1 where something must be mended, else 0.
    """
    from crossmodal_aug.doctor.examining import examine  # noqa: PLC0415  (torch and spaCy, for this command alone)

    for name, path in (("json", options.json), ("html", options.html)):
        check_folder(name, path)
    found = examine(
        options.data,
        layout=options.layout,
        images=options.images,
        masks=options.masks,
        captions=options.captions,
        atlas=options.atlas,
        laterality=options.laterality,
        mask_values=options.mask_values,
        max_tokens=options.max_tokens,
        tokenizer=options.tokenizer,
        patient=options.patient,
        ops=options.op,
        size=options.size,
        seed=options.seed,
        progress=not options.quiet,
    )
    print(found.as_table())  # noqa: T201
    if options.json is not None:
        found.write_json(options.json)
    if options.html is not None:
        found.write_html(options.html)
    return int(found.must_mend)
