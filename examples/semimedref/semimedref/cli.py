"""The edge between the scripts and the shell: one line for an error, exit code 2, no traceback."""

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from io import TextIOWrapper
from typing import Any, NoReturn

import torch

from crossmodal_aug.errors import CrossModalError, InvalidValueError, shown
from crossmodal_aug.terminal import plain
from semimedref.config import Config
from semimedref.data_settings import DataSettings
from semimedref.method_settings import MethodSettings
from semimedref.settings import flag

BAD_INPUT, INTERRUPTED = 2, 130


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and end with the exit code for bad input."""
        self.exit(BAD_INPUT, f"error: {plain(message)} (see --help)\n")


def say(*lines: object) -> None:
    """Print lines; what they hold of file names and captions steers no terminal."""
    print(*(plain(str(line)) for line in lines), sep="\n", flush=True)


def complain(error: Exception) -> None:
    """Print an error on one line of stderr."""
    print("error: " + plain(" ".join(str(error).split())), file=sys.stderr)


def one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as the scripts show it: what it says, on one line."""
    return f"warning: {plain(' '.join(str(message).split()))}\n"


def run(main: Callable[[Sequence[str]], None], *, interrupted: str = "interrupted") -> NoReturn:
    """Run a script's main function on the command line's arguments and end the process.

    Errors that a user can mend (bad input, a file that cannot be read or written) become one line on stderr and
    exit code 2. Anything else is a fault of the program and keeps its traceback.

    Args:
        main: Takes the arguments.
        interrupted: What stands on stderr after Ctrl-C, with exit code 130.
    """
    # The name of a file may hold bytes that are no text here.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.formatwarning = one_line
    try:
        main(sys.argv[1:])
        sys.stdout.flush()
    except (CrossModalError, OSError) as error:
        complain(error)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(0)


NETWORK = ("model", "width", "pretrained", "image_weights", "text_encoder", "max_tokens", "size")
MACHINE = ("accelerator", "devices", "nodes", "strategy", "precision", "deterministic", "runs", "name")


def groups() -> dict[str, tuple[str, ...]]:
    """Return the names of all settings, by the heading under which `--help` shows them."""
    data, method = (tuple(one.name for one in fields(kind)) for kind in (DataSettings, MethodSettings))
    taken = {*data, *method, *NETWORK, *MACHINE}
    training = tuple(one.name for one in fields(Config) if one.name not in taken)
    return {"data": data, "network": NETWORK, "training": training, "machine and files": MACHINE, "method": method}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting, in groups; an option that is not given leaves no trace in the result."""
    known = {one.name: one for one in fields(Config)}
    for title, names in groups().items():
        _add_group(parser.add_argument_group(title), [known[name] for name in names])


def _add_group(parser: argparse._ArgumentGroup, settings: Sequence[Field[Any]]) -> None:
    for one in settings:
        if one.default is MISSING or not isinstance(one.type, type):
            raise TypeError(f"setting {one.name} needs a default and a plain type.")
        shown = "" if one.default in ("", 0, False) else f" (default: {one.default})"
        shown = " (default: of the method)" if one.default is None else shown
        about = (one.metadata["about"] + shown).replace("%", "%%")
        if one.type is bool:
            parser.add_argument(
                flag(one.name), action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about
            )
            continue
        parser.add_argument(
            flag(one.name),
            type=one.type,
            choices=one.metadata["choices"] or None,
            default=argparse.SUPPRESS,
            help=about,
        )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where to compute, which `check_device` looks at."""
    parser.add_argument(
        "--device", default="cpu", help="where to compute: cpu, cuda, cuda:1 and so on, or mps (default: cpu)"
    )


def check_device(name: str) -> None:
    """Raise unless this machine has a device of that name.

    Raises:
        InvalidValueError: The name is none of a device, or there is no such one here.
    """
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,4})?", name, re.ASCII):
        raise InvalidValueError(f"Expected --device to be cpu, cuda, cuda:1 and so on, or mps, but got {shown(name)}.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise InvalidValueError("Expected --device cpu, since this machine offers no MPS device.")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise InvalidValueError("Expected --device cpu, since this machine offers no CUDA device.")
        if int(name.partition(":")[2] or 0) >= count:
            raise InvalidValueError(f"Expected --device cuda:{count - 1} or lower, but got {name}.")
