"""Entries: what a list of captions says about one image, before any file is looked for."""

from dataclasses import dataclass
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError, shown

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Entry:
    """One row of a list of captions.

    Attributes:
        where: Its place, for messages: file and row.
        name: Name of the image or of its mask, as it stands there.
        caption: What the caption says.
        split: What the row says of the part it belongs to; empty where the list does not say.
        mask: Name of the mask, where the list gives it beside that of the image.
        patient: Whose image it is; empty where the list does not say.
    """

    where: str
    name: str
    caption: str
    split: str = ""
    mask: str = ""
    patient: str = ""


def check_entry(
    where: str,
    name: object,
    caption: object,
    *,
    heads: tuple[str, str],
    split: str = "",
    mask: object = None,
    patient: object = None,
) -> Entry:
    """Make an entry of what a file holds, or raise.

    Args:
        where: Its place, for messages.
        name: Should be the name of a file, without its folder.
        caption: Should be a text that is not empty. Blanks around it are cut off.
        heads: How the file calls the two.
        split: As in `Entry`.
        mask: Should be the name of a file, without its folder; None and an empty text stand for none.
        patient: Should be a text or an integer; None and an empty text stand for none.

    Raises:
        InvalidValueError: One of them is something else.
    """
    if not isinstance(name, str) or not name.strip() or Path(name).name != name:
        raise InvalidValueError(f"{where}: expected a file name as {heads[0]}, but got {short(name)}.")
    mask, patient = "" if mask is None else mask, "" if patient is None else patient
    if not isinstance(mask, str) or (mask.strip() and Path(mask).name != mask):
        raise InvalidValueError(f"{where} ({name}): expected a file name as mask, but got {short(mask)}.")
    if isinstance(patient, bool) or not isinstance(patient, str | int):
        raise InvalidValueError(f"{where} ({name}): expected text or an integer as patient, but got {short(patient)}.")
    for text in (name, caption, mask, patient):
        if isinstance(text, str) and has_half_characters(text):
            raise InvalidValueError(f"{where}: expected text, but got half a character in {short(text)}.")
    if not isinstance(caption, str):
        raise InvalidValueError(f"{where} ({name}): expected text as {heads[1]}, but got {short(caption)}.")
    if not caption.strip():
        raise InvalidValueError(f"{where} ({name}): the caption is empty.")
    return Entry(where, name.strip(), caption.strip(), split, mask.strip(), str(patient).strip())


def has_half_characters(text: str) -> bool:
    r"""Return whether a text cannot be encoded: JSON may hold half a character, and a command line bytes of none.

    Example:
        >>> has_half_characters("gr\u00f6\u00dfer"), has_half_characters("gr\udcf6er")
        (False, True)
    """
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def short(value: object) -> str:
    """Return the beginning of how a value is written."""
    return shown(value, 60)
