"""Which picture files are read, and what is said of the others."""

import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from crossmodal_aug.errors import InvalidValueError

# Pillow is told these alone: some of the others call a program outside (EPS), or are of no use for one grey picture.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "JPEG2000": (".jp2",),
    "PPM": (".pbm", ".pgm", ".ppm", ".pnm"),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
UNREAD_SUFFIXES = (
    *(".dcm", ".dicom", ".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".npy", ".npz", ".mat", ".h5"),
    *(".heic", ".avif", ".psd", ".svg", ".eps", ".pdf"),
)
"""Endings of pictures that have to be converted first."""

MASK_PREFIX = "mask_"

LOSSY = ("JPEG", "MPO", "WEBP", "JPEG2000")
"""Formats that may not keep values exactly."""

MAGIC = (
    (128, b"DICM", "DICOM"),
    (344, b"n+1\0", "NIfTI"),
    (344, b"ni1\0", "NIfTI"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"%!PS", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"DDS ", "DDS"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (0, b"\x93NUMPY", "NumPy"),
)
TURNED = range(2, 9)
"""Values of the EXIF orientation that turn or mirror a picture."""


@dataclass(frozen=True)
class Opened:
    """A picture as any viewer shows it.

    Attributes:
        picture: Its pixels.
        turned: Whether it was turned or mirrored, as its EXIF orientation says.
        lossy: Whether its format may not keep values exactly.
    """

    picture: Image.Image
    turned: bool
    lossy: bool


def open_picture(path: Path) -> Opened:
    """Open a file that holds one picture, and set it upright.

    Raises:
        InvalidValueError: There is no such file, it is none of `FORMATS`, is damaged, or holds several pictures.
    """
    try:
        # By its path, Pillow would map a plain TIFF into memory, and mangle one that its orientation lays on a side.
        with path.open("rb") as file, Image.open(file, formats=list(FORMATS)) as picture:
            pictures = getattr(picture, "n_frames", 1)
            orientation = _orientation(picture)
            picture.load()
            turned = orientation in TURNED
            # Pillow turns TIFF itself on loading.
            upright = ImageOps.exif_transpose(picture) if turned and picture.format != "TIFF" else picture
            lossy = picture.format in LOSSY or picture.info.get("compression") == "jpeg"
    except FileNotFoundError as error:
        raise InvalidValueError(not_found(path)) from error
    except Image.UnidentifiedImageError as error:
        raise InvalidValueError(f"{path}: not a readable image ({_what(path)}).") from error
    # Pillow reports a damaged file by any of these, depending on the format and on where the damage lies.
    except (
        *(OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError),
        *(RuntimeError, AttributeError, TypeError, LookupError, struct.error),
    ) as error:
        raise InvalidValueError(f"{path}: not a readable image ({error}).") from error
    if pictures > 1:
        raise InvalidValueError(
            f"{path}: expected one picture, but the file holds {pictures} (it is animated or has several pages); store "
            "the one that is meant in a file of its own."
        )
    return Opened(upright, turned, lossy)


def not_found(path: Path, where: str = "") -> str:
    """Return what to say of a picture that cannot be found, which may lie there in a format that is not read.

    Args:
        path: Where it should be.
        where: What names it, if anything.
    """
    named = f", but {where} names it" if where else ""
    unread = _unread(path)
    if unread is None:
        return f"{path}: no such file{named}."
    return f"{unread}: not read{named}: convert it to {_formats()}, or leave it out."


def core(name: str) -> str:
    """Return a name in small letters, without the prefix of masks and without its ending if that is one of a picture.

    Example:
        >>> core("mask_Case-1.nii.gz"), core("v1.2"), core("x.PNG")
        ('case-1', 'v1.2', 'x')
    """
    plain = name.casefold()
    suffix = next((one for one in (*SUFFIXES, *UNREAD_SUFFIXES) if plain.endswith(one)), "")
    return plain.removesuffix(suffix).removeprefix(MASK_PREFIX)


def _orientation(picture: Image.Image) -> int:
    if picture.format != "TIFF":
        # PNG holds EXIF data behind its pixels too.
        picture.load()
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, TypeError, ValueError):
        # Data that are not EXIF say nothing of an orientation.
        return 1


def _unread(path: Path) -> Path | None:
    """The file that is probably meant: it has the name, or all of it but the ending, which is not one that is read."""
    if not path.parent.is_dir():
        return None
    for file in sorted(path.parent.iterdir()):
        plain = file.name.casefold()
        meant = plain == path.name.casefold() or (plain.endswith(UNREAD_SUFFIXES) and core(plain) == core(path.name))
        if meant and not plain.endswith(SUFFIXES) and file.is_file():
            return file
    return None


def _what(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    kind = next((name for place, magic, name in MAGIC if head[place:].startswith(magic)), "")
    got = f"a {kind} file" if kind else "something else"
    return f"expected {_formats()}, but got {got}: convert it"


def _formats() -> str:
    *others, last = FORMATS
    return f"{', '.join(others)} or {last}"
