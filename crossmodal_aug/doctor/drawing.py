"""Pictures of the page: images with the outline of their mask and the regions that the caption names."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from crossmodal_aug.anatomy.atlas import Atlas
from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.doctor.pictures import brightest, lesion_in, read_pixels, to_grey
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import InvalidValueError

SIDE = 232
"""Height and width of a picture in pixels."""

_LESION = (255, 176, 32)
_REGION = (72, 202, 228)
_GIVEN = (235, 235, 245)
_RAMP = ((16, 18, 32), (58, 40, 110), (160, 52, 116), (237, 105, 74), (253, 231, 150))
_QUALITY = 82

Colours = NDArray[np.uint8]
Box = tuple[float, float, float, float]


def row_picture(study: Study, index: int, atlas: Atlas) -> str:
    """Return an image as a data URI, with the outline of its mask and of the regions that its caption names.

    Args:
        study: The data set.
        index: The row.
        atlas: Where its regions lie.

    Returns:
        The URI; "" where the image cannot be read.
    """
    row = study.rows[index]
    if row.image is None:
        return ""
    try:
        canvas = _canvas(to_grey(read_pixels(row.image)[0]))
    except InvalidValueError:
        return ""
    for box, named in zip(atlas.boxes, study.reports[index].bits, strict=True):
        if named:
            _frame(canvas, box, _REGION, dashed=True)
    mask = study.masks[index]
    if row.mask is not None and mask is not None and not mask.error:
        lesion = lesion_in(brightest(read_pixels(row.mask)[0]), study.settings.mask_values)
        _outline(canvas, lesion)
    return _uri(canvas)


def region_pictures(study: Study, given: Atlas, fitted: Atlas, most: int = 12) -> list[tuple[str, int, str]]:
    """Return for each region where lesion lies when a caption names it.

    Args:
        study: The data set.
        given: The atlas as it was given, whose box is dashed.
        fitted: The atlas as it was fitted, whose box is a line.
        most: Regions that are drawn, at most.

    Returns:
        The name of each region, the number of rows, and the picture as a data URI.
    """
    named, pictures = study.named, []
    for region, name in enumerate(given.names[:most]):
        rows = [index for index in study.telling if bool(named[index, region])]
        if not rows:
            continue
        mean = study.lesions(rows).double().mean(dim=0).numpy()
        canvas = _heat(mean)
        if given.boxes[region] != fitted.boxes[region]:
            _frame(canvas, given.boxes[region], _GIVEN, dashed=True)
        _frame(canvas, fitted.boxes[region], _REGION, dashed=False)
        pictures.append((name, len(rows), _uri(canvas)))
    return pictures


def _canvas(grey: NDArray[np.uint8]) -> Colours:
    image = library("PIL.Image", "pillow")
    resized = np.asarray(image.fromarray(grey).resize((SIDE, SIDE), image.Resampling.BILINEAR))
    return np.repeat(resized[..., None], 3, axis=2)


def _heat(mean: NDArray[np.float64]) -> Colours:
    image = library("PIL.Image", "pillow")
    level = mean / max(float(mean.max()), 1e-9)
    steps = np.linspace(0, 1, len(_RAMP))
    ramp: Sequence[Sequence[int]] = list(zip(*_RAMP, strict=True))
    colours = np.stack([np.interp(level, steps, channel) for channel in ramp], axis=2).round().astype(np.uint8)
    return np.array(image.fromarray(colours).resize((SIDE, SIDE), image.Resampling.BILINEAR))


def _outline(canvas: Colours, lesion: NDArray[np.bool_]) -> None:
    image = library("PIL.Image", "pillow")
    resized = image.fromarray(lesion.astype(np.uint8)).resize((SIDE, SIDE), image.Resampling.NEAREST)
    inside = np.asarray(resized, dtype=bool)
    padded = np.pad(inside, 2)
    core = inside.copy()
    for down, across in ((0, 2), (4, 2), (2, 0), (2, 4), (1, 1), (1, 3), (3, 1), (3, 3)):
        core &= padded[down : down + SIDE, across : across + SIDE]
    canvas[inside & ~core] = _LESION


def _frame(canvas: Colours, box: Box, colour: tuple[int, int, int], *, dashed: bool) -> None:
    y0, y1, x0, x1 = (min(SIDE - 1, round(edge * (SIDE - 1))) for edge in box)
    shown = (np.arange(SIDE) % 10 < 5) if dashed else np.ones(SIDE, dtype=bool)
    along = np.arange(SIDE)
    across, down = shown & (along >= x0) & (along <= x1), shown & (along >= y0) & (along <= y1)
    for line in (y0, max(y1 - 1, 0)):
        canvas[line : line + 2, across] = colour
    for line in (x0, max(x1 - 1, 0)):
        canvas[down, line : line + 2] = colour


def _uri(canvas: Colours) -> str:
    image, file = library("PIL.Image", "pillow"), BytesIO()
    image.fromarray(canvas).save(file, format="JPEG", quality=_QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
