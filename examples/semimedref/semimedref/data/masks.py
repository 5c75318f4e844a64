"""What a mask file says is lesion: by its mode, its alpha, its colours and its values. What stays open is refused."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semimedref.data.formats import Opened
from semimedref.data.levels import FEW, AmbiguousMaskError, distinct, flat, spelled, two_levels
from semimedref.mask_values import MaskValues

NEAR = 64
"""How far channels of one colour lie apart at most in files that do not keep colours exactly."""

GREY = 16
"""How far red, green and blue lie apart at most in such files where they mean a grey."""

FEW_PIXELS = 0.01
"""Share of the pixels of a level that noise of such files may give another hue."""

EMPTY, LEVELS, COLOURS, ALPHA, OPAQUE, LISTED = "empty", "levels", "colours", "alpha", "opaque", "listed"


@dataclass(frozen=True)
class Understood:
    """How one mask was read.

    Attributes:
        kind: `EMPTY`; by grey `LEVELS`, `COLOURS` or `ALPHA`; `OPAQUE` for a file with an alpha that hides nothing and
            one colour; or `LISTED`, by `--mask-values`.
        values: The levels or colours that it holds.
        lesion: The level, or red, green and blue of the colour, that is lesion; empty where none is.
        soft: Whether other values at borders, or noise, were told apart from them.
    """

    kind: str
    values: tuple[str, ...]
    lesion: tuple[float, ...] = ()
    soft: bool = False

    def to_text(self) -> str:
        """Return it as text, for the cache."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote."""
        stored = json.loads(text)
        return cls(stored["kind"], tuple(stored["values"]), tuple(stored["lesion"]), stored["soft"])


def lesion_in(opened: Opened, values: MaskValues) -> tuple[NDArray[np.bool_], Understood]:
    """Return where the lesion of a mask is, and how that was understood.

    Args:
        opened: The file of the mask.
        values: Values that are lesion, where the user says so.

    Returns:
        (H, W) bool, and what was understood.

    Raises:
        AmbiguousMaskError: The file does not tell; the message begins with the reason, and does not name the file.
        ValueError: Pillow knows no way from its mode to colours.
    """
    picture = opened.picture
    if picture.mode == "P" and values.text:
        return _listed(np.asarray(picture), _rgb(picture), opened, values)
    if picture.mode == "P" and "transparency" not in picture.info:
        return _of_palette(picture)
    if picture.mode in ("F", "I") or picture.mode.startswith("I;"):
        grey = np.asarray(picture)
        return _listed(grey, None, opened, values) if values.text else _of_grey(grey, lossy=opened.lossy)
    if picture.mode[-1] in "Aa" or "transparency" in picture.info:
        colours = np.asarray(picture.convert("RGBA"))
        return _of_alpha(colours[..., :3], colours[..., 3], opened, values)
    if picture.mode in ("1", "L"):
        grey = np.asarray(picture.convert("L"))
        return _listed(grey, None, opened, values) if values.text else _of_grey(grey, lossy=opened.lossy)
    return _of_colours(_rgb(picture), opened, values)


def _of_grey(grey: NDArray[Any], *, lossy: bool) -> tuple[NDArray[np.bool_], Understood]:
    found = two_levels(grey, lossy=lossy)
    shown = tuple(f"{value:.6g}" for value in found.values)
    if not found.bright.any():
        return found.bright, Understood(EMPTY, shown)
    return found.bright, Understood(LEVELS, shown, (found.values[-1],), found.soft)


def _of_palette(picture: Image.Image) -> tuple[NDArray[np.bool_], Understood]:
    colours, places = _rgb(picture), np.asarray(picture)
    used = np.unique(places)
    if len(np.unique(colours.reshape(-1, 3), axis=0)) < len(used):
        raise AmbiguousMaskError(f"its palette gives places {spelled(used)} fewer colours than they are")
    return _of_exact_or_noisy(colours, lossy=False)


def _of_colours(colours: NDArray[np.uint8], opened: Opened, values: MaskValues) -> tuple[NDArray[np.bool_], Understood]:
    if values.text:
        grey = _brightest(colours) if _is_grey(colours, lossy=opened.lossy) else None
        return _listed(grey, colours, opened, values)
    return _of_exact_or_noisy(colours, lossy=opened.lossy)


def _of_alpha(
    colours: NDArray[np.uint8], alpha: NDArray[np.uint8], opened: Opened, values: MaskValues
) -> tuple[NDArray[np.bool_], Understood]:
    """A mask whose one colour shows in some places and not in others is held in alpha."""
    if (alpha == alpha.flat[0]).all() and alpha.flat[0]:
        mask, understood = _of_colours(colours, opened, values)
        one = not values.text and len(understood.values) == 1
        return mask, Understood(OPAQUE, understood.values, understood.lesion) if one else understood
    shown = colours[alpha > 0] if alpha.any() else colours.reshape(-1, 3)
    one_colour = np.ptp(shown, axis=0).max() <= (NEAR if opened.lossy else 0)
    if values.text:
        if one_colour and not values.colours:
            return _listed(alpha, None, opened, values)
        mask, understood = _of_colours(colours, opened, values)
        return mask & (alpha > 0), understood
    try:
        told = _of_colours(colours, opened, values)
    except AmbiguousMaskError:
        told = None
    if told is not None and (told[0] == (alpha > 127)).all():
        return told
    if not one_colour:
        raise AmbiguousMaskError("its colours and its transparent places say different things")
    found = two_levels(alpha, lossy=opened.lossy)
    lesion = (found.values[-1],) if found.bright.any() else ()
    return found.bright, Understood(ALPHA, tuple(f"{value:.6g}" for value in found.values), lesion, found.soft)


