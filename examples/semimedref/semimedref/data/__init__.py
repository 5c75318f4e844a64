"""Data sets, by name."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from crossmodal_aug import Atlas
from semimedref.atlases import load_atlas
from semimedref.config import Config
from semimedref.data.entries import PARTS
from semimedref.data.folder_data import load_folder
from semimedref.data.phantom import load_phantoms
from semimedref.data.samples import DataSet
from semimedref.data.splits import ShareError

__all__ = ["load_data", "load_to_score"]


def load_data(
    config: Config, *, to_train: bool = True, needed: Collection[str] = PARTS, atlas: Atlas | None = None
) -> DataSet:
    """Load the data set that a run asks for.

    Args:
        config: The settings of the run.
        to_train: As in `load_folder`.
        needed: As in `load_folder`.
        atlas: That of a run, in place of the one that `--atlas` names; of other data than a folder it is known.

    Returns:
        The data set.

    Raises:
        InvalidValueError: It cannot be read; the message names the file or the row.
    """
    if config.data != "folder":
        atlas = None
    elif atlas is None:
        atlas = load_atlas(config.atlas)
    if config.data == "phantom":
        return load_phantoms(
            size=config.size, labels=config.labels, split=config.split, total=config.total, draw=config.split_seed
        )
    return load_folder(
        config.data,
        Path(config.root),
        size=config.size,
        labels=config.labels,
        split=config.split,
        total=config.total,
        draw=config.split_seed,
        cache=Path(config.cache) if config.cache else None,
        to_train=to_train,
        needed=needed,
        mask_values=config.mask_values,
        allow_duplicates=config.allow_duplicates,
        atlas=atlas,
    )


def load_to_score(config: Config, part: str = "test", *, atlas: Atlas | None = None) -> DataSet:
    """Load a data set that a run may never have seen, to score a part of it, which may be all there is.

    Where the lung zones lie is fitted to the masks that would be labelled by the settings of the run: of its own data
    set, which others may have no mask, they are the same. Where there are too few samples for that share, all are
    labelled. Without training images the zones are those that are known of the kind of data set.

    Args:
        config: The settings of the run, with the root of the data set.
        part: The part that is scored, "valid" or "test".
        atlas: As for `load_data`.

    Returns:
        The data set.

    Raises:
        InvalidValueError: As for `load_data`, but for training masks that lie across their images.
    """
    try:
        return load_data(config, to_train=False, needed=(part,), atlas=atlas)
    except ShareError:
        return load_data(
            replace(config, labels=1.0, split="shuffle", total=0), to_train=False, needed=(part,), atlas=atlas
        )
