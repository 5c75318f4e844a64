"""The command `crossmodal-aug doctor`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError

EPILOG = """exit code: 0 where nothing must be mended, 1 where something must, 2 where the data cannot be read"""


def add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "doctor", help="look at a data set before training on it, and say what to mend", epilog=EPILOG
    )
    data = parser.add_argument_group("what to look at")
    data.add_argument("--data", type=Path, metavar="DIR", help="the folder of the data set")
    data.add_argument("--layout", help="annotation, part-folders or one-folder; default: the first that fits")
    data.add_argument("--images", type=Path, metavar="DIR", help="folder of the images, where no layout fits")
    data.add_argument("--masks", type=Path, metavar="DIR", help="folder of the masks, likewise")
    data.add_argument(
        "--captions", type=Path, metavar="FILE", help="list of the captions, likewise: .csv, .xlsx, .json"
    )
    told = parser.add_argument_group("what you know of it")
    told.add_argument("--atlas", help="lung_zones (default), quadrants, or the path of an atlas file (.toml)")
    told.add_argument(
        "--laterality", choices=("viewer", "patient"), help="whose left captions mean; default: the atlas's"
    )
    told.add_argument("--mask-values", default="", metavar="V", help="values that are lesion, such as 1,2 or 128-255")
    told.add_argument("--patient", metavar="REGEX", help="finds the patient in an image's name, in its last group")
    told.add_argument(
        "--tokenizer", metavar="NAME", help="folder or name of your text encoder's tokenizer; default: words"
    )
    told.add_argument("--max-tokens", type=int, metavar="N", help="tokens that your text encoder reads")
    told.add_argument(
        "--op", action="append", default=[], metavar="OP",
        help='an op to try, such as "TPatchMix(patch_size=64, p=0.5)"; may be given several times (default: all)',
    )  # fmt: skip
    told.add_argument(
        "--size", type=int, metavar="PX",
        help="side of your images in training; default: that of the images here, at most 224",
    )  # fmt: skip
    told.add_argument("--seed", type=int, default=0, help="of all random choices (0)")
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


def check_folder(name: str, path: Path | None) -> None:
    """Raise before the work is done unless a file can be written at a path, as far as its folder tells.

    Args:
        name: Name of the option, for the message.
        path: The file; None where none is wanted.

    Raises:
        InvalidValueError: The path is a folder, or lies in one that is not there or takes no files.
    """
    if path is None:
        return
    if path.is_dir():
        raise InvalidValueError(f"Expected `{name}` to be a file, but {path} is a folder.")
    if not path.parent.is_dir():
        raise InvalidValueError(f"Expected `{name}` in a folder that is there, but there is no folder {path.parent}.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidValueError(f"Expected `{name}` to be a file that may be written, but {path} may not.")