def _of_exact_or_noisy(colours: NDArray[np.uint8], *, lossy: bool) -> tuple[NDArray[np.bool_], Understood]:
    if _is_grey(colours, lossy=lossy):
        return _of_grey(_brightest(colours), lossy=lossy)
    # The largest channel is 0 for black alone: a lesion of whatever colour is bright in it.
    found = two_levels(_brightest(colours), lossy=lossy)
    named = []
    for side in (~found.bright, found.bright):
        if side.any():
            named.append(_one_colour(colours, side, exact=not lossy and not found.soft))
    shown = tuple(_hex(colour) for colour in named)
    if not found.bright.any():
        return found.bright, Understood(EMPTY, shown)
    return found.bright, Understood(COLOURS, shown, tuple(float(channel) for channel in named[-1]), found.soft)


def _one_colour(colours: NDArray[np.uint8], side: NDArray[np.bool_], *, exact: bool) -> tuple[int, ...]:
    """The colour of a level, which may change at its borders only, or raise."""
    there = colours[side].astype(np.int16)
    colour = np.median(there, axis=0).astype(np.int16)
    away = np.abs(colours.astype(np.int16) - colour).max(axis=2)
    far = side & (away > (0 if exact else NEAR))
    if exact and far.any():
        several = len(np.unique(there, axis=0))
        raise AmbiguousMaskError(f"{several} of its colours are as bright as each other")
    # An area of another colour, or pixels of another hue: at a border colours change from pixel to pixel, and pale.
    areas = np.logical_and.reduce([flat(colours[..., channel].astype(np.int16), 3, NEAR / 4) for channel in range(3)])
    if (areas & far[: areas.shape[0], : areas.shape[1]]).any() or _of_another_hue(there, colour):
        raise AmbiguousMaskError("it has areas of more than two colours")
    return tuple(int(channel) for channel in colour)


def _of_another_hue(there: NDArray[np.int16], colour: NDArray[np.int16]) -> bool:
    """Whether more than a few pixels (N, 3) are clearly brighter in a channel that the colour is darker in."""
    against = np.zeros(len(there), dtype=bool)
    for one, other in permutations(range(3), 2):
        if colour[one] - colour[other] > NEAR:
            against |= there[:, other] - there[:, one] > NEAR
    return bool(against.mean() > FEW_PIXELS)


def _listed(
    grey: NDArray[Any] | None, colours: NDArray[np.uint8] | None, opened: Opened, values: MaskValues
) -> tuple[NDArray[np.bool_], Understood]:
    """A mask by `--mask-values`."""
    if grey is None and not values.colours:
        raise AmbiguousMaskError(f"it is coloured, and {values.text} holds no colour such as #ff0000")
    shape = grey.shape if grey is not None else (0, 0) if colours is None else colours.shape[:2]
    mask = np.zeros(shape, dtype=bool)
    if grey is not None:
        mask |= values.among(grey)
        if colours is None and values.colours:
            colours = np.repeat(grey[..., None], 3, axis=2)
    if colours is not None and values.colours:
        mask |= values.among_colours(colours, lossy=opened.lossy)
    shown: tuple[str, ...] = ()
    if grey is not None:
        found = distinct(grey)[0]
        shown = tuple(f"{float(value):.6g}" for value in found) if len(found) <= FEW else ()
    elif colours is not None:
        several = np.unique(colours.reshape(-1, 3), axis=0)
        shown = tuple(_hex(colour) for colour in several) if len(several) <= FEW else ()
    return mask, Understood(LISTED, shown, (1.0,) if mask.any() else ())


def _hex(colour: Iterable[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def _is_grey(colours: NDArray[np.uint8], *, lossy: bool) -> bool:
    red, green, blue = (colours[..., channel].astype(np.int16) for channel in range(3))
    apart = max(int(np.abs(one - other).max()) for one, other in ((red, green), (green, blue), (blue, red)))
    return apart <= (GREY if lossy else 0)


def _brightest(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest channel of each pixel."""
    # Numpy takes the maximum along an axis of three some twenty times slower.
    brightest: NDArray[np.uint8] = np.maximum(np.maximum(colours[..., 0], colours[..., 1]), colours[..., 2])
    return brightest


def _rgb(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode not in ("RGB", "P"):
        # Colours that no grey can be made of are refused in masks as in images.
        picture.convert("L")
    return np.asarray(picture.convert("RGB"))
