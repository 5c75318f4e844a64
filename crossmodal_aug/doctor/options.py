"""Options that the commands share: what data to look at, and what is known of it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError


def add_data(group: argparse._ArgumentGroup) -> None:
    """Add the options that name a data set."""
    group.add_argument("--data", type=Path, metavar="DIR", help="the folder of the data set")
    group.add_argument("--layout", help="annotation, part-folders or one-folder; default: the first that fits")
    group.add_argument("--images", type=Path, metavar="DIR", help="folder of the images, where no layout fits")
    group.add_argument("--masks", type=Path, metavar="DIR", help="folder of the masks, likewise")
    group.add_argument(
        "--captions", type=Path, metavar="FILE", help="list of the captions, likewise: .csv, .xlsx, .json"
    )


def add_mask_values(group: argparse._ArgumentGroup) -> None:
    """Add the option that says which values of a mask are lesion."""
    group.add_argument("--mask-values", default="", metavar="V", help="values that are lesion, such as 1,2 or 128-255")


def add_atlas(group: argparse._ArgumentGroup, default: str | None = None) -> None:
    """Add the options that name the atlas, and say whose left its words mean.

    Args:
        group: The group of options.
        default: The atlas where none is named; None takes lung_zones too, and tells it from one that was named.
    """
    group.add_argument(
        "--atlas", default=default, help="lung_zones (default), quadrants, or the path of an atlas file (.toml)"
    )
    group.add_argument(
        "--laterality", choices=("viewer", "patient"), help="whose left captions mean; default: the atlas's"
    )


def add_ops(group: argparse._ArgumentGroup, *, required: bool, default: str = "") -> None:
    """Add the option that names ops, and the seed of their choices.

    Args:
        group: The group of options.
        required: Whether one must be named.
        default: What is taken where none is named, for the help.
    """
    many = f"may be given several times{default and f' (default: {default})'}"
    group.add_argument(
        "--op", action="append", required=required, default=None if required else [], metavar="OP",
        help=f"an op and its settings, such as zone-mix:unit=region,p=1.0; {many}",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, help="of all random choices (0)")


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
