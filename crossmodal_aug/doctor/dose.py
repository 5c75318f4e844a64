"""Dose: how much each op does to a data set under its settings, and why it leaves samples alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from crossmodal_aug.anatomy.parser import PositionParser
from crossmodal_aug.augment.base import CrossModalOp
from crossmodal_aug.augment.batch import Augmented
from crossmodal_aug.augment.params import Reason
from crossmodal_aug.doctor.choices import tried
from crossmodal_aug.doctor.findings import Finding, Level, several, share
from crossmodal_aug.doctor.geometry import Geometry
from crossmodal_aug.doctor.libraries import library
from crossmodal_aug.doctor.pictures import brightest, lesion_in, read_pixels, to_grey
from crossmodal_aug.doctor.specs import name_and_settings, op_of
from crossmodal_aug.doctor.study import Study
from crossmodal_aug.errors import InvalidTypeError, InvalidValueError

SAMPLES = 256
_BATCH = 32
_TEXT_ALONE = ("PosAug", "Reword")


@dataclass(frozen=True)
class Dose:
    """What one op did to a sample of the data set.

    Experimental: may change in every version.

    Attributes:
        op: The op with its settings.
        count: Samples that it was given.
        altered: Those that it altered.
        captions: Those whose caption reads otherwise now.
        pixels: Mean share of the pixels that changed, over all samples.
        reasons: Why the others were left alone, and how many.
        refused: Why it cannot be used with these data; "" where it can.
    """

    op: str
    count: int = 0
    altered: int = 0
    captions: int = 0
    pixels: float = 0.0
    reasons: Mapping[str, int] = field(default_factory=dict)
    refused: str = ""


def doses(study: Study, geometry: Geometry) -> list[Dose]:
    """Run the ops on a sample of the data set, and count.

    Args:
        study: The data set.
        geometry: Its atlas.

    Returns:
        One dose for each op; none where there is no sample to run them on.

    Raises:
        InvalidTypeError: The user chose a setting of the wrong type.
        InvalidValueError: The user chose a setting that cannot be.
    """
    choices = study.settings.ops or tried(study.settings.size)
    parser = PositionParser(
        geometry.atlas, max_tokens=study.settings.max_tokens,
        tokenizer=study.settings.tokenizer or (str.split if study.settings.max_tokens else None),
    )  # fmt: skip
    ops: dict[str, CrossModalOp | str] = {}
    for choice in choices:
        try:
            ops[choice] = op_of(choice, parser)
        except (InvalidTypeError, InvalidValueError) as error:
            if study.settings.ops:
                raise
            ops[choice] = str(error)
    indices = _chosen(study)
    pictures = study.listing.has_images and study.listing.has_masks
    if not indices:
        return []
    images, target = _tensors(study, indices) if pictures else (None, None)
    texts = [study.rows[index].caption for index in indices]
    return [
        Dose(choice, refused=op)
        if isinstance(op, str)
        else _measured(choice, op, images, texts, target, study.settings.seed)
        for choice, op in ops.items()
        if pictures or name_and_settings(choice)[0] in _TEXT_ALONE
    ]


def check_doses(given: list[Dose]) -> Iterator[Finding]:
    """Name the ops that do nothing to this data set."""
    for dose in given:
        if dose.refused:
            yield Finding(
                "ops", Level.UNKNOWN, "refused-op", f"{dose.op} cannot be used with this atlas: {dose.refused}"
            )
        elif not dose.altered:
            text = f"{dose.op} alters none of {several(dose.count, 'sample')}: {reasons_of(dose)}."
            yield Finding("ops", Level.LOOK, "idle-op", text)
    if not given:
        text = "No row has an image, a mask and a caption, so no op could be tried."
        yield Finding("ops", Level.UNKNOWN, "ops", text)
        return
    at_work = [dose for dose in given if dose.altered]
    if at_work:
        count = several(at_work[0].count, "sample")
        text = f"{several(len(at_work), 'op')} tried on {count}; what each does stands below."
        yield Finding("ops", Level.GOOD, "ops", text)


def reasons_of(dose: Dose, most: int = 3) -> str:
    """Return why samples were left alone, the commonest reason first."""
    return "; ".join(f"{why} {share(times, dose.count)}" for why, times in Counter(dose.reasons).most_common(most))


def _chosen(study: Study) -> list[int]:
    """Rows that ops can be tried on: of the training part where there is one."""
    needs_pictures = study.listing.has_images and study.listing.has_masks
    usable = []
    for index, (image, mask, row) in enumerate(zip(study.images, study.masks, study.rows, strict=True)):
        pictures = image is not None and not image.error and mask is not None and not mask.error
        if row.caption.strip() and (pictures or not needs_pictures):
            usable.append(index)
    train = [index for index in usable if study.rows[index].part == "train"]
    usable = train or usable
    count = min(SAMPLES, len(usable))
    return np.random.default_rng(study.settings.seed).choice(usable, count, replace=False).tolist() if usable else []


def _tensors(study: Study, indices: list[int]) -> tuple[Tensor, Tensor]:
    """Images as (n, 1, S, S) float32 in [0, 1], and masks as (n, 1, S, S) int64."""
    image, size = library("PIL.Image", "pillow"), study.settings.size
    pictures, masks = [], []
    for index in indices:
        row = study.rows[index]
        if row.image is None or row.mask is None:
            continue
        grey = image.fromarray(to_grey(read_pixels(row.image)[0])).resize((size, size), image.Resampling.BILINEAR)
        lesion = lesion_in(brightest(read_pixels(row.mask)[0]), study.settings.mask_values).astype(np.uint8)
        pictures.append(np.asarray(grey))
        masks.append(np.asarray(image.fromarray(lesion).resize((size, size), image.Resampling.NEAREST)))
    return (
        torch.from_numpy(np.stack(pictures)).unsqueeze(1).float() / 255,
        torch.from_numpy(np.stack(masks)).unsqueeze(1).long(),
    )


def _measured(
    choice: str, op: CrossModalOp, images: Tensor | None, texts: list[str], target: Tensor | None, seed: int
) -> Dose:
    generator = torch.Generator().manual_seed(seed)
    reasons: Counter[str] = Counter()
    altered = captions = 0
    pixels = 0.0
    for start in range(0, len(texts), _BATCH):
        some = slice(start, start + _BATCH)
        before = None if images is None else images[some]
        out: Augmented = op(before, texts[some], None if target is None else target[some], generator=generator)
        altered += int(out.accepted.sum())
        captions += sum(one != other for one, other in zip(out.texts or (), texts[some], strict=True))
        if before is not None and out.images is not None:
            pixels += float((out.images != before).flatten(1).double().mean(dim=1).sum())
        reasons.update(Reason(code).words for code in out.params.reason.tolist() if code != Reason.ALTERED)
    return Dose(choice, len(texts), altered, captions, pixels / len(texts), dict(reasons.most_common()))
