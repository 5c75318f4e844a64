"""The atlas of a run: how it is named on the command line, and how it is stored with the run."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from crossmodal_aug import LUNG_ZONES, Atlas, PositionParser
from crossmodal_aug.anatomy.atlas import named_atlas
from crossmodal_aug.errors import AtlasError, CrossModalError, InvalidValueError

PACKAGE_ATLASES = ("lung_zones", "quadrants")

WRITTEN_KINDS = ("number", "count noun", "agreeing verb", "excepting verb", "unilateral", "both", "and")
"""Kinds of words that rewriting a caption may put into it, beside those of its regions."""

_WHOLE = TypeAdapter(Atlas)


def load_atlas(given: str) -> Atlas:
    """Return an atlas by its name in the package or by its file, whose words read back as they are written.

    Args:
        given: One of `PACKAGE_ATLASES`, or the path of a TOML file.

    Raises:
        AtlasError: There is no such atlas, or its file is not one.
    """
    atlas = named_atlas(given)
    parser_for(atlas)
    return atlas


@lru_cache(maxsize=8)
def parser_for(atlas: Atlas) -> PositionParser:
    """Return the one parser of an atlas: a run reads with it at several places, and making one takes a while.

    Raises:
        AtlasError: Captions cannot be read and written with the atlas.
    """
    return PositionParser(atlas)


def is_of_lungs(atlas: Atlas) -> bool:
    """Return whether an atlas has the lung zones of the package, wherever they lie.

    Example:
        >>> from crossmodal_aug import QUADRANTS
        >>> is_of_lungs(LUNG_ZONES.with_geometry(rows=(0.3, 0.4))), is_of_lungs(QUADRANTS)
        (True, False)
    """
    return (atlas.names, atlas.cells) == (LUNG_ZONES.names, LUNG_ZONES.cells)


def described(atlas: Atlas) -> dict[str, Any]:
    """Return an atlas in plain types: one of the package by its name and geometry, any other whole."""
    cuts = {"rows": list(atlas.rows), "columns": list(atlas.columns)}
    about = {"name": atlas.name, **cuts, "laterality": atlas.laterality, "frame": atlas.frame}
    if atlas.name in PACKAGE_ATLASES and restored(about) == atlas:
        return about
    whole = _WHOLE.dump_python(atlas, mode="json")
    return {name: value for name, value in whole.items() if name != "boxes"}


def restored(about: Any) -> Atlas:
    """Return the atlas that was described.

    Raises:
        InvalidValueError: It is no description of one.
    """
    if not isinstance(about, Mapping):
        raise InvalidValueError(f"Expected the description of an atlas, but got {type(about).__name__}.")
    try:
        if "words" in about:
            atlas = _WHOLE.validate_python(dict(about))
            # What comes from a file may be no atlas that can be read and written with.
            parser_for(atlas)
            return atlas
        cuts = {name: tuple(about[name]) for name in ("rows", "columns")}
        return named_atlas(about["name"]).with_geometry(**cuts, laterality=about["laterality"], frame=about["frame"])
    except AtlasError as error:
        raise InvalidValueError(f"Expected the description of an atlas, but got one that is none: {error}") from error
    # What an atlas of foreign parts raises depends on what they are.
    except (CrossModalError, ValidationError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidValueError(
            f"Expected the description of an atlas, but it cannot be read ({str(error).rstrip('.')})."
        ) from error


def written_words(atlas: Atlas, *, frames: bool) -> list[str]:
    """Return the words that ops may put into captions of an atlas, in texts.

    Args:
        atlas: The atlas.
        frames: Whether captions may be said in its frames too.

    Example:
        >>> from crossmodal_aug import QUADRANTS
        >>> {"top left", "No lesion."} <= set(written_words(QUADRANTS, frames=False))
        True
    """
    phrasing = atlas.phrasing
    patterns = [phrasing.some, phrasing.whole, phrasing.coarse, phrasing.join, phrasing.present]
    patterns += [phrasing.absent, phrasing.absent_caption, *((text for _, text in phrasing.frames) if frames else ())]
    forms = [form for entry in atlas.words if entry.kind in WRITTEN_KINDS for form in entry.forms]
    slotless = [re.sub(r"\{\w+\}", " ", text).strip() for text in patterns]
    return [text for text in (*phrasing.regions, *phrasing.parts, *phrasing.sides, *slotless, *forms) if text]
