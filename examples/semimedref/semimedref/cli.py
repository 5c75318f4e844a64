"""The edge between the scripts and the shell: one line for an error, exit code 2, no traceback."""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from io import TextIOWrapper
from typing import NoReturn

from crossmodal_aug.errors import CrossModalError
from crossmodal_aug.terminal import plain
from semimedref.config import Config
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting; an option that is not given leaves no trace in the result."""
    for one in fields(Config):
        if one.default is MISSING or not isinstance(one.type, type):
            raise TypeError(f"setting {one.name} needs a default and a plain type")
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
