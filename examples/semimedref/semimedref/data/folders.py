"""Folders of images and of masks, looked up by names as people write them."""

from collections import defaultdict
from pathlib import Path

from crossmodal_aug.errors import InvalidValueError, shown
from semimedref.data.formats import MASK_PREFIX, SUFFIXES, core


class PictureFolder:
    """The pictures of one folder.

    A name finds the file of exactly that name. Where there is none, case, ending and the prefix `mask_` do not count.

    Args:
        path: The folder, which must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Hidden files are no pictures: macOS leaves a "._x.png" beside every x.png that it copies.
        self.names = {file.name for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.name[:1] != "."}
        self._alike: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(self.names):
            self._alike[core(name)].append(name)

    def image(self, name: str) -> Path | None:
        """Return the image of a name, which may be that of its mask; None if there is none.

        Raises:
            InvalidValueError: Several files could be meant.
        """
        return self._find(name, (name.removeprefix(MASK_PREFIX), name))

    def mask(self, image: Path) -> Path:
        """Return the mask of an image: the file, or, where there is none, the path it should have.

        Raises:
            InvalidValueError: Several files could be meant.
        """
        exact = (MASK_PREFIX + image.name, image.name)
        return self._find(image.name, exact) or self.path / exact[0]

    def named_mask(self, name: str) -> Path:
        """Return the mask of that name, which a list gives: the file, or the path it should have.

        Raises:
            InvalidValueError: Several files could be meant.
        """
        return self._find(name, (name,)) or self.path / name

    def _find(self, name: str, exact: tuple[str, ...]) -> Path | None:
        for one in exact:
            if one in self.names:
                return self.path / one
        alike = self._alike.get(core(name), [])
        if len(alike) > 1:
            raise InvalidValueError(f"{self.path}: {shown(name)} could be any of {', '.join(alike)}.")
        return self.path / alike[0] if alike else None


def child(folder: Path, name: str) -> Path:
    """Return the entry of a folder with that name, in whatever case; the path it should have if there is none."""
    path = folder / name
    if path.exists() or not folder.is_dir():
        return path
    return next((one for one in sorted(folder.iterdir()) if one.name.casefold() == name.casefold()), path)
