"""Libraries that only the doctor needs, imported when they are."""

from importlib import import_module
from typing import Any

from crossmodal_aug.errors import MissingDependencyError


def library(module: str, name: str, extra: str = "doctor") -> Any:
    """Import a module of an extra of the package.

    Args:
        module: The module, such as "PIL.Image".
        name: The name of its package, for the error.
        extra: The extra that brings it.

    Returns:
        The module.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"Expected {name} to be installed, which the doctor needs here: pip install 'crossmodal-aug[{extra}]'."
        ) from error
