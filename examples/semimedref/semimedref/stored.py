"""Files that `torch.save` wrote, read without running any code in them."""

import pickle
from pathlib import Path

import torch

from crossmodal_aug.errors import InvalidValueError


def read_stored(path: Path, what: str) -> object:
    """Read a file to the CPU.

    Args:
        path: The file, which must exist.
        what: What the file should be, for the message.

    Returns:
        What was saved, of plain types and tensors only.

    Raises:
        InvalidValueError: The file is damaged, or holds anything else.
    """
    try:
        stored: object = torch.load(path, map_location="cpu", weights_only=True)
    # What torch raises depends on where the file is damaged, and on what stands there instead.
    except (
        RuntimeError,
        EOFError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        # torch's own message goes on to advise loading code from the file.
        raise InvalidValueError(f"{path}: not a readable {what} ({type(error).__name__})") from error
    return stored
