"""How one setting is declared: its default, what it is for, and its option on the command line."""

import os
from collections.abc import Sequence
from dataclasses import field
from typing import Any


def setting(default: Any, about: str, choices: Sequence[str] = ()) -> Any:
    """A setting with its default, a line about it for `--help`, and the values that it may take, if not all."""
    return field(default=default, metadata={"about": about, "choices": tuple(choices)})


def ingredient(about: str, choices: Sequence[str] = ()) -> Any:
    """A setting that comes with the method where none is given."""
    return setting(None, about, choices)


def can_be_a_path(text: str) -> bool:
    """Return whether a text can be the path of a file."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def flag(name: str) -> str:
    """Return the command-line option of a setting."""
    return "--" + name.replace("_", "-")


def type_name(kind: Any) -> str:
    """Return how a message calls the type of a setting."""
    names: dict[Any, str] = {int: "an integer", float: "a number", bool: "true or false"}
    return names.get(kind, "a string")
