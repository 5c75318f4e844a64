"""Data sets, by name."""

from pathlib import Path

from semimedref.config import Config
from semimedref.data.folder_data import load_folder
from semimedref.data.phantom import load_phantoms
from semimedref.data.samples import DataSet

__all__ = ["load_data"]


def load_data(config: Config) -> DataSet:
    """Load the data set that a run asks for.

    Args:
        config: The settings of the run.

    Returns:
        The data set.

    Raises:
        InvalidValueError: It cannot be read; the message names the file or the row.
    """
    if config.data == "phantom":
        return load_phantoms(size=config.size, labels=config.labels, split=config.split, total=config.total)
    return load_folder(
        config.data,
        Path(config.root),
        size=config.size,
        labels=config.labels,
        split=config.split,
        total=config.total,
        cache=Path(config.cache) if config.cache else None,
    )
